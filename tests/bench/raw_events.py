"""Millions of booked events, made inside PostgreSQL, for the measurements that price them anew."""

from collections.abc import Mapping
from typing import Any

import psycopg

from connectors import clock
from domain.money import Currency
from invoicing import administer
from tests import opened_accounts
from tests.installation import Installation
from tests.opened_accounts import NewAccount, NewCustomer

ACCOUNTS = 1_000
EVENTS = 10_000_000
_COMMON = {"sac": "998319", "unit": "message"}
_CHANNELS, _COUNTRIES, _OPERATORS = ("sms", "whatsapp", "voice"), ("IN", "US", "ID", "AE", "SG"), ("jio", "airtel", "vi")
PLAN: dict[str, Any] = {
    "code": "bench",
    "name": "Bench",
    "currency": "INR",
    "charges": [
        {
            "meter": "otp.delivered",
            "description": "OTP delivered",
            "price": {
                "model": "matrix",
                "dimensions": ["channel", "country", "operator"],
                "rows": [
                    {"when": {"channel": "sms", "country": "IN"}, "model": "per_unit", "unit_price": "0.145"},
                    {"when": {"channel": "sms", "operator": "jio"}, "model": "per_unit", "unit_price": "0.1375"},
                    {
                        "when": {"channel": "sms", "country": "IN", "operator": "jio"},
                        "model": "per_unit",
                        "unit_price": "0.13",
                    },
                    {"when": {"channel": "whatsapp"}, "model": "per_unit", "unit_price": "0.11"},
                    {"model": "per_unit", "unit_price": "0.333333"},
                ],
            },
            **_COMMON,
        },
        {
            "meter": "voice.minutes",
            "description": "Voice",
            "price": {"model": "graduated", "tiers": [{"up_to": 500, "unit_price": "1.00"}, {"unit_price": "0.80"}]},
            **_COMMON,
        },
        {
            "meter": "link.delivered",
            "description": "Magic link",
            "price": {"model": "package", "package_size": 1000, "package_price": "90"},
            **_COMMON,
        },
        {
            "meter": "email.delivered",
            "description": "E-mail",
            "price": {"model": "volume", "tiers": [{"up_to": 1000, "unit_price": "0.05"}, {"unit_price": "0.03"}]},
            **_COMMON,
        },
        {
            "meter": "number.checked",
            "description": "Number check",
            "price": {"model": "stairstep", "tiers": [{"up_to": 1000, "flat_fee": "99"}, {"flat_fee": "499"}]},
            **_COMMON,
        },
    ],
}
METERS = [charge["meter"] for charge in PLAN["charges"]]
PLAN["charges"] += [
    {"code": "platform", "kind": "recurring", "description": "Platform", "sac": "998319", "amount": "999.00"},
    {"code": "minimum", "kind": "commitment", "description": "Minimum", "sac": "998319", "minimum": "1000000.00"},
]

# Events spread over October 2026 in India; of fifteen properties' combinations, types and accounts each comes as often.
_EVENTS = """
INSERT INTO usage_event (event_key, event_time, received_at, batch_id, partition, record_offset, account_id, charge_id,
    quantity_millionths, amount_micros, source, event_id, subject, meter, price_cell, properties)
SELECT lpad(to_hex(i), 32, '0')::uuid, timestamptz '2026-09-30 18:30+00' + i * (interval '31 days' / {events}),
       timestamptz '2026-11-01', 1, 0, i, 0, 0, 1000000 + 250000 * (i %% 3), 0, '/bench', 'event-' || i,
       'load-' || lpad((i %% {accounts})::text, 5, '0'), (%(meters)s::text[])[1 + i / {accounts} %% {meters}], '',
       '{{"channel":"' || (%(channels)s::text[])[1 + i %% 3] || '","country":"' || (%(countries)s::text[])[1 + i / 7 %% 5]
       || '","message":"' || md5(i::text) || '","operator":"' || (%(operators)s::text[])[1 + i / 11 %% 3] || '"}}'
FROM generate_series({first}, {last} - 1) AS i
"""
_PORTION = 1_000_000


def fill(installation: Installation, events: int, *, accounts: int = ACCOUNTS) -> None:
    """Make the installation anew, with accounts on one plan and booked events of theirs; nothing in them is rated yet."""
    installation.create()
    _open_accounts(installation, accounts)
    facts: Mapping[str, Any] = {
        "meters": METERS,
        "channels": list(_CHANNELS),
        "countries": list(_COUNTRIES),
        "operators": list(_OPERATORS),
    }
    with psycopg.connect(installation.settings.postgres_dsn, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for first in range(0, events, _PORTION):
            last = min(first + _PORTION, events)
            statement = _EVENTS.format(events=events, accounts=accounts, meters=len(METERS), first=first, last=last)
            connection.execute(statement.encode(), facts)
        connection.execute("VACUUM ANALYZE usage_event")
        # Since the beginning of October in India: from then on they bear fees.
        connection.execute("UPDATE subscription SET validity = tstzrange('2026-09-30 18:30+00', NULL)")
        connection.execute("UPDATE subscription SET began_at = lower(validity)")


def _open_accounts(installation: Installation, count: int) -> None:
    store = installation.administration()
    author = administer.Author("bench", clock.now())
    administer.publish_plan(store, PLAN, author=author)
    customers = [
        NewCustomer(f"C{i:05d}", f"Customer {i}", f"c{i}@example.com", None, ("1 Road",), "IN", "29", None, "unregistered")
        for i in range(count)
    ]
    accounts = [
        NewAccount(f"A{i:05d}", f"C{i:05d}", "postpaid", Currency.INR, "Asia/Kolkata", (f"load-{i:05d}",), PLAN["code"])
        for i in range(count)
    ]
    opened_accounts.open_accounts(store, customers, accounts, author=author)
