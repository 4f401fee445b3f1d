"""The demonstration's seller, plans and accounts are ones the real rules take."""

from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.demonstration import catalogue
from cli.demonstration.customers import subscribers, the_one_that_runs_dry
from cli.demonstration.second_rater import (
    adjustments_of,
    agreed,
    amount_micros,
    charges_of,
    choose_price,
    counts_earlier,
    fee_micros,
    is_made_on,
    measured,
    taken_off_micros,
)
from domain.catalogue import read_adjustment, read_charge
from domain.contracts import read_contract
from domain.customers.account import read_opening
from domain.customers.address import AddressKind
from domain.customers.customer import read_customer
from domain.period import BillingMonth
from domain.plans import read_plan
from domain.pricing import read_price
from domain.tax.gst import decide_tax
from domain.tax.gstin import fault_of
from domain.tax.place_of_supply import BuyerCategory, BuyerTaxProfile, LetterOfUndertaking

ISSUE_DATE = date(2026, 11, 23)
CHARGES = [charge for plan in catalogue.plans() for charge in plan["charges"] if "price" in charge]


def test_there_are_two_hundred_accounts_with_traffic_and_one_more_and_no_name_comes_twice():
    people = [*subscribers(), the_one_that_runs_dry()]

    assert len({one.account.code for one in people}) == 201
    aliases = [alias for one in people for alias in one.account.aliases]
    assert len(aliases) == len(set(aliases)) > 300
    customers = {one.customer.code: one.customer for one in people}
    assert len({customer.legal_name for customer in customers.values()}) == len(customers) > 180


def test_accounts_are_of_every_kind():
    kinds = Counter((one.customer.tax_category, one.account.currency.value, one.account.mode) for one in subscribers())

    assert {category for category, _, _ in kinds} == {"registered", "unregistered", "sez", "overseas"}
    assert {currency for _, currency, _ in kinds} == {"INR", "USD", "IDR"}
    assert min(kinds.values()) >= 4
    assert {one.account.time_zone for one in subscribers() if one.account.currency == "IDR"} == {"Asia/Jakarta"}


def test_a_month_is_over_for_every_account_when_it_is_over_in_india():
    october = BillingMonth(2026, 10)
    in_india = october.span(ZoneInfo("Asia/Kolkata")).end

    assert all(october.span(ZoneInfo(one.account.time_zone)).end <= in_india for one in subscribers())


def test_every_customer_and_account_is_one_the_rules_take():
    for one in subscribers():
        customer, opening = read_customer(one.customer.document()), read_opening(one.account.document())
        assert customer.addresses[AddressKind.BILLING].country == one.customer.country
        assert (opening.account.customer, opening.plan) == (customer.code, one.account.plan_code)


def test_every_gstin_has_its_right_check_character():
    numbers = {one.customer.gstin for one in subscribers() if one.customer.gstin}

    assert len(numbers) > 120
    assert [number for number in [*numbers, catalogue.seller(on=ISSUE_DATE).gstin] if fault_of(number)] == []


def test_tax_can_be_decided_for_every_customer_and_all_ways_occur():
    seller = catalogue.seller(on=ISSUE_DATE)
    lut = LetterOfUndertaking(seller.lut_arn, seller.lut_valid_from, seller.lut_valid_to)
    decisions = Counter()
    for one in subscribers():
        customer = one.customer
        profile = BuyerTaxProfile(
            customer.country, customer.gstin, BuyerCategory(customer.tax_category), customer.state_code
        )
        decision = decide_tax(seller.gstin, profile, on=ISSUE_DATE, sac=catalogue.SAC, lut=lut)
        decisions[str(decision.supply.type), len(decision.heads)] += 1

    assert set(decisions) == {("B2B", 1), ("B2B", 2), ("B2C", 1), ("B2C", 2), ("SEZWOP", 1), ("EXPWOP", 1)}


@pytest.mark.parametrize("plan", catalogue.plans(), ids=lambda plan: plan["code"])
def test_every_plan_is_one_that_can_be_published(plan):
    assert read_plan(plan).code == plan["code"]


@pytest.mark.parametrize(
    "document", CHARGES, ids=lambda charge: f"{charge.get('code', charge.get('meter'))} {charge['price']['model']}"
)
@given(
    channel=st.sampled_from(["sms", "whatsapp", "email", "rcs", "viber", "voice", None]),
    country=st.sampled_from(["IN", "US", "AE", "SG", "ID", "DE", None]),
    operator=st.sampled_from(["jio", "airtel", "vi", None]),
    millionths=st.integers(0, 2_000_000_000),
)
def test_the_second_rater_agrees_with_the_first(document, channel, country, operator, millionths):
    properties = {"channel": channel, "country": country, "operator": operator}
    charge = read_charge(1, document, path="charge")

    name, row = choose_price(document["price"], properties)
    cell = charge.cell_for(properties)

    assert cell is not None
    assert (name, amount_micros(row, Fraction(millionths, 1_000_000))) == (
        cell.name,
        cell.tariff.amount_micros(millionths),
    )


def test_the_second_rater_prices_tier_by_tier_and_rounds_a_half_up():
    tiers = {"model": "graduated", "tiers": [{"up_to": 10, "unit_price": "1.00"}, {"unit_price": "0.50"}]}

    assert amount_micros(tiers, Fraction(12)) == 11_000_000
    assert amount_micros({"model": "per_unit", "unit_price": "0.000001"}, Fraction(1, 2)) == 1
    assert amount_micros({"model": "per_unit", "unit_price": "0.000001"}, Fraction(49, 100)) == 0


def test_the_second_rater_prices_by_volume_by_package_and_after_free_units():
    volume = {"model": "volume", "tiers": [{"up_to": 10, "unit_price": "1.00"}, {"unit_price": "0.50"}]}
    package = {"model": "package", "package_size": 10, "package_price": "7.00"}
    free = {"model": "per_unit", "unit_price": "2", "free_units": 5}

    assert [amount_micros(volume, Fraction(units)) for units in (10, 11)] == [10_000_000, 5_500_000]
    assert [amount_micros(package, Fraction(units)) for units in (0, 10, 11)] == [0, 7_000_000, 14_000_000]
    assert [amount_micros(free, Fraction(units)) for units in (4, 5, 6)] == [0, 0, 2_000_000]
    with pytest.raises(LookupError, match="does not know the price model stairstep"):
        amount_micros({"model": "stairstep"}, Fraction(1))


def test_all_plans_are_of_one_service():
    assert {charge["sac"] for plan in catalogue.plans() for charge in plan["charges"]} == {catalogue.SAC}


def test_the_second_rater_takes_the_row_that_names_most():
    price = {
        "model": "matrix",
        "dimensions": ["channel", "country"],
        "rows": [
            {"model": "per_unit", "unit_price": "9"},
            {"when": {"country": "IN"}, "model": "per_unit", "unit_price": "3"},
            {"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "2"},
            {"when": {"channel": "sms", "country": "IN"}, "model": "per_unit", "unit_price": "1"},
        ],
    }

    chosen = [choose_price(price, {"channel": channel, "country": country})[0] for channel, country in
              [("sms", "IN"), ("sms", "US"), ("email", "IN"), ("email", "US")]]  # fmt: skip
    assert chosen == ["sms/IN", "sms/*", "*/IN", "*/*"]
    with pytest.raises(LookupError):
        choose_price({**price, "rows": price["rows"][3:]}, {"channel": "email"})


def test_the_second_rater_counts_an_event_by_every_charge_whose_meters_match_it():
    plan = {
        "meters": [
            {"code": "all", "event_type": "otp"},
            {"code": "sms", "event_type": "otp", "filter": {"channel": ["sms"]}},
        ],
        "charges": [
            {"meters": ["all"], "price": {"model": "per_unit", "unit_price": "1"}},
            {"code": "dlt", "meters": ["sms"], "price": {"model": "per_unit", "unit_price": "2"}},
            {"code": "fee", "kind": "recurring"},
        ],
    }

    counted = [[one.charge for one in charges_of(plan, "otp", {"channel": channel})] for channel in ("sms", "email")]
    assert counted == [["all", "dlt"], ["all"]]
    assert list(charges_of(plan, "call", {})) == []


def test_the_second_rater_reads_quantities_properties_and_values_off_an_event():
    people = {"code": "people", "aggregation": "unique", "property": "to"}
    data = {"to": "a", "cost": 0.31}

    assert measured({"code": "otp"}, data, 2_500_000) == 2_500_000
    assert measured({"code": "cost", "property": "cost"}, data, 2_500_000) == 310_000
    assert measured(people, data, 1_000_000) == "a"
    with pytest.raises(LookupError, match="does not know meters like most"):
        measured({"code": "most", "aggregation": "max", "property": "to"}, data, 1_000_000)


def test_under_a_contract_the_second_rater_takes_its_charges_and_the_plans_others():
    plan = {
        "code": "p",
        "charges": [{"meter": "otp", "price": 1}, {"code": "fee", "amount": "2"}, {"code": "dlt", "price": 3}],
    }
    contract = {"charges": [{"code": "otp", "meter": "otp", "price": 9}, {"code": "support", "amount": "5"}]}

    charges = agreed(plan, contract)["charges"]
    assert [(one.get("code"), one.get("price"), one.get("amount")) for one in charges] == [
        ("otp", 9, None),
        ("fee", None, "2"),
        ("dlt", 3, None),
        ("support", None, "5"),
    ]


def test_the_contract_is_one_that_can_be_written():
    ((account, document),) = catalogue.contracts().items()
    one = next(one for one in subscribers() if one.account.code == account)
    contract = read_contract(catalogue.contract_from(document, datetime(2026, 10, 1, tzinfo=UTC)))

    assert (contract.account, contract.currency, contract.payment_term_days) == (account, one.account.currency, 30)
    assert (one.account.plan_code, one.customer.tax_category) == (catalogue.INDIA, "registered")
    assert document["code"] in one.account.aliases[0]


@given(
    millionths=st.integers(0, 10_000_000),
    percent=st.decimals("0", "100", places=6),
    bounds=st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
)
def test_the_second_rater_takes_a_share_of_each_event_within_its_bounds(millionths, percent, bounds):
    least, most = (str(Decimal(bound) / 1_000_000) for bound in sorted(bounds))
    document = {"model": "percentage", "percent": str(percent), "fixed": "0.02", "minimum": least, "maximum": most}

    first = read_price(
        {**document, "percent": f"{percent:f}", "minimum": f"{Decimal(least):f}", "maximum": f"{Decimal(most):f}"},
        path="price",
    )
    assert amount_micros(document, Fraction(millionths, 1_000_000)) == first.amount_micros(millionths)


@given(money=st.integers(0, 10**15), amount=st.integers(0, 10**10), percent=st.integers(0, 100_000_000))
def test_the_second_rater_takes_off_what_the_first_does(money, amount, percent):
    for document in (
        {"kind": "percentage", "percent": str(Decimal(percent) / 1_000_000)},
        {"kind": "free_amount", "amount": str(Decimal(amount) / 1_000_000)},
        {"kind": "maximum", "amount": str(Decimal(amount) / 1_000_000)},
    ):
        first = read_adjustment(1, {"code": "one", "description": "One", **document}, path="one")
        assert taken_off_micros(document, money) == first.amount_micros(money)


def test_the_second_rater_takes_off_in_the_order_of_kinds_and_for_as_long_as_agreed():
    launch = {"code": "launch", "kind": "percentage", "percent": "10", "applies_to": ["otp"], "periods": 3}
    cap = {"code": "cap", "kind": "maximum", "amount": "5"}
    free = {"code": "free", "kind": "free_amount", "amount": "1"}
    plan = {"adjustments": [cap, launch, free]}

    assert [one["code"] for one in adjustments_of(plan, month_number=2)] == ["free", "launch", "cap"]
    assert [one["code"] for one in adjustments_of(plan, month_number=3)] == ["free", "cap"]
    assert (is_made_on(launch, "otp"), is_made_on(launch, "dlt"), is_made_on(cap, "dlt")) == (True, False, True)
    assert (counts_earlier(cap, launch), counts_earlier(launch, free), counts_earlier(cap, free)) == (True, False, True)


def test_the_second_rater_knows_a_fee_of_a_month_and_what_a_minimum_lacks():
    fee = {"code": "fee", "kind": "recurring", "amount": "49.00", "every": "month", "billed": "in_arrears"}
    least = {"code": "least", "kind": "commitment", "minimum": "250.00", "every": "month"}

    assert fee_micros(fee, spent_micros=7) == 49_000_000
    assert [fee_micros(least, spent_micros=spent) for spent in (0, 249_999_999, 250_000_000, 300_000_000)] == [
        250_000_000,
        1,
        0,
        0,
    ]
    assert fee_micros({"code": "setup", "kind": "one_time", "amount": "5"}, spent_micros=7) == 5_000_000
    for unknown in ({"every": "year"}, {"anchor": "anniversary"}):
        with pytest.raises(LookupError, match="does not know fees like fee"):
            fee_micros({**fee, **unknown}, spent_micros=0)
