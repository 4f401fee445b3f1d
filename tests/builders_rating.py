"""Builders of richer plans: meters of every aggregation, adjustments, positions, contracts; and books to rate into."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, Account, RatingConfig, Subscription
from domain.catalogue import (
    Adjustment,
    Aggregation,
    Charge,
    Contract,
    ContractTerm,
    Meter,
    PlanVersion,
    read_adjustment,
    read_charge,
)
from domain.metering import Prepared, ReceivedEvent, Settled, Total, prepare, settle
from domain.money import Currency
from domain.rating.running import Remembered
from tests.builders_usage import WINDOW, a_config, an_account

PER_UNIT = {"model": "per_unit", "unit_price": "0.20"}
VOLUME = {
    "model": "volume",
    "tiers": [{"up_to": 10, "unit_price": "1.00"}, {"up_to": 50, "unit_price": "0.70"}, {"unit_price": "0.333333"}],
    "corrections": "reprice",
}


def a_meter(code: str = "otp", **changes: Any) -> Meter:
    """A meter of OTPs: it sums up their quantities."""
    facts = {"meter_id": 1, "code": code, "event_type": "otp.delivered", "aggregation": "sum", **changes}
    return Meter(**{**facts, "aggregation": Aggregation(facts["aggregation"])})


def a_usage_charge(
    code: str = "otp", *meters: Meter, charge_id: int = 1, price: Mapping[str, Any] = PER_UNIT, **more: Any
) -> Charge:
    """A charge of one meter of OTPs."""
    priced = meters or (a_meter(code),)
    document = {
        "code": code,
        "meters": [meter.code for meter in priced],
        "description": code.title(),
        "sac": "998319",
        "unit": "message",
        "price": price,
        **more,
    }
    return read_charge(charge_id, document, path=code, meters={meter.code: meter for meter in priced})


def an_adjustment(kind: str = "percentage", *, charge_id: int = 50, code: str | None = None, **more: Any) -> Adjustment:
    """Ten percent off, fifty free, a cap of one hundred, or a trial."""
    usual = {"percentage": {"percent": "10"}, "free_amount": {"amount": "50"}, "maximum": {"amount": "100"}, "trial": {}}
    document = {"code": code or kind, "kind": kind, "description": kind, **usual[kind], **more}
    return read_adjustment(charge_id, document, path=kind)


def a_plan(
    *charges: Charge, adjustments: Sequence[Adjustment] = (), plan_version_id: int = 1, label: str = "rich v1"
) -> PlanVersion:
    """A plan version with these charges."""
    return PlanVersion(
        plan_version_id, label, Currency.INR, {charge.code: charge for charge in charges}, adjustments=adjustments
    )


def a_contract(
    *charges: Charge, adjustments: Sequence[Adjustment] = (), contract_id: int = 1, label: str = "acme-2026"
) -> Contract:
    """A contract with these charges."""
    return Contract(contract_id, label, Currency.INR, {charge.code: charge for charge in charges}, adjustments=adjustments)


def on_plan(plan: PlanVersion, code: str = "acme", **changes: Any) -> Account:
    """An account on a plan for ever."""
    return with_terms([Subscription(plan, DISTANT_PAST, DISTANT_FUTURE)], code=code, **changes)


def with_terms(
    subscriptions: Sequence[Subscription], contracts: Sequence[ContractTerm] = (), *, root_id: int = 0, **changes: Any
) -> Account:
    """An account with these subscriptions and contracts."""
    account = an_account(subscriptions=subscriptions, **changes)
    account.contracts = contracts
    account.root_id = root_id or account.account_id
    return account


class Books:
    """Books in memory that batches are rated into, one after the other; they start anew whenever a test likes."""

    def __init__(self, config: RatingConfig) -> None:
        self.config = config
        self.totals: dict[Any, Total] = {}
        self.positions: dict[Any, Total] = {}
        self.states: dict[Any, Any] = {}
        self.values: set[Any] = set()
        self.known: dict[bytes, bytes] = {}
        self.debits: dict[int, int] = {}

    def book(self, items: Iterable[ReceivedEvent]) -> Settled:
        """Rate a batch and keep what it does."""
        return self.settle(prepare(list(items), self.config, WINDOW))[0]

    def settle(self, prepared: Prepared) -> tuple[Settled, float]:
        """Settle a prepared batch and keep what it does; with the CPU seconds of settling."""
        remembered = Remembered(self.positions, self.states, self.values)
        began = time.thread_time()
        settled = settle(prepared, self.known, self.totals, remembered=remembered)
        seconds = time.thread_time() - began
        running = settled.running
        for kept, changed in ((self.totals, running.added), (self.positions, running.positions)):
            for key, added in changed.items():
                kept[key] = kept.get(key, Total()) + added
        self.states |= running.states
        self.values |= running.values.keys()
        for usage in settled.rated:
            self.known[usage.received.event.key] = usage.received.event.body_digest
        for wallet_id, micros in settled.debits.items():
            self.debits[wallet_id] = self.debits.get(wallet_id, 0) + micros
        return settled, seconds

    def standing(self) -> tuple[Any, ...]:
        """Everything that may not depend on order or batching: the event a highest value came from may.

        So may whether an adjustment of no money was ever one of some.
        """
        values = {key: state.value_millionths for key, state in self.states.items()}
        totals = {key: total for key, total in self.totals.items() if total != Total()}
        positions = {key: total for key, total in self.positions.items() if total != Total()}
        return totals, positions, values, self.values, self.debits

    def money(self) -> dict[int, int]:
        """What each charge and adjustment comes to, in micros."""
        found: dict[int, int] = {}
        for key, total in self.totals.items():
            found[key.charge_id] = found.get(key.charge_id, 0) + total.amount_micros
        return found


def books_of(*accounts: Account) -> Books:
    """Empty books of some accounts, each with an alias of its code."""
    return Books(a_config(*accounts))
