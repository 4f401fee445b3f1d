"""Parts of an event: several charges, every aggregation, adjustments, wider positions, corrections."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST
from domain.catalogue import ContractTerm, Subscription
from domain.metering import Total, TotalKey
from domain.rating.places import EVER, period_start
from domain.usage import RefusalReason, WaitReason
from tests.builders_rating import (
    VOLUME,
    a_contract,
    a_meter,
    a_plan,
    a_usage_charge,
    an_adjustment,
    books_of,
    on_plan,
    with_terms,
)
from tests.builders_usage import HAPPENED_AT, a_received_event, an_event, an_origin, micros_of

RUPEE = 1_000_000
OCTOBER = date(2026, 10, 1)


def received(*events):
    return [a_received_event(event, origin=an_origin(offset)) for offset, event in enumerate(events)]


def books_on(*charges, adjustments=()):
    return books_of(on_plan(a_plan(*charges, adjustments=adjustments)))


def quantities(*numbers, **properties):
    return received(*(an_event(f"event-{place}", quantity=number, **properties) for place, number in enumerate(numbers)))


def test_an_event_is_rated_by_every_charge_that_counts_it():
    numbers = a_meter("numbers", meter_id=2, aggregation="unique", measured="to")
    books = books_on(a_usage_charge(), a_usage_charge("numbers", numbers, charge_id=2))
    settled = books.book(received(an_event("a", quantity=3, to="x"), an_event("b", to="x"), an_event("c", to="y")))
    assert books.totals == {
        TotalKey(1, OCTOBER, 1, "*"): Total(5_000_000, 1 * RUPEE, 3),
        TotalKey(1, OCTOBER, 2, "*"): Total(2_000_000, 400_000, 3),
    }
    first = settled.rated[0]
    assert (first.amount_micros, first.metered_millionths) == (600_000, None)
    assert [(part.place.charge_id, part.metered_millionths, part.amount_micros) for part in first.further] == [
        (2, 1_000_000, 200_000)
    ]
    assert books.debits == {101: 1_400_000}


@pytest.mark.parametrize(
    ("aggregation", "measured", "quantity"),
    [("sum", "size", 9), ("count", "quantity", 3), ("max", "size", 5), ("unique", "size", 2), ("latest", "size", 2)],
)
def test_every_aggregation_puts_its_property_together(aggregation, measured, quantity):
    books = books_on(a_usage_charge("otp", a_meter("otp", aggregation=aggregation, measured=measured)))
    sizes = [(5, 20), (2, 0), (2, 30)]
    events = [an_event(f"e{age}", at=HAPPENED_AT - timedelta(minutes=age), size=size) for size, age in sizes]
    books.book(received(*events))
    (total,) = books.totals.values()
    assert total == Total(quantity * 1_000_000, quantity * 200_000, 3)


def test_meters_of_one_charge_share_its_tiers():
    voice = a_meter("voice", meter_id=2, event_type="voice.minutes")
    books = books_on(a_usage_charge("both", a_meter(), voice, price=VOLUME))
    books.book(received(an_event("a", quantity=10), an_event("b", quantity=1, meter="voice.minutes")))
    assert books.totals == {TotalKey(1, OCTOBER, 1, "*"): Total(11_000_000, 7_700_000, 2)}


def test_a_volume_price_reprices_what_came_before_and_the_event_that_does_may_cost_less_than_nothing():
    books = books_on(a_usage_charge(price=VOLUME))
    settled = books.book(quantities(10, 1))
    assert [usage.amount_micros for usage in settled.rated] == [10 * RUPEE, -2_300_000]
    assert books.debits == {101: 7_700_000}


def test_a_price_per_event_is_the_sum_of_its_events():
    books = books_on(a_usage_charge(price={"model": "percentage", "percent": "10", "minimum": "1"}))
    books.book(quantities(1, 100))
    assert books.money() == {1: 11 * RUPEE}


def test_adjustments_follow_each_other_in_their_order():
    adjustments = [
        an_adjustment("maximum", charge_id=63, amount="40"),
        an_adjustment("percentage", charge_id=62),
        an_adjustment("free_amount", charge_id=61, amount="20"),
    ]
    books = books_on(a_usage_charge(price={"model": "per_unit", "unit_price": "1"}), adjustments=adjustments)
    settled = books.book(quantities(30, 70))
    assert books.money() == {1: 100 * RUPEE, 61: -20 * RUPEE, 62: -8 * RUPEE, 63: -32 * RUPEE}
    assert [usage.event_micros for usage in settled.rated] == [9 * RUPEE, 31 * RUPEE]
    assert books.totals[TotalKey(1, OCTOBER, 63, "maximum")] == Total(72 * RUPEE, -32 * RUPEE, 0)


def test_an_adjustment_of_no_money_has_no_part():
    books = books_on(
        a_usage_charge(price={"model": "package", "package_size": 100, "package_price": "5"}), adjustments=[an_adjustment()]
    )
    settled = books.book(quantities(1, 1))
    assert [len(usage.further) for usage in settled.rated] == [1, 0]


def test_a_yearly_price_goes_on_over_the_months_it_accrues_in():
    books = books_on(a_usage_charge(price=VOLUME, reset="year"))
    books.book(received(an_event("a", quantity=10, at=HAPPENED_AT - timedelta(days=60)), an_event("b")))
    assert books.positions == {TotalKey(1, date(2026, 1, 1), 1, "*"): Total(11_000_000, 7_700_000, 2)}
    assert [total.amount_micros for total in books.totals.values()] == [10 * RUPEE, -2_300_000]


@pytest.mark.parametrize(
    ("reset", "start"),
    [("month", date(2026, 11, 1)), ("quarter", date(2026, 10, 1)), ("year", date(2026, 1, 1)), ("never", EVER)],
)
def test_a_period_begins_on_its_first_day(reset, start):
    charge = a_usage_charge(reset=reset)
    assert period_start(date(2026, 11, 1), charge.reset) == start


def test_accounts_of_a_tree_share_a_price_and_each_pays_its_part():
    plan = a_plan(a_usage_charge(price=VOLUME, shared="account_tree"))
    books = books_of(on_plan(plan, "acme", account_id=1), on_plan(plan, "acme-app", account_id=2, root_id=1))
    books.book(received(an_event("a", quantity=10), an_event("b", subject="acme-app")))
    assert books.positions == {TotalKey(1, OCTOBER, 1, "*"): Total(11_000_000, 7_700_000, 2)}
    assert books.debits == {101: 10 * RUPEE, 102: -2_300_000}


def test_a_correction_is_taken_where_the_price_reprices():
    books = books_on(a_usage_charge(price=VOLUME))
    books.book(quantities(11, -1))
    assert books.totals == {TotalKey(1, OCTOBER, 1, "*"): Total(10_000_000, 10 * RUPEE, 2)}


@pytest.mark.parametrize(
    ("charge", "detail"),
    [
        (a_usage_charge(), "charge 'otp' refuses corrections; its price would have to say corrections: reprice"),
        (
            a_usage_charge("otp", a_meter("peak", aggregation="max"), price=VOLUME),
            "meter 'peak' of charge 'otp' takes the max, which cannot be taken back",
        ),
    ],
    ids=("price", "meter"),
)
def test_a_correction_is_refused_with_the_way_out_where_it_is_not(charge, detail):
    settled = books_on(charge).book(quantities(-1))
    assert [(letter.reason, letter.detail) for letter in settled.dead_letters] == [
        (RefusalReason.QUANTITY, f"the quantity is negative: {detail}")
    ]


@pytest.mark.parametrize(
    ("properties", "detail"),
    [
        ({"channel": "sms"}, "data.size is missing: meter 'otp' measures it"),
        ({"size": "5"}, "data.size must be a JSON number"),
        ({"size": True}, "data.size must be a JSON number"),
        ({"size": Decimal("0.0000001")}, "data.size must be a JSON number of at most 6 decimals"),
        ({"size": 10**10}, "data.size must be a JSON number of at most 6 decimals, within ±1,000,000,000"),
    ],
    ids=str,
)
def test_an_event_without_what_is_measured_is_refused(properties, detail):
    books = books_on(a_usage_charge("otp", a_meter("otp", aggregation="max", measured="size")))
    (letter,) = books.book(received(an_event(**properties))).dead_letters
    assert letter.reason is RefusalReason.PROPERTY
    assert letter.detail.startswith(detail)


def test_distinct_values_of_other_types_are_other_values_and_equal_numbers_are_one():
    books = books_on(a_usage_charge("otp", a_meter("otp", aggregation="unique", measured="to")))
    values = [1, Decimal("1.0"), "1", True, Decimal("1.5"), Decimal("1.50")]
    books.book(received(*(an_event(f"e{place}", to=value) for place, value in enumerate(values))))
    (total,) = books.totals.values()
    assert total.quantity_millionths == 4_000_000


def test_an_event_that_no_charge_prices_waits():
    cold = a_meter("otp", filter=(("channel", frozenset({"sms"})),))
    settled = books_on(a_usage_charge("otp", cold)).book(quantities(1, channel="whatsapp"))
    assert [wait.reason for wait in settled.waiting] == [WaitReason.NO_PRICE]


def test_what_a_contract_prices_and_discounts_within_its_term_stands_on_its_own_totals():
    contract = a_contract(adjustments=[an_adjustment(charge_id=70, code="loyal")])
    term = ContractTerm(contract, micros_of(HAPPENED_AT), DISTANT_FUTURE)
    plan = a_plan(a_usage_charge(price={"model": "per_unit", "unit_price": "1"}))
    books = books_of(with_terms([Subscription(plan, DISTANT_PAST, DISTANT_FUTURE)], [term]))
    books.book(received(an_event("a", at=HAPPENED_AT - timedelta(hours=1)), an_event("b", quantity=10)))
    assert {key.cell: total.amount_micros for key, total in books.totals.items()} == {
        "*": RUPEE,
        "*//loyal#70": 10 * RUPEE,
        "loyal": -RUPEE,
    }
