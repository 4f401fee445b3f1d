"""Price tables of plan documents: each row says something of its own, and none leaves a doubt."""

import pytest

from domain.errors import Invalid
from domain.fields import shown
from domain.plans import read_plan
from domain.plans.limits import ROWS_MAX
from tests.builders_plans import a_charge, a_matrix, a_plan, per_unit

SMS, INDIA = {"channel": "sms"}, {"country": "IN"}


def faults_of(document):
    with pytest.raises(Invalid) as refused:
        read_plan(document)
    return [str(error) for error in refused.value.errors]


@pytest.mark.parametrize(
    ("matrix", "fault"),
    [
        (
            a_matrix((SMS, "1"), (INDIA, "2")),
            "rows[1].when: an event with channel sms, country IN matches this row and rows[0]",
        ),
        (a_matrix((SMS, "1"), (SMS, "2")), "rows[1].when: the same values as rows[0]: channel sms"),
        (a_matrix((SMS, "1"), ({"channel": "sms", "country": "*"}, "2")), "rows[1].when: the same values as rows[0]"),
        (a_matrix(({}, "1"), ({}, "2")), "rows[1].when: the same values as rows[0]: anything"),
        (a_matrix(({"operator": "jio"}, "1")), "rows[0].when.operator: not one of the dimensions channel, country"),
        (a_matrix(({"channel": ""}, "1")), "rows[0].when.channel: must be a text"),
        (a_matrix(({"country": False}, "1")), "rows[0].when.country: must be a text without '/', in quotes if need be"),
        (a_matrix(({"channel": "a/b"}, "1")), "rows[0].when.channel: must be a text without '/'"),
        (
            a_matrix(({"channel": "sms "}, "1")),
            "rows[0].when.channel: must be a text without '/', in quotes if need be, with",
        ),
        (a_matrix(({"channel": "sms\u200b"}, "1")), "rows[0].when.channel: must be a text"),
        (
            a_matrix((SMS, "1"), dimensions=("ch\u0430nnel",)),
            "dimensions[0]: must be the name of a property in visible ASCII",
        ),
        (a_matrix(({"channel": "x" * 300}, "1")), "rows[0].when.channel: must be a text"),
        (a_matrix((SMS, "1"), dimensions=("channel", "channel")), "dimensions[1]: 'channel' is listed twice"),
        (a_matrix((SMS, "1"), dimensions=()), "dimensions: needs at least one property name"),
        (a_matrix((SMS, "1"), dimensions="abcdefghi"), "dimensions: has 9 entries, at most 8"),
        (a_matrix(), "rows: needs at least one row"),
        (a_matrix(*(({"channel": str(n)}, "1") for n in range(ROWS_MAX + 1))), "rows: has 5,001 entries, at most 5,000"),
        ({**a_matrix((SMS, "1")), "default": "1"}, "default: unknown field"),
        ({**a_matrix(), "rows": ["x"]}, "rows[0]: must be a price model with its values"),
        ({**a_matrix(), "rows": [{"when": "sms", **per_unit()}]}, "rows[0].when: must name properties"),
        ({**a_matrix(), "rows": [{"when": SMS, "model": "matrix"}]}, "rows[0].model: 'matrix' is not a price model"),
        (a_matrix((SMS, "0.0000001")), "rows[0].unit_price: '0.0000001' has 7 decimals"),
    ],
    ids=shown,
)
def test_a_matrix_that_is_wrong_is_refused_with_its_row(matrix, fault):
    assert any(said.startswith(f"charges[0].price.{fault}") for said in faults_of(a_plan(a_charge(price=matrix))))


@pytest.mark.parametrize(
    "rows",
    [
        [(SMS, "1"), ({"channel": "email"}, "2")],
        [(SMS, "1"), (INDIA, "2"), ({**SMS, **INDIA}, "3")],
        [({**SMS, **INDIA}, "1"), ({"channel": "email", "operator": "jio"}, "2")],
        [({**SMS, **INDIA}, "1"), ({**INDIA, "operator": "jio"}, "2"), ({**SMS, **INDIA, "operator": "jio"}, "3")],
        [({}, "1"), (SMS, "2"), ({**SMS, "operator": "jio"}, "3")],
    ],
)
def test_rows_that_never_leave_a_doubt_are_read(rows):
    (charge,) = read_plan(a_plan(a_charge(price=a_matrix(*rows, dimensions=("channel", "country", "operator"))))).usage
    assert len(charge.cells) == len(rows)


def test_a_row_that_decides_only_some_of_the_events_leaves_the_doubt():
    rows = [(SMS, "1"), (INDIA, "2"), ({**SMS, **INDIA, "operator": "jio"}, "3")]
    plan = a_plan(a_charge(price=a_matrix(*rows, dimensions=("channel", "country", "operator"))))
    assert any("rows[1].when: an event with channel sms, country IN" in fault for fault in faults_of(plan))


def test_a_matrix_made_to_take_long_is_refused_in_time():
    rows = [({"channel": f"c{n}"}, "1") for n in range(2_500)] + [({"country": f"k{n}"}, "1") for n in range(2_500)]
    assert len(faults_of(a_plan(a_charge(price=a_matrix(*rows))))) == 20
