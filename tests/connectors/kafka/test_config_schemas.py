"""The published schemas of config data and results: what is applied fits them, and they refuse what can be told by shape."""

import json
import re
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from connectors.kafka.config_results_topic import as_record
from connectors.settings import PROJECT_ROOT
from domain import config_changes
from domain.config_changes import ConfigChange, ConfigType
from domain.customers.account import changed, read_opening
from domain.customers.contacts import NoticeKind
from domain.customers.customer import read_customer
from domain.customers.thresholds import read_thresholds
from domain.errors import Invalid
from domain.top_up_rule_document import read_top_up_rule
from invoicing.publish_results import ConfigResult
from tests.builders_customers import a_customer_abroad, a_customer_document, an_account_document
from tests.builders_plans import a_plan

DOCS = PROJECT_ROOT / "docs"
DATA_SCHEMA = json.loads((DOCS / "schemas" / "config-data.schema.json").read_text())
DATA = Draft202012Validator(DATA_SCHEMA)
RESULT = Draft202012Validator(json.loads((DOCS / "schemas" / "config-result.schema.json").read_text()))

AT = "2026-12-01T00:00:00+05:30"
ACCOUNT = read_opening(an_account_document()).account
READERS = {
    ConfigType.CUSTOMER_CREATED: read_customer,
    ConfigType.ACCOUNT_OPENED: read_opening,
    ConfigType.ACCOUNT_CHANGED: lambda data: changed(ACCOUNT, data),
    ConfigType.ALIAS_MAPPED: config_changes.read_alias_mapped,
    ConfigType.ALIAS_MOVED: config_changes.read_alias_moved,
    ConfigType.ALIAS_ENDED: config_changes.read_ending,
    ConfigType.THRESHOLD_SET: read_thresholds,
    ConfigType.TOP_UP_RULE_SET: read_top_up_rule,
    ConfigType.TOP_UP_RULE_STOPPED: config_changes.read_nothing,
    ConfigType.WALLET_OPENED: lambda data: config_changes.read_wallet_purposes(data, opens=True),
    ConfigType.WALLET_CHANGED: lambda data: config_changes.read_wallet_purposes(data, opens=False),
    ConfigType.WALLET_CLOSED: config_changes.read_nothing,
    ConfigType.PLAN_PUBLISHED: lambda data: config_changes.read_plan_published(
        ConfigChange(ConfigType.PLAN_PUBLISHED, a_plan()["code"], data)
    ),
    ConfigType.SUBSCRIPTION_STARTED: lambda data: config_changes.read_subscription_terms(
        data, with_plan=True, may_wait=False
    ),
    ConfigType.SUBSCRIPTION_CANCELLED: lambda data: config_changes.read_subscription_terms(
        data, with_plan=False, may_wait=True
    ),
}
RIGHT = {
    ConfigType.CUSTOMER_CREATED: a_customer_document(
        trade_name="Acme",
        phone="+91 80 4567 8900",
        addresses={"shipping": {"lines": ["2 High Street"], "country": "GB"}},
        tax={"pan": "AAPFU0939F", "tan": "MUMA12345B", "place_of_supply": "27"},
        languages=["en-IN", "zh-Hant-TW"],
        contacts=[{"name": "आशा", "email": "asha@acme.example", "roles": ["billing"]}],
        notifications={"balance_low": ["email", "sms"], "plan_changed": []},
    ),
    ConfigType.ACCOUNT_OPENED: an_account_document(
        aliases=["web"], plan="otp", parent="a", bill_to="a", payment_term_days=0
    ),
    ConfigType.ACCOUNT_CHANGED: {"name": "Live", "payment_term_days": 5, "parent": None},
    ConfigType.ALIAS_MAPPED: {"account": "acme", "from": AT},
    ConfigType.ALIAS_MOVED: {"to": "acme", "at": AT},
    ConfigType.ALIAS_ENDED: {"at": AT},
    ConfigType.THRESHOLD_SET: {
        "thresholds": [{"kind": "absolute", "amount": "5.00"}, {"kind": "days_of_runway", "days": 3}]
    },
    ConfigType.TOP_UP_RULE_SET: {
        "threshold": "500.00",
        "amount": "2000.00",
        "monthly_limit": "9000.00",
        "methods": ["upi_mandate", "payment_link"],
        "cool_down_minutes": 30,
    },
    ConfigType.PLAN_PUBLISHED: {**a_plan(), "from": AT},
    ConfigType.SUBSCRIPTION_STARTED: {"plan": "otp", "plan_version": 2, "at": AT, "why": "signed"},
    ConfigType.SUBSCRIPTION_CANCELLED: {"at_period_end": True},
    ConfigType.WALLET_OPENED: {"pays_for": ["otp.delivered"], "currency": "INR"},
    ConfigType.WALLET_CHANGED: {"pays_for": []},
}


def fits(type_, data):
    return DATA.is_valid({"type": str(type_), "data": data})


def is_read(type_, data):
    try:
        READERS[type_](data)
    except Invalid:
        return False
    return True


def test_every_type_is_in_the_schema_and_says_what_its_data_is():
    Draft202012Validator.check_schema(DATA_SCHEMA)
    assert set(DATA_SCHEMA["properties"]["type"]["enum"]) == set(ConfigType)
    said = {rule["if"]["properties"]["type"]["const"] for rule in DATA_SCHEMA["allOf"]}
    assert said == set(ConfigType)
    assert set(DATA_SCHEMA["$defs"]["notifications"]["properties"]) == set(NoticeKind)


@pytest.mark.parametrize("type_", list(RIGHT))
def test_what_is_right_is_read_and_fits(type_):
    assert is_read(type_, RIGHT[type_])
    assert fits(type_, RIGHT[type_])


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 400),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.sampled_from(["IN", AT]),
)


@pytest.mark.parametrize("type_", list(RIGHT))
@given(data=st.data())
def test_whatever_is_read_fits_the_schema(type_, data):
    """Not the other way round: that a GSTIN is in the state of an address, no schema can tell."""
    document = json.loads(json.dumps(RIGHT[type_]))
    names = data.draw(st.lists(st.sampled_from([*sorted(document), "extra"]), max_size=2, unique=True))
    for name in names:
        inner = document.get(name)
        if isinstance(inner, dict) and data.draw(st.booleans()):
            inner[data.draw(st.sampled_from([*sorted(inner), "extra"]))] = data.draw(values)
        elif data.draw(st.booleans()):
            document.pop(name, None)
        else:
            document[name] = data.draw(values)
    if is_read(type_, document):
        assert fits(type_, document)


@pytest.mark.parametrize(
    ("type_", "data"),
    [
        (ConfigType.CUSTOMER_CREATED, {}),
        (ConfigType.CUSTOMER_CREATED, a_customer_document(legal_nam="Acme")),
        (ConfigType.CUSTOMER_CREATED, a_customer_document(tax={"gstin": None})),
        (ConfigType.CUSTOMER_CREATED, a_customer_document(tax={"category": "unregistered"})),
        (ConfigType.CUSTOMER_CREATED, a_customer_document(addresses={"billing": {"state_code": None}})),
        (ConfigType.CUSTOMER_CREATED, a_customer_abroad(addresses={"billing": {"state_code": "27"}})),
        (ConfigType.CUSTOMER_CREATED, a_customer_document(notifications={"invoice_issued": []})),
        (ConfigType.CUSTOMER_UPDATED, {"emial": "a@b.example"}),
        (ConfigType.CUSTOMER_ARCHIVED, {"reason": "x"}),
        (ConfigType.ACCOUNT_OPENED, {"customer": "acme"}),
        (ConfigType.ACCOUNT_CHANGED, {"payment_term_days": 400}),
        (ConfigType.ACCOUNT_CLOSED, {"at": "tomorrow"}),
        (ConfigType.ALIAS_MAPPED, {"acount": "acme"}),
        (ConfigType.THRESHOLD_SET, {"thresholds": [{"kind": "absolute", "percent": 5}]}),
        (ConfigType.TOP_UP_RULE_SET, {"threshold": "1", "amount": "1", "monthly_limit": "1", "methods": ["cash"]}),
        (ConfigType.TOP_UP_RULE_STOPPED, {"at": "now"}),
        (ConfigType.WALLET_OPENED, {"pays_for": []}),
        (ConfigType.WALLET_OPENED, {"pays_for": ["otp.delivered"], "currency": "EUR"}),
        (ConfigType.WALLET_CHANGED, {"pays_for": ["otp.delivered", "otp.delivered"]}),
        (ConfigType.WALLET_CHANGED, {"pays_for": ["otp.delivered"], "currency": "INR"}),
        (ConfigType.WALLET_CLOSED, {"at": AT}),
        (ConfigType.SUBSCRIPTION_CHANGED, {}),
        (ConfigType.PLAN_PUBLISHED, {**a_plan(), "from": "2027-01-01"}),
    ],
)
def test_the_schema_tells_what_can_be_told_by_shape(type_, data):
    assert not fits(type_, data)
    assert type_ not in READERS or not is_read(type_, data)


@pytest.mark.parametrize(
    ("outcome", "more"),
    [
        ("applied", {"facts": {"version": 3}}),
        ("unchanged", {}),
        ("refused", {"code": "invalid_input", "errors": [{"field": "data.at", "reason": "is wrong"}]}),
    ],
)
def test_an_answer_fits_its_schema(outcome, more):
    facts = {"code": None, "errors": [], "facts": {}, **more}
    result = ConfigResult(
        result_id=1,
        event_key="fface29c-6b19-9fe0-a7d5-6e0c2b7d3f10",
        source="/otpless/admin",
        event_id="change-1",
        type="alias.moved",
        subject="acme-web",
        outcome=outcome,
        config_version=7,
        decided_at=datetime(2026, 10, 15, 12, tzinfo=UTC),
        **facts,
    )
    document = json.loads(as_record(result))
    assert list(RESULT.iter_errors(document)) == []
    assert ("errors" in document["data"]) is (outcome == "refused")


def test_the_answer_shown_to_producers_fits_its_schema():
    page = (DOCS / "schemas" / "payment-and-config-events.md").read_text()
    (example,) = [text for text in re.findall(r"```json\n(.*?)```", page, re.DOTALL) if "config.refused" in text]
    assert list(RESULT.iter_errors(json.loads(example))) == []


def test_the_customer_and_the_account_shown_to_people_are_read():
    customer, account = re.findall(r"```yaml\n(.*?)```", (DOCS / "customers.md").read_text(), re.DOTALL)
    assert read_customer(yaml.safe_load(customer)).code == "acme"
    assert read_opening({"currency": "INR", "time_zone": "Asia/Kolkata", **yaml.safe_load(account)}).plan == "otp-india"
