"""The small worlds' customers: three accounts, and three versions of who they are and what they pay.

Told twice: as the configuration the workers rate with, and as plain terms for the reference model.
"""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, Account, AliasSpan, RatingConfig, Subscription
from domain.money import Currency
from tests.builders_usage import HAPPENED_AT, MATRIX, TIERS, a_charge, a_plan_version, micros_of

EVER = (DISTANT_PAST, DISTANT_FUTURE)
METERS = ("otp.delivered", "voice.minutes")
DEARER = {"model": "per_unit", "unit_price": "0.333333"}
MOVED_AT = micros_of(HAPPENED_AT - timedelta(hours=30))
DEARER_FROM = micros_of(HAPPENED_AT - timedelta(hours=12))
ACCOUNTS = {"acme": ("Asia/Kolkata", 10_000_000), "bolt": ("Asia/Jakarta", 0), "cato": ("UTC", 7)}
"""Time zone and opening balance in micros."""

_PRICES = {
    "otp v1": {"otp.delivered": MATRIX, "voice.minutes": TIERS},
    "otp v2": {"otp.delivered": DEARER},
}
_ALIASES: dict[str, list[tuple[int, int, str]]] = {
    "acme": [(*EVER, "acme")],
    "acme-app": [(*EVER, "acme")],
    "bolt": [(*EVER, "bolt")],
    "roam": [(*EVER, "acme")],
    "cato": [(*EVER, "cato")],
}
_MOVED = {**_ALIASES, "roam": [(EVER[0], MOVED_AT, "acme"), (MOVED_AT, EVER[1], "bolt")], "nova": [(*EVER, "cato")]}
_ONE_PLAN = {code: [(*EVER, "otp v1")] for code in ACCOUNTS}
_TWO_PLANS = {**_ONE_PLAN, "acme": [(EVER[0], DEARER_FROM, "otp v1"), (DEARER_FROM, EVER[1], "otp v2")]}


def _terms(aliases: dict[str, list[tuple[int, int, str]]], plans: dict[str, list[tuple[int, int, str]]]) -> dict[str, Any]:
    return {
        "meters": set(METERS),
        "aliases": aliases,
        "accounts": {
            code: {
                "opening_micros": opening,
                "time_zone": zone,
                "plans": [(start, end, label, _PRICES[label]) for start, end, label in plans[code]],
            }
            for code, (zone, opening) in ACCOUNTS.items()
        },
    }


def _config(
    version: int, aliases: dict[str, list[tuple[int, int, str]]], plans: dict[str, list[tuple[int, int, str]]]
) -> RatingConfig:
    accounts = {
        code: Account(
            number,
            code,
            f"customer-{code}",
            number + 100,
            Currency.INR,
            ZoneInfo(zone),
            [Subscription(_SOLD[label], start, end) for start, end, label in plans[code]],
        )
        for number, (code, (zone, _)) in enumerate(ACCOUNTS.items(), 1)
    }
    return RatingConfig(
        version,
        {alias: [AliasSpan(accounts[code], start, end) for start, end, code in spans] for alias, spans in aliases.items()},
        {account.account_id: account for account in accounts.values()},
        frozenset(METERS),
    )


_SOLD = {
    label: a_plan_version(
        *(a_charge(meter, price, charge_id=10 * number + place) for place, (meter, price) in enumerate(prices.items())),
        plan_version_id=number,
        label=label,
    )
    for number, (label, prices) in enumerate(_PRICES.items(), 1)
}
_VERSIONS = ((_ALIASES, _ONE_PLAN), (_MOVED, _ONE_PLAN), (_MOVED, _TWO_PLANS))
TERMS = [_terms(*version) for version in _VERSIONS]
CONFIGS = [_config(number, *version) for number, version in enumerate(_VERSIONS, 1)]
