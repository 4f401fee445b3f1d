"""The books at one instant, as the proof compares them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from cli.demonstration.expectation import UsageKey, Used


@dataclass(frozen=True, slots=True)
class Standing:
    """One account: amounts in micros of its currency."""

    mode: str
    currency: str
    balance_micros: int
    due_micros: int
    """Used up to the end of the month and on no issued invoice yet."""
    issued: str | None
    """The number of the invoice that carries its usage of the month: its own, or that of the account it is billed to."""
    pdf_path: str | None
    pdf_digest: str | None
    pays_from: str | None = None
    """The account whose wallet pays for it; None when its own does."""
    since: str | None = None
    """The month its subscription began in, "2026-10"; None for one that has no beginning."""


@dataclass(frozen=True, slots=True)
class Books:
    """Counts since the beginning; a run is the difference of two."""

    outcomes: Mapping[str, int]
    dead_letters: Mapping[str, int]
    waiting: int
    """Events of the run's new aliases that are in quarantine."""
    usage: Mapping[UsageKey, Used]
    accounts: Mapping[str, Standing]

    @classmethod
    def of(cls, rows: Mapping[str, Any]) -> Self:
        """From what connectors/postgres/account_standings.py reads."""
        usage = {
            UsageKey(row["account"], row["month"], row["charge"], row["price"]): Used(
                row["quantity_millionths"], row["events"], row["amount_micros"]
            )
            for row in rows["usage"]
        }
        accounts = {
            row["account"]: Standing(**{name: value for name, value in row.items() if name != "account"})
            for row in rows["accounts"]
        }
        return cls(rows["outcomes"], rows["dead_letters"], rows["waiting"], usage, accounts)
