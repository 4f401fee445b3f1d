"""Config events with whatever JSON holds in the place of every field: each is applied, or answered with its faults."""

import random

import pytest

from domain.config_changes import ConfigType
from tests.books import a_plan, open_shop
from tests.builders_config import Configuring, a_change, a_customer_created, an_account_opened
from tests.builders_customers import a_customer_document, an_account_document
from tests.builders_usage import an_array
from tests.metering_books import Books

pytestmark = pytest.mark.engines

EACH = 60
AT = "2026-10-15T12:00:00Z"
CONTRACT = {
    "account": "acme-live",
    "currency": "INR",
    "from": "2026-10-01T00:00:00Z",
    "to": "2026-12-01T00:00:00Z",
    "priority": 1,
    "charges": [
        {
            "meter": "otp.delivered",
            "description": "OTP",
            "sac": "998319",
            "unit": "message",
            "price": {"model": "per_unit", "unit_price": "0.10"},
        }
    ],
}
RIGHT = {
    ConfigType.CUSTOMER_CREATED: ("bolt", a_customer_document(code="bolt", contacts=[{"name": "A", "roles": ["owner"]}])),
    ConfigType.CUSTOMER_UPDATED: (
        "acme",
        {**a_customer_document(), "version": 1, "notifications": {"balance_low": ["sms"]}},
    ),
    ConfigType.CUSTOMER_ARCHIVED: ("acme", {"version": 1}),
    ConfigType.ACCOUNT_OPENED: (
        "second",
        an_account_document(code="second", plan="otp-inr", aliases=["x"], parent="acme-live"),
    ),
    ConfigType.ACCOUNT_CHANGED: ("acme-live", {"version": 1, "parent": "group", "bill_to": "group", "payment_term_days": 3}),
    ConfigType.ACCOUNT_CLOSED: ("acme-live", {"at": AT, "version": 1}),
    ConfigType.ALIAS_MAPPED: ("shop", {"account": "acme-live", "from": AT}),
    ConfigType.ALIAS_MOVED: ("acme-web", {"to": "group", "at": AT}),
    ConfigType.ALIAS_ENDED: ("acme-web", {"at": AT}),
    ConfigType.PLAN_PUBLISHED: ("otp-inr", {**a_plan(), "trial_days": 3}),
    ConfigType.CONTRACT_WRITTEN: ("acme-2026", CONTRACT),
    ConfigType.CONTRACT_ENDED: ("acme-2026", {"at": AT}),
    ConfigType.SUBSCRIPTION_STARTED: ("group", {"plan": "otp-inr", "plan_version": 1, "at": AT, "why": "x"}),
    ConfigType.SUBSCRIPTION_CHANGED: ("acme-live", {"plan": "otp-inr", "at_period_end": True}),
    ConfigType.SUBSCRIPTION_PAUSED: ("acme-live", {"at": AT}),
    ConfigType.SUBSCRIPTION_RESUMED: ("acme-live", {"at": AT}),
    ConfigType.SUBSCRIPTION_CANCELLED: ("acme-live", {"at": AT}),
    ConfigType.TOP_UP_RULE_SET: (
        "acme-live",
        {"threshold": "5", "amount": "10", "monthly_limit": "20", "methods": ["payment_link"], "cool_down_minutes": 5},
    ),
    ConfigType.TOP_UP_RULE_STOPPED: ("acme-live", {}),
    ConfigType.THRESHOLD_SET: ("acme-live", {"thresholds": [{"kind": "absolute", "amount": "5"}]}),
    ConfigType.WALLET_OPENED: ("acme-live/sms", {"pays_for": ["otp.delivered"], "currency": "INR"}),
    ConfigType.WALLET_CHANGED: ("acme-live/calls", {"pays_for": ["otp.delivered"]}),
    ConfigType.WALLET_CLOSED: ("acme-live/sms", {}),
}
HOSTILE = (
    None, True, 0, -1, 2**62, 0.1, 1e-30, "", " ", "x" * 256, "\u202eemca", "\u200b", "\ufeff", "नाम", "' OR 1=1 --", "%s",
    "../../etc/passwd", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-13-01T00:00:00Z", "NaN", "1e999",
    "٣", [], [None], [[]], ["x"] * 200, {}, {"x": {}}, {"": None}, "acme", "group", "otp-inr",
)  # fmt: skip


def spoilt(value: object, chance: random.Random) -> object:
    """A document with hostile values in the place of some of its own."""
    if chance.random() < 0.12:
        return chance.choice(HOSTILE)
    if isinstance(value, dict):
        kept = {name: spoilt(inner, chance) for name, inner in value.items() if chance.random() > 0.04}
        return kept if chance.random() > 0.05 else {**kept, chance.choice(["extra", "", "codes", "\u202e"]): 1}
    if isinstance(value, list):
        return [spoilt(inner, chance) for inner in value]
    return value


@pytest.fixture(name="books")
def _books(database):
    open_shop()
    books = Books(database)
    yield books
    assert books.failing_checks() == {}


def test_every_type_is_tried():
    assert set(RIGHT) == set(ConfigType)


@pytest.mark.parametrize("type_", list(ConfigType))
def test_a_change_of_whatever_is_applied_or_answered_with_its_faults(books, type_):
    chance = random.Random(str(type_))
    subject, document = RIGHT[type_]
    config = Configuring()
    config.apply(a_customer_created(), an_account_opened(), an_account_opened(code="group", plan=None, aliases=["group"]))
    config.apply(a_change(ConfigType.WALLET_OPENED, "acme-live/calls", {"pays_for": ["voice.minutes"]}))
    changes = []
    while len(changes) < EACH:
        data = spoilt(document, chance)
        if isinstance(data, dict):
            changes.append(
                a_change(
                    type_,
                    subject if chance.random() > 0.1 else chance.choice(["nobody", "\u202ex", "'", "acme-live/", "/x"]),
                    data,
                )
            )
    config.apply(an_array(*changes[: EACH // 2]), *changes[EACH // 2 :])
    config.store.close()
    assert books.rows("SELECT reason, detail FROM dead_letter") == []
    rows = books.rows("SELECT outcome, errors, facts FROM config_result ORDER BY config_result_id OFFSET 4")
    assert len(rows) == EACH
    refusals = [errors for outcome, errors, _ in rows if outcome == "refused"]
    assert len(refusals) > EACH // 6
    told = [error for errors in refusals for error in errors]
    assert all(error["field"].split(".")[0] == "data" and error["reason"] for error in told)
    assert [error for error in told if "the books refuse it" in error["reason"] or "syntax" in error["reason"]] == []
