"""Re-rate an account's usage after a back-dated change of its plan or contract, in months that are not invoiced yet.

An account, with those whose usage moves the same prices, is one portion and one transaction. Its events are read and rated
anew while nobody waits; then the truth and the wallets are held, what was booked meanwhile is rated, too, and the running
totals move in one step. Run twice it changes nothing the second time: an event whose parts are those of the present truth
stays as it is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from domain.errors import IllegalTransition
from domain.money import Currency
from domain.rating.rerating import BookedEvent, Books, Rerated, Rerating
from domain.rating.running import Total
from invoicing.administer import Author
from invoicing.invoice_ports import Balances
from invoicing.metering_ports import Balance
from invoicing.rerating_ports import ReratingDesk, ReratingStore, ReratingView, Scope

EVENTS_MAX: Final = 2_000_000
"""Events of one portion: rows of one transaction, which is open some ten seconds for every hundred thousand."""
_FEW: Final = 200
"""Events that may be left to rate when the wallets are held: some milliseconds of work."""
_ROUNDS: Final = 5
"""How often it catches up with workers before it holds the wallets all the same."""
_ATTEMPTS: Final = 3
"""How often it begins anew when the truth changed meanwhile, before it holds everything from the start."""


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


class _Overtaken(Exception):
    """The truth changed, or events were missed, while nothing was held."""


def preview_rerating(code: str, since: datetime, *, store: ReratingStore) -> Outcome:
    """What re-rating would do; nothing is saved, and nobody waits. Raises as `rerate_usage` does."""
    with store.look(code, since) as view:
        rerating = Rerating(view.config)
        for _ in rerating.add(_not_too_many(view)):
            pass
        books = view.books()
        rerated = rerating.finish(books)
        _refuse_invoiced(rerated, view.scope, view.invoiced())
        return _outcome(view.scope, rerating, rerated, books)


def rerate_usage(
    code: str, since: datetime, *, store: ReratingStore, balances: Balances | None, author: Author, why: str
) -> Outcome:
    """Book what the present truth makes of an account's events from an instant on.

    Raises NotFound, and IllegalTransition when an invoiced month would change, an event would have no price, or there are
    too many events for one transaction.
    """
    for attempt in range(_ATTEMPTS + 1):
        try:
            with store.begin(code, since, now=author.at) as desk:
                outcome, told = _rerate(desk, author=author, why=why, held=attempt == _ATTEMPTS)
        except _Overtaken:
            continue
        # Told whether they changed or not, so that a call that died before telling is made good by the next one.
        if balances is not None:
            balances.put(told)
        return outcome
    raise IllegalTransition(f"the configuration of {code} changes all the time: run `billing rerate` again")


def _rerate(desk: ReratingDesk, *, author: Author, why: str, held: bool) -> tuple[Outcome, Sequence[Balance]]:
    """One attempt. Raises _Overtaken, unless everything is `held` from the start."""
    if held:
        with desk.look():
            desk.hold()
    with desk.look() as view:
        scope, rerating = view.scope, Rerating(view.config)
        desk.write(rerating.add(_not_too_many(view)))
    for _ in range(_ROUNDS):
        later = desk.later()
        desk.write(rerating.add(later))
        if len(later) <= _FEW:
            break
    if not desk.hold():
        raise _Overtaken
    desk.write(rerating.add(desk.later()))
    books = desk.books()
    if rerating.misses(books) and not held:
        raise _Overtaken
    rerated = rerating.finish(books)
    _refuse_invoiced(rerated, scope, desk.invoiced())
    outcome = _outcome(scope, rerating, rerated, books)
    if rerated.touched:
        audited = {
            "account": scope.code,
            "from": f"{scope.first_month:%Y-%m}",
            "why": why,
            "events": outcome.events,
            "moved": outcome.moved,
            "difference_micros": outcome.difference_micros,
        }
        desk.save(rerated, actor=author.name, audited=audited)
    return outcome, desk.balances()


def _not_too_many(view: ReratingView) -> Iterator[BookedEvent]:
    for number, event in enumerate(view.events()):
        if number == EVENTS_MAX:
            raise IllegalTransition(
                f"more than {EVENTS_MAX:,} events would be rated anew at once: let the change begin next month"
            )
        yield event


def _refuse_invoiced(rerated: Rerated, scope: Scope, invoiced: frozenset[tuple[int, date]]) -> None:
    closed = sorted(rerated.touched & invoiced, key=lambda each: (each[1], each[0]))
    if closed:
        account_id, month = closed[0]
        raise IllegalTransition(
            f"{month:%Y-%m} of account {scope.codes[account_id]} is invoiced: a change may begin in a month that is not"
        )


def _outcome(scope: Scope, rerating: Rerating, rerated: Rerated, books: Books) -> Outcome:
    changes = []
    for key, added in sorted(rerated.totals.items()):
        before = books.totals.get(key, Total())
        after = before + added
        charge = scope.labels.get(key.charge_id, f"charge {key.charge_id}")
        events, amounts = (before.event_count, after.event_count), (before.amount_micros, after.amount_micros)
        month = f"{key.service_month:%Y-%m}"
        changes.append(Change(scope.codes[key.account_id], month, charge, key.cell, *events, *amounts))
    difference = sum(rerated.debits.values())
    facts = (rerating.events, rerating.moved, rerating.unpriced, difference)
    return Outcome(scope.code, scope.currency, *facts, tuple(changes))
