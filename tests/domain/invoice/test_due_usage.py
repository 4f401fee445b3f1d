"""What is due as a line: how it is described, priced and dated."""

import pytest

from domain.catalogue import read_charge
from domain.errors import InvalidInput
from domain.invoice.due_usage import DueUsage, as_line
from domain.money import Currency
from domain.period import BillingMonth

OCTOBER = BillingMonth(2026, 10)
MATRIX = {
    "model": "matrix",
    "dimensions": ["channel", "country"],
    "rows": [
        {"when": {"channel": "sms", "country": "IN"}, "model": "per_unit", "unit_price": "0.145"},
        {"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "2"},
        {"model": "per_unit", "unit_price": "0.000125"},
    ],
}
GRADUATED = {"model": "graduated", "tiers": [{"up_to": 100, "unit_price": "1"}, {"unit_price": "0.8"}]}


def a_due(*, price=MATRIX, cell="sms/IN", month=OCTOBER, used_by="acme") -> DueUsage:
    facts = {"meter": "otp.delivered", "description": "OTP delivered", "sac": "998319", "unit": "message"}
    charge = read_charge(1, {**facts, "price": price}, path="charge")
    return DueUsage(7, used_by, 107, month, charge, cell, "otp-india v1", 3_000_000, 435_000, 3)


def line(due, *, currency=Currency.INR):
    return as_line(due, billed_to="acme", month=OCTOBER, currency=currency)


@pytest.mark.parametrize(
    ("cell", "description", "price"),
    [
        ("sms/IN", "OTP delivered (sms, IN)", "₹0.1450"),
        ("sms/*", "OTP delivered (sms)", "₹2.0000"),
        ("*/*", "OTP delivered (other)", "₹0.000125"),
    ],
)
def test_a_row_of_a_price_table_is_named_by_its_values_and_priced_by_its_row(cell, description, price):
    made = line(a_due(cell=cell))

    assert (made.description, made.unit_price_text) == (description, price)


def test_a_price_without_rows_needs_no_addition_and_tiers_have_no_single_unit_price():
    made = line(a_due(price=GRADUATED, cell="*"))

    assert (made.description, made.unit_price_text) == ("OTP delivered", "graduated")


def test_the_price_is_written_in_the_currency_of_the_account():
    assert line(a_due(), currency=Currency.USD).unit_price_text == "$0.1450"


def test_amounts_counts_and_the_plan_version_are_carried_over():
    made = line(a_due())

    assert (made.quantity_millionths, made.amount_micros, made.event_count) == (3_000_000, 435_000, 3)
    assert (made.sac, made.unit, made.plan_version) == ("998319", "message", "otp-india v1")


def test_usage_of_an_earlier_month_is_late_and_keeps_its_month():
    made = line(a_due(month=BillingMonth(2026, 9)))

    assert (made.late, made.service_month) == (True, BillingMonth(2026, 9))
    assert not line(a_due()).late


def test_a_price_cell_the_charge_does_not_have_is_refused_by_name():
    with pytest.raises(InvalidInput, match=r"charge 1 \(otp.delivered\) has no price 'fax/IN' but usage was rated with it"):
        line(a_due(cell="fax/IN"))


def test_a_line_says_whose_usage_it_is_when_another_account_is_billed_for_it():
    assert line(a_due(used_by="acme-mumbai")).description == "OTP delivered (sms, IN), acme-mumbai"
