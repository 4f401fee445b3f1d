"""Quotes: usage rated by the worker's functions, lines that add up, fees of the periods touched."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Invalid
from domain.plans import read_plan
from domain.plans.quote_lines import quote
from domain.plans.quoted_usage import read_usage
from tests.builders_plans import a_charge, a_commitment, a_discount, a_fee, a_matrix, a_meter, a_plan, a_setup, per_unit

INDIA = ZoneInfo("Asia/Kolkata")


def an_event(quantity=1, *, day=None, **properties):
    time = {} if day is None else {"time": (datetime(2026, 10, 1, 6, tzinfo=UTC) + timedelta(days=day)).isoformat()}
    return {"type": "otp.delivered", "quantity": quantity, "properties": properties, **time}


def a_total(quantity, *, charge="otp.delivered", **properties):
    return {"charge": charge, "quantity": quantity, "properties": properties}


def quoted(plan, *usage):
    return quote(read_plan(plan), read_usage(list(usage), measured=()), time_zone=INDIA)


def amounts(said):
    return {(line.charge, line.period, line.price_cell): line.amount_micros for line in said.lines}


def test_events_and_totals_of_the_same_usage_come_to_the_same():
    plan = a_plan(a_charge(price={"model": "volume", "tiers": [{"up_to": 10, "unit_price": "1"}, {"unit_price": "0.5"}]}))
    by_event = quoted(plan, *[an_event(4) for _ in range(3)])
    assert amounts(by_event) == amounts(quoted(plan, a_total(12))) == {("otp.delivered", "", "*"): 6_000_000}
    by_meter = quoted(plan, {"meter": "otp.delivered", "quantity": 12})
    assert amounts(by_meter) == amounts(by_event)


def test_a_matrix_has_a_line_for_each_row_that_was_used():
    plan = a_plan(a_charge(price=a_matrix(({"channel": "sms", "country": "IN"}, "0.185"), ({"channel": "sms"}, "5"))))
    said = quoted(plan, an_event(10, channel="sms", country="IN"), an_event(2, channel="sms"), an_event(channel="fax"))
    assert amounts(said) == {("otp.delivered", "", "sms/IN"): 1_850_000, ("otp.delivered", "", "sms/*"): 10_000_000}
    assert [str(error) for error in said.unpriced] == ["[2]: no charge has a price for this type otp.delivered"]


def test_an_event_feeds_every_charge_whose_meter_counts_it():
    plan = a_plan(
        a_charge(),
        a_charge(meter="people", price=per_unit("1")),
        meters=[a_meter("people"), {"code": "otp.delivered", "event_type": "otp.delivered"}],
    )
    said = quoted(plan, *[an_event(recipient_hash=who) for who in "aabca"])
    assert {line.charge: line.quantity for line in said.lines} == {"otp.delivered": "5", "people": "3"}


def test_usage_the_worker_would_refuse_is_refused_with_its_place():
    plan = a_plan(a_charge("people"), meters=[a_meter("people")])
    with pytest.raises(Invalid, match=r"\[1\]: data.recipient_hash is missing") as refused:
        quoted(plan, an_event(recipient_hash="a"), an_event(), an_event())
    assert len(refused.value.errors) == 2
    with pytest.raises(Invalid, match=r"\[0\]: the quantity is negative"):
        quoted(a_plan(), an_event(-1))


def test_months_are_those_of_the_account_and_a_wider_reset_goes_on_across_them():
    price = {"model": "graduated", "tiers": [{"up_to": 10, "unit_price": "1"}, {"unit_price": "0.5"}]}
    usage = an_event(8, day=0), an_event(8, day=31)
    monthly = quoted(a_plan(a_charge(price=price)), *usage)
    quarterly = quoted(a_plan(a_charge(price=price, reset="quarter")), *usage)
    assert [(line.period, line.amount_micros) for line in monthly.lines] == [("2026-10", 8_000_000), ("2026-11", 8_000_000)]
    assert [(line.period, line.amount_micros) for line in quarterly.lines] == [
        ("2026-10", 8_000_000),
        ("2026-11", 5_000_000),
    ]
    assert all(sum(step.amount_micros for step in line.steps) == line.amount_micros for line in quarterly.lines)


def test_adjustments_are_made_in_order_and_a_limited_one_ends():
    adjustments = [
        {"code": "cap", "kind": "maximum", "amount": "1.50", "description": "Cap"},
        a_discount(periods=1),
        {"code": "free", "kind": "free_amount", "amount": "0.10", "description": "Free"},
    ]
    said = quoted(a_plan(adjustments=adjustments), an_event(10, day=0), an_event(10, day=31))
    assert amounts(said) == {
        ("otp.delivered", "2026-10", "*"): 2_000_000,
        ("otp.delivered", "2026-11", "*"): 2_000_000,
        ("free", "2026-10", "*"): -100_000,
        ("launch", "2026-10", "*"): -190_000,
        ("cap", "2026-10", "*"): -210_000,
        ("free", "2026-11", "*"): -100_000,
        ("cap", "2026-11", "*"): -400_000,
    }
    assert said.lines[0].under == ("launch",)


def test_fees_are_those_of_the_periods_touched_and_a_commitment_is_what_is_short():
    plan = a_plan(
        a_charge(),
        a_commitment(minimum="5", counts=["otp.delivered"]),
        a_commitment(code="all", minimum="10", every="quarter"),
        a_fee(amount="2"),
        a_setup(amount="7"),
        adjustments=[a_discount(applies_to=["otp.delivered"])],
    )
    said = quoted(plan, an_event(10, day=0), an_event(100, day=31))
    fees = {key: amount for key, amount in amounts(said).items() if key[0] not in ("otp.delivered", "launch")}
    assert fees == {
        ("platform", "2026-10-01/2026-11-01", "*"): 2_000_000,
        ("platform", "2026-11-01/2026-12-01", "*"): 2_000_000,
        ("setup", "once", "*"): 7_000_000,
        ("least", "2026-10-01/2026-11-01", "*"): 3_200_000,
    }
    assert [step.text for line in said.lines if line.charge == "least" for step in line.steps] == [
        "what 1.80 lacks of the minimum of 5.00"
    ]
    totals = said.document()["totals"]
    assert totals == {
        "usage": "22.000000",
        "adjustments": "-2.200000",
        "fees": "14.200000",
        "total": "34.000000",
        "invoiced": "34.00",
    }


MID_OCTOBER = datetime(2026, 10, 21, 18, 30, tzinfo=UTC)
"""Midnight of the 22nd in India: ten days of October are left."""


def fees_from(starts_at, *charges, usage=(), **more):
    plan = read_plan(a_plan(a_charge(), *charges, **more))
    said = quote(plan, read_usage([*usage, a_total(1)], measured=()), time_zone=INDIA, starts_at=starts_at)
    return {
        (line.charge, line.period): (line.invoice, line.amount_micros)
        for line in said.lines
        if line.kind not in ("usage", "adjustment")
    }


@pytest.mark.parametrize(
    ("fee", "comes_to"),
    [
        (a_fee(amount="310"), {"2026-10-01/2026-11-01": ("2026-10", 100_000_000)}),
        (a_fee(amount="310", prorate=False), {"2026-10-01/2026-11-01": ("2026-10", 310_000_000)}),
        (a_fee(amount="310", anchor="anniversary"), {"2026-10-22/2026-11-22": ("2026-10", 310_000_000)}),
        (
            a_fee(amount="310", anchor="anniversary", billed="in_arrears"),
            {"2026-10-22/2026-11-22": ("2026-11", 310_000_000)},
        ),
        (a_fee(amount="920", every="quarter"), {"2026-10-01/2027-01-01": ("2026-10", 710_000_000)}),
        (a_fee(amount="920", every="quarter", billed="in_arrears"), {"2026-10-01/2027-01-01": ("2026-12", 710_000_000)}),
        (a_setup(amount="5"), {"once": ("2026-10", 5_000_000)}),
        (a_commitment(minimum="310.20"), {"2026-10-01/2026-11-01": ("2026-10", 99_864_516)}),
        (a_commitment(minimum="310.20", prorate=False), {"2026-10-01/2026-11-01": ("2026-10", 310_000_000)}),
        (a_commitment(minimum="0.10"), {}),
    ],
)
def test_a_subscription_that_begins_within_a_period_is_quoted_the_fees_that_will_be_booked(fee, comes_to):
    said = fees_from(MID_OCTOBER, fee)
    assert {period: worth for (_, period), worth in said.items()} == comes_to


def test_fees_of_months_after_the_first_are_in_the_quote_as_far_as_there_is_usage():
    said = fees_from(MID_OCTOBER, a_fee(amount="310"), usage=[an_event(day=70)])
    assert said == {
        ("platform", "2026-10-01/2026-11-01"): ("2026-10", 100_000_000),
        ("platform", "2026-11-01/2026-12-01"): ("2026-10", 310_000_000),
        ("platform", "2026-12-01/2027-01-01"): ("2026-11", 310_000_000),
    }


def test_no_fee_is_due_in_a_trial_and_its_rest_of_a_period_is_quoted():
    assert fees_from(MID_OCTOBER, a_fee(amount="310"), trial_days=5) == {
        ("platform", "2026-10-01/2026-11-01"): ("2026-10", 50_000_000)
    }
    assert fees_from(MID_OCTOBER, a_fee(amount="310"), a_setup(), trial_days=30) == {}


def test_usage_from_before_the_subscription_has_no_price():
    plan = read_plan(a_plan())
    said = quote(plan, read_usage([an_event(day=0)], measured=()), time_zone=INDIA, starts_at=MID_OCTOBER)
    assert [error.reason for error in said.unpriced] == [
        "no charge has a price for this type otp.delivered; it is from before the subscription begins"
    ]


def test_usage_without_times_is_of_one_period_of_every_fee():
    said = quoted(a_plan(a_charge(), a_fee(every="year"), a_setup()), a_total(1))
    assert Counter(line.kind for line in said.lines) == {"usage": 1, "recurring": 1, "one_time": 1}
    assert {line.period for line in said.lines} == {""}


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 100), st.sampled_from("abc")), max_size=12), st.randoms())
def test_a_quote_does_not_depend_on_the_order_of_its_usage_and_its_steps_add_up(events, random):
    plan = a_plan(
        a_charge(price={"model": "graduated", "tiers": [{"up_to": 50, "unit_price": "0.333333"}, {"unit_price": "0.1"}]}),
        a_charge("people", price=per_unit("2.5"), reset="quarter"),
        meters=[a_meter("people"), {"code": "otp.delivered", "event_type": "otp.delivered"}],
        adjustments=[
            a_discount(percent="33.333333"),
            {"code": "cap", "kind": "maximum", "amount": "20", "description": "Cap"},
        ],
    )
    usage = [an_event(quantity, day=day, recipient_hash=who) for day, quantity, who in events] or [
        an_event(recipient_hash="a")
    ]
    said = quoted(plan, *usage)
    shuffled = usage[:]
    random.shuffle(shuffled)
    assert amounts(quoted(plan, *shuffled)) == amounts(said)
    assert all(sum(step.amount_micros for step in line.steps) == line.amount_micros for line in said.lines)


@pytest.mark.parametrize(
    ("usage", "fault"),
    [
        ("x", "must be a list of usage"),
        ([], "must hold 1 to 100,000 entries"),
        ({"things": []}, "'things': usage is a list, or an object with lists named events and totals"),
        ([1], "[0]: must be an object"),
        ([{"quantity": 1}], "[0].type: must be a text"),
        ([{"type": "a", "charge": "b"}], "[0].charge: an entry is of a type or a charge: name one"),
        ([{"charge": "b"}], "[0].quantity: a total says how much"),
        ([{"type": "a", "quantity": "many"}], "[0].quantity: must be a number of at most 6 decimals"),
        ([{"type": "a", "quantity": Decimal("0.0000001")}], "[0].quantity: must be a number of at most 6 decimals"),
        ([{"type": "a", "quantity": Decimal("NaN")}], "[0].quantity: must be a number"),
        ([{"type": "a", "quantity": 10**13}], "[0].quantity: must be a number"),
        ([{"type": "a", "quantity": True}], "[0].quantity: must be a number"),
        ([{"type": "a", "time": "2026-10-01"}], "[0].time: must be a time with its zone"),
        ([{"type": "a", "time": "0001-01-01T00:00:00Z"}], "[0].time: must be a time with its zone"),
        ([{"type": "a", "time": 5}], "[0].time: must be a time with its zone"),
        ([{"type": "a", "properties": []}], "[0].properties: must be an object of properties"),
        ([{"type": "a", "properties": {"b": {}}}], "[0].properties: must hold texts, numbers and booleans"),
        ([{"type": "a", "data": {}, "properties": {"b": "c"}}], "[0].properties: an entry has data"),
        ([{"type": "a", "channel": "sms"}], "[0].channel: unknown field"),
        ({"events": [{"type": "a"}], "totals": [{"meter": "m"}]}, "totals[0].quantity: a total says how much"),
    ],
)
def test_usage_that_cannot_be_read_is_refused_with_its_place(usage, fault):
    with pytest.raises(Invalid) as refused:
        read_usage(usage, measured=())
    assert any(str(error).startswith(fault) for error in refused.value.errors), str(refused.value)


def test_a_total_of_what_the_plan_does_not_have_is_a_slip_and_refused():
    plan = a_plan(a_charge(code="otp"))
    slips = [{"charge": "opt"}, {"meter": "otp.deliverd"}, {"charge": "x"}]
    with pytest.raises(Invalid) as refused:
        quoted(plan, *({**slip, "quantity": 1} for slip in slips))
    assert [str(error) for error in refused.value.errors] == [
        "[0].charge: 'opt' is no charge of this plan; there are otp",
        "[1].meter: 'otp.deliverd' is no meter of this plan; there are otp.delivered (did you mean 'otp.delivered'?)",
        "[2].charge: 'x' is no charge of this plan; there are otp",
    ]


def test_the_rows_of_a_table_have_properties_as_columns_and_numbers_where_meters_measure():
    row = {
        "type": "otp.delivered",
        "quantity": "2.5",
        "channel": "sms",
        "bytes": "12.5",
        "time": "2026-10-01T00:00:00+05:30",
    }
    (one,) = read_usage([row], measured={"bytes"}, is_table=True)
    assert (one.quantity_millionths, one.properties) == (2_500_000, {"channel": "sms", "bytes": Decimal("12.5")})


def test_events_as_producers_send_them_are_usage():
    event = {"specversion": "1.0", "id": "1", "source": "/core", "subject": "acme", "type": "otp.delivered"}
    (one,) = read_usage(
        [{**event, "time": "2026-10-12T10:11:12.123Z", "data": {"quantity": 3, "channel": "sms"}}], measured=()
    )
    assert (one.quantity_millionths, one.properties) == (3_000_000, {"channel": "sms"})


def test_a_month_without_usage_has_the_fee_that_is_due_without_usage():
    tiers = [{"up_to": 100, "flat_fee": "500.00", "unit_price": "0.20"}, {"unit_price": "0.10"}]
    flat = {"model": "graduated", "flat_at_zero": True, "tiers": tiers}
    plan = a_plan(a_charge(price=flat), a_charge("voice", price=flat), adjustments=[a_discount(applies_to=["voice"])])
    said = quoted(plan, an_event(100, day=0), an_event(1, day=31))
    assert amounts(said) == {
        ("otp.delivered", "2026-10", "*"): 520_000_000,
        ("otp.delivered", "2026-11", "*"): 500_200_000,
        ("voice", "2026-10", "*"): 500_000_000,
        ("voice", "2026-11", "*"): 500_000_000,
        ("launch", "2026-10", "*"): -50_000_000,
        ("launch", "2026-11", "*"): -50_000_000,
    }
    (unused,) = [line for line in said.lines if (line.charge, line.period) == ("voice", "2026-10")]
    assert (unused.quantity, unused.events) == ("0", 0)
    assert [str(step) for step in unused.steps] == ["up to 100: flat fee, due without usage = 500.00"]


def test_a_millionth_of_a_rupiah_is_a_price_and_half_of_it_rounds_up_on_the_running_total():
    plan = a_plan(a_charge(price=per_unit("0.000001")), currency="IDR")
    assert amounts(quoted(plan, a_total("0.5"), a_total(1_000_000))) == {("otp.delivered", "", "*"): 1_000_001}
