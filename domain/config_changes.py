"""What a config event says: something was configured elsewhere, with its particulars in a JSON object.

An event of a type that is not known, or whose data cannot be kept, is a dead letter. Everything else is stored, applied or
refused, and answered: what is wrong with the particulars is told field by field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from domain.customers.plain_text import read_code, read_text
from domain.errors import Faults
from domain.event_data import check_nested
from domain.fields import TEXT_MAX, UNSTORABLE, Fields, but_is, shown
from domain.instants import read_instant
from domain.money import Currency
from domain.plans import read_plan
from domain.receiving import Event
from domain.refusals import placed_at
from domain.usage import RefusalReason, Refused

METERS_MAX: Final = 100
"""A wallet may be said to pay for in one change."""
DATA: Final = "data"
"""Where an event's particulars are, as its errors name them."""


class ConfigType(StrEnum):
    """What was configured."""

    CUSTOMER_CREATED = "customer.created"
    CUSTOMER_UPDATED = "customer.updated"
    CUSTOMER_ARCHIVED = "customer.archived"
    ACCOUNT_OPENED = "account.opened"
    ACCOUNT_CHANGED = "account.changed"
    ACCOUNT_CLOSED = "account.closed"
    ALIAS_MAPPED = "alias.mapped"
    ALIAS_MOVED = "alias.moved"
    ALIAS_ENDED = "alias.ended"
    PLAN_PUBLISHED = "plan.published"
    CONTRACT_WRITTEN = "contract.written"
    CONTRACT_ENDED = "contract.ended"
    SUBSCRIPTION_STARTED = "subscription.started"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    SUBSCRIPTION_PAUSED = "subscription.paused"
    SUBSCRIPTION_RESUMED = "subscription.resumed"
    SUBSCRIPTION_CANCELLED = "subscription.cancelled"
    THRESHOLD_SET = "threshold.set"
    TOP_UP_RULE_SET = "top_up_rule.set"
    TOP_UP_RULE_STOPPED = "top_up_rule.stopped"
    WALLET_OPENED = "wallet.opened"
    WALLET_CHANGED = "wallet.changed"
    WALLET_CLOSED = "wallet.closed"


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One change. `subject` names what was configured: an alias, the code of a customer, account, plan or contract."""

    type: ConfigType
    subject: str
    data: dict[str, Any]
    time_micros: int = 0
    """When it happened, microseconds since the Unix epoch, UTC."""

    def named(self, field: str = "code") -> dict[str, Any]:
        """The particulars as a document that names its subject. Raises Invalid when they name another."""
        said = self.data.get(field, self.subject)
        if said != self.subject:
            faults = Faults()
            faults.add(f"{DATA}.{field}", f"is {shown(said)}, and the event's subject is {shown(self.subject)}")
            faults.refuse_if_any()
        return {field: self.subject, **self.data}


@dataclass(frozen=True, slots=True)
class AliasMapped:
    """An alias names an account, from a time on or always."""

    account: str
    start: datetime | None


@dataclass(frozen=True, slots=True)
class AliasMoved:
    """An alias names another account from an instant on; None: from when the event happened."""

    to: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class PlanPublished:
    """A plan document is the next version of its plan, for subscriptions that begin at `start` or later."""

    document: Mapping[str, Any]
    start: datetime | None
    """None: whenever."""


@dataclass(frozen=True, slots=True)
class WalletPurposes:
    """What a further wallet is to pay for, and its currency where that is said."""

    pays_for: frozenset[str]
    """Codes of meters."""
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class SubscriptionTerms:
    """What a subscription is to be: on which plan (None for pauses and endings), from when, and why."""

    plan: str | None
    version: int | None
    """None: the newest that holds then."""
    at: datetime | None
    """None: from when the event happened, unless at the end of the account's month."""
    at_period_end: bool
    replacing: bool
    """Whether what has begun since then gives way."""
    why: str


def read_config_change(event: Event) -> ConfigChange:
    """What an event says. Raises Refused naming the field."""
    if event.type not in set(ConfigType):
        known = ", ".join(ConfigType)
        raise Refused(RefusalReason.UNKNOWN_TYPE, f"type {event.type[:80]!r} is not known here: send one of {known}")
    check_nested(event.data)
    return ConfigChange(ConfigType(event.type), event.subject, event.data, event.time_micros)


def read_alias_mapped(data: Mapping[str, Any]) -> AliasMapped:
    """The particulars of a mapping: {account, from?}. Raises Invalid with every fault."""
    fields, faults = _particulars(data)
    account, start = read_code(fields, "account"), read_instant(fields, "from")
    _end(fields, faults)
    return AliasMapped(account or "", start)


def read_alias_moved(data: Mapping[str, Any]) -> AliasMoved:
    """The particulars of a move: {to, at?}. Raises Invalid with every fault."""
    fields, faults = _particulars(data)
    to, at = read_code(fields, "to"), read_instant(fields, "at")
    _end(fields, faults)
    return AliasMoved(to or "", at)


def read_plan_published(change: ConfigChange) -> PlanPublished:
    """The particulars of a publication: a plan document, and {from?}. Raises Invalid with every fault of both."""
    document = change.named()
    fields, faults = _particulars({name: document.pop(name) for name in ("from",) if name in document})
    start = read_instant(fields, "from")
    fields.refuse_unknown()
    if faults:
        faults.attempt(lambda: _read_plan_in(document))
    faults.refuse_if_any()
    return PlanPublished(document, start)


def read_subscription_terms(data: Mapping[str, Any], *, with_plan: bool, may_wait: bool) -> SubscriptionTerms:
    """The particulars of a change: {plan, plan_version?} where there is one, {at?} or {at_period_end?}, {why?}.

    What may wait for the end of a month may also replace what has begun: {replacing?}.
    """
    fields, faults = _particulars(data)
    plan = read_code(fields, "plan") if with_plan else None
    version = None
    if with_plan and fields.has("plan_version"):
        version = fields.whole("plan_version", least=1, most=1_000_000)
    elif with_plan:
        fields.take("plan_version")
    at = read_instant(fields, "at")
    waits = fields.boolean("at_period_end", default=False) if may_wait else False
    replacing = fields.boolean("replacing", default=False) if may_wait else False
    if waits and at is not None:
        fields.fault("at", "is one instant and at_period_end another: say one of them")
    why = read_text(fields, "why", required=False) or ""
    _end(fields, faults)
    return SubscriptionTerms(plan, version, at, waits, replacing, why)


def read_wallet_purposes(data: Mapping[str, Any], *, opens: bool) -> WalletPurposes:
    """The particulars of a further wallet: {pays_for}, and where it `opens` {currency?}. Raises Invalid with every fault.

    One that is open may be left without any purpose.
    """
    fields, faults = _particulars(data)
    currency = fields.choice("currency", list(Currency), default="") if opens else None
    meters = fields.take("pays_for")
    if not isinstance(meters, list) or len(meters) > METERS_MAX or (opens and not meters):
        least = "one" if opens else "none"
        fields.fault("pays_for", f"must be a list of {least} to {METERS_MAX} codes of meters" + but_is(meters))
        meters = []
    found: dict[str, None] = {}
    for place, meter in enumerate(meters):
        if not isinstance(meter, str) or not 0 < len(meter) <= TEXT_MAX or UNSTORABLE.search(meter):
            fields.fault(f"pays_for[{place}]", "must be the code of a meter" + but_is(meter))
        elif meter in found:
            fields.fault(f"pays_for[{place}]", f"is {shown(meter)}, which stands in the list already")
        else:
            found[meter] = None
    _end(fields, faults)
    return WalletPurposes(frozenset(found), currency or None)


def read_ending(data: Mapping[str, Any], *also: str) -> datetime | None:
    """The instant of {at?}; None: when the event happened. Fields named in `also` are left to others."""
    fields, faults = _particulars(data)
    at = read_instant(fields, "at")
    for name in also:
        fields.take(name)
    _end(fields, faults)
    return at


def read_nothing(data: Mapping[str, Any], *also: str) -> None:
    """Particulars of an event that has none but those named. Raises Invalid with every fault."""
    fields, faults = _particulars(data)
    for name in also:
        fields.take(name)
    _end(fields, faults)


def _read_plan_in(data: Mapping[str, Any]) -> None:
    with placed_at(DATA):
        read_plan(data)


def _particulars(data: Mapping[str, Any]) -> tuple[Fields, Faults]:
    faults = Faults()
    return Fields(data, path=DATA, faults=faults), faults


def _end(fields: Fields, faults: Faults) -> None:
    fields.refuse_unknown()
    faults.refuse_if_any()
