"""Re-rate an account's usage after a back-dated change of its plan or contract, in months that are not invoiced yet.

An account, with those whose usage moves the same prices, is one portion and one transaction. It holds the configuration,
so no worker rates with another truth meanwhile, and the accounts' wallets, so none of their usage is booked meanwhile. Run
twice it changes nothing the second time: an event whose parts are those of the present truth stays as it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from domain.errors import IllegalTransition
from domain.money import Currency
from domain.rating.rerating import Books, Rerated, rerate
from domain.rating.running import Total
from invoicing.administer import Author
from invoicing.invoice_ports import Balances
from invoicing.rerating_ports import ReratingDesk, ReratingStore, Scope

EVENTS_MAX: Final = 2_000_000
"""Events of one portion: its wallets are held while they are rated, a few seconds for every hundred thousand."""


@dataclass(frozen=True, slots=True)
class Change:
    """What re-rating makes of one running total."""

    account: str
    month: str
    charge: str
    price: str
    events_before: int
    events_after: int
    amount_micros_before: int
    amount_micros_after: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What re-rating an account did, or would do."""

    account: str
    currency: Currency
    events: int
    """How many were looked at."""
    moved: int
    """How many got other charges or prices than they had."""
    unpriced: int
    """How many of those are under no subscription any more, and cost nothing."""
    difference_micros: int
    """What the accounts owe more, or less."""
    changes: tuple[Change, ...]


def preview_rerating(code: str, since: datetime, *, store: ReratingStore) -> Outcome:
    """What re-rating would do; nothing is saved. Raises as `rerate_usage` does."""
    with store.begin(code, since) as desk:
        rerated, books = _rerate(desk)
        return _outcome(code, desk.scope, rerated, books)


def rerate_usage(
    code: str, since: datetime, *, store: ReratingStore, balances: Balances | None, author: Author, why: str
) -> Outcome:
    """Book what the present truth makes of an account's events from an instant on.

    Raises NotFound, and IllegalTransition when an invoiced month would change, an event would have no price, or there are
    too many events for one transaction.
    """
    with store.begin(code, since) as desk:
        rerated, books = _rerate(desk)
        outcome = _outcome(code, desk.scope, rerated, books)
        changed = desk.save(rerated, actor=author.name, why=why, now=author.at) if rerated.rows else []
    if balances is not None and changed:
        balances.put(changed)
    return outcome


def _rerate(desk: ReratingDesk) -> tuple[Rerated, Books]:
    scope = desk.scope
    if scope.events > EVENTS_MAX:
        raise IllegalTransition(
            f"{scope.events:,} events would be rated anew at once, more than {EVENTS_MAX:,}: let the change begin next month"
        )
    books = desk.books()
    rerated = rerate(desk.events(), desk.config, books)
    touched = {(row.total_key.account_id, row.total_key.service_month) for row in rerated.rows}
    closed = sorted(touched & scope.invoiced, key=lambda each: (each[1], each[0]))
    if closed:
        account_id, month = closed[0]
        raise IllegalTransition(
            f"{month:%Y-%m} of account {scope.codes[account_id]} is invoiced: a change may begin in a month that is not"
        )
    return rerated, books


def _outcome(code: str, scope: Scope, rerated: Rerated, books: Books) -> Outcome:
    changes = []
    for key, added in sorted(rerated.totals.items()):
        before = books.totals.get(key, Total())
        after = before + added
        charge = scope.labels.get(key.charge_id, f"charge {key.charge_id}")
        events, amounts = (before.event_count, after.event_count), (before.amount_micros, after.amount_micros)
        month = f"{key.service_month:%Y-%m}"
        changes.append(Change(scope.codes[key.account_id], month, charge, key.cell, *events, *amounts))
    difference = sum(rerated.debits.values())
    facts = (rerated.events, rerated.moved, rerated.unpriced, difference)
    return Outcome(code, scope.currency, *facts, tuple(changes))


def total_difference(outcomes: Sequence[Outcome]) -> dict[Currency, int]:
    """What several re-ratings come to, in micros by currency."""
    sums: dict[Currency, int] = {}
    for outcome in outcomes:
        sums[outcome.currency] = sums.get(outcome.currency, 0) + outcome.difference_micros
    return sums
