"""What a contract may say, and everything that is wrong with one at once."""

from datetime import UTC, datetime

import pytest

from domain.contracts import read_contract
from domain.errors import Invalid
from domain.money import Currency

MIDNIGHT = "2026-11-01T00:00:00+05:30"


def a_contract(**changes):
    document = {
        "code": "acme-2026",
        "account": "acme",
        "currency": "INR",
        "from": MIDNIGHT,
        "to": "2027-11-01T00:00:00+05:30",
        "priority": 10,
        "payment_term_days": 45,
        "charges": [
            {
                "meter": "otp.delivered",
                "description": "OTP delivered",
                "sac": "998319",
                "unit": "message",
                "price": {"model": "per_unit", "unit_price": "0.12"},
            }
        ],
        "adjustments": [
            {
                "code": "loyalty",
                "kind": "percentage",
                "percent": "5",
                "description": "Loyalty",
                "sac": "998319",
                "applies_to": ["magic_link.delivered"],
            }
        ],
    }
    return {name: value for name, value in {**document, **changes}.items() if value is not None}


def faults(document, **more):
    with pytest.raises(Invalid) as refused:
        read_contract(document, priced={"magic_link.delivered"}, **more)
    return [(fault.path, fault.reason) for fault in refused.value.errors]


def test_a_contract_is_read_with_its_terms_and_prices():
    contract = read_contract(a_contract(), priced={"magic_link.delivered"})
    assert (contract.code, contract.account, contract.customer) == ("acme-2026", "acme", None)
    assert contract.start == datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
    assert (contract.priority, contract.payment_term_days, contract.currency) == (10, 45, Currency.INR)
    assert [row.code for row in contract.prices.rows()] == ["otp.delivered", "loyalty"]


def test_a_contract_may_be_nothing_but_a_discount_and_without_an_end():
    contract = read_contract(
        a_contract(charges=None, to=None, account=None, customer="ACME"), priced={"magic_link.delivered"}
    )
    assert (contract.customer, contract.end) == ("ACME", None)
    assert [row.kind for row in contract.prices.rows()] == ["adjustment"]


def test_everything_wrong_is_said_at_once():
    found = faults(
        a_contract(
            customer="ACME",
            to="2026-10-01T00:00:00+05:30",
            priority=-1,
            payment_term_days=400,
            currency="EUR",
            discount="5",
            charges=[{"meter": "otp.delivered", "description": "OTP", "sac": "998319", "unit": "message"}],
        )
    )
    assert [path for path, _ in found] == [
        "account", "to", "priority", "payment_term_days", "currency", "charges[0].price", "discount",
    ]  # fmt: skip


def test_an_instant_without_a_zone_is_refused():
    for text in ("2026-11-01T00:00:00", "2026-11-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", 20261101):
        assert [path for path, _ in faults(a_contract(**{"from": text, "to": None}))] == ["from"]
    assert faults(a_contract(**{"from": None})) == [
        (
            "from",
            "must be an instant of the years 1970 to 2999 with its time zone, e.g. 2026-12-01T00:00:00+05:30; it is missing",
        )
    ]


def test_a_discount_names_charges_of_the_contract_or_of_a_plan():
    discount = a_contract()["adjustments"][0]
    ((path, reason),) = faults(a_contract(adjustments=[discount | {"applies_to": ["magic_links"]}]))
    assert path == "adjustments[0].applies_to[0]"
    assert "'magic_links' is not a usage charge" in reason


def test_a_discount_on_charges_of_a_plan_says_its_sac():
    discount = {name: value for name, value in a_contract()["adjustments"][0].items() if name != "sac"}
    assert faults(a_contract(adjustments=[discount])) == [
        ("adjustments[0].sac", "the charges it applies to stand elsewhere: say which SAC its line has")
    ]


def test_its_own_discounts_never_exceed_on_charges_of_a_plan_either():
    discount = a_contract()["adjustments"][0]
    gift = {**discount, "code": "gift", "kind": "free_amount", "percent": None, "amount": "5", "applies_to": None}
    gift = {name: value for name, value in gift.items() if value is not None}
    ((path, reason),) = faults(a_contract(adjustments=[discount, gift]))
    assert path == "adjustments[0].applies_to"
    assert reason.startswith("could take off of 'magic_link.delivered' once more what 'gift' takes off")


def test_an_unknown_field_is_answered_with_those_a_contract_has():
    ((path, reason),) = faults(a_contract(prority=1))
    assert path == "prority"
    assert "did you mean 'priority'?" in reason
    assert all(f" {name}" in reason for name in ("account", "customer", "from", "to", "payment_term_days", "charges"))


def test_a_contract_has_no_trial_days():
    assert faults(a_contract(trial_days=14))[0][0] == "trial_days"


def test_anything_but_an_object_is_refused():
    assert faults(["no"]) == [("", "must be an object with named fields, not a list")]
