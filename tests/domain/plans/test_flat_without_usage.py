"""Prices that are due without usage: where nobody could say who owes them, they are refused."""

import pytest

from domain.errors import Invalid
from domain.plans import read_plan
from tests.builders_plans import a_charge, a_plan


def faults_of(document):
    with pytest.raises(Invalid) as refused:
        read_plan(document)
    return [str(error) for error in refused.value.errors]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"reset": "quarter"}, "with reset: quarter"),
        ({"reset": "year"}, "with reset: year"),
        ({"reset": "never"}, "with reset: never"),
        ({"shared": "account_tree"}, "with shared: account_tree"),
        ({"price": "matrix"}, "in a matrix"),
    ],
)
def test_a_fee_that_is_due_without_usage_is_of_a_month_and_of_an_account(changes, where):
    flat = {"model": "volume", "flat_at_zero": True, "tiers": [{"flat_fee": "500.00"}]}
    price = {"model": "matrix", "dimensions": ["channel"], "rows": [flat]} if changes.get("price") else flat
    said = faults_of(a_plan(a_charge(**{**changes, "price": price})))
    assert said == [
        f"charges[0].price: flat_at_zero: true cannot be {where}: say the fee as a recurring charge with billed: in_arrears"
    ]
    read_plan(a_plan(a_charge(price=flat)))


@pytest.mark.parametrize("changes", [{"reset": "year"}, {"shared": "account_tree"}, {"reset": "quarter"}])
def test_an_adjustment_that_goes_on_is_not_on_a_fee_that_is_due_without_usage(changes):
    flat = a_charge(price={"model": "volume", "flat_at_zero": True, "tiers": [{"flat_fee": "500.00"}]})
    free = {"code": "free", "kind": "free_amount", "amount": "700.00", "description": "Free", **changes}
    (said,) = faults_of(a_plan(flat, adjustments=[free], trial_days=7))
    assert said.startswith(
        "adjustments[0]: counts longer than a month or over a tree, and 'otp.delivered' is due without usage"
    )
    read_plan(a_plan(flat, a_charge("voice"), adjustments=[{**free, "applies_to": ["voice"]}]))
