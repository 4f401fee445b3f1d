"""What fees come to by a moment: recurring charges, one-time charges and commitments of the spans they are in force in.

Nothing here knows what was booked before. Whoever books takes the difference between this and the books, so a plan that
changed, a subscription that was cancelled or back-dated, and usage that came late are all one rule: the difference is due.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from domain.billing_cycle import Anchor, BillingCycle
from domain.fee_terms import Billed, Commitment, Fee, FeeSpan, OneTimeFee, RecurringFee
from domain.period import BillingMonth, Period
from domain.proration import SHARE_SCALE, Share

_MICROSECOND: Final = timedelta(microseconds=1)
ONCE: Final = "once"
"""Stands for the period of a fee that is paid once."""


class FeeKey(NamedTuple):
    """The running total a fee stands in."""

    service_month: date
    charge_id: int
    price_cell: str
    """The period it is for, "2026-10-01/2026-11-01" in the account's calendar, or "once"."""


class FeeAmount(NamedTuple):
    """What a fee comes to: the share of a period in millionths, and micros."""

    quantity_millionths: int
    amount_micros: int


Spent = Callable[[Period, frozenset[str] | None], int]
"""Micros of usage and adjustments in a calendar period, of some charges by code or of all."""
FeeTotals = dict[FeeKey, FeeAmount]


def counts_towards(counted_as: frozenset[str], counts: frozenset[str] | None) -> bool:
    """Whether money counts towards a commitment that names charges, or None of them.

    `counted_as` is the code of the usage charge, or those an adjustment is on; empty for an adjustment of all usage.
    """
    return counts is None or (bool(counted_as) and counted_as <= counts)


def fees_until(now: datetime, spans: Sequence[FeeSpan], *, time_zone: ZoneInfo, spent: Spent) -> FeeTotals:
    """What every fee should come to at a moment; fees that fall due later are not in it.

    `spans` do not overlap. Of a subscription they are in the order of time.
    """
    totals: FeeTotals = {}
    active = [span for span in sorted(spans, key=lambda span: span.start) if not span.paused]
    for once, span in _one_time(active):
        if span.start <= now:
            key = _key(once.charge_id, ONCE, due_at=span.start, time_zone=time_zone)
            _add(totals, key, SHARE_SCALE, once.amount_micros)
    runs = _runs(active)
    for fee, span in runs:
        if isinstance(fee, RecurringFee):
            _recurring(totals, fee, span, active, now=now, time_zone=time_zone)
    commitments = [(fee, span) for fee, span in runs if isinstance(fee, Commitment)]
    if commitments:
        codes = {fee.charge_id: fee.code for span in active for fee in span.fees.values()}
        others = [(codes[key.charge_id], _day_of(key), total.amount_micros) for key, total in totals.items()]
        _commitments(totals, commitments, others, now=now, time_zone=time_zone, spent=spent)
    return totals


def _runs(active: Sequence[FeeSpan]) -> list[tuple[Fee, FeeSpan]]:
    """Each fee with the whole time it is in force without a break, however often something else changed meanwhile."""
    runs: list[tuple[Fee, FeeSpan]] = []
    last: dict[tuple[int, int], int] = {}
    for span in active:
        for fee in span.fees.values():
            place = last.get((span.subscription_id, fee.charge_id))
            if place is not None and runs[place][1].end == span.start:
                runs[place] = (fee, runs[place][1]._replace(end=span.end))
            else:
                last[(span.subscription_id, fee.charge_id)] = len(runs)
                runs.append((fee, span))
    return runs


def _one_time(active: Sequence[FeeSpan]) -> Iterator[tuple[OneTimeFee, FeeSpan]]:
    charged: set[tuple[int, str]] = set()
    for span in active:
        for fee in span.fees.values():
            if isinstance(fee, OneTimeFee) and (span.subscription_id, fee.code) not in charged:
                charged.add((span.subscription_id, fee.code))
                yield fee, span


def _recurring(
    totals: FeeTotals,
    fee: RecurringFee,
    span: FeeSpan,
    active: Sequence[FeeSpan],
    *,
    now: datetime,
    time_zone: ZoneInfo,
) -> None:
    cycle = BillingCycle.of(fee.every, fee.anchor, began_at=span.began_at, time_zone=time_zone)
    # In advance the period that runs is due whole; beyond `now` no period has begun.
    horizon = min(span.end, now + _MICROSECOND) if span.end is not None else now + _MICROSECOND
    if horizon <= span.start:
        return
    for period in cycle.overlapping(Period(span.start, horizon)):
        end = period.end if span.end is None else min(span.end, period.end)
        part = Period(max(span.start, period.start), end)
        due_at = part.start if fee.billed is Billed.IN_ADVANCE else part.end
        if due_at > now:
            continue
        share = Share(period, part)
        key = _key(fee.charge_id, _named(period, time_zone), due_at=due_at, time_zone=time_zone)
        if fee.prorate:
            _add(totals, key, share.millionths, share.of(fee.amount_micros))
        elif _is_first(fee, span, period, part.start, active):
            _add(totals, key, SHARE_SCALE, fee.amount_micros)


def _is_first(fee: RecurringFee, span: FeeSpan, period: Period, start: datetime, active: Sequence[FeeSpan]) -> bool:
    """Whether no fee of this code was in force earlier in the period, in the same subscription."""
    return not any(
        other.subscription_id == span.subscription_id
        and fee.code in other.fees
        and max(other.start, period.start) < start
        and (other.end is None or other.end > period.start)
        for other in active
    )


def _commitments(
    totals: FeeTotals,
    runs: Sequence[tuple[Commitment, FeeSpan]],
    others: Sequence[tuple[str, date, int]],
    *,
    now: datetime,
    time_zone: ZoneInfo,
    spent: Spent,
) -> None:
    """A minimum is compared at the end of its period, once for all the time it was in force in it.

    `others` are what other fees come to, with their codes and days: those a commitment counts by code, of its period.

    Commitments of one code that follow each other in a period share what was used: the later takes what the earlier left.
    """
    minimums: dict[tuple[Period, str], dict[int, tuple[Commitment, int]]] = {}
    for fee, span in runs:
        cycle = BillingCycle.of(fee.every, Anchor.CALENDAR, began_at=span.began_at, time_zone=time_zone)
        horizon = now if span.end is None else min(span.end, now)
        if horizon <= span.start:
            continue
        for period in cycle.overlapping(Period(span.start, horizon)):
            if period.end <= now:
                end = period.end if span.end is None else min(span.end, period.end)
                share = Share(period, Period(max(span.start, period.start), end))
                of_code = minimums.setdefault((period, fee.code), {})
                before = of_code.get(fee.charge_id, (fee, 0))[1]
                minimum = before + share.of(fee.minimum_micros) if fee.prorate else fee.minimum_micros
                of_code[fee.charge_id] = (fee, minimum)
    for (period, _), of_code in minimums.items():
        counts = next(iter(of_code.values()))[0].counts
        first, after = (moment.astimezone(time_zone).date() for moment in (period.start, period.end))
        left = spent(period, counts)
        left += sum(micros for code, day, micros in others if counts is not None and code in counts and first <= day < after)
        for charge_id, (_, minimum) in of_code.items():
            lacking = minimum - max(0, left)
            left -= minimum
            if lacking > 0:
                key = _key(charge_id, _named(period, time_zone), due_at=period.end, time_zone=time_zone)
                _add(totals, key, SHARE_SCALE, lacking)


def _key(charge_id: int, price_cell: str, *, due_at: datetime, time_zone: ZoneInfo) -> FeeKey:
    """A fee that falls due at midnight of a first day goes on the invoice of the month that ends there."""
    month = BillingMonth.of(due_at - _MICROSECOND, time_zone)
    return FeeKey(date(month.year, month.month, 1), charge_id, price_cell)


def _day_of(key: FeeKey) -> date:
    """The first day of the period a fee is for; of one that is paid once, that of the month it falls due in."""
    return key.service_month if key.price_cell == ONCE else date.fromisoformat(key.price_cell.partition("/")[0])


def _named(period: Period, time_zone: ZoneInfo) -> str:
    first, after = (moment.astimezone(time_zone).date() for moment in (period.start, period.end))
    return f"{first}/{after}"


def _add(totals: FeeTotals, key: FeeKey, quantity_millionths: int, amount_micros: int) -> None:
    before = totals.get(key, FeeAmount(0, 0))
    totals[key] = FeeAmount(before.quantity_millionths + quantity_millionths, before.amount_micros + amount_micros)
