"""What differs between plans: by charge, row and tier, and not by how they are written."""

import pytest

from domain.plans import read_plan
from domain.plans.diff import plan_changes
from domain.plans.digest import plan_digest
from tests.builders_plans import a_charge, a_commitment, a_discount, a_fee, a_matrix, a_meter, a_plan, per_unit

SMS, INDIA = {"channel": "sms"}, {"channel": "sms", "country": "IN"}


def tiers(*tiers):
    return {
        "model": "graduated",
        "tiers": [{"up_to": end, "unit_price": p} if end else {"unit_price": p} for end, p in tiers],
    }


def changes(old, new):
    return [tuple(map(str, change)) for change in plan_changes(read_plan(old), read_plan(new))]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (a_plan(), a_plan()),
        (a_plan(a_charge(price=per_unit("0.2"))), a_plan(a_charge(code="otp.delivered", price=per_unit("0.200000")))),
        (
            a_plan(a_charge(price=a_matrix((SMS, "1"), (INDIA, "2")))),
            a_plan(a_charge(price=a_matrix((INDIA, "2"), ({**SMS, "country": "*"}, "1.0")))),
        ),
        (a_plan(a_charge(), a_charge("voice")), a_plan(a_charge("voice"), a_charge())),
    ],
)
def test_what_means_the_same_does_not_differ_and_has_one_digest(old, new):
    assert changes(old, new) == []
    assert plan_digest(read_plan(old)) == plan_digest(read_plan(new))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (a_plan(), a_plan(name="New"), ("name", "changed", "OTP India", "New")),
        (
            a_plan(a_charge(price=per_unit("0.2"))),
            a_plan(a_charge(price=per_unit("0.25"))),
            ("charges[otp.delivered].price.unit_price", "changed", "0.2", "0.25"),
        ),
        (
            a_plan(a_charge(price=a_matrix((SMS, "1"), (INDIA, "2")))),
            a_plan(a_charge(price=a_matrix((SMS, "1"), (INDIA, "3")))),
            ("charges[otp.delivered].price.rows[channel sms, country IN].unit_price", "changed", "2", "3"),
        ),
        (
            a_plan(a_charge(price=a_matrix((SMS, "1"), (INDIA, "2")))),
            a_plan(a_charge(price=a_matrix((SMS, "1")))),
            (
                "charges[otp.delivered].price.rows[channel sms, country IN]",
                "removed",
                "{'when': {'channel': 'sms', 'country': 'IN'}, 'model': 'per_unit', 'unit_price': '2'}",
                "None",
            ),
        ),
        (
            a_plan(a_charge(price=tiers((100, "2"), (None, "1")))),
            a_plan(a_charge(price=tiers((200, "2"), (None, "1")))),
            ("charges[otp.delivered].price.tiers[0].up_to", "changed", "100", "200"),
        ),
        (
            a_plan(a_charge(price=per_unit("1"))),
            a_plan(a_charge(price=tiers((None, "1")))),
            (
                "charges[otp.delivered].price",
                "changed",
                "{'model': 'per_unit', 'unit_price': '1'}",
                "{'model': 'graduated', 'tiers': [{'unit_price': '1'}]}",
            ),
        ),
        (
            a_plan(a_charge(), a_fee()),
            a_plan(a_charge(), a_fee(amount="1099.00")),
            ("charges[platform].amount", "changed", "999.00", "1099.00"),
        ),
        (a_plan(), a_plan(a_charge(reset="year")), ("charges[otp.delivered].reset", "added", "None", "year")),
        (
            a_plan(adjustments=[a_discount(), a_discount(code="loyal")]),
            a_plan(adjustments=[a_discount(code="loyal"), a_discount()]),
            ("adjustments", "changed", "['launch', 'loyal']", "['loyal', 'launch']"),
        ),
        (
            a_plan(),
            a_plan(meters=[a_meter()]),
            (
                "meters[numbers]",
                "added",
                "None",
                "{'code': 'numbers', 'event_type': 'otp.delivered', 'aggregation': 'unique', 'property': 'recipient_hash'}",
            ),
        ),
    ],
)
def test_one_difference_is_one_change_with_old_and_new_and_another_digest(old, new, expected):
    assert changes(old, new) == [expected]
    assert plan_digest(read_plan(old)) != plan_digest(read_plan(new))


def test_the_digest_of_a_plan_stays_what_it_is():
    """It is written down, in CI and in commit messages; who changes the canonical form changes it for everybody."""
    digest = plan_digest(read_plan(a_plan(a_charge(price=a_matrix((SMS, "1"), (INDIA, "2"))), a_fee())))
    assert digest == "26f1c2b13a19859d8a0db3012094a11f90bed4b35fea83646f75fc9d8039775e"


@pytest.mark.parametrize(
    ("old", "new", "percent"),
    [
        (a_charge(price=per_unit("0.185")), a_charge(price=per_unit("0.19")), "+2.70"),
        (a_charge(price=per_unit("0.19")), a_charge(price=per_unit("0.185")), "-2.63"),
        (a_charge(price=per_unit("0.000001")), a_charge(price=per_unit("1")), "+99,999,900.00"),
        (a_charge(price=per_unit("3")), a_charge(price=per_unit("0")), "-100.00"),
        (a_charge(price=per_unit("0")), a_charge(price=per_unit("3")), None),
        (a_charge(price=tiers((100, "3"), (None, "2"))), a_charge(price=tiers((200, "3"), (None, "2"))), None),
        (a_fee(), a_fee(amount="999.01"), "+0.00"),
        (a_commitment(), a_commitment(minimum="12500"), "+25.00"),
        (a_charge(), a_charge(unit="sms"), None),
    ],
)
def test_a_price_that_changed_says_by_how_many_percent(old, new, percent):
    (change,) = plan_changes(read_plan(a_plan(a_charge("other"), old)), read_plan(a_plan(a_charge("other"), new)))
    assert change.percent == percent


def test_one_tier_more_is_one_tier_added_and_those_after_it_stay():
    old = a_plan(a_charge(price=tiers((100, "3"), (1_000, "2"), (None, "1"))))
    new = a_plan(a_charge(price=tiers((100, "3"), (500, "2.5"), (1_000, "2"), (None, "1"))))
    path = "charges[otp.delivered].price.tiers[up to 500]"
    assert changes(old, new) == [(path, "added", "None", "{'up_to': 500, 'unit_price': '2.5'}")]
    assert [change[:2] for change in changes(new, old)] == [(path, "removed")]


def test_a_new_plan_is_all_added():
    assert [(change.path, change.what) for change in plan_changes(None, read_plan(a_plan(adjustments=[a_discount()])))] == [
        ("code", "added"),
        ("name", "added"),
        ("currency", "added"),
        ("charges[otp.delivered]", "added"),
        ("adjustments[launch]", "added"),
    ]
