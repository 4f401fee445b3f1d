"""What the second rater is told: accounts with their aliases, plans and contracts as they are written down, and the books.

Times are aware datetimes; BEGINNING and END stand for open ends. Documents are those that were published.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple, Protocol

from invoicing.raw_usage_ports import RawUsageReader, Slot, Telling
from invoicing.recompute.positions import PositionKey, Running, TotalKey

BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 12, 31, tzinfo=UTC)


class MeterFacts(NamedTuple):
    """A meter as it was published."""

    code: str
    event_type: str
    aggregation: str
    property: str
    filter: Mapping[str, Any]


class ChargeFacts(NamedTuple):
    """A charge as it was published."""

    charge_id: int
    code: str
    kind: str
    document: Mapping[str, Any]
    owner: str
    """What it belongs to: "otp-india v1", or a contract."""


class AliasFacts(NamedTuple):
    """An alias named the account in [start, end)."""

    alias: str
    start: datetime
    end: datetime


class PlanFacts(NamedTuple):
    """The account was on these charges in [start, end): of a plan version, or of a contract that goes before it."""

    start: datetime
    end: datetime
    charges: Sequence[ChargeFacts]
    since: datetime
    """When the subscription it is a segment of, or the contract, began: from then first periods count."""
    priority: int | None = None
    """None for a plan; of contracts in force the greatest priority wins."""
    age: int = 0
    """Of contracts of equal priority the one of the smaller number wins."""
    subscription: int = 0
    """Segments of one subscription have one number."""
    paused: bool = False
    """Fees rest; what is used all the same is charged."""


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """An account and everything that decides what its usage costs."""

    account_id: int
    code: str
    tree_id: int
    """The topmost account above it."""
    currency: str
    time_zone: str
    aliases: Sequence[AliasFacts]
    plans: Sequence[PlanFacts]
    opened_at: datetime = BEGINNING
    """From then on it bears the fees of what has no beginning."""


class Booked(NamedTuple):
    """What the books say of running totals."""

    totals: Mapping[TotalKey, Running]
    positions: Mapping[PositionKey, Running]
    lines: Mapping[TotalKey, Running]
    """What lines of invoices, issued or drafted, took from the totals altogether."""
    fees: Mapping[TotalKey, Running]
    """Running totals of fees."""


class Evidence(Protocol):
    """Everything as of one instant."""

    def accounts(self, codes: Sequence[str] | None) -> Sequence[AccountFacts]:
        """Accounts by code, or all. Raises NotFound naming one there is not."""

    def trees(self, tree_ids: Sequence[int]) -> Sequence[AccountFacts]:
        """Every account of some trees."""

    def meters(self) -> Mapping[str, MeterFacts]:
        """All meters by code."""

    def months(self) -> Sequence[date]:
        """The first days of the months that have usage, in order."""

    def charges(self) -> Mapping[int, ChargeFacts]:
        """Everything that was ever sold, by its id."""

    def booked(self, accounts: Sequence[AccountFacts], months: Sequence[date]) -> Booked:
        """Running totals of accounts in months, fees apart, and every position of theirs."""

    def usage(self, slots: Sequence[Slot], telling: Sequence[Telling]) -> AbstractContextManager[RawUsageReader]:
        """Raw usage."""


class EvidenceRoom(Protocol):
    """Where evidence is kept."""

    def open(self) -> AbstractContextManager[Evidence]:
        """See everything as of now, for as long as the room is open."""
