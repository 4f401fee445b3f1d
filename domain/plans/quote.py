"""Quoting: what usage would come to under a plan document, by the same functions that the worker rates with.

The account is one that used nothing before. Unless it is said when it subscribed, it did when the month of the earliest
usage began. Usage without a time happened then. What is quoted ends with the month of the latest usage.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.attribution import Account
from domain.catalogue.charges import Charge
from domain.catalogue.meters import Meter
from domain.catalogue.plan_spans import DISTANT_FUTURE, EPOCH, Subscription
from domain.catalogue.price_list import PlanVersion
from domain.errors import Faults, FieldError
from domain.fields import guess
from domain.metering import Origin, ReceivedEvent
from domain.period import BillingMonth, Period
from domain.plans.document import PlanDocument
from domain.plans.quoted_usage import QuotedUsage
from domain.rating.places import PartPlace, Place, TotalKey, place_of
from domain.rating.running import RunningTotals
from domain.rating.unused import unused_prices
from domain.rating.usage import Usage, measured
from domain.usage import Refused, UsageEvent

_SOMEDAY: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When usage without a time happens, if no usage has one."""
_SHOWN_MAX: Final = 20
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(slots=True)
class Rated:
    """What usage came to, before it is written down as lines."""

    is_dated: bool
    """Whether any usage has a time."""
    subscribed: Period
    """From when the account subscribed to the end of the month of the latest usage."""
    running: RunningTotals = field(default_factory=RunningTotals)
    places: dict[TotalKey, PartPlace] = field(default_factory=dict)
    """Where each running total came from."""
    seen: set[Place] = field(default_factory=set)
    """Whose running totals are among these already."""
    unpriced: list[FieldError] = field(default_factory=list)
    """Usage that no charge prices."""


def rate_usage(
    plan: PlanDocument, usage: Sequence[QuotedUsage], *, time_zone: ZoneInfo, starts_at: datetime | None = None
) -> Rated:
    """Rate usage in the order of time. Raises Invalid for usage that the worker would refuse."""
    subscribed = _subscribed(usage, time_zone, starts_at)
    began = subscribed.start
    account = _account(plan, usage, began, time_zone)
    rated = Rated(starts_at is not None or any(one.time is not None for one in usage), subscribed)
    faults = Faults()
    _refuse_unknown(plan, usage, faults)
    in_order = sorted(usage, key=lambda one: one.time or began)
    for number, one in enumerate(in_order):
        event = _event(one, number, one.time or began)
        terms = account.plan_at(event.time_micros)
        rates = terms.rates_for(event.meter, event.properties) if terms is not None else None
        if rates is None:
            early = "; it is from before the subscription begins" if terms is None else ""
            rated.unpriced.append(FieldError(one.path, f"no charge has a price for this {one.subject} {one.name}{early}"))
            continue
        place = place_of(account, rates, time_micros=event.time_micros)
        try:
            _rate(rated, place, event)
        except Refused as refused:
            faults.add(one.path, str(refused))
    faults.refuse_if_any()
    _add_unused(rated, account)
    return rated


def _add_unused(rated: Rated, account: Account) -> None:
    """Prices that are due without usage, of every month that has begun by the end of what is quoted."""
    subscribed = rated.subscribed
    for one in unused_prices(account, [(subscribed.start, None)], over=None, until=subscribed.end):
        if not rated.running.events_in(one.usage.total_key):
            rated.running.bring(one.usage, one.adjustments, one.usage.amount_micros(0))
            for part in (one.usage, *one.adjustments):
                rated.places.setdefault(part.total_key, part)


def _subscribed(usage: Sequence[QuotedUsage], time_zone: ZoneInfo, starts_at: datetime | None) -> Period:
    times = [one.time for one in usage if one.time is not None]
    if starts_at is None:
        starts_at = BillingMonth.of(min(times, default=_SOMEDAY), time_zone).span(time_zone).start
    latest = max([starts_at, *times])
    return Period(starts_at.astimezone(UTC), BillingMonth.of(latest, time_zone).span(time_zone).end)


def _refuse_unknown(plan: PlanDocument, usage: Iterable[QuotedUsage], faults: Faults) -> None:
    """Totals of what the plan does not have: a slip, where an event that no charge counts is an answer."""
    known = {
        "charge": [charge.code for charge in plan.usage],
        "meter": list(dict.fromkeys(meter.code for charge in plan.usage for meter in charge.meters)),
    }
    for one in usage:
        if one.subject in known and one.name not in known[one.subject]:
            there = ", ".join(known[one.subject][:_SHOWN_MAX]) or "none"
            meant = guess(one.name, known[one.subject], faults=faults)
            faults.add(
                f"{one.path}.{one.subject}", f"{one.name!r} is no {one.subject} of this plan; there are {there}{meant}"
            )


def _rate(rated: Rated, place: Place, event: UsageEvent) -> None:
    received = ReceivedEvent(event, Origin("quote", 0, 0, event.time_micros), 0, b"")
    simple = place.is_simple and event.quantity_millionths >= 0
    rated.running.rate(Usage(received, place) if simple else measured(received, place))
    if place not in rated.seen:
        rated.seen.add(place)
        for part in place.parts():
            rated.places.setdefault(part.total_key, part)


def _event(one: QuotedUsage, number: int, time: datetime) -> UsageEvent:
    return UsageEvent(
        source="quote",
        id=str(number),
        subject="quote",
        meter=_event_type(one.subject, one.name),
        time_micros=(time - EPOCH) // _MICROSECOND,
        quantity_millionths=one.quantity_millionths,
        properties=dict(one.properties),
        properties_json="",
        key=number.to_bytes(16, "big"),
        body_digest=b"",
    )


def _event_type(subject: str, name: str) -> str:
    """A total is an event of a type of its own, that nothing else counts."""
    return name if subject == "type" else f"\0total of {subject} {name}"


def _account(plan: PlanDocument, usage: Iterable[QuotedUsage], began: datetime, time_zone: ZoneInfo) -> Account:
    totals = {(one.subject, one.name) for one in usage if one.subject != "type"}
    numbers: dict[str, int] = {}
    charges = {charge.code: _with_totals(charge, totals, numbers) for charge in plan.usage}
    version = PlanVersion(1, plan.code, plan.currency, charges, adjustments=plan.adjustments)
    start = (began - EPOCH) // _MICROSECOND
    subscriptions = (Subscription(version, start, DISTANT_FUTURE),)
    return Account(1, "quote", "quote", 1, plan.currency, time_zone, subscriptions)


def _with_totals(charge: Charge, totals: set[tuple[str, str]], numbers: dict[str, int]) -> Charge:
    """A charge that also counts the totals given for it. Meters that remember have numbers, by which their memory goes."""
    meters = [
        meter if meter.takes_back else replace(meter, meter_id=numbers.setdefault(meter.code, len(numbers) + 1))
        for meter in charge.meters
    ]
    if totals:
        names = [("charge", charge.code), *(("meter", meter.code) for meter in charge.meters)]
        meters += [Meter(0, name, _event_type(subject, name)) for subject, name in names if (subject, name) in totals]
    return replace(charge, meters=tuple(meters)) if meters != list(charge.meters) else charge
