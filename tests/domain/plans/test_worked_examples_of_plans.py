"""Worked examples of other billing systems' public documentation that take more than one price: their figures, our plans."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from domain.plans import read_plan
from domain.plans.quote_lines import quote
from domain.plans.quoted_usage import read_usage
from tests.builders_plans import a_charge, a_commitment, a_matrix, a_plan, per_unit

OCTOBER = datetime(2026, 10, 1, tzinfo=UTC)


def lines(plan, *usage):
    said = quote(read_plan(plan), read_usage(list(usage), measured=()), time_zone=ZoneInfo("UTC"), starts_at=OCTOBER)
    return {line.charge: line.amount_micros / 1_000_000 for line in said.lines}


def test_what_lacks_of_lagos_spending_minimum_is_charged_beside_the_usage():
    """Lago, Spending minimums, docs.getlago.com/guide/plans/charges/spending-minimum: 0.010 a tracked user, at least 100."""
    plan = a_plan(a_charge(code="users", price=per_unit("0.010")), a_commitment(minimum="100", counts=["users"]))
    assert lines(plan, {"charge": "users", "quantity": 5_000}) == {"users": 50, "least": 50}
    assert lines(plan, {"charge": "users", "quantity": 10_000}) == {"users": 100}


def test_lagos_price_of_a_combination_goes_before_that_of_all_others():
    """Lago, Charges with filters, docs.getlago.com/guide/plans/charges/charges-with-filters: Africa on AWS 1, others 0.5."""
    table = a_matrix(({"region": "africa", "provider": "aws"}, "1"), ({}, "0.5"), dimensions=("region", "provider"))
    plan = a_plan(a_charge("hours", price=table))
    for region, provider, amount in (("africa", "aws", 1), ("africa", "google", 0.5), ("europe", "aws", 0.5)):
        used = {"type": "hours", "quantity": 1, "properties": {"region": region, "provider": provider}}
        assert lines(plan, used) == {"hours": amount}
