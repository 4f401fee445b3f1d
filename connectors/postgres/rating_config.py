"""Loading the truth a worker rates with: aliases, accounts, subscriptions, plans and meters, as of one config_version.

A hundred thousand accounts and ten thousand plan versions are read in seconds and held in some hundred megabytes: rows come
in binary, repeated values are one object, and a plan's charges stay text until an account on it has an event.
"""

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from zoneinfo import ZoneInfo

from psycopg import Connection

from connectors.postgres import rating_config_sql as sql
from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, Account, AliasSpan, ContractTerm, RatingConfig, Subscription
from domain.catalogue import Aggregation, ChargeRow, Contract, Meter, PlanVersion
from domain.money import Currency
from domain.wallet_purposes import Purposes

_CURRENCIES: Final = {currency.value: currency for currency in Currency}

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class LoadedConfig:
    """A configuration with what it was put together from."""

    config: RatingConfig
    plans: Mapping[int, PlanVersion]
    meters: dict[str, Meter]
    """By code. Meters only come, so price lists that are read later look them up here."""
    contracts: Mapping[int, Contract] = field(default_factory=dict)


def load_rating_config(connection: Connection[Any]) -> LoadedConfig:
    """Read everything; call inside a transaction. All statements see one moment, so the version fits the rest."""
    with _without_garbage_collection():
        ((version,),) = read(connection, sql.VERSION)
        meters = meters_from(read(connection, sql.METERS))
        plans = plans_from(read(connection, sql.PLANS), read(connection, sql.CHARGES), meters)
        subscriptions = subscriptions_from(read(connection, sql.SUBSCRIPTIONS), plans)
        contracts = contracts_from(read(connection, sql.CONTRACTS), read(connection, sql.CONTRACT_CHARGES), meters)
        terms = terms_from(read(connection, sql.TERMS), contracts)
        accounts = accounts_from(read(connection, sql.ACCOUNTS), subscriptions, dict(read(connection, sql.ROOTS)), terms)
        give_purposes(accounts, read(connection, sql.PURPOSES), meters)
        aliases = aliases_from(read(connection, sql.ALIASES), accounts)
        accepted, rejected = decisions_from(read(connection, sql.DECISIONS))
    config = RatingConfig(version, aliases, accounts, event_types_of(meters), accepted, rejected)
    return LoadedConfig(config, plans, meters, contracts)


def one_moment(connection: Connection[Any]) -> None:
    """Let all statements of the transaction that has just begun see the same."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")


def read(connection: Connection[Any], statement: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """The rows of a statement, sent in binary."""
    with connection.cursor(binary=True) as cursor:
        return cursor.execute(statement.encode(), parameters).fetchall()


def meters_from(rows: Sequence[Row]) -> dict[str, Meter]:
    """Meters by code."""
    return {
        code: Meter(meter_id, code, event_type, Aggregation(aggregation), measured, _filter(text))
        for meter_id, code, event_type, aggregation, measured, text in rows
    }


def _filter(text: str) -> tuple[tuple[str, frozenset[str]], ...]:
    return tuple((name, frozenset(values)) for name, values in sorted(json.loads(text).items()))


def event_types_of(meters: Mapping[str, Meter]) -> frozenset[str]:
    """The event types that any meter counts."""
    return frozenset(meter.event_type for meter in meters.values())


def plans_from(plans: Sequence[Row], charges: Sequence[Row], meters: Mapping[str, Meter]) -> dict[int, PlanVersion]:
    """Plan versions by id, their charges not yet read."""
    rows: dict[int, list[ChargeRow]] = {}
    for plan_version_id, *charge in charges:
        rows.setdefault(plan_version_id, []).append(ChargeRow(*charge))
    found = {}
    for plan_version_id, label, currency in plans:
        plan = found[plan_version_id] = PlanVersion(plan_version_id, label, _CURRENCIES[currency])
        plan.keep(tuple(rows.get(plan_version_id, ())), meters=meters)
    return found


def contracts_from(contracts: Sequence[Row], charges: Sequence[Row], meters: Mapping[str, Meter]) -> dict[int, Contract]:
    """Contracts by id, their charges not yet read."""
    rows: dict[int, list[ChargeRow]] = {}
    for contract_id, *charge in charges:
        rows.setdefault(contract_id, []).append(ChargeRow(*charge))
    found = {}
    for contract_id, code, currency in contracts:
        contract = found[contract_id] = Contract(contract_id, code, _CURRENCIES[currency])
        contract.keep(tuple(rows.get(contract_id, ())), meters=meters)
    return found


def terms_from(rows: Sequence[Row], contracts: Mapping[int, Contract]) -> dict[int, tuple[ContractTerm, ...]]:
    """Contracts in force by account."""
    found: dict[int, tuple[ContractTerm, ...]] = {}
    for account_id, contract_id, priority, start, end in rows:
        term = ContractTerm(contracts[contract_id], _bound(start, DISTANT_PAST), _bound(end, DISTANT_FUTURE), priority)
        found[account_id] = (*found.get(account_id, ()), term)
    return found


def subscriptions_from(rows: Sequence[Row], plans: Mapping[int, PlanVersion]) -> dict[int, tuple[Subscription, ...]]:
    """Subscriptions by account. Those from ever for ever on one plan are one object."""
    for_ever: dict[int, tuple[Subscription, ...]] = {}
    found: dict[int, tuple[Subscription, ...]] = {}
    for account_id, plan_version_id, start, end, began in rows:
        if start is None and end is None and began is None:
            if plan_version_id not in for_ever:
                for_ever[plan_version_id] = (Subscription(plans[plan_version_id], DISTANT_PAST, DISTANT_FUTURE),)
            found[account_id] = for_ever[plan_version_id]
        else:
            since = _bound(start, DISTANT_PAST)
            segment = Subscription(plans[plan_version_id], since, _bound(end, DISTANT_FUTURE), began)
            found[account_id] = (*found.get(account_id, ()), segment)
    return found


def accounts_from(
    rows: Sequence[Row],
    subscriptions: Mapping[int, tuple[Subscription, ...]],
    roots: Mapping[int, int],
    terms: Mapping[int, tuple[ContractTerm, ...]],
) -> dict[int, Account]:
    """Accounts by id; `roots` names the topmost account of those that have one above them, `terms` their contracts."""
    zones: dict[str, ZoneInfo] = {}
    customers: dict[str, str] = {}
    accounts = {}
    for account_id, code, customer, wallet_id, currency, zone in rows:
        time_zone = zones.get(zone) or zones.setdefault(zone, ZoneInfo(zone))
        accounts[account_id] = Account(
            account_id,
            code,
            customers.setdefault(customer, customer),
            wallet_id,
            _CURRENCIES[currency],
            time_zone,
            subscriptions.get(account_id, ()),
            terms.get(account_id, ()),
            roots.get(account_id, account_id),
        )
    return accounts


def give_purposes(accounts: Mapping[int, Account], rows: Sequence[Row], meters: Mapping[str, Meter]) -> None:
    """Tell accounts that were just read which further wallets pay for what."""
    by_id = {meter.meter_id: meter for meter in meters.values()} if rows else {}
    found: dict[int, list[tuple[Meter, int]]] = {}
    for account_id, meter_id, wallet_id in rows:
        found.setdefault(account_id, []).append((by_id[meter_id], wallet_id))
    for account_id, named in found.items():
        accounts[account_id].purposes = Purposes(named)


def aliases_from(rows: Sequence[Row], accounts: Mapping[int, Account]) -> dict[str, tuple[AliasSpan, ...]]:
    """Spans by alias. An account without a wallet to debit has none."""
    aliases: dict[str, tuple[AliasSpan, ...]] = {}
    for alias, account_id, start, end in rows:
        account = accounts.get(account_id)
        if account is not None:
            span = AliasSpan(account, _bound(start, DISTANT_PAST), _bound(end, DISTANT_FUTURE))
            aliases[alias] = (*aliases[alias], span) if alias in aliases else (span,)
    return aliases


def decisions_from(rows: Sequence[Row]) -> tuple[frozenset[tuple[bytes, bytes, int]], frozenset[bytes]]:
    """What people accepted although it is late, and the identities of what they rejected."""
    accepted = frozenset((key.bytes, digest.bytes, at) for said, key, digest, at in rows if said == "accepted")
    return accepted, frozenset(key.bytes for said, key, _, _ in rows if said == "rejected")


def _bound(micros: int | None, otherwise: int) -> int:
    return otherwise if micros is None else micros


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Everything that is read stays: looking for cycles in it, again and again while it grows, doubles the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
