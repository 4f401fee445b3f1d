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
    read_alias_mapped,
    read_alias_moved,
    read_ending,
    read_nothing,
)
from invoicing import administer, keep_accounts, name_accounts, write_customer
from invoicing.administer import Author
from invoicing.administration_ports import AdministrationStore
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
    return _kept(keep_accounts.open_account(store, change.named(), author=author, path=DATA))


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
    return Applied(administer.publish_plan(store, change.named(), author=author))


def _set_threshold(store: AdministrationStore, change: ConfigChange, author: Author) -> Applied:
    return _written(keep_accounts.choose_thresholds(store, change.subject, change.data, author=author, path=DATA))


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
    ConfigType.THRESHOLD_SET: _set_threshold,
}


def apply_change(store: AdministrationStore, change: ConfigChange, *, author: Author) -> Applied:
    """Do what an event says. Raises what its use case raises; nothing is written then."""
    return APPLICATIONS[change.type](store, change, author)


def _happened_at(change: ConfigChange) -> datetime:
    return _EPOCH + timedelta(microseconds=change.time_micros)


def _written(written: Written) -> Applied:
    return Applied(written.changed, {VERSION: written.version})


def _kept(kept: Kept) -> Applied:
    return Applied(kept.written.changed, {VERSION: kept.written.version}, kept.balances)
