"""Place and type of supply: the whole decision table, and the questions the law leaves open."""

from dataclasses import replace
from datetime import date

import pytest

from domain.errors import InvalidInput, TaxProfileIncomplete
from domain.tax.gst import decide_tax
from domain.tax.gstin import check_character
from domain.tax.place_of_supply import (
    LEGEND_WITH_TAX,
    LEGEND_WITHOUT_TAX,
    BuyerCategory,
    BuyerTaxProfile,
    LetterOfUndertaking,
    locate_supply,
)
from domain.tax.states import STATES, Head

SELLER = "29AAGCB7383J1Z4"
TODAY = date(2026, 11, 1)
LUT = LetterOfUndertaking("AD290326012345X", date(2026, 4, 1), date(2027, 3, 31))
REGISTERED, UNREGISTERED = BuyerCategory.REGISTERED, BuyerCategory.UNREGISTERED
SEZ, OVERSEAS = BuyerCategory.SEZ, BuyerCategory.OVERSEAS
STATES_IN_USE = [code for code, state in STATES.items() if state.levy is not Head.IGST and not state.discontinued]


def a_profile(category, *, country="IN", gstin=None, state_code=None):
    return BuyerTaxProfile(country, gstin, category, state_code)


def a_gstin(state_code):
    first = f"{state_code}AAPFU0939F1Z"
    return first + check_character(first)


@pytest.mark.parametrize(
    ("category", "country", "gstin", "state", "lut", "place", "supply_type", "heads"),
    [
        (REGISTERED, "IN", a_gstin("29"), "29", None, "29", "B2B", ["CGST 900", "SGST 900"]),
        (REGISTERED, "IN", a_gstin("29"), None, LUT, "29", "B2B", ["CGST 900", "SGST 900"]),
        (REGISTERED, "IN", a_gstin("27"), "27", LUT, "27", "B2B", ["IGST 1800"]),
        (UNREGISTERED, "IN", None, "29", LUT, "29", "B2C", ["CGST 900", "SGST 900"]),
        (UNREGISTERED, "IN", None, "04", LUT, "04", "B2C", ["IGST 1800"]),
        (SEZ, "IN", a_gstin("29"), "29", LUT, "29", "SEZWOP", ["IGST 0"]),
        (SEZ, "IN", a_gstin("29"), "29", None, "29", "SEZWP", ["IGST 1800"]),
        (SEZ, "IN", a_gstin("27"), "27", LUT, "27", "SEZWOP", ["IGST 0"]),
        (OVERSEAS, "US", None, None, LUT, "96", "EXPWOP", ["IGST 0"]),
        (OVERSEAS, "US", None, None, None, "96", "EXPWP", ["IGST 1800"]),
        (OVERSEAS, "ID", None, None, LUT, "96", "EXPWOP", ["IGST 0"]),
    ],
)
def test_the_decision_table(category, country, gstin, state, lut, place, supply_type, heads):
    buyer = a_profile(category, country=country, gstin=gstin, state_code=state)
    decision = decide_tax(SELLER, buyer, on=TODAY, sac="998319", lut=lut)
    assert decision.supply.place_of_supply == place
    assert decision.supply.type == supply_type
    assert [f"{rate.head} {rate.rate_basis_points}" for rate in decision.heads] == heads


@pytest.mark.parametrize("seller_state", STATES_IN_USE)
def test_every_pair_of_states_bears_either_both_halves_or_igst(seller_state):
    """A sale inside a state bears CGST and that state's levy, one across the border IGST; an SEZ always IGST."""
    for buyer_state in STATES_IN_USE:
        buyer = a_profile(REGISTERED, gstin=a_gstin(buyer_state))
        decision = decide_tax(a_gstin(seller_state), buyer, on=TODAY, sac="998319")
        heads = [(rate.head, rate.rate_basis_points) for rate in decision.heads]
        if buyer_state == seller_state:
            assert heads == [(Head.CGST, 900), (STATES[buyer_state].levy, 900)]
        else:
            assert heads == [(Head.IGST, 1800)]
        in_sez = decide_tax(a_gstin(seller_state), replace(buyer, category=SEZ), on=TODAY, sac="998319")
        assert [rate.head for rate in in_sez.heads] == [Head.IGST]


@pytest.mark.parametrize("category", [SEZ, OVERSEAS])
def test_the_legend_says_whether_integrated_tax_was_paid(category):
    buyer = a_profile(SEZ, gstin=a_gstin("27")) if category is SEZ else a_profile(OVERSEAS, country="US")
    assert locate_supply(SELLER, buyer, on=TODAY, lut=None).legend == LEGEND_WITH_TAX
    legend = locate_supply(SELLER, buyer, on=TODAY, lut=LUT).legend
    assert legend == f"{LEGEND_WITHOUT_TAX} (LUT ARN AD290326012345X, valid until 31-03-2027)"


def test_the_legends_are_those_of_the_third_proviso_to_rule_46():
    assert LEGEND_WITH_TAX == (
        "SUPPLY MEANT FOR EXPORT/SUPPLY TO SEZ UNIT OR SEZ DEVELOPER FOR AUTHORISED OPERATIONS ON PAYMENT OF INTEGRATED TAX"
    )
    assert LEGEND_WITHOUT_TAX == (
        "SUPPLY MEANT FOR EXPORT/SUPPLY TO SEZ UNIT OR SEZ DEVELOPER FOR AUTHORISED OPERATIONS UNDER BOND OR LETTER OF"
        " UNDERTAKING WITHOUT PAYMENT OF INTEGRATED TAX"
    )


def test_a_supply_inside_india_bears_no_legend():
    assert locate_supply(SELLER, a_profile(REGISTERED, gstin=a_gstin("27")), on=TODAY, lut=LUT).legend is None


@pytest.mark.parametrize(
    ("day", "zero_rated"),
    [
        (date(2026, 3, 31), False),
        (date(2026, 4, 1), True),
        (date(2027, 3, 31), True),
        (date(2027, 4, 1), False),
    ],
)
@pytest.mark.parametrize("lut", [LUT, replace(LUT, valid_to=None)], ids=["with an end", "to the end of its year"])
def test_a_letter_that_does_not_cover_the_date_zero_rates_nothing(lut, day, zero_rated):
    supply = locate_supply(SELLER, a_profile(OVERSEAS, country="US"), on=day, lut=lut)
    assert supply.zero_rated is zero_rated


def test_a_letter_granted_in_february_ends_with_that_march():
    assert LetterOfUndertaking("A", date(2027, 2, 1)).last_day == date(2027, 3, 31)


@pytest.mark.parametrize(
    ("buyer", "field"),
    [
        (a_profile(UNREGISTERED), "buyer.state_code"),
        (a_profile(REGISTERED, state_code="29"), "buyer.gstin"),
        (a_profile(SEZ, state_code="29"), "buyer.gstin"),
    ],
)
def test_what_the_law_needs_to_know_is_asked_for(buyer, field):
    with pytest.raises(TaxProfileIncomplete, match=f"^{field}: ") as refused:
        locate_supply(SELLER, buyer, on=TODAY, lut=LUT)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("buyer", "field"),
    [
        (a_profile(OVERSEAS, country="IN"), "buyer.country"),
        (a_profile(REGISTERED, country="US", gstin=a_gstin("29")), "buyer.country"),
        (a_profile(UNREGISTERED, gstin=a_gstin("29"), state_code="29"), "buyer.gstin"),
        (a_profile(OVERSEAS, country="US", gstin=a_gstin("29")), "buyer.gstin"),
        (a_profile(REGISTERED, gstin="29AAPFU0939F1ZA"), "buyer.gstin"),
        (a_profile(REGISTERED, gstin=a_gstin("28")), "buyer.gstin"),
        (a_profile(REGISTERED, gstin=a_gstin("27"), state_code="29"), "buyer.state_code"),
        (a_profile(UNREGISTERED, state_code="96"), "buyer.state_code"),
        (a_profile(UNREGISTERED, state_code="25"), "buyer.state_code"),
    ],
)
def test_a_contradiction_names_its_field(buyer, field):
    with pytest.raises(InvalidInput, match=f"^{field}: ") as refused:
        locate_supply(SELLER, buyer, on=TODAY, lut=LUT)
    assert refused.value.facts["field"] == field


def test_a_seller_without_a_valid_gstin_is_refused():
    with pytest.raises(InvalidInput, match=r"^seller\.gstin: "):
        locate_supply("29AAGCB7383J1Z5", a_profile(OVERSEAS, country="US"), on=TODAY, lut=LUT)


def test_the_numbers_of_the_test_portal_pass_only_in_the_sandbox():
    buyer = a_profile(REGISTERED, gstin="36AMBPG7773M002")
    assert locate_supply(SELLER, buyer, on=TODAY, lut=None, sandbox=True).place_of_supply == "36"
    with pytest.raises(InvalidInput, match=r"^buyer\.gstin: "):
        locate_supply(SELLER, buyer, on=TODAY, lut=None)
