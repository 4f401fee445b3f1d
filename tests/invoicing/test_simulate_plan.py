"""The what-if on real books: the plan an account is on simulates to what was booked; another to what it would cost."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from connectors import proof_wiring
from domain.errors import Invalid, InvalidInput, NotFound
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.simulate_plan import Chosen, simulate_plan
from tests.books import NOVEMBER_2, a_plan, an_event, book, open_account
from tests.builders import OCTOBER
from tests.fee_charges import add_charge

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
    return simulate_plan(document, chosen, room=proof_wiring.past_room(), now=NOVEMBER_2)


def recurring(amount):
    return {"code": "platform", "kind": "recurring", "amount": amount}


def minimum(amount, **changes):
    return {"code": "minimum", "kind": "commitment", "minimum": amount, **changes}


def with_fees(document, *fees):
    charges = [{"description": "A fee", "sac": "998319", **fee} for fee in fees]
    return {**document, "charges": [*document["charges"], *charges]}


def subscribed(database, code, start, *, paused=False):
    statement = """
        UPDATE subscription s SET validity = tstzrange(:start, NULL), began_at = :start, paused = :paused
        FROM account a WHERE a.account_id = s.account_id AND a.code = :code
    """
    with database.begin() as connection:
        connection.execute(text(statement), {"code": code, "start": start, "paused": paused})


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


def test_fees_and_minimums_of_the_plan_an_account_is_on_simulate_to_themselves(used):
    sold = [recurring("999.00"), minimum("150.00"), {**recurring("50.00"), "code": "support", "billed": "in_arrears"}]
    for fee in sold:
        add_charge(used, "otp-inr", **fee)
    subscribed(used, "acme", datetime(2026, 9, 10, tzinfo=UTC))

    (acme,) = simulated(with_fees(a_plan(), *sold), "acme").accounts

    # October's platform and support fees, and what its usage lacked of the minimum.
    assert acme.old_fees_micros == 999_000_000 + 50_000_000 + 150_000_000 - acme.old_micros
    assert (acme.new_fees_micros, acme.difference_micros) == (acme.old_fees_micros, 0)


def test_fees_and_minimums_of_another_plan_are_shown_beside_those_of_the_present_one(used):
    add_charge(used, "otp-inr", **recurring("999.00"))
    for code in ("acme", "bolt"):
        subscribed(used, code, datetime(2026, 9, 10, tzinfo=UTC))

    found = simulated(with_fees(DEAR, recurring("500.00"), minimum("20.00", counts=["otp.delivered"])), "acme", "bolt")

    # What usage under the candidate comes to counts towards its minimum: 8.00 and 4.00.
    assert [(each.account, each.old_fees_micros, each.new_fees_micros) for each in found.accounts] == [
        ("acme", 999_000_000, 500_000_000 + 12_000_000),
        ("bolt", 999_000_000, 500_000_000 + 16_000_000),
    ]
    together = found.total()
    assert together.difference_micros == together.new_total_micros - together.old_total_micros
    assert together.new_total_micros == 12_000_000 + 1_028_000_000


def test_a_one_time_fee_that_was_paid_is_not_paid_again_and_a_pause_stays_one(used):
    setup = {"code": "setup", "kind": "one_time", "amount": "100.00"}
    add_charge(used, "otp-inr", **setup)
    subscribed(used, "acme", datetime(2026, 9, 10, tzinfo=UTC))
    subscribed(used, "bolt", datetime(2026, 9, 10, tzinfo=UTC), paused=True)

    found = simulated(with_fees(DEAR, setup, recurring("500.00")), "acme", "bolt")

    assert [each.new_fees_micros for each in found.accounts] == [500_000_000, 0]


def test_a_minimum_of_a_quarter_counts_only_when_the_whole_quarter_is_looked_at(used):
    subscribed(used, "acme", datetime(2026, 6, 30, 18, 30, tzinfo=UTC))
    candidate = with_fees(DEAR, minimum("60.00", every="quarter"))

    september = simulated(candidate, "acme", first=BillingMonth(2026, 9), last=BillingMonth(2026, 9)).total()
    quarter = simulated(candidate, "acme", first=BillingMonth(2026, 7), last=BillingMonth(2026, 9)).total()

    assert (september.new_fees_micros, quarter.new_fees_micros) == (0, 60_000_000)


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
