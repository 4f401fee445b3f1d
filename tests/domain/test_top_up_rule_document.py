"""Rules of automatic top-ups as documents."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.top_up_rule_document import read_top_up_rule, rule_document
from domain.top_up_rules import Method, TopUpRule

RIGHT = {"threshold": "500.00", "amount": "2000.00", "monthly_limit": "9000.00", "methods": ["upi_mandate", "payment_link"]}
_rules = st.builds(
    TopUpRule,
    threshold_micros=st.integers(-(10**15), 10**15),
    amount_minor=st.integers(1, 10**9),
    monthly_limit_minor=st.integers(10**9, 10**11),
    methods=st.permutations(list(Method)).flatmap(lambda all_: st.integers(1, 3).map(lambda n: tuple(all_[:n]))),
    cool_down=st.integers(1, 1440).map(lambda minutes: timedelta(minutes=minutes)),
)


def test_a_document_is_read_with_an_hour_between_requests_unless_it_says():
    assert read_top_up_rule(RIGHT) == TopUpRule(
        500_000_000, 2_000_00, 9_000_00, (Method.UPI_MANDATE, Method.PAYMENT_LINK), timedelta(hours=1)
    )


@given(_rules)
def test_a_rule_written_down_reads_as_itself(rule):
    assert read_top_up_rule(rule_document(rule)) == rule


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"threshold": 500}, "threshold"),
        ({"threshold": "0.0000001"}, "threshold"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "1.001"}, "amount"),
        ({"amount": "1e30"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"monthly_limit": "1999.99"}, "monthly_limit"),
        ({"methods": []}, "methods"),
        ({"methods": ["cash"]}, "methods[0]"),
        ({"methods": ["payment_link", "payment_link"]}, "methods[1]"),
        ({"cool_down_minutes": 0}, "cool_down_minutes"),
        ({"cool_down_minutes": 1441}, "cool_down_minutes"),
        ({"treshold": "5"}, "treshold"),
    ],
)
def test_a_fault_is_named_by_its_field(changes, field):
    with pytest.raises(Invalid) as refused:
        read_top_up_rule({**RIGHT, **changes}, path="data")
    assert [error.path for error in refused.value.errors] == [f"data.{field}"]


def test_all_faults_are_told_at_once():
    with pytest.raises(Invalid) as refused:
        read_top_up_rule({"threshold": None, "amount": 5, "methods": "cash"})
    assert sorted({error.path for error in refused.value.errors}) == ["amount", "methods", "monthly_limit", "threshold"]
