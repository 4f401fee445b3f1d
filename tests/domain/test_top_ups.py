"""Top-ups: what a payment event means, and how a payment is cut into credit and tax and given back to the paisa."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.advances import given_back, split_payment
from domain.money import Currency
from domain.payments import PaymentType
from domain.tax.gst import decide_tax
from domain.tax.place_of_supply import BuyerCategory, BuyerTaxProfile, LetterOfUndertaking
from domain.tax.states import Head
from domain.top_ups import Applied, Decision, KnownTopUp, PayingAccount, PaymentFact, Waits, decide
from tests.builders import ANOTHER_KARNATAKA_GSTIN, KARNATAKA_GSTIN, MAHARASHTRA_GSTIN

_gstins = st.sampled_from([MAHARASHTRA_GSTIN, ANOTHER_KARNATAKA_GSTIN])
ON = date(2026, 11, 1)
ACCOUNT = PayingAccount(Currency.INR, prepaid=True, closed=False, pays_itself=True)


def tax_of(gstin=MAHARASHTRA_GSTIN):
    return decide_tax(
        KARNATAKA_GSTIN, BuyerTaxProfile("IN", gstin, BuyerCategory.REGISTERED, gstin[:2]), on=ON, sac="998319"
    )


def abroad():
    lut = LetterOfUndertaking("AD290326012345X", date(2026, 4, 1))
    buyer = BuyerTaxProfile("US", None, BuyerCategory.OVERSEAS, None)
    return decide_tax(KARNATAKA_GSTIN, buyer, on=ON, sac="998319", lut=lut)


def a_fact(type_=PaymentType.CAPTURED, amount=1_180_00, **changes):
    facts = {"account": "acme", "gateway": "razorpay", "reference": "pay_1", "payment": "pay_1", "currency": Currency.INR}
    return PaymentFact(type=type_, amount_minor=amount, **{**facts, **changes})


def a_top_up(paid=1_180_00, given=0):
    return KnownTopUp("acme", split_payment(paid, tax_of()), Currency.INR, given)


def test_a_payment_includes_its_tax_within_a_state_and_between_states():
    between = split_payment(1_180_00, tax_of())
    assert (between.taxable_minor, between.taxes) == (1_000_00, ((Head.IGST, 180_00),))
    within = split_payment(1_180_00, tax_of(ANOTHER_KARNATAKA_GSTIN))
    assert (within.taxable_minor, within.taxes) == (1_000_00, ((Head.CGST, 90_00), (Head.SGST, 90_00)))
    assert within.credit_micros == 1_000_000_000


def test_the_worked_example_of_an_advance_of_590_rupees_within_a_state():
    """India Compliance, test_advance_payment_entry: 590 received are 500 of advance, 45 CGST and 45 SGST."""
    advance = split_payment(590_00, tax_of(ANOTHER_KARNATAKA_GSTIN))
    assert (advance.taxable_minor, [tax for _, tax in advance.taxes]) == (500_00, [45_00, 45_00])


def test_an_export_under_a_letter_of_undertaking_is_credited_whole():
    assert split_payment(100_00, abroad()).taxable_minor == 100_00


@given(st.integers(1, 10**15), _gstins)
def test_value_and_heads_are_the_payment_and_heads_of_one_rate_are_equal(paid, gstin):
    advance = split_payment(paid, tax_of(gstin))
    taxes = [tax for _, tax in advance.taxes]
    assert advance.taxable_minor + sum(taxes) == paid
    assert len(set(taxes)) == 1
    assert abs(sum(taxes) * 118 - paid * 18) <= 118


@given(
    st.integers(1, 10**9),
    st.lists(st.integers(1, 10**9), max_size=6),
    st.sampled_from([MAHARASHTRA_GSTIN, ANOTHER_KARNATAKA_GSTIN]),
)
def test_what_goes_back_in_parts_is_in_the_end_exactly_what_was_paid(paid, wanted, gstin):
    advance, before, parts = split_payment(paid, tax_of(gstin)), 0, []
    for amount in [*wanted, paid]:
        taken = min(amount, paid - before)
        if taken:
            parts.append(given_back(advance, before_minor=before, amount_minor=taken))
            before += taken
    assert sum(part.taxable_minor for part in parts) == advance.taxable_minor
    for place, (_, tax) in enumerate(advance.taxes):
        assert sum(part.taxes[place][1] for part in parts) == tax


LEANING = PayingAccount(Currency.INR, True, False, False)
DOLLARS_BACK = a_fact(PaymentType.REFUNDED, currency=Currency.USD)


@pytest.mark.parametrize(
    ("fact", "account", "known", "decision"),
    [
        (a_fact(), ACCOUNT, None, Decision(Applied.CREDITED)),
        (a_fact(), ACCOUNT, a_top_up(), Decision(Applied.NOTED)),
        (a_fact(amount=5), ACCOUNT, a_top_up(), Decision(Applied.WAITING, Waits.OTHER_AMOUNT)),
        (a_fact(), None, None, Decision(Applied.WAITING, Waits.UNKNOWN_ACCOUNT)),
        (a_fact(currency=Currency.USD), ACCOUNT, None, Decision(Applied.WAITING, Waits.OTHER_CURRENCY)),
        (a_fact(), PayingAccount(Currency.INR, False, False, True), None, Decision(Applied.WAITING, Waits.NOT_PREPAID)),
        (a_fact(), PayingAccount(Currency.INR, True, True, True), None, Decision(Applied.WAITING, Waits.CLOSED)),
        (
            a_fact(),
            PayingAccount(Currency.INR, True, False, False),
            None,
            Decision(Applied.WAITING, Waits.PAYS_FROM_ANOTHER),
        ),
        (a_fact(PaymentType.FAILED), None, None, Decision(Applied.NOTED)),
        (a_fact(PaymentType.REFUNDED), ACCOUNT, None, Decision(Applied.WAITING, Waits.NO_SUCH_PAYMENT)),
        (a_fact(PaymentType.REFUNDED), ACCOUNT, a_top_up(), Decision(Applied.REFUNDED)),
        (a_fact(PaymentType.DISPUTED), ACCOUNT, a_top_up(), Decision(Applied.CHARGED_BACK)),
        (a_fact(PaymentType.REFUNDED, 1), ACCOUNT, a_top_up(given=1_180_00), Decision(Applied.WAITING, Waits.TOO_MUCH)),
        (
            a_fact(PaymentType.REFUNDED, currency=Currency.USD),
            ACCOUNT,
            a_top_up(),
            Decision(Applied.WAITING, Waits.OTHER_CURRENCY),
        ),
    ],
)
def test_what_an_event_means(fact, account, known, decision):
    assert decide(fact, account, known) == decision


def test_a_refund_that_was_applied_moves_nothing_under_whatever_event():
    again = a_fact(PaymentType.REFUNDED, 500_00)
    assert decide(again, ACCOUNT, a_top_up(given=500_00), returned_minor=500_00) == Decision(Applied.NOTED)


def test_a_refund_that_was_applied_with_another_amount_waits_for_a_person():
    other = a_fact(PaymentType.REFUNDED, 700_00)
    assert decide(other, ACCOUNT, a_top_up(given=500_00), returned_minor=500_00) == Decision(
        Applied.WAITING, Waits.OTHER_AMOUNT
    )


@pytest.mark.parametrize("type_", [PaymentType.CAPTURED, PaymentType.REFUNDED, PaymentType.DISPUTED])
def test_an_event_that_names_another_account_than_was_paid_into_waits_for_a_person(type_):
    for account in (ACCOUNT, None):
        decision = decide(a_fact(type_, account="other"), account, a_top_up())
        assert decision == Decision(Applied.WAITING, Waits.OTHER_ACCOUNT)
