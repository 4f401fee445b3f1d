"""The plan in effect: which charges and adjustments rate an event, and the cells of what comes and goes beside others."""

from domain.catalogue import EffectivePlan, PlanVersion
from domain.catalogue.price_list import ChargeRow
from domain.money import Currency
from tests.builders_rating import a_contract, a_meter, a_plan, a_usage_charge, an_adjustment

SMS = {"channel": "sms"}
NUMBERS = a_meter("numbers", meter_id=2, aggregation="unique", measured="to", filter=(("channel", frozenset({"sms"})),))


def rated(plan, event_type="otp.delivered", **properties):
    """Codes and cells of the charges and of the adjustments."""
    rates = plan.rates_for(event_type, properties)
    if rates is None:
        return None
    return (
        [(rate.charge.code, rate.cell.name) for rate in rates.usage],
        [rate.cell_name for rate in rates.adjustments],
    )


def test_one_event_type_may_feed_several_charges_each_through_its_filter():
    plan = EffectivePlan(a_plan(a_usage_charge(), a_usage_charge("numbers", NUMBERS, charge_id=2)))
    assert rated(plan, channel="sms") == ([("otp", "*"), ("numbers", "*")], [])
    assert rated(plan, channel="whatsapp") == ([("otp", "*")], [])
    assert rated(plan, "voice.minutes", channel="sms") is None


def test_properties_no_charge_looks_at_make_no_difference_and_one_object_says_so():
    plan = EffectivePlan(a_plan(a_usage_charge()))
    assert plan.rates_for("otp.delivered", {"note": "a"}) is plan.rates_for("otp.delivered", {"note": "b"})


def test_a_charge_of_one_sum_by_month_is_simple_and_anything_more_is_not():
    def is_simple(charge, *adjustments):
        return EffectivePlan(a_plan(charge, adjustments=adjustments)).rates_for("otp.delivered", {}).is_simple

    assert is_simple(a_usage_charge())
    assert not is_simple(a_usage_charge(), an_adjustment())
    assert not is_simple(a_usage_charge(reset="year"))
    assert not is_simple(a_usage_charge(shared="account_tree"))
    assert not is_simple(a_usage_charge("otp", a_meter("otp", aggregation="max")))
    assert not is_simple(a_usage_charge(price={"model": "percentage", "percent": "2"}))


def test_adjustments_apply_in_their_order_to_the_charges_they_name():
    voice = a_usage_charge("voice", a_meter("voice", meter_id=3, event_type="voice.minutes"), charge_id=3)
    adjustments = [an_adjustment("maximum", charge_id=60), an_adjustment("percentage", charge_id=61, applies_to=["voice"])]
    plan = EffectivePlan(a_plan(a_usage_charge(), voice, adjustments=adjustments))
    assert rated(plan)[1] == ["maximum"]
    assert rated(plan, "voice.minutes")[1] == ["percentage", "maximum"]
    counted = [rate.counted for rate in plan.rates_for("voice.minutes", {}).adjustments]
    assert counted == [(0,), (0, 1)]


def test_a_contract_stands_in_place_of_the_plans_charge_of_the_same_code_and_adds_its_own():
    cheaper = a_usage_charge(charge_id=7, price={"model": "per_unit", "unit_price": "0.10"})
    numbers = a_usage_charge("numbers", NUMBERS, charge_id=8)
    plan = EffectivePlan(a_plan(a_usage_charge()), [a_contract(cheaper, numbers)])
    rates = plan.rates_for("otp.delivered", SMS)
    assert [rate.charge.charge_id for rate in rates.usage] == [7, 8]
    assert (plan.label, plan.label_of(7)) == ("rich v1", "acme-2026")


def test_of_several_contracts_the_first_is_the_strongest():
    one, other = a_contract(a_usage_charge(charge_id=7)), a_contract(a_usage_charge(charge_id=8), contract_id=2)
    assert EffectivePlan(a_plan(a_usage_charge()), [one, other]).charges["otp"].charge_id == 7


def test_usage_under_an_adjustment_that_comes_and_goes_has_a_running_total_of_its_own():
    launch = an_adjustment(code="launch", periods=3)
    assert rated(EffectivePlan(a_plan(a_usage_charge(), adjustments=[launch]))) == ([("otp", "*//launch")], ["launch"])
    discount = a_contract(adjustments=[an_adjustment(code="loyal", charge_id=70)])
    assert rated(EffectivePlan(a_plan(a_usage_charge()), [discount])) == ([("otp", "*//loyal#70")], ["loyal"])
    always = an_adjustment(code="always")
    assert rated(EffectivePlan(a_plan(a_usage_charge(), adjustments=[always]))) == ([("otp", "*")], ["always"])


def test_an_adjustment_counted_by_a_later_one_that_comes_and_goes_has_a_running_total_of_its_own():
    always, launch = an_adjustment("free_amount", charge_id=60), an_adjustment(code="launch", charge_id=61, periods=1)
    assert rated(EffectivePlan(a_plan(a_usage_charge(), adjustments=[always, launch]))) == (
        [("otp", "*//launch")],
        ["free_amount//launch", "launch"],
    )


def test_usage_whose_own_plans_adjustment_another_replaces_has_a_running_total_of_its_own():
    usual = an_adjustment(code="loyal", charge_id=60)
    plan = a_plan(a_usage_charge(), adjustments=[usual])
    elsewhere = a_contract(adjustments=[an_adjustment(code="loyal", charge_id=70, applies_to=["voice"])])
    assert rated(EffectivePlan(plan)) == ([("otp", "*")], ["loyal"])
    assert rated(EffectivePlan(plan, [elsewhere])) == ([("otp", "*//-loyal")], [])


def test_the_cell_of_a_running_total_is_found_again_with_what_it_was_under():
    charge = a_usage_charge(
        price={
            "model": "matrix",
            "dimensions": ["channel", "country"],
            "rows": [{"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "1"}],
        }
    )
    cell, under = charge.cell_named("sms/*//launch//loyal#70")
    assert (cell.name, under) == ("sms/*", ("launch", "loyal#70"))
    assert charge.cell_named("voice/*") is None
    assert a_usage_charge().cell_named("*//launch")[1] == ("launch",)


def test_stored_charges_are_read_when_they_are_first_asked_for():
    text = '{"code": "otp", "meters": ["otp"], "description": "d", "sac": "s", "unit": "u", "price": %s}'
    plan = PlanVersion(1, "stored v1", Currency.INR)
    plan.keep(
        [
            ChargeRow(1, "usage", text % '{"model": "per_unit", "unit_price": "1"}'),
            ChargeRow(2, "adjustment", '{"code": "c", "kind": "maximum", "amount": "5", "description": "d"}'),
            ChargeRow(3, "recurring", "not read at all"),
        ],
        meters={"otp": a_meter()},
    )
    assert [charge.charge_id for charge in plan.charges.values()] == [1]
    assert plan.charges["otp"].meters == (a_meter(),)
    assert [adjustment.charge_id for adjustment in plan.adjustments] == [2]
