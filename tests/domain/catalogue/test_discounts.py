"""Discounts of a plan and of contracts that could take off more than there is: which, of which documents, from when on."""

from zoneinfo import ZoneInfo

from domain.attribution import DISTANT_FUTURE, DISTANT_PAST
from domain.catalogue import ContractTerm, Subscription, plan_spans
from domain.catalogue.discounts import clashes, exceeding
from tests.builders_rating import a_contract, a_plan, a_usage_charge, an_adjustment

DAY = 24 * 3_600 * 1_000_000
OCTOBER = 1_790_812_800 * 1_000_000
CHARGES = (a_usage_charge("otp"), a_usage_charge("voice", charge_id=2))
OF_OTP = an_adjustment("free_amount", code="first", charge_id=3, applies_to=["otp"])
OF_ALL = an_adjustment("free_amount", code="gift", charge_id=4)


def found(plan, *terms):
    """The clashes of an account on a plan since the first of October."""
    subscription = Subscription(plan, OCTOBER, DISTANT_FUTURE)
    return clashes(plan_spans([subscription], terms, time_zone=ZoneInfo("UTC")))


def in_force(*adjustments, label="acme-2026", number=1, start=DISTANT_PAST, end=DISTANT_FUTURE, priority=0, charges=()):
    contract = a_contract(*charges, adjustments=adjustments, label=label, contract_id=number)
    return ContractTerm(contract, start, end, priority)


def test_a_discount_of_a_contract_on_some_of_what_the_plans_is_on_is_named_with_both_documents():
    half = an_adjustment("percentage", code="half", charge_id=5, applies_to=["voice"])
    (clash,) = found(a_plan(*CHARGES, adjustments=[OF_ALL]), in_force(half)).values()
    assert (clash.found.adjustment.code, clash.found.earlier.code, clash.found.charge) == ("half", "gift", "voice")
    assert (clash.document, clash.earlier_document, clash.since_micros) == ("contract acme-2026", "rich v1", OCTOBER)


def test_it_is_the_plans_that_is_made_after_the_contracts_where_its_kind_is_the_later():
    cap = an_adjustment("maximum", code="cap", charge_id=5, applies_to=["otp"])
    (clash,) = found(a_plan(*CHARGES, adjustments=[cap]), in_force(OF_ALL)).values()
    assert (clash.document, clash.earlier_document) == ("rich v1", "contract acme-2026")


def test_two_contracts_may_not_exceed_together_either():
    plan, own = a_plan(*CHARGES), an_adjustment("maximum", code="cap", charge_id=5, applies_to=["otp"])
    (clash,) = found(plan, in_force(OF_ALL), in_force(own, label="other", number=2, priority=1)).values()
    assert (clash.document, clash.earlier_document) == ("contract other", "contract acme-2026")


def test_a_discount_in_the_place_of_the_other_or_one_that_sees_it_is_no_clash():
    plan = a_plan(*CHARGES, adjustments=[OF_ALL])
    instead = an_adjustment("percentage", code="gift", charge_id=5, applies_to=["otp"])
    assert found(plan, in_force(instead)) == {}
    assert found(plan, in_force(an_adjustment("percentage", code="half", charge_id=5, percent="100"))) == {}


def test_shares_that_fit_are_no_clash():
    plan = a_plan(*CHARGES, adjustments=[an_adjustment("percentage", code="ten")])
    assert found(plan, in_force(an_adjustment("percentage", charge_id=5, percent="90", applies_to=["otp"]))) == {}
    assert len(found(plan, in_force(an_adjustment("percentage", charge_id=5, percent="90.000001", applies_to=["otp"])))) == 1


def test_only_what_is_in_force_together_clashes_and_from_then_on():
    launch = an_adjustment("free_amount", code="launch", charge_id=4, days=10)
    half = an_adjustment("percentage", code="half", charge_id=5, applies_to=["otp"])
    plan = a_plan(*CHARGES, adjustments=[launch])
    assert found(plan, in_force(half, start=OCTOBER + 10 * DAY)) == {}
    (clash,) = found(plan, in_force(half, start=OCTOBER + 9 * DAY)).values()
    assert clash.since_micros == OCTOBER + 9 * DAY


def test_what_is_of_one_document_was_looked_at_when_that_was_published():
    plan = a_plan(*CHARGES, adjustments=[OF_ALL, an_adjustment("maximum", charge_id=5, applies_to=["otp"])])
    assert found(plan) == {}
    assert found(plan, in_force(an_adjustment("trial", code="tried", charge_id=6, days=3))) == {}


def test_every_one_that_could_exceed_is_named():
    late = [an_adjustment("maximum", code=code, charge_id=5, applies_to=[code]) for code in ("otp", "voice")]
    assert [(one.adjustment.code, one.charge) for one in exceeding(["otp", "voice"], [OF_ALL, *late])] == [
        ("otp", "otp"),
        ("voice", "voice"),
    ]
