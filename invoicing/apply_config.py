"""Apply configuration: which use case each type of event is for, the very ones the commands call.

A new type is one line in APPLICATIONS: what reads its particulars and acts on them, through a store whose transactions are
part of the one that stores the event. Whoever may write to the topic may configure what its events say; the event's source
is the actor of the audit record.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from domain.config_changes import (
    DATA,
    ConfigChange,
    ConfigType,
    SubscriptionTerms,
    read_alias_mapped,
    read_alias_moved,
    read_ending,
    read_nothing,
    read_plan_published,
    read_subscription_terms,
    read_wallet_purposes,
)
from domain.refusals import placed_at
from domain.wallet_purposes import split_code
from invoicing import (
    change_subscription,
    keep_accounts,
    keep_wallets,
    name_accounts,
    publish_plan,
    write_contract,
    write_customer,
    write_top_up_rule,
)
from invoicing.administration_ports import AdministrationStore, Author
from invoicing.change_subscription import PlanReference, SubscriptionChange, Timing
from invoicing.keep_accounts import Kept
from invoicing.metering_ports import Balance
from invoicing.write_customer import VERSION, Written

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Applied:
    """What an event did: whether it changed anything, what there is to know of it, and the balances to tell."""

    changed: bool
    facts: Mapping[str, Any] = field(default_factory=dict)
    balances: Sequence[Balance] = ()


Application = Callable[[AdministrationStore, ConfigChange, Author], Applied]


def _create_customer(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    return _written(write_customer.create_customer(store, change.named(), author=author, path=DATA))


def _update_customer(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    patch = change.named()
    return _written(write_customer.update_customer(store, change.subject, patch, author=author, path=DATA))


def _archive_customer(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    read_nothing(change.data, VERSION)
    return _written(write_customer.archive_customer(store, change.subject, change.data, author=author, path=DATA))


def _open_account(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    opens_at = _happened_at(change)
    return _kept(keep_accounts.open_account(store, change.named(), opens_at=opens_at, author=author, path=DATA))


def _change_account(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    return _kept(keep_accounts.change_account(store, change.subject, change.named(), author=author, path=DATA))


def _close_account(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    at = read_ending(change.data, VERSION) or _happened_at(change)
    kept = keep_accounts.close_account(store, change.subject, change.data, closes_at=at, author=author, path=DATA)
    return _kept(kept)


def _map_alias(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    mapping = read_alias_mapped(change.data)
    return Applied(
        name_accounts.map_alias(store, change.subject, account_code=mapping.account, start=mapping.start, author=author)
    )


def _move_alias(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    move = read_alias_moved(change.data)
    name_accounts.move_alias(store, change.subject, to=move.to, at=move.at or _happened_at(change), author=author)
    return Applied(changed=True)


def _end_alias(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    at = read_ending(change.data) or _happened_at(change)
    name_accounts.end_alias(store, change.subject, at=at, author=author)
    return Applied(changed=True)


def _publish_plan(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    said = read_plan_published(change)
    with placed_at(DATA):
        publication = publish_plan.publish_plan(store, said.document, author=author, starts_at=said.start)
    return Applied(publication.is_new, {VERSION: publication.version})


def _write_contract(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    document = change.named()
    with placed_at(DATA):
        written = write_contract.write_contract(store, document, author=author)
    return Applied(written.is_new, {"events_to_rerate": sum(written.events_to_rerate.values())})


def _end_contract(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    at = read_ending(change.data) or _happened_at(change)
    with placed_at(DATA):
        ended = write_contract.end_contract(store, change.subject, at=at, author=author)
    return Applied(changed=True, facts={"events_to_rerate": sum(ended.values())})


def _start_subscription(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    terms = read_subscription_terms(change.data, with_plan=True, may_wait=False)
    plan, timing = PlanReference(terms.plan or "", terms.version), _timing(change, terms)
    with placed_at(DATA):
        return _subscribed(change_subscription.start(store, change.subject, plan=plan, timing=timing, author=author))


def _change_subscription(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    terms = read_subscription_terms(change.data, with_plan=True, may_wait=True)
    plan, timing = PlanReference(terms.plan or "", terms.version), _timing(change, terms)
    with placed_at(DATA):
        return _subscribed(change_subscription.change(store, change.subject, plan=plan, timing=timing, author=author))


def _pause_subscription(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    timing = _timing(change, read_subscription_terms(change.data, with_plan=False, may_wait=True))
    with placed_at(DATA):
        return _subscribed(change_subscription.pause(store, change.subject, timing=timing, author=author))


def _resume_subscription(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    timing = _timing(change, read_subscription_terms(change.data, with_plan=False, may_wait=True))
    with placed_at(DATA):
        return _subscribed(change_subscription.resume(store, change.subject, timing=timing, author=author))


def _cancel_subscription(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    timing = _timing(change, read_subscription_terms(change.data, with_plan=False, may_wait=True))
    with placed_at(DATA):
        return _subscribed(change_subscription.cancel(store, change.subject, timing=timing, author=author))


def _set_threshold(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    return _written(keep_accounts.choose_thresholds(store, change.subject, change.data, author=author, path=DATA))


def _set_top_up_rule(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    return Applied(write_top_up_rule.set_top_up_rule(store, change.subject, change.data, author=author, path=DATA))


def _stop_top_up_rule(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    read_nothing(change.data)
    cancelled = write_top_up_rule.stop_top_up_rule(store, change.subject, author=author)
    return Applied(changed=True, facts={"cancelled_requests": len(cancelled)})


def _open_wallet(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    said, (account, name) = read_wallet_purposes(change.data, opens=True), split_code(change.subject)
    new = keep_wallets.NewWallet(account, name, said.pays_for, said.currency)
    with placed_at(DATA):
        return Applied(keep_wallets.open_wallet(store, new, author=author))


def _change_wallet(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    said = read_wallet_purposes(change.data, opens=False)
    with placed_at(DATA):
        return Applied(keep_wallets.set_purposes(store, change.subject, said.pays_for, author=author))


def _close_wallet(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    read_nothing(change.data)
    with placed_at(DATA):
        return Applied(keep_wallets.close_wallet(store, change.subject, author=author))


APPLICATIONS: Final[Mapping[ConfigType, Application]] = {
    ConfigType.CUSTOMER_CREATED: _create_customer,
    ConfigType.CUSTOMER_UPDATED: _update_customer,
    ConfigType.CUSTOMER_ARCHIVED: _archive_customer,
    ConfigType.ACCOUNT_OPENED: _open_account,
    ConfigType.ACCOUNT_CHANGED: _change_account,
    ConfigType.ACCOUNT_CLOSED: _close_account,
    ConfigType.ALIAS_MAPPED: _map_alias,
    ConfigType.ALIAS_MOVED: _move_alias,
    ConfigType.ALIAS_ENDED: _end_alias,
    ConfigType.PLAN_PUBLISHED: _publish_plan,
    ConfigType.CONTRACT_WRITTEN: _write_contract,
    ConfigType.CONTRACT_ENDED: _end_contract,
    ConfigType.SUBSCRIPTION_STARTED: _start_subscription,
    ConfigType.SUBSCRIPTION_CHANGED: _change_subscription,
    ConfigType.SUBSCRIPTION_PAUSED: _pause_subscription,
    ConfigType.SUBSCRIPTION_RESUMED: _resume_subscription,
    ConfigType.SUBSCRIPTION_CANCELLED: _cancel_subscription,
    ConfigType.THRESHOLD_SET: _set_threshold,
    ConfigType.TOP_UP_RULE_SET: _set_top_up_rule,
    ConfigType.TOP_UP_RULE_STOPPED: _stop_top_up_rule,
    ConfigType.WALLET_OPENED: _open_wallet,
    ConfigType.WALLET_CHANGED: _change_wallet,
    ConfigType.WALLET_CLOSED: _close_wallet,
}


def apply_change(store: AdministrationStore, change: ConfigChange, *, author: Author) -> Applied:
    """Do what an event says. Raises what its use case raises; nothing is written then."""
    return APPLICATIONS[change.type](store, change, author)


def _happened_at(change: ConfigChange) -> datetime:
    return _EPOCH + timedelta(microseconds=change.time_micros)


def _timing(change: ConfigChange, terms: SubscriptionTerms) -> Timing:
    at = None if terms.at_period_end else terms.at or _happened_at(change)
    return Timing(at, terms.at_period_end, terms.why, replacing=terms.replacing)


def _subscribed(change: SubscriptionChange) -> Applied:
    """Events that were charged by what was in force before are told of: re-rating them is somebody's decision."""
    return Applied(changed=True, facts={"at": change.at.isoformat(), "events_to_rerate": change.events_to_rerate})


def _written(written: Written) -> Applied:
    return Applied(written.changed, {VERSION: written.version})


def _kept(kept: Kept) -> Applied:
    return Applied(kept.written.changed, {VERSION: kept.written.version}, kept.balances)
