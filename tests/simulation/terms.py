"""The small worlds' customers: three accounts, and three versions of who they are and what they pay.

One is on a plan that rates events in parts: a matrix with a volume price, distinct recipients, a price by the year, and on
the money of the month ten percent off and a cap. Two have a further wallet, whose purposes change once: for voice, and for
what goes by WhatsApp, which shares prices and the cap with what the account's own wallet pays.

Told twice: as the configuration the workers rate with, and as plain terms for the reference model.
"""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, Account, AliasSpan, RatingConfig, Subscription
from domain.catalogue import Meter, PlanVersion
from domain.money import Currency
from domain.wallet_purposes import Purposes
from tests.builders_rating import a_meter, a_plan, a_usage_charge, an_adjustment
from tests.builders_usage import HAPPENED_AT, MATRIX, TIERS, a_charge, a_plan_version, micros_of

EVER = (DISTANT_PAST, DISTANT_FUTURE)
METERS = ("otp.delivered", "voice.minutes")
DEARER = {"model": "per_unit", "unit_price": "0.333333"}
MOVED_AT = micros_of(HAPPENED_AT - timedelta(hours=30))
DEARER_FROM = micros_of(HAPPENED_AT - timedelta(hours=12))
ACCOUNTS = {"acme": ("Asia/Kolkata", 10_000_000), "bolt": ("Asia/Jakarta", 0), "cato": ("UTC", 7)}
"""Time zone and opening balance in micros."""
WALLETS = {"acme": ("acme/voice",), "bolt": ("bolt/whatsapp",), "cato": ()}
"""Further wallets: of cato none. They begin empty."""
_VOICE = {"event_type": "voice.minutes"}
_WHATSAPP = {"event_type": "otp.delivered", "filter": {"channel": ["whatsapp"]}}

_VOLUME = {
    "model": "volume",
    "tiers": [{"up_to": 50, "unit_price": "0.30"}, {"unit_price": "0.111111"}],
    "corrections": "reprice",
}
_RECIPIENTS = {"event_type": "otp.delivered", "aggregation": "unique", "property": "to", "filter": {"channel": ["sms"]}}
RICH: dict[str, Any] = {
    "charges": [
        {
            "code": "otp",
            "meters": [{"event_type": "otp.delivered"}],
            "price": {
                **MATRIX,
                "rows": [
                    {"when": {"channel": "sms"}, **_VOLUME},
                    {"when": {"country": "ID"}, "model": "per_unit", "unit_price": "0.33"},
                ],
            },
        },
        {
            "code": "recipients",
            "meters": [
                {"event_type": "otp.delivered", "aggregation": "unique", "property": "to", "filter": {"channel": ["sms"]}}
            ],
            "price": {"model": "per_unit", "unit_price": "0.7"},
        },
        {"code": "voice", "meters": [{"event_type": "voice.minutes"}], "price": _VOLUME, "reset": "year"},
    ],
    "adjustments": [
        {"code": "launch", "kind": "percentage", "percent": "10", "applies_to": ["otp"]},
        {"code": "cap", "kind": "maximum", "amount": "9", "applies_to": ["otp", "recipients"]},
    ],
}
_PRICES: dict[str, dict[str, Any]] = {
    "otp v1": {"otp.delivered": MATRIX, "voice.minutes": TIERS},
    "otp v2": {"otp.delivered": DEARER},
    "otp v3": RICH,
}
_ALIASES: dict[str, list[tuple[int, int, str]]] = {
    "acme": [(*EVER, "acme")],
    "acme-app": [(*EVER, "acme")],
    "bolt": [(*EVER, "bolt")],
    "roam": [(*EVER, "acme")],
    "cato": [(*EVER, "cato")],
}
_MOVED = {**_ALIASES, "roam": [(EVER[0], MOVED_AT, "acme"), (MOVED_AT, EVER[1], "bolt")], "nova": [(*EVER, "cato")]}
_ONE_PLAN = {code: [(*EVER, "otp v1")] for code in ACCOUNTS} | {"bolt": [(*EVER, "otp v3")]}
_TWO_PLANS = {**_ONE_PLAN, "acme": [(EVER[0], DEARER_FROM, "otp v1"), (DEARER_FROM, EVER[1], "otp v2")]}


_PURPOSES: dict[str, list[dict[str, Any]]] = {"acme/voice": [_VOICE], "bolt/whatsapp": [_WHATSAPP]}
_OTHER_PURPOSES: dict[str, list[dict[str, Any]]] = {"acme/voice": [], "bolt/whatsapp": [_WHATSAPP, _VOICE]}


def wallet_ids(number: int, code: str) -> dict[str, int]:
    """The wallets of an account by their codes, its own first: 101, and 201, 211, ... A further one is its own owner."""
    return {code: number + 100} | {name: number + 200 + 10 * place for place, name in enumerate(WALLETS[code])}


def _terms(
    aliases: dict[str, list[tuple[int, int, str]]],
    plans: dict[str, list[tuple[int, int, str]]],
    purposes: dict[str, list[dict[str, Any]]],
) -> dict[str, Any]:
    return {
        "meters": set(METERS),
        "aliases": aliases,
        "accounts": {
            code: {
                "opening_micros": opening,
                "time_zone": zone,
                "plans": [(start, end, label, _PRICES[label]) for start, end, label in plans[code]],
                **({"wallets": {name: purposes[name] for name in WALLETS[code]}} if WALLETS[code] else {}),
            }
            for code, (zone, opening) in ACCOUNTS.items()
        },
    }


def _config(
    version: int,
    aliases: dict[str, list[tuple[int, int, str]]],
    plans: dict[str, list[tuple[int, int, str]]],
    purposes: dict[str, list[dict[str, Any]]],
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
            purposes=_purposes(wallet_ids(number, code), purposes),
        )
        for number, (code, (zone, _)) in enumerate(ACCOUNTS.items(), 1)
    }
    return RatingConfig(
        version,
        {alias: [AliasSpan(accounts[code], start, end) for start, end, code in spans] for alias, spans in aliases.items()},
        {account.account_id: account for account in accounts.values()},
        frozenset(METERS),
    )


def _purposes(wallets: dict[str, int], purposes: dict[str, list[dict[str, Any]]]) -> Purposes | None:
    named = [(_meter(code, 900, meter), wallets[code]) for code in wallets for meter in purposes.get(code, ())]
    return Purposes(named) if named else None


def _plan(number: int, label: str, prices: dict[str, Any]) -> PlanVersion:
    if "charges" not in prices:
        charges = [
            a_charge(meter, price, charge_id=10 * number + place) for place, (meter, price) in enumerate(prices.items())
        ]
        return a_plan_version(*charges, plan_version_id=number, label=label)
    rich = [
        a_usage_charge(
            charge["code"],
            *(_meter(charge["code"], 100 * number + 10 * place, meter) for meter in charge["meters"]),
            charge_id=10 * number + place,
            price=charge["price"],
            reset=charge.get("reset"),
        )
        for place, charge in enumerate(prices["charges"])
    ]
    adjustments = [
        an_adjustment(charge_id=10 * number + 5 + place, **adjustment)
        for place, adjustment in enumerate(prices["adjustments"])
    ]
    return a_plan(*rich, adjustments=adjustments, plan_version_id=number, label=label)


def _meter(code: str, meter_id: int, told: dict[str, Any]) -> Meter:
    let_through = tuple((name, frozenset(values)) for name, values in told.get("filter", {}).items())
    return a_meter(
        code,
        meter_id=meter_id,
        event_type=told["event_type"],
        aggregation=told.get("aggregation", "sum"),
        measured=told.get("property", "quantity"),
        filter=let_through,
    )


_SOLD = {label: _plan(number, label, prices) for number, (label, prices) in enumerate(_PRICES.items(), 1)}
ADJUSTMENTS = {one.charge_id for plan in _SOLD.values() for one in plan.adjustments}
"""Ids of those whose quantity is money."""
_VERSIONS = (
    (_ALIASES, _ONE_PLAN, _PURPOSES),
    (_MOVED, _ONE_PLAN, _PURPOSES),
    (_MOVED, _TWO_PLANS, _OTHER_PURPOSES),
)
TERMS = [_terms(*version) for version in _VERSIONS]
CONFIGS = [_config(number, *version) for number, version in enumerate(_VERSIONS, 1)]
