"""Plan documents: read as a whole, or refused with everything that is wrong with them."""

import gc
import time

import pytest

from domain.billing_cycle import Anchor, Interval
from domain.catalogue import AdjustmentKind, Aggregation, Meter, Reset, Sharing, read_adjustment, read_charge
from domain.errors import Invalid
from domain.fee_terms import Billed
from domain.money import Currency
from domain.plans import Commitment, OneTime, Recurring, read_plan
from domain.plans.limits import CHARGES_MAX
from tests.builders_plans import (
    a_charge,
    a_commitment,
    a_discount,
    a_fee,
    a_matrix,
    a_meter,
    a_plan,
    a_setup,
    per_unit,
)


def faults_of(document, **known):
    with pytest.raises(Invalid) as refused:
        read_plan(document, **known)
    return [str(error) for error in refused.value.errors]


def test_the_short_form_names_a_meter_that_sums_up_the_events_of_its_name():
    plan = read_plan(a_plan())
    (charge,) = plan.usage
    assert (plan.code, plan.currency, charge.code, charge.reset) == ("otp-india", Currency.INR, "otp.delivered", Reset.MONTH)
    assert plan.implied == charge.meters == (Meter(0, "otp.delivered", "otp.delivered"),)
    assert plan.meters == ()


def test_a_plan_holds_meters_charges_of_every_kind_and_adjustments():
    plan = read_plan(
        a_plan(
            a_charge(),
            a_charge(meter=..., meters=["numbers", "otp"], code="people", reset="quarter", shared="account_tree"),
            a_fee(every="year", billed="in_arrears", anchor="anniversary", prorate=False),
            a_setup(),
            a_commitment(every="quarter", counts=["people"], prorate=False),
            meters=[
                a_meter(filter={"channel": ["sms"]}),
                {"code": "otp", "event_type": "otp.delivered"},
                a_meter("otp.delivered"),
            ],
            trial_days=14,
            adjustments=[
                a_discount(applies_to=["people"], periods=3),
                {"code": "cap", "kind": "maximum", "amount": "50000.00", "description": "Spend cap", "reset": "year"},
            ],
        )
    )
    assert plan.meters[0] == Meter(
        0, "numbers", "otp.delivered", Aggregation.UNIQUE, "recipient_hash", (("channel", frozenset({"sms"})),)
    )
    people = plan.usage[1]
    assert [meter.code for meter in people.meters] == ["numbers", "otp"]
    assert (people.reset, people.shared) == (Reset.QUARTER, Sharing.ACCOUNT_TREE)
    assert plan.fees == (
        Recurring(
            "platform",
            "Platform fee",
            "998319",
            999_000_000,
            Interval.YEAR,
            Billed.IN_ARREARS,
            Anchor.ANNIVERSARY,
            prorate=False,
        ),
        OneTime("setup", "Set-up", "998319", 999_000_000),
        Commitment("least", "Minimum", "998319", 10_000_000_000, Interval.QUARTER, ("people",), prorate=False),
    )
    assert [(one.code, one.kind, one.days, one.periods) for one in plan.adjustments] == [
        ("trial", AdjustmentKind.TRIAL, 14, None),
        ("launch", AdjustmentKind.PERCENTAGE, None, 3),
        ("cap", AdjustmentKind.MAXIMUM, None, None),
    ]
    assert [one.charge_id for one in (*plan.usage, *plan.adjustments)] == [1, 2, 3, 4, 5]


def test_what_is_stored_reads_back_as_the_same_charges():
    plan = read_plan(
        a_plan(
            a_charge(price=a_matrix(({"channel": "sms", "country": "IN"}, "0.185"), ({}, "3.75")), reset="year"),
            a_fee(),
            trial_days=7,
            adjustments=[
                a_discount(applies_to=["otp.delivered"]),
                a_discount(code="free", kind="free_amount", percent=..., amount="100", applies_to=["otp.delivered"]),
            ],
        )
    )
    rows = list(plan.rows())
    assert [(row.code, row.kind, row.meter) for row in rows] == [
        ("otp.delivered", "usage", "otp.delivered"),
        ("platform", "recurring", None),
        ("trial", "adjustment", None),
        ("launch", "adjustment", None),
        ("free", "adjustment", None),
    ]
    assert read_charge(1, rows[0].document, path="") == plan.usage[0]
    assert (
        tuple(read_adjustment(number, row.document, path="") for number, row in enumerate(rows[2:], 2)) == plan.adjustments
    )
    assert all(row.description and row.sac and row.unit for row in rows)


def test_the_normal_form_of_a_plan_is_a_plan_with_the_same_normal_form():
    plan = read_plan(
        a_plan(a_charge(), a_fee(), a_setup(), a_commitment(), meters=[a_meter()], adjustments=[a_discount()]),
        published=PUBLISHED,
    )
    assert read_plan(plan.normal_form(), published=PUBLISHED).normal_form() == plan.normal_form()


def test_documents_that_mean_the_same_have_the_same_normal_form():
    short = a_plan(a_charge(price=per_unit("0.2")))
    long = a_plan(
        a_charge(code="otp.delivered", kind="usage", reset="month", price=per_unit("0.2000", free_units=0)), trial_days=0
    )
    assert read_plan(short).normal_form() == read_plan(long).normal_form()


def test_an_adjustment_has_the_sac_of_what_it_applies_to_and_says_which_when_there_are_several():
    charges = [a_charge(), a_charge("voice.minutes", sac="998413")]
    plan = read_plan(a_plan(*charges, adjustments=[a_discount(applies_to=["voice.minutes"])]))
    assert plan.adjustments[0].sac == "998413"
    assert faults_of(a_plan(*charges, adjustments=[a_discount()], trial_days=3)) == [
        "trial_days: the charges it applies to have several, 998319, 998413:"
        " list an adjustment of kind trial with its sac instead",
        "adjustments[0].sac: the charges it applies to have several, 998319, 998413: say which its line has",
    ]


PUBLISHED = {"otp.delivered": Meter(7, "otp.delivered", "otp.delivered")}


def test_a_listed_meter_must_be_published_or_defined():
    named = a_charge(meter=..., meters=["otp.delivered", "otp.delivred"], code="otp")
    assert faults_of(a_plan(named), published=PUBLISHED) == [
        "charges[0].meters[1]: meter 'otp.delivred' is neither published nor defined under `meters`; known are otp.delivered"
        " (did you mean 'otp.delivered'?)"
    ]
    short = a_charge("otp.delivred")
    assert faults_of(a_plan(short, meters=[a_meter()]), published=PUBLISHED) == [
        "charges[0].meter: meter 'otp.delivred' is neither published nor defined under `meters`;"
        " known are numbers, otp.delivered (did you mean 'otp.delivered'?)"
    ]
    assert read_plan(a_plan(named)).implied == (
        Meter(0, "otp.delivered", "otp.delivered"),
        Meter(0, "otp.delivred", "otp.delivred"),
    )


def test_a_published_meter_is_defined_again_only_as_it_is():
    same = {"code": "otp.delivered", "event_type": "otp.delivered", "aggregation": "sum"}
    assert read_plan(a_plan(meters=[same]), published=PUBLISHED).meters == (Meter(0, "otp.delivered", "otp.delivered"),)
    assert faults_of(a_plan(meters=[{**same, "aggregation": "count"}]), published=PUBLISHED) == [
        "meters[0]: 'otp.delivered' is published with another definition, which never changes: give this one another code"
    ]


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (None, ": must be an object"),
        ("otp", ": must be an object"),
        ([], ": must be an object"),
        (a_plan(code=""), "code: must be a code"),
        (a_plan(code="a/b"), "code: must be a code"),
        (a_plan(code="x" * 101), "code: must be a code of 1 to 100"),
        (a_plan(name="x" * 257), "name: must be a text of 1 to 256 printable"),
        (a_plan(name="a\0b"), "name: must be a text"),
        (a_plan(name="\ud800"), "name: must be a text"),
        (a_plan(name=" \u00a0"), "name: must be a text of 1 to 256 printable characters in one line"),
        (a_plan(name="one\ntwo"), "name: must be a text"),
        (a_plan(a_charge(description="a\x1b[31mb")), "charges[0].description: must be a text"),
        (a_plan(a_charge(unit="a\u202eb")), "charges[0].unit: must be a text"),
        (a_plan(a_fee(description="a\u2028b")), "charges[0].description: must be a text"),
        (a_plan(adjustments=[a_discount(description="\x7f")]), "adjustments[0].description: must be a text"),
        (a_plan(a_charge(price=a_matrix(({"channel": "a\tb"}, "1")))), "charges[0].price.rows[0].when.channel: must be"),
        (a_plan(a_fee(), trial_days=3), "trial_days: is taken off usage, and this plan has fees only"),
        (a_plan(a_fee(), adjustments=[a_discount()]), "adjustments[0]: is taken off usage, and this plan has fees only"),
        (a_plan(adjustments=[a_discount(kind="trial", percent=...)]), "adjustments[0]: would never end: say for how many"),
        (a_plan(currency="EUR"), "currency: must be one of INR, USD, IDR, not 'EUR'"),
        (a_plan(currency=None), "currency: must be one of"),
        (a_plan(trial_days=-1), "trial_days: must be a whole number from 0"),
        (a_plan(trial_days="14"), "trial_days: must be a whole number"),
        (a_plan(price="1"), "price: unknown field"),
        (a_plan(charges=[]), "charges: needs at least one charge"),
        (a_plan(charges=None), "charges: needs at least one charge"),
        (
            a_plan(charges=[a_charge(f"m{number}") for number in range(CHARGES_MAX + 1)]),
            "charges: has 201 entries, at most 200",
        ),
        (a_plan("x"), "charges[0]: must be an object"),
        (a_plan(a_charge(kind="gift")), "charges[0].kind: must be one of usage, recurring, one_time, commitment"),
        (a_plan(a_charge(meter=...)), "charges[0].meter: must be a code"),
        (a_plan(a_charge(meter="a b")), "charges[0].meter: must be a code"),
        (a_plan(a_charge(meters=["otp"])), "charges[0].meter: name the meters in `meters` or one in `meter`, not both"),
        (a_plan(a_charge(meter=..., meters=["otp", "otp"])), "charges[0].meters[1]: 'otp' is listed twice"),
        (a_plan(a_charge(meter=..., meters=[])), "charges[0].meters: needs at least one meter"),
        (a_plan(a_charge(description="")), "charges[0].description: must be a text"),
        (a_plan(a_charge(sac="99831")), "charges[0].sac: must be 4, 6 or 8 digits"),
        (a_plan(a_charge(sac=998319)), "charges[0].sac: must be 4, 6 or 8 digits in quotes"),
        (a_plan(a_charge(sac="99831٩")), "charges[0].sac: must be 4, 6 or 8 digits"),
        (a_plan(a_charge(sac="996511")), "charges[0].sac: '996511' has no GST rate that is known"),
        (a_plan(a_charge(unit=None)), "charges[0].unit: must be a text"),
        (a_plan(a_charge(reset="week")), "charges[0].reset: must be one of month, quarter, year, never"),
        (a_plan(a_charge(shared="world")), "charges[0].shared: must be one of account, account_tree"),
        (a_plan(a_charge(amount="1")), "charges[0].amount: unknown field"),
        (a_plan(a_charge(price=None)), "charges[0].price: must be a price model, not nothing"),
        (a_plan(a_charge(price=per_unit("-1"))), "charges[0].price.unit_price: must not be negative"),
        (a_plan(a_charge(price=per_unit("0.1234567"))), "charges[0].price.unit_price: '0.1234567' has 7 decimals"),
        (
            a_plan(a_charge(price={"model": "volume", "tiers": [{"up_to": 5, "unit_price": "1"}]})),
            "charges[0].price.tiers[0].up_to",
        ),
        (a_plan(a_charge(), a_charge()), "charges[1].code: 'otp.delivered' is taken by charges[0]"),
        (a_plan(a_charge(), a_fee(code="otp.delivered")), "charges[1].code: 'otp.delivered' is taken by charges[0]"),
        (
            a_plan(adjustments=[a_discount(code="otp.delivered")]),
            "adjustments[0].code: 'otp.delivered' is taken by charges[0]",
        ),
        (a_plan(a_charge("trial"), trial_days=3), "charges[0].code: 'trial' is taken by trial_days"),
        (a_plan(a_fee(amount="-1")), "charges[0].amount: must not be negative"),
        (a_plan(a_fee(amount=999)), "charges[0].amount: must be a decimal in quotes"),
        (a_plan(a_fee(every="week")), "charges[0].every: must be one of month, quarter, year"),
        (a_plan(a_fee(billed="later")), "charges[0].billed: must be one of in_advance, in_arrears"),
        (a_plan(a_fee(anchor="x")), "charges[0].anchor: must be one of calendar, anniversary"),
        (a_plan(a_fee(prorate="yes")), "charges[0].prorate: must be true or false"),
        (a_plan(a_setup(every="month")), "charges[0].every: unknown field"),
        (a_plan(a_commitment(minimum=None)), "charges[0].minimum: must be a decimal in quotes"),
        (a_plan(a_charge(), a_commitment(counts=["otp"])), "charges[1].counts[0]: 'otp' is not a usage charge of this plan"),
        (
            a_plan(a_charge(), a_commitment(counts=["least"])),
            "charges[1].counts[0]: 'least' is not a usage charge of this plan",
        ),
        (a_plan(adjustments=[a_discount(applies_to=["otp"])]), "adjustments[0].applies_to[0]: 'otp' is not a usage charge"),
        (
            a_plan(a_charge(), a_fee(), adjustments=[a_discount(applies_to=["platform"])]),
            "adjustments[0].applies_to[0]: 'platform'",
        ),
        (a_plan(adjustments=[a_discount(applies_to=[])]), "adjustments[0].applies_to: needs at least one"),
        (a_plan(adjustments=[a_discount(percent="100.000001")]), "adjustments[0].percent: must be between 0 and 100"),
        (a_plan(adjustments=[a_discount(percent="-1")]), "adjustments[0].percent: must not be negative"),
        (a_plan(adjustments=[a_discount(percent=...)]), "adjustments[0].percent: must be a decimal in quotes"),
        (a_plan(adjustments=[a_discount(amount="5")]), "adjustments[0].amount: a percentage has none"),
        (a_plan(adjustments=[a_discount(kind="maximum", amount="5")]), "adjustments[0].percent: only a percentage has one"),
        (a_plan(adjustments=[a_discount(kind="gift")]), "adjustments[0].kind: must be one of trial, free_amount"),
        (a_plan(adjustments=[a_discount(periods=0)]), "adjustments[0].periods: must be a whole number from 1"),
        (a_plan(adjustments=[a_discount(days=1201)]), "adjustments[0].days: must be a whole number from 1 to 1,200"),
        (a_plan(adjustments=["x"]), "adjustments[0]: must be an object"),
        (a_plan(meters=[a_meter(), a_meter("otp.delivered"), a_meter()]), "meters[2].code: 'numbers' is defined twice"),
        (a_plan(meters=[a_meter(aggregation="mean")]), "meters[0].aggregation: must be one of sum, count, max"),
        (
            a_plan(meters=[a_meter(event_type="ot\u0440.delivered")]),
            "meters[0].event_type: must be as events have it: 1 to 256",
        ),
        (a_plan(meters=[a_meter(event_type="otp.delivered\n")]), "meters[0].event_type: must be as events have it"),
        (a_plan(meters=[a_meter(property="\u200brecipient")]), "meters[0].property: must be as events have it"),
        (
            a_plan(meters=[a_meter(filter={"ch\u0430nnel": ["sms"]})]),
            "meters[0].filter: the names of properties must be texts",
        ),
        (a_plan(meters=[a_meter(filter={"channel": [" sms"]})]), "meters[0].filter.channel: must list the texts"),
        (a_plan(name="OTP\u200b India"), "name: must be a text of 1 to 256 printable characters"),
        (a_plan(name="\ufeff"), "name: must be a text of 1 to 256 printable characters"),
        (a_plan(meters=[a_meter(property=None)]), "meters[0].property: must name the property"),
        (a_plan(meters=[a_meter(aggregation="count")]), "meters[0].property: a count looks at no property"),
        (a_plan(meters=[a_meter(filter={"channel": "sms"})]), "meters[0].filter.channel: must list the texts"),
        (a_plan(meters=[a_meter(filter={"channel": [False]})]), "meters[0].filter.channel: must list the texts"),
        (a_plan(meters=[a_meter(filter={})]), "meters[0].filter: must name 1 to 8 properties"),
        (
            a_plan(a_charge("numbers", price={"model": "percentage", "percent": "2"}), meters=[a_meter()]),
            "charges[0].price: a percentage is of what each event reports: meter 'numbers' takes the unique",
        ),
        (
            a_plan(a_charge("numbers", price=per_unit(corrections="reprice")), meters=[a_meter()]),
            "charges[0].price: corrections: reprice cannot be: meter 'numbers' takes the unique",
        ),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named_with_its_path(document, fault):
    assert any(said.startswith(fault.removeprefix(": ")) for said in faults_of(document)), faults_of(document)


def test_a_fault_is_said_once():
    """A trial whose days are wrong has no end only because they are; a discount of an unknown kind is no trial."""
    endless = a_discount(kind="trial", percent=..., days=0)
    unknown = a_discount(code="other", kind="gift")
    assert [fault.split(": ")[0] for fault in faults_of(a_plan(adjustments=[endless, unknown]))] == [
        "adjustments[0].days",
        "adjustments[1].kind",
    ]


def test_what_is_misspelt_is_answered_with_what_was_meant():
    charge = a_charge(description=..., descripton="One-time password delivered")
    discount = a_discount(applies_to=["otp.deliverd"])
    least = a_commitment(counts=["otp.deliverd"])
    assert [fault for fault in faults_of(a_plan(charge, least, adjustments=[discount])) if "did you mean" in fault] == [
        "charges[0].descripton: unknown field (did you mean 'description'?);"
        " known are code, description, kind, meter, meters, price, reset, sac, shared, unit",
        "adjustments[0].applies_to[0]: 'otp.deliverd' is not a usage charge of this plan; they are otp.delivered"
        " (did you mean 'otp.delivered'?)",
        "charges[1].counts[0]: 'otp.deliverd' is not a usage charge of this plan; they are otp.delivered"
        " (did you mean 'otp.delivered'?)",
    ]


def test_everything_that_is_wrong_is_said_at_once_and_in_order():
    document = a_plan(
        a_charge(sac="1", unit="", colour="red"),
        a_fee(amount="x"),
        currency="EUR",
        adjustments=[a_discount(percent="200")],
    )
    assert [fault.split(": ")[0] for fault in faults_of(document)] == [
        "currency",
        "charges[0].sac",
        "charges[0].unit",
        "charges[0].colour",
        "charges[1].amount",
        "adjustments[0].percent",
    ]


def test_a_document_with_very_many_faults_is_refused_in_time_that_grows_with_their_number():
    """Looking through all faults for each one more, four times as many would take sixteen times as long."""
    tiers = [{"up_to": None, "flat_fee": None, "unit_price": None} for _ in range(250)]
    charges = [a_charge(f"m{number}", price={"model": "volume", "tiers": tiers}) for number in range(32)]
    took = []
    gc.freeze()  # what other tests keep is not looked through again and again for garbage while this one counts
    for many in (8, 32):
        started = time.process_time()
        assert len(faults_of(a_plan(*charges[:many]))) == many * 750
        took.append(time.process_time() - started)
    gc.unfreeze()
    assert took[1] < 10 * took[0]
