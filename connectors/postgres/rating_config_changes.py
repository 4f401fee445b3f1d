"""Bringing a worker's configuration up to date: only what was touched since its version is read again.

What a version touched is in `config_touch` (sql/postgres/0013_rating.sql). A kind of change whose extent is not recorded
there, or too many changes at once, means reading everything. Objects a configuration holds are never edited: the thread
that prepares a batch may be rating with the version before.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any, Final

from psycopg import Connection

from connectors.postgres import rating_config_sql as sql
from connectors.postgres.rating_config import (
    LoadedConfig,
    accounts_from,
    aliases_from,
    contracts_from,
    decisions_from,
    event_types_of,
    give_purposes,
    meters_from,
    plans_from,
    read,
    subscriptions_from,
    terms_from,
)

_RECORDED: Final = frozenset(
    f"{table} {operation}"
    for table in ("account", "alias", "subscription", "charge", "contract", "meter", "quarantined_event", "wallet_purpose")
    for operation in ("insert", "update", "delete")
)
"""Changes whose extent is recorded, as config_change names them."""
_CHANGES_MAX: Final = 2_000
_TOUCHES_MAX: Final = 20_000
"""Beyond these, reading everything is the shorter way."""


def bring_up_to_date(connection: Connection[Any], known: LoadedConfig) -> LoadedConfig | None:
    """The present truth, from what is known and what changed since; None when that is not recorded, or too much.

    Call inside a transaction whose statements see one moment.
    """
    ((version,),) = read(connection, sql.VERSION)
    since = known.config.version
    if version == since:
        return known
    changes = [what for (what,) in read(connection, sql.CHANGES, (since, version))]
    if len(changes) != version - since or len(changes) > _CHANGES_MAX or not _RECORDED.issuperset(changes):
        return None
    touches = read(connection, sql.TOUCHES, (since, version, _TOUCHES_MAX + 1))
    if len(touches) > _TOUCHES_MAX:
        return None
    updated = _replaced(connection, known, _Touched(touches))
    config = replace(updated.config, version=version)
    if any(what.startswith("quarantined_event") for what in changes):
        accepted, rejected = decisions_from(read(connection, sql.DECISIONS))
        config = replace(config, accepted_late=accepted, rejected=rejected)
    return replace(updated, config=config)


class _Touched:
    """Keys by kind."""

    def __init__(self, touches: Sequence[tuple[str, str]]) -> None:
        self._keys: dict[str, list[str]] = {}
        for kind, key in touches:
            self._keys.setdefault(kind, []).append(key)

    def names(self, kind: str) -> list[str]:
        return self._keys.get(kind, [])

    def ids(self, *kinds: str) -> list[int]:
        return sorted({int(key) for kind in kinds for key in self.names(kind)})


def _replaced(connection: Connection[Any], known: LoadedConfig, touched: _Touched) -> LoadedConfig:
    meters = known.meters
    if touched.ids("meter"):
        meters.update(meters_from(read(connection, sql.METERS_BY_ID, (touched.ids("meter"),))))
    plan_ids = touched.ids("plan_version")
    plans = known.plans
    if plan_ids:
        versions = read(connection, sql.PLANS_BY_ID, (plan_ids,))
        plans = {**plans, **plans_from(versions, read(connection, sql.CHARGES_OF_PLANS, (plan_ids,)), meters)}
    contract_ids = touched.ids("contract")
    contracts = known.contracts
    if contract_ids:
        rows = read(connection, sql.CONTRACTS_BY_ID, (contract_ids,))
        charges = read(connection, sql.CHARGES_OF_CONTRACTS, (contract_ids,))
        contracts = {**contracts, **contracts_from(rows, charges, meters)}
    account_ids = set(touched.ids("account", "subscription"))
    if contract_ids:
        account_ids.update(row[0] for row in read(connection, sql.ACCOUNTS_OF_CONTRACTS, (contract_ids, contract_ids)))
    # A change of parent moves all accounts below it to another tree.
    account_ids.update(row[0] for row in read(connection, sql.BELOW, (touched.ids("account"),)))
    payers = touched.ids("wallet_purpose")
    if payers:
        account_ids.update(row[0] for row in read(connection, sql.PAYING_FROM, (payers,)))
    account_ids.update(_accounts_on(known, known.plans.keys() & set(plan_ids)))
    updated = replace(known, plans=plans, contracts=contracts, config=replace(known.config, meters=event_types_of(meters)))
    return _with_accounts(connection, updated, sorted(account_ids), touched.names("alias"))


def _accounts_on(known: LoadedConfig, plan_ids: Collection[int]) -> list[int]:
    """Accounts with a subscription to one of these plan versions: usually none, as charges come before subscriptions."""
    if not plan_ids:
        return []
    return [
        account.account_id
        for account in known.config.accounts.values()
        if any(subscription.plan.plan_version_id in plan_ids for subscription in account.subscriptions)
    ]


def _with_accounts(
    connection: Connection[Any], known: LoadedConfig, account_ids: Sequence[int], names: Sequence[str]
) -> LoadedConfig:
    """These accounts read again, and these aliases with those that ever named one of the accounts."""
    config = known.config
    accounts, aliases = config.accounts, config.aliases
    if account_ids:
        ids = (account_ids,)
        subscriptions = subscriptions_from(read(connection, sql.SUBSCRIPTIONS_BY_ACCOUNT, ids), known.plans)
        roots: dict[int, int] = dict(read(connection, sql.ROOTS_BY_ID, ids))
        terms = terms_from(read(connection, sql.TERMS_BY_ACCOUNT, (account_ids, account_ids)), known.contracts)
        found = accounts_from(read(connection, sql.ACCOUNTS_BY_ID, ids), subscriptions, roots, terms)
        give_purposes(found, read(connection, sql.PURPOSES_BY_ACCOUNT, ids), known.meters)
        accounts = {**accounts, **found}
        for gone in set(account_ids) - found.keys():
            accounts.pop(gone, None)
    if account_ids or names:
        rows = read(connection, sql.ALIASES_BY_NAME_OR_ACCOUNT, (list(names), list(account_ids)))
        present = aliases_from(rows, accounts)
        aliases = {**aliases, **present}
        for name in set(names) - present.keys():
            aliases.pop(name, None)
    return replace(known, config=replace(config, accounts=accounts, aliases=aliases))
