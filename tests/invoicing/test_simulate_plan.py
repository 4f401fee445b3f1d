"""The what-if on real books: the plan an account is on simulates to what was booked; another to what it would cost."""

import pytest
from sqlalchemy import text

from connectors import proof_wiring
from domain.errors import Invalid, InvalidInput, NotFound
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.simulate_plan import Chosen, simulate_plan
from tests.books import a_plan, an_event, book, open_account
from tests.builders import OCTOBER

pytestmark = pytest.mark.engines

DEAR = {
    "code": "dear",
    "name": "Dear",
    "currency": "INR",
    "charges": [
        {"meter": "otp.delivered", "description": "OTP", "sac": "998319", "unit": "message"}
        | {"price": {"model": "per_unit", "unit_price": "2"}}
    ],
}


@pytest.fixture(name="used")
def _used(shop):
    """Two accounts with usage in October, one billed in dollars."""
    open_account("acme")
    open_account("bolt")
    open_account("walnut", currency=Currency.USD)
    book(shop, [an_event("acme", quantity=3), an_event("acme", channel="whatsapp"), an_event("bolt", quantity=2)])
    book(shop, [an_event("acme", meter="voice.minutes", quantity=150)])
    return shop


def simulated(document, *codes, plan_code=None, first=OCTOBER, last=OCTOBER):
    chosen = Chosen(first, last, list(codes) or None, plan_code)
    return simulate_plan(document, chosen, room=proof_wiring.past_room())


def rows(database):
    with database.connect() as connection:
        return [connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() for table in ("plan", "usage_total")]


def test_the_plan_an_account_is_on_simulates_to_what_was_booked(used):
    found = simulated(a_plan(), "acme", "bolt")

    assert [(each.account, each.events, each.difference_micros) for each in found.accounts] == [
        ("acme", 3, 0),
        ("bolt", 1, 0),
    ]
    assert found.total().old_micros == 3 * 200_000 + 145_000 + 140_000_000 + 2 * 200_000


def test_another_plan_is_shown_beside_it_and_nothing_is_written(used):
    before = rows(used)

    found = simulated(DEAR, plan_code="otp-inr")

    assert [(each.account, each.old_micros, each.new_micros) for each in found.accounts] == [
        ("acme", 140_745_000, 8_000_000),
        ("bolt", 400_000, 4_000_000),
    ]
    assert found.unpriced == {"voice.minutes": 1}
    assert rows(used) == before


def test_an_account_in_another_currency_is_left_out_with_the_reason(used):
    assert simulated(DEAR).left_out == {"walnut": "it is billed in USD, the plan is in INR"}


def test_months_without_usage_come_to_nothing(used):
    found = simulated(DEAR, "acme", first=BillingMonth(2026, 3), last=BillingMonth(2026, 4))

    assert (found.total().events, found.total().old_micros, found.total().new_micros) == (0, 0, 0)


def test_a_meter_that_is_not_published_is_said(used):
    charge = {**DEAR["charges"][0], "meter": "face.matched"}
    assert list(simulated({**DEAR, "charges": [charge]}, "acme").implied_meters) == ["face.matched"]


def test_what_is_wrong_is_refused(used):
    with pytest.raises(Invalid, match="currency"):
        simulated({**DEAR, "currency": "EUR"}, "acme")
    with pytest.raises(NotFound, match="nobody"):
        simulated(DEAR, "nobody")
    with pytest.raises(NotFound, match="no plan 'none'"):
        simulated(DEAR, plan_code="none")
    with pytest.raises(InvalidInput, match="2026-09 is before 2026-10"):
        simulated(DEAR, "acme", last=BillingMonth(2026, 9))
