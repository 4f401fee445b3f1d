"""Fees of a quote: what those of a plan come to in the periods quoted, by the rules they are booked by (domain/fees.py).

The periods are those that have begun by the end of what is quoted: of a yearly fee the whole year, of one that falls due in
arrears the period that still runs. So a quote of one month has each fee once, whenever it falls due.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from domain.billing_cycle import Anchor, BillingCycle, Interval
from domain.fee_reading import read_terms
from domain.fee_terms import FeeSegment, FeeSpan, FeeTerms, fee_spans
from domain.fees import ONCE, FeeAmount, FeeKey, counts_towards, fees_until
from domain.period import Period
from domain.plans.adjustments import adjustment_document
from domain.plans.document import PlanDocument
from domain.plans.fees import Commitment, Fee, OneTime, Recurring
from domain.pricing.step import Step, decimal_text, units_text
from domain.proration import SHARE_SCALE, Share

_MICROSECOND: Final = timedelta(microseconds=1)


class Money(NamedTuple):
    """What usage or an adjustment came to in a service month."""

    service_month: date
    counted_as: frozenset[str]
    """The code of the usage charge, or of those an adjustment is on; empty for one that is on all of them."""
    amount_micros: int


class FeeLine(NamedTuple):
    """What a fee comes to for one period."""

    fee: Fee
    invoice_month: date
    """The first day of the month whose invoice has it."""
    period: str
    """"2026-10-01/2026-11-01" in the account's calendar, or "once"."""
    amount: FeeAmount
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class _Quoted:
    """A subscription as it is quoted."""

    spans: Sequence[FeeSpan]
    """Those that begin in what is quoted."""
    end: datetime
    time_zone: ZoneInfo

    def has(self, key: FeeKey) -> bool:
        """Whether the period of a fee has begun by the end."""
        return key.price_cell == ONCE or self.period(key).start < self.end

    def period(self, key: FeeKey) -> Period:
        """The period a fee is for."""
        first, after = key.price_cell.split("/")
        return Period(self._midnight(first), self._midnight(after))

    def _midnight(self, day: str) -> datetime:
        return datetime.combine(date.fromisoformat(day), datetime.min.time(), self.time_zone).astimezone(UTC)


def quoted_fees(plan: PlanDocument, subscribed: Period, money: Sequence[Money], *, time_zone: ZoneInfo) -> Iterator[FeeLine]:
    """Fees of a subscription from its start, of every period that has begun by the end of what is quoted.

    In the order of the plan, then of time. A commitment that is reached has no line.
    """
    if not plan.fees:
        return
    start = subscribed.start
    segment = FeeSegment(1, began_at=start, start=start, end=None, paused=False, terms=_terms(plan))
    spans = [span for span in fee_spans([segment], time_zone=time_zone) if span.start < subscribed.end]
    quoted = _Quoted(spans, subscribed.end, time_zone)
    spent = _Spent(money, time_zone)
    cycles = {(fee.every, fee.anchor if isinstance(fee, Recurring) else Anchor.CALENDAR) for fee in plan.periodic_fees()}
    horizon = max((_end_of_last(*cycle, subscribed, time_zone) for cycle in cycles), default=subscribed.end)
    totals = fees_until(horizon, spans, time_zone=time_zone, spent=spent)
    for key, amount in sorted(totals.items(), key=lambda item: (item[0].charge_id, item[0].price_cell)):
        if quoted.has(key):
            fee = plan.fees[key.charge_id]
            yield FeeLine(fee, key.service_month, key.price_cell, amount, (_step(fee, key, amount, quoted, spent),))


def _terms(plan: PlanDocument) -> FeeTerms:
    """Fees and trials as they will be read once they are stored; a fee's place in the plan stands for its charge's id."""
    fees = ((number, str(document["kind"]), document) for number, document in enumerate(fee.document() for fee in plan.fees))
    adjustments = ((0, "adjustment", adjustment_document(one)) for one in plan.adjustments)
    return read_terms(chain(fees, adjustments))


def _end_of_last(every: Interval, anchor: Anchor, subscribed: Period, time_zone: ZoneInfo) -> datetime:
    """The end of the last period that begins in what is quoted."""
    cycle = BillingCycle.of(every, anchor, began_at=subscribed.start, time_zone=time_zone)
    last = Period(subscribed.end - _MICROSECOND, subscribed.end)
    return max(period.end for period in cycle.overlapping(last))


class _Spent:
    """What usage and adjustments come to in a calendar period, and what was asked for."""

    def __init__(self, money: Sequence[Money], time_zone: ZoneInfo) -> None:
        self._money = money
        self._time_zone = time_zone

    def __call__(self, period: Period, counts: frozenset[str] | None) -> int:
        first, after = (moment.astimezone(self._time_zone).date() for moment in (period.start, period.end))
        return sum(
            one.amount_micros
            for one in self._money
            if first <= one.service_month < after and counts_towards(one.counted_as, counts)
        )


def _step(fee: Fee, key: FeeKey, amount: FeeAmount, quoted: _Quoted, spent: _Spent) -> Step:
    """The arithmetic of a fee in a sentence."""
    if isinstance(fee, OneTime):
        return Step("once, when the subscription begins", amount.amount_micros)
    if isinstance(fee, Recurring):
        part = amount.quantity_millionths != SHARE_SCALE
        much = f"{units_text(amount.quantity_millionths)} of a {fee.every}" if part else f"1 {fee.every}"
        text = f"{much} at {decimal_text(fee.amount_micros)}, {fee.billed.replace('_', ' ')}"
        return Step(text, amount.amount_micros)
    return _lacking(fee, key, amount, quoted, spent)


def _lacking(fee: Commitment, key: FeeKey, amount: FeeAmount, quoted: _Quoted, spent: _Spent) -> Step:
    period = quoted.period(key)
    counted = spent(period, None if fee.counts is None else frozenset(fee.counts))
    minimum, whole = fee.minimum_micros, ""
    if fee.prorate:
        start = max(period.start, quoted.spans[0].start)
        share = Share(period, Period(start, period.end))
        minimum = share.of(fee.minimum_micros)
        if share.millionths != SHARE_SCALE:
            whole = f", which is {units_text(share.millionths)} of {decimal_text(fee.minimum_micros)}"
    text = f"what {decimal_text(counted)} lacks of the minimum of {decimal_text(minimum)}{whole}"
    return Step(text, amount.amount_micros)
