"""Which fees were in force when, as the second rater reads it from subscriptions, contracts and the documents of both."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from invoicing.recompute.evidence import BEGINNING, AccountFacts, ChargeFacts, PlanFacts

FEES: Final = frozenset(("recurring", "one_time", "commitment"))


class FeesInForce(NamedTuple):
    """The fees of one subscription in [start, end), by code; none while it is paused or on trial."""

    subscription: int
    began: datetime
    start: datetime
    end: datetime
    fees: Mapping[str, ChargeFacts]


class FeeRun(NamedTuple):
    """One fee, and [start, end) in which it was in force without a break."""

    fee: ChargeFacts
    subscription: int
    began: datetime
    start: datetime
    end: datetime


class _Trial(NamedTuple):
    start: datetime
    end: datetime

    def is_on(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def has_fees(account: AccountFacts) -> bool:
    """Whether a fee may have been in force at any time."""
    return any(charge.kind in FEES for plan in account.plans for charge in plan.charges)


def fees_in_force(account: AccountFacts) -> list[FeesInForce]:
    """The fees of an account through time: cut wherever anything begins or ends, and looked up for each piece.

    What has no beginning bears fees from when the account was opened.
    """
    segments = [_opened(plan, account) for plan in account.plans if plan.priority is None]
    contracts = [_opened(plan, account) for plan in account.plans if plan.priority is not None]
    contracts.sort(key=lambda plan: (plan.priority, -plan.age))
    zone = ZoneInfo(account.time_zone)
    cuts = {instant for plan in (*segments, *contracts) for instant in (plan.start, plan.end)}
    for plan in (*segments, *contracts):
        cuts.update(instant for trial in _trials(plan, zone).values() for instant in trial)
    found = []
    for start, end in pairwise(sorted(cuts)):
        segment = next((plan for plan in segments if plan.start <= start < plan.end), None)
        if segment is None or segment.paused:
            continue
        sold = [segment, *(plan for plan in contracts if plan.start <= start < plan.end)]
        trials = {code: trial for plan in sold for code, trial in _trials(plan, zone).items()}
        if not any(trial.is_on(start) for trial in trials.values()):
            fees = {charge.code: charge for plan in sold for charge in plan.charges if charge.kind in FEES}
            began = account.opened_at if segment.since == BEGINNING else segment.since
            found.append(FeesInForce(segment.subscription, began, start, end, fees))
    return found


def runs_of(pieces: Sequence[FeesInForce]) -> list[FeeRun]:
    """Each fee with the whole stretches it was in force in, in the order they began."""
    runs: list[FeeRun] = []
    for piece in pieces:
        for fee in piece.fees.values():
            for number, run in enumerate(runs):
                same = (run.fee.charge_id, run.subscription) == (fee.charge_id, piece.subscription)
                if same and run.end == piece.start:
                    runs[number] = run._replace(end=piece.end)
                    break
            else:
                runs.append(FeeRun(fee, piece.subscription, piece.began, piece.start, piece.end))
    return runs


def first_times(pieces: Sequence[FeesInForce]) -> Iterator[tuple[ChargeFacts, datetime]]:
    """One-time fees with the instant each falls due at: once in a subscription, by its code."""
    seen: set[tuple[int, str]] = set()
    for piece in pieces:
        for code, fee in piece.fees.items():
            if fee.kind == "one_time" and (piece.subscription, code) not in seen:
                seen.add((piece.subscription, code))
                yield fee, piece.start


def _opened(plan: PlanFacts, account: AccountFacts) -> PlanFacts:
    return plan._replace(start=account.opened_at) if plan.start == BEGINNING else plan


def _trials(plan: PlanFacts, zone: ZoneInfo) -> dict[str, _Trial]:
    """Trials of all usage, which free fees too. One of a subscription that has no beginning is long over."""
    since = plan.since if plan.priority is None else plan.start
    if since == BEGINNING:
        return {}
    found = {}
    for charge in plan.charges:
        document = charge.document
        is_one = charge.kind == "adjustment" and document["kind"] == "trial" and document.get("applies_to") is None
        if is_one and document.get("days") is not None:
            # On the clock of the account's wall: a day there may have 23 or 25 hours.
            end = since.astimezone(zone) + timedelta(days=document["days"])
            found[charge.code] = _Trial(since, end.astimezone(UTC))
    return found
