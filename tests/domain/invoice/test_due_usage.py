"""What is due as a line: how it is described, priced and dated."""

from datetime import date

import pytest

from domain.catalogue import read_charge
from domain.errors import InvalidInput
from domain.invoice.due_usage import DueUsage, as_line, read_billed
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


def a_due_of(kind, *, cell, quantity=1_000_000, micros=999_000_000, month=OCTOBER, **document):
    written = {"code": "it", "kind": kind, "description": "It", "sac": "998319", **document}
    stored = "adjustment" if kind in ("percentage", "maximum", "free_amount", "trial") else kind
    return DueUsage(7, "acme", 107, month, read_billed(1, stored, written, path="it"), cell, "v1", quantity, micros, 0)


@pytest.mark.parametrize(
    ("kind", "document", "cell", "unit", "price", "days"),
    [
        (
            "recurring",
            {"amount": "999.00"},
            "2026-11-01/2026-12-01",
            "month",
            "₹999.00",
            (date(2026, 11, 1), date(2026, 11, 30)),
        ),
        (
            "recurring",
            {"amount": "0.5", "every": "year"},
            "2026-01-31/2027-01-31",
            "year",
            "₹0.50",
            (date(2026, 1, 31), date(2027, 1, 30)),
        ),
        ("one_time", {"amount": "5000.00"}, "once", "fee", "₹5,000.00", None),
        (
            "commitment",
            {"minimum": "30000.00", "every": "quarter"},
            "2026-07-01/2026-10-01",
            "quarter",
            "min. ₹30,000.00",
            (date(2026, 7, 1), date(2026, 9, 30)),
        ),
    ],
)
def test_a_fee_says_what_days_it_is_for_and_what_a_whole_period_costs(kind, document, cell, unit, price, days):
    made = line(a_due_of(kind, cell=cell, **document))
    assert (made.description, made.unit, made.unit_price_text, made.service_days) == ("It", unit, price, days)


def test_a_fee_of_a_month_that_is_invoiced_is_not_late_usage():
    assert not line(a_due_of("recurring", cell="2026-09-01/2026-10-01", amount="1.00", month=BillingMonth(2026, 9))).late


@pytest.mark.parametrize(
    ("kind", "document", "price"),
    [
        ("percentage", {"percent": "10"}, "-10%"),
        ("maximum", {"amount": "20000.00"}, "max. ₹20,000.00"),
        ("free_amount", {"amount": "500.00"}, "up to ₹500.00"),
        ("trial", {"days": 14}, "trial"),
    ],
)
def test_an_adjustment_is_a_line_whose_quantity_is_the_money_it_is_on(kind, document, price):
    made = line(a_due_of(kind, cell="it", quantity=23_500_000_000, micros=-2_350_000_000, **document))
    assert (made.description, made.unit, made.unit_price_text) == ("It", "INR", price)
    assert (made.quantity_millionths, made.amount_micros, made.event_count) == (23_500_000_000, -2_350_000_000, 0)


def test_usage_under_an_adjustment_is_described_as_the_same_usage_is_without():
    assert line(a_due(cell="sms/IN//launch")).description == line(a_due(cell="sms/IN")).description
