"""Loading the truth a worker rates with: aliases, accounts, subscriptions and plans, as of one config_version."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from psycopg import Connection

from domain.attribution import (
    DISTANT_FUTURE,
    DISTANT_PAST,
    EPOCH,
    Account,
    AliasSpan,
    RatingConfig,
    Subscription,
)
from domain.catalogue import Charge, PlanVersion, read_charge
from domain.money import Currency

_VERSION = "SELECT version FROM config_version"
_CHARGES = """
SELECT c.charge_id, c.plan_version_id, c.meter, c.description, c.sac, c.unit, c.price,
       p.code || ' v' || v.version, v.currency
FROM charge c JOIN plan_version v USING (plan_version_id) JOIN plan p USING (plan_id)
"""
_ACCOUNTS = """
SELECT a.account_id, a.code, c.code, w.wallet_id, a.currency, a.time_zone
FROM account a JOIN customer c USING (customer_id) JOIN wallet w ON w.account_id = a.pay_from_account_id
"""
_SUBSCRIPTIONS = "SELECT account_id, plan_version_id, lower(validity), upper(validity) FROM subscription"
_ALIASES = "SELECT alias, account_id, lower(validity), upper(validity) FROM alias"
_DECISIONS = "SELECT decision, event_key, body_digest, event_time FROM quarantined_event WHERE decision IS NOT NULL"


def load_rating_config(connection: Connection[tuple[Any, ...]]) -> RatingConfig:
    """Read everything; call inside a transaction. All statements see one moment, so the version fits the rest."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    ((version,),) = _rows(connection, _VERSION)
    plans = _plans(connection)
    subscriptions: dict[int, list[Subscription]] = {}
    for account_id, plan_version_id, start, end in _rows(connection, _SUBSCRIPTIONS):
        if plan_version_id in plans:
            span = Subscription(plans[plan_version_id], _micros(start, DISTANT_PAST), _micros(end, DISTANT_FUTURE))
            subscriptions.setdefault(account_id, []).append(span)
    zones: dict[str, ZoneInfo] = {}
    accounts = {
        account_id: Account(
            account_id,
            code,
            customer_code,
            wallet_id,
            Currency(currency),
            zones.setdefault(zone, ZoneInfo(zone)),
            subscriptions.get(account_id, ()),
        )
        for account_id, code, customer_code, wallet_id, currency, zone in _rows(connection, _ACCOUNTS)
    }
    aliases: dict[str, list[AliasSpan]] = {}
    for alias, account_id, start, end in _rows(connection, _ALIASES):
        if account_id in accounts:
            span_of_alias = AliasSpan(accounts[account_id], _micros(start, DISTANT_PAST), _micros(end, DISTANT_FUTURE))
            aliases.setdefault(alias, []).append(span_of_alias)
    meters = frozenset(meter for plan in plans.values() for meter in plan.charges)
    decisions = _rows(connection, _DECISIONS)
    accepted = frozenset(
        (key.bytes, digest.bytes, _micros(at, 0)) for said, key, digest, at in decisions if said == "accepted"
    )
    rejected = frozenset(key.bytes for said, key, _, _ in decisions if said == "rejected")
    return RatingConfig(version, aliases, accounts, meters, accepted, rejected)


def _plans(connection: Connection[tuple[Any, ...]]) -> dict[int, PlanVersion]:
    plans: dict[int, PlanVersion] = {}
    for charge_id, plan_version_id, meter, description, sac, unit, price, label, currency in _rows(connection, _CHARGES):
        plan = plans.get(plan_version_id)
        if plan is None:
            plan = plans[plan_version_id] = PlanVersion(plan_version_id, label, Currency(currency), {})
        document = {"meter": meter, "description": description, "sac": sac, "unit": unit, "price": price}
        charge: Charge = read_charge(charge_id, document, path=f"plan {label}, charge {meter}")
        plan.charges[meter] = charge
    return plans


def _rows(connection: Connection[tuple[Any, ...]], statement: str) -> list[tuple[Any, ...]]:
    cursor = connection.execute(statement.encode())
    return cursor.fetchall()


def _micros(moment: datetime | None, otherwise: int) -> int:
    if moment is None:
        return otherwise
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
