"""Accrue fees, and the prices of periods without usage: book what each should come to by now less what was booked.

May run as often as wanted, beside running workers and beside itself: what is booked already makes no difference. A plan that
changed, a subscription that was cancelled or back-dated and usage that came late make one, in either direction.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, TypeVar

from domain.fee_terms import fee_spans
from domain.fees import FeeAmount, FeeKey, counts_towards, fees_until
from domain.period import Period
from domain.rating.places import AdjustmentPlace, UsagePlace
from domain.rating.unused import unused_prices
from domain.rating.unused_books import UnusedPart, unused_parts
from invoicing.fee_ports import FeeAccount, FeeBooks, FeeDifference, UsageMoney
from invoicing.invoice_ports import Balances

_LOOKED_AT: Final = 500
"""Accounts looked at together; nothing is held meanwhile."""
_BOOKED: Final = 25
"""Accounts booked in one transaction: workers wait for their wallets, so it closes within some 50 ms."""
_NOTHING: Final = FeeAmount(0, 0)
_Each = TypeVar("_Each")


@dataclass(slots=True)
class Accrued:
    """What an accrual did."""

    accounts: int = 0
    """Looked at."""
    changed: list[str] = field(default_factory=list)
    """Codes of those with a difference to book."""
    amount_micros: int = 0
    """Of several currencies when the accounts are."""


def accrue_fees(books: FeeBooks, balances: Balances, *, now: datetime, accounts: Sequence[int] | None = None) -> Accrued:
    """Accrue the fees of some accounts, or of all that have any.

    Interrupted, it has booked whole transactions and goes on with the next run.
    """
    accrued = Accrued()
    for looked_at in _portions(books.account_ids() if accounts is None else accounts, _LOOKED_AT):
        found = books.read(looked_at)
        accrued.accounts += len(found)
        # Most accounts have nothing new: only the others are held, and looked at again when they are.
        changed = [account.account_id for account in found if difference(account, now=now).is_anything]
        for portion in _portions(changed, _BOOKED):
            _book(books, balances, portion, accrued, now=now)
    return accrued


def preview_accrual(books: FeeBooks, *, now: datetime, accounts: Sequence[int] | None = None) -> Iterator[FeeDifference]:
    """What accruing would book by a moment, account by account; those without a difference are left out."""
    for looked_at in _portions(books.account_ids() if accounts is None else accounts, _LOOKED_AT):
        for account in books.read(looked_at):
            found = difference(account, now=now)
            if found.is_anything:
                yield found


def difference(account: FeeAccount, *, now: datetime) -> FeeDifference:
    """What is to be booked of an account. A commitment counts what is booked of periods without usage with it."""
    unused = unused_of(account, now=now)
    usage = [_counted(one) for one in unused]
    counting = replace(account, usage=[*account.usage, *usage]) if usage else account
    return FeeDifference(account, differences(counting, now=now), unused)


def unused_of(account: FeeAccount, *, now: datetime) -> Sequence[UnusedPart]:
    """What is to be booked of an account's periods without usage."""
    facts = account.unused
    if facts is None:
        return ()
    prices = unused_prices(facts.account, account.active(), over=account.over(), until=now)
    return unused_parts(facts.account, (one for one in prices if one.due_at <= now), facts.books)


def _counted(one: UnusedPart) -> UsageMoney:
    place = one.part.place
    if isinstance(place, AdjustmentPlace):
        counted_as = place.rate.adjustment.applies_to or frozenset()
    else:
        assert isinstance(place, UsagePlace)  # noqa: S101 - there are no other places
        counted_as = frozenset([place.rate.charge.code])
    return UsageMoney(place.total_key.service_month, counted_as, one.part.amount_micros)


def differences(account: FeeAccount, *, now: datetime) -> dict[FeeKey, FeeAmount]:
    """What is to be booked of an account's fees."""

    def spent(period: Period, counts: frozenset[str] | None) -> int:
        first, after = (_first_day(moment, account) for moment in (period.start, period.end))
        return sum(
            money.amount_micros
            for money in account.usage
            if first <= money.service_month < after and counts_towards(money.counted_as, counts)
        )

    spans = fee_spans(account.segments, account.contracts, time_zone=account.time_zone)
    expected = fees_until(now, spans, time_zone=account.time_zone, spent=spent)
    found = {}
    for key in expected.keys() | account.booked.keys():
        should, is_ = expected.get(key, _NOTHING), account.booked.get(key, _NOTHING)
        if should != is_:
            found[key] = FeeAmount(
                should.quantity_millionths - is_.quantity_millionths, should.amount_micros - is_.amount_micros
            )
    return found


def _book(books: FeeBooks, balances: Balances, portion: Sequence[int], accrued: Accrued, *, now: datetime) -> None:
    with books.begin(portion, now=now) as transaction:
        due = [difference(account, now=now) for account in transaction.accounts]
        due = [one for one in due if one.is_anything]
        told = transaction.book(due) if due else []
    # After the commit. A call that dies here leaves the cache behind until the wallet's next change or `refill`.
    balances.put(told)
    accrued.changed += [one.account.code for one in due]
    accrued.amount_micros += sum(one.amount_micros for one in due)


def _portions(whole: Sequence[_Each], size: int) -> Iterator[Sequence[_Each]]:
    for start in range(0, len(whole), size):
        yield whole[start : start + size]


def _first_day(moment: datetime, account: FeeAccount) -> date:
    return moment.astimezone(account.time_zone).date()
