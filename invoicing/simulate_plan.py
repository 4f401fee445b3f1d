"""What-if: what past usage would have come to under a plan not published yet, beside what was booked. Nothing is written.

The candidate stands in place of the plans an account was on, from the beginning of the first month; its contracts stay. Both
sides are usage with adjustments, and fees with commitments (invoicing/simulate_fees.py). Where accounts of a tree share a
price, its sum is exact, and how it falls on the accounts follows the beginnings of their months and plans.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from domain.attribution import DISTANT_FUTURE, EPOCH, Account, RatingConfig
from domain.catalogue.discounts import clashes
from domain.catalogue.effective_plan import EffectivePlan
from domain.catalogue.meters import Aggregation
from domain.catalogue.plan_spans import Subscription
from domain.catalogue.price_list import PlanVersion
from domain.errors import InvalidInput, NotFound
from domain.money import Currency
from domain.period import BillingMonth
from domain.plans import PlanDocument, read_plan
from domain.rating.places import TotalKey, place_of
from domain.rating.simulation import Asked, Simulation, Stretch, Sums, Value
from invoicing.fee_ports import FeeAccount, UsageMoney
from invoicing.raw_usage_ports import Measure, Place, RawUsageReader, Slot, Telling
from invoicing.simulate_fees import Months, Simulated, bears_fees, candidate_terms, fees_of, unused_in
from invoicing.simulation_ports import Past, PastRoom

_MICROSECOND: Final = timedelta(microseconds=1)
_BEGINNING: Final = datetime(1, 1, 2, tzinfo=UTC)
_END: Final = datetime(9999, 12, 31, tzinfo=UTC)
_MEASURES: Final = {
    Aggregation.MAX: Measure.GREATEST,
    Aggregation.LATEST: Measure.LATEST,
    Aggregation.UNIQUE: Measure.DISTINCT,
    Aggregation.SUM: Measure.SUM,
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Whose usage, and of which months, both included. None of the two: every account."""

    first: BillingMonth
    last: BillingMonth
    codes: Sequence[str] | None = None
    plan_code: str | None = None
    with_fees: bool = True
    """False: only usage and adjustments."""


@dataclass(slots=True)
class AccountResult:
    """One account: events, what they and its fees came to, and would have come to, in micros."""

    account: str
    events: int = 0
    old_micros: int = 0
    """Of usage and adjustments, as `new_micros`."""
    new_micros: int = 0
    old_fees_micros: int = 0
    """Of recurring charges, one-time charges and commitments, as `new_fees_micros`."""
    new_fees_micros: int = 0

    @property
    def old_total_micros(self) -> int:
        """All it came to."""
        return self.old_micros + self.old_fees_micros

    @property
    def new_total_micros(self) -> int:
        """All it would have come to."""
        return self.new_micros + self.new_fees_micros

    @property
    def difference_micros(self) -> int:
        """What the candidate brings more, or less."""
        return self.new_total_micros - self.old_total_micros


@dataclass(frozen=True, slots=True)
class SimulatedPlan:
    """What a candidate would have made of the past."""

    plan: str
    currency: Currency
    accounts: Sequence[AccountResult]
    unpriced: Mapping[str, int]
    """Events by type that the candidate has no price for: they would wait in quarantine."""
    left_out: Mapping[str, str]
    """Accounts that cannot be on the plan, each with the reason."""
    implied_meters: Sequence[str]
    """Meters the candidate names that are not published: each is taken to sum up the events of its name."""

    def total(self) -> AccountResult:
        """All accounts together."""
        total = AccountResult("together")
        for each in self.accounts:
            total.events += each.events
            total.old_micros += each.old_micros
            total.new_micros += each.new_micros
            total.old_fees_micros += each.old_fees_micros
            total.new_fees_micros += each.new_fees_micros
        return total


@dataclass(slots=True)
class _Slots:
    slots: list[Slot] = field(default_factory=list)
    legend: list[tuple[Account, EffectivePlan, int]] = field(default_factory=list)
    """By number: whose, under which plan, and an instant in the slot."""

    def telling(self) -> list[Telling]:
        """The properties that decide about prices, and the event types they decide for."""
        types: dict[str, set[str]] = {}
        for plan in {id(plan): plan for _, plan, _ in self.legend}.values():
            for charge in plan.charges.values():
                for meter in charge.meters:
                    for name in (*charge.dimensions, *(name for name, _ in meter.filter)):
                        types.setdefault(name, set()).update(meter.event_type for meter in charge.meters)
        return [Telling(name, frozenset(types[name])) for name in sorted(types)]


def simulate_plan(document: object, chosen: Chosen, *, room: PastRoom, now: datetime) -> SimulatedPlan:
    """Price past usage, and fees due by now, by a candidate plan document.

    Raises Invalid for a document that is wrong, NotFound for an account or plan there is not, and InvalidInput for months in
    the wrong order.
    """
    if chosen.last < chosen.first:
        raise InvalidInput(f"--to: {chosen.last} is before {chosen.first}")
    with room.open() as past:
        plan = read_plan(document, published=past.meters())
        accounts, left_out = _accounts(plan, chosen, past)
        candidates = _candidates(plan, accounts, chosen, left_out)
        results = {account.account_id: AccountResult(account.code) for account in candidates}
        months, bearers = Months(chosen.first, chosen.last), past.fees(list(results))
        slots = _slots(candidates, chosen, past.config)
        unused = list(unused_in(candidates, bearers, months, now=now))
        simulation, unpriced = Simulation(), dict[str, int]()
        for one in unused:
            # The last instant of its month: after everything that was used in it.
            simulation.add_unused(Stretch((one.due_at - EPOCH) // _MICROSECOND - 1, len(slots.legend)), one)
        with past.usage(slots.slots, slots.telling()) as usage:
            asked = _add(simulation, slots, usage, results, unpriced)
            amounts = simulation.amounts(_ask(usage, asked))
        for key, amount in amounts.items():
            results[key.account_id].new_micros += amount
        ids = [account.account_id for account in candidates]
        for account_id, micros in past.booked(ids, _day(chosen.first), _day(chosen.last)).items():
            results[account_id].old_micros = micros
        if chosen.with_fees:
            simulated = _counted(amounts, [*(plan for _, plan, _ in slots.legend), *(one.plan for one in unused)])
            _add_fees(bearers, plan, months, simulated, results, now=now)
    listed = sorted(results.values(), key=lambda each: each.account)
    implied = [meter.code for meter in plan.implied]
    return SimulatedPlan(plan.code, plan.currency, listed, dict(sorted(unpriced.items())), left_out, implied)


def _counted(amounts: Mapping[TotalKey, int], plans: Sequence[EffectivePlan]) -> Simulated:
    """What the totals came to, with the charges they are of."""
    codes: dict[int, frozenset[str]] = {}
    for plan in {id(plan): plan for plan in plans}.values():
        codes |= {charge.charge_id: frozenset([charge.code]) for charge in plan.charges.values()}
        codes |= {one.charge_id: one.applies_to or frozenset() for one in plan.adjustments}
    simulated = Simulated()
    for key, micros in amounts.items():
        simulated.add(key.account_id, UsageMoney(key.service_month, codes[key.charge_id], micros))
    return simulated


def _add_fees(
    bearers: Sequence[FeeAccount],
    plan: PlanDocument,
    months: Months,
    simulated: Simulated,
    results: Mapping[int, AccountResult],
    *,
    now: datetime,
) -> None:
    terms = candidate_terms(plan)
    for account in bearers:
        if terms.fees or bears_fees(account):
            usage = simulated.usage.get(account.account_id, ())
            result = results[account.account_id]
            result.old_fees_micros, result.new_fees_micros = fees_of(account, months, terms, usage=usage, now=now)


def _accounts(plan: PlanDocument, chosen: Chosen, past: Past) -> tuple[list[Account], dict[str, str]]:
    by_code = {account.code: account for account in past.config.accounts.values()}
    missing = sorted(set(chosen.codes or ()) - by_code.keys())
    if missing:
        raise NotFound(f"no account {missing[0]!r} with a wallet: `billing accounts list` names them")
    wanted = [by_code[code] for code in dict.fromkeys(chosen.codes)] if chosen.codes is not None else list(by_code.values())
    if chosen.plan_code is not None:
        on = set(past.subscribed(chosen.plan_code))
        wanted = [account for account in wanted if account.account_id in on]
    left_out = {
        account.code: f"it is billed in {account.currency}, the plan is in {plan.currency}"
        for account in wanted
        if account.currency is not plan.currency
    }
    return [account for account in wanted if account.code not in left_out], left_out


def _candidates(
    plan: PlanDocument, accounts: Sequence[Account], chosen: Chosen, left_out: dict[str, str]
) -> Sequence[Account]:
    """The accounts on the candidate; who is left out because of discounts of its contracts is told why."""
    version = _candidate(plan)
    candidates = [_on(account, version, chosen) for account in accounts]
    # Those a contract takes nothing off for need no look at every plan in effect.
    agreed = [one for one in candidates if any(term.contract.adjustments for term in one.contracts)]
    left_out |= {one.code: "; ".join(map(str, found)) for one in agreed if (found := clashes(one.spans()).values())}
    return [one for one in candidates if one.code not in left_out]


def _candidate(plan: PlanDocument) -> PlanVersion:
    """The candidate with ids of its own: below zero, where no stored charge has one."""
    charges = {charge.code: replace(charge, charge_id=-charge.charge_id) for charge in plan.usage}
    adjustments = [replace(adjustment, charge_id=-adjustment.charge_id) for adjustment in plan.adjustments]
    return PlanVersion(0, f"{plan.code} (candidate)", plan.currency, charges, adjustments=adjustments)


def _on(account: Account, version: PlanVersion, chosen: Chosen) -> Account:
    """The account on the candidate from the first month on; whatever it is on ends its old plan's part in it."""
    start = (chosen.first.span(account.time_zone).start - EPOCH) // _MICROSECOND
    return account.on((Subscription(version, start, DISTANT_FUTURE),))


def _slots(accounts: Sequence[Account], chosen: Chosen, config: RatingConfig) -> _Slots:
    aliases: dict[int, list[tuple[str, datetime, datetime]]] = {}
    for alias, spans in config.aliases.items():
        for span in spans:
            named = (alias, _instant(span.start_micros), _instant(span.end_micros))
            aliases.setdefault(span.account.account_id, []).append(named)
    slots = _Slots()
    for account in accounts:
        for month in _months(chosen):
            period = month.span(account.time_zone)
            for plan_span in account.spans():
                start = max(period.start, _instant(plan_span.start_micros))
                end = min(period.end, _instant(plan_span.end_micros))
                number = len(slots.legend)
                stretches = [
                    Slot(number, account.root_id, alias, max(start, since), min(end, until))
                    for alias, since, until in aliases.get(account.account_id, ())
                    if max(start, since) < min(end, until)
                ]
                if stretches:
                    slots.slots += stretches
                    slots.legend.append((account, plan_span.plan, (start - EPOCH) // _MICROSECOND))
    return slots


def _add(
    simulation: Simulation,
    slots: _Slots,
    usage: RawUsageReader,
    results: Mapping[int, AccountResult],
    unpriced: dict[str, int],
) -> dict[Asked, list[Place]]:
    """Add every group; returns what has to be asked, and where."""
    names = [told.property for told in slots.telling()]
    places: dict[Asked, list[Place]] = {}
    for group in usage.groups():
        account, plan, at = slots.legend[group.slot]
        results[account.account_id].events += group.events
        properties = {name: json.loads(text) for name, text in zip(names, group.facts, strict=True) if text}
        rates = plan.rates_for(group.event_type, properties)
        if rates is None:
            unpriced[group.event_type] = unpriced.get(group.event_type, 0) + group.events
            continue
        sums = Sums(group.quantity_millionths, group.events, group.taken_back)
        for asked in simulation.add(Stretch(at, group.slot), place_of(account, rates, time_micros=at), sums):
            places.setdefault(asked, []).append(Place(group.slot, group.event_type, group.facts, 0))
    return _with_earlier(places)


def _with_earlier(places: Mapping[Asked, Sequence[Place]]) -> dict[Asked, list[Place]]:
    """Of a price that goes on over several stretches, each is asked for all there was until its end."""
    by_position: dict[tuple[Any, ...], list[Asked]] = {}
    for asked in places:
        if asked.single is None:
            by_position.setdefault((asked.meter, asked.position), []).append(asked)
    whole = {asked: list(where) for asked, where in places.items()}
    for several in by_position.values():
        for asked in several:
            whole[asked] = [place for other in several if other.until <= asked.until for place in places[other]]
    return whole


def _ask(usage: RawUsageReader, places: Mapping[Asked, Sequence[Place]]) -> dict[Asked, list[Value]]:
    by_question: dict[tuple[Measure, str], list[Place]] = {}
    keys = list(places)
    for number, asked in enumerate(keys):
        measure = Measure.EACH if asked.single is not None else _MEASURES[asked.meter.aggregation]
        question = by_question.setdefault((measure, asked.meter.measured), [])
        question += [place._replace(key=number) for place in places[asked]]
    answers: dict[Asked, list[Value]] = {}
    for (measure, of), where in by_question.items():
        scale = 1_000_000 if measure is Measure.DISTINCT else 1
        for answer in usage.measure(measure, of, where):
            answers.setdefault(keys[answer.key], []).append(Value(answer.value * scale, answer.events))
    return answers


def _months(chosen: Chosen) -> Iterator[BillingMonth]:
    month = chosen.first
    while month <= chosen.last:
        yield month
        month = month.next()


def _day(month: BillingMonth) -> date:
    return date(month.year, month.month, 1)


def _instant(micros: int) -> datetime:
    if abs(micros) > _FAR_MICROS:
        return _BEGINNING if micros < 0 else _END
    return EPOCH + timedelta(microseconds=micros)


_FAR_MICROS: Final = 60_000_000_000_000_000
"""Nineteen hundred years: nothing beyond is meant as an instant."""
