"""What prices cost without usage: the fee of a month in which nothing was counted (`flat_at_zero` of the price models).

A running total costs the price of its quantity, also when that is nothing. With events, the first of them brings it;
without, it is booked when the month has ended, and an event that comes after all brings only what the price of its quantity
is more. So a total comes to the same whichever comes first, and so do the adjustments made on it.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from domain.attribution import Account
from domain.catalogue.adjustments import Adjustment, AdjustmentKind
from domain.catalogue.charges import Cell, Charge, Reset, Sharing
from domain.catalogue.effective_plan import AdjustmentRate, EffectivePlan, Rate
from domain.catalogue.plan_spans import EPOCH
from domain.period import BillingMonth
from domain.rating.places import AdjustmentPlace, TotalKey, UsagePlace

_MICROSECOND: Final = timedelta(microseconds=1)


class UnusedPlace(UsagePlace):
    """Where the price of nothing goes: where usage would go, with no event."""

    __slots__ = ()
    event_count = 0


class Unused(NamedTuple):
    """A price that is due for a month unless something is used in it."""

    charge: Charge
    plan: EffectivePlan
    due_at: datetime
    """When the month ends, or within it the last subscription."""
    usage: UnusedPlace
    adjustments: Sequence[AdjustmentPlace]
    """Those made on it, in their order."""


class _Active(NamedTuple):
    start: datetime
    end: datetime
    plan: EffectivePlan


def unused_prices(
    account: Account, active: Sequence[tuple[datetime, datetime | None]], *, over: datetime | None, until: datetime
) -> Iterator[Unused]:
    """What an account's charges cost in each month that begins before `until`, should nothing be used in it.

    `active` are the times, in their order, in which a subscription is in force and not paused; `over` is when the last
    ends, None when it does not. Of charges of one code that follow each other in a month the last counts; the time of a
    trial does not.
    """
    spans = list(_spans(account, active, until))
    for number, span in enumerate(spans):
        for charge in span.plan.charges.values():
            if not costs_without_usage(charge) or is_on_trial(span.plan, charge) or _goes_on(span.plan, charge):
                continue
            later = [one for one in spans[number + 1 :] if _has(one.plan, charge.code)]
            for month in _months(span, account.time_zone):
                period = month.span(account.time_zone)
                if not any(one.start < period.end for one in later):
                    yield _unused(account, charge, span.plan, month, over)


def costs_without_usage(charge: Charge) -> bool:
    """Whether a month without usage costs something.

    A price by properties has no row without an event, one of a tree of accounts nobody who owes it; of a longer period a
    recurring charge says it. With these it is refused when it is published.
    """
    if (
        charge.leaves_unused_free
        or charge.dimensions
        or charge.shared is not Sharing.ACCOUNT
        or charge.reset is not Reset.MONTH
    ):
        return False
    return any(not cell.tariff.per_event and cell.tariff.amount_micros(0) for cell in charge.cells.values())


def is_on_trial(plan: EffectivePlan, charge: Charge) -> bool:
    """Whether nothing is due of a charge, whatever is used."""
    return any(
        one.kind is AdjustmentKind.TRIAL and (one.applies_to is None or charge.code in one.applies_to)
        for one in plan.adjustments
    )


def _goes_on(plan: EffectivePlan, charge: Charge) -> bool:
    """Whether an adjustment on it counts over longer than a month of an account.

    How the money of such a one falls on months depends on the order it came in, and nobody could say later what an event
    and what a month without any brought. In a plan it is refused; a contract may bring it.
    """
    return any(not one.is_of_month for one in plan.adjustments if one.applies_to is None or charge.code in one.applies_to)


def unused_place(account: Account, charge: Charge, key: TotalKey) -> UnusedPlace:
    """Where the price of nothing was booked, also when the charge is not in force any more."""
    (cell,) = charge.cells.values()
    rate = Rate(charge, Cell(key.cell, cell.tariff), ())
    return UnusedPlace(account, rate, service_month=key.service_month)


def adjustment_place(account: Account, adjustment: Adjustment, key: TotalKey) -> AdjustmentPlace:
    """Where an adjustment of it was booked."""
    return AdjustmentPlace(account, AdjustmentRate(adjustment, key.cell, ()), service_month=key.service_month)


def _spans(account: Account, active: Sequence[tuple[datetime, datetime | None]], until: datetime) -> Iterator[_Active]:
    latest = _micros(until)
    for span in account.spans():
        for start, end in active:
            first = max(span.start_micros, _micros(start))
            after = min(span.end_micros, latest, latest if end is None else _micros(end))
            if first < after:
                yield _Active(_instant(first), _instant(after), span.plan)


def _has(plan: EffectivePlan, code: str) -> bool:
    charge = plan.charges.get(code)
    return charge is not None and not is_on_trial(plan, charge)


def _months(span: _Active, time_zone: ZoneInfo) -> Iterator[BillingMonth]:
    month = BillingMonth.of(span.start, time_zone)
    while month.span(time_zone).start < span.end:
        yield month
        month = month.next()


def _unused(account: Account, charge: Charge, plan: EffectivePlan, month: BillingMonth, over: datetime | None) -> Unused:
    end = month.span(account.time_zone).end
    service_month = date(month.year, month.month, 1)
    rates = plan.rates_of(charge)
    return Unused(
        charge,
        plan,
        end if over is None else min(end, over),
        UnusedPlace(account, rates.usage[0], service_month=service_month),
        [AdjustmentPlace(account, rate, service_month=service_month) for rate in rates.adjustments],
    )


def _micros(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
