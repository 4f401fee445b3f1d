"""Builders of test data: good defaults, and only what a test is about needs naming."""

from dataclasses import replace
from datetime import date

from domain.invoice.assemble import (
    Buyer,
    ChargedUsage,
    MonthOfCharges,
    PaymentMode,
    Seller,
    assemble,
    issue,
)
from domain.invoice.model import Invoice, Party
from domain.money import Currency
from domain.period import BillingMonth
from domain.tax.place_of_supply import BuyerCategory, LetterOfUndertaking

KARNATAKA_GSTIN = "29AAGCB7383J1Z4"
ANOTHER_KARNATAKA_GSTIN = "29AABCR1718E1ZL"
MAHARASHTRA_GSTIN = "27AAPFU0939F1ZV"
OCTOBER = BillingMonth(2026, 10)
ISSUE_DATE = date(2026, 11, 1)
DUE_DATE = date(2026, 11, 16)
LUT = LetterOfUndertaking("AD290326012345X", date(2026, 4, 1), date(2027, 3, 31))


def a_party(**changes) -> Party:
    """A registered company in Maharashtra."""
    party = Party(
        legal_name="Crunchy Armchair Private Limited",
        address_lines=("14 Marine Lines", "Mumbai 400020, Maharashtra"),
        country="IN",
        state_code="27",
        gstin=MAHARASHTRA_GSTIN,
        email="accounts@armchair.example",
    )
    return replace(party, **changes)


def a_seller(*, lut: LetterOfUndertaking | None = LUT, **changes) -> Seller:
    """A seller registered in Karnataka, with a letter of undertaking for the year."""
    party = Party(
        legal_name="OTPless Technologies Private Limited",
        address_lines=("Level 4, 80 Feet Road, Koramangala", "Bengaluru 560034, Karnataka"),
        country="IN",
        state_code="29",
        gstin=KARNATAKA_GSTIN,
        email="billing@otpless.example",
        payment_lines=("Bank: Example Bank, Koramangala, Bengaluru", "Account 000123456789, IFSC EXMP0000123"),
    )
    return Seller(replace(party, **changes), lut)


def a_buyer(category: BuyerCategory = BuyerCategory.REGISTERED, **changes) -> Buyer:
    """A buyer of one category, with a party that goes with it."""
    parties = {
        BuyerCategory.REGISTERED: a_party(),
        BuyerCategory.UNREGISTERED: a_party(gstin=None),
        BuyerCategory.SEZ: a_party(),
        BuyerCategory.OVERSEAS: a_party(
            legal_name="Walnut Street Inc.",
            address_lines=("500 Walnut Street", "Philadelphia PA 19106"),
            country="US",
            state_code=None,
            gstin=None,
        ),
    }
    return Buyer(replace(parties[category], **changes), category)


def a_line(**changes) -> ChargedUsage:
    """Ten thousand one-time passwords by SMS at ₹0.1450: ₹1,450.00."""
    line = ChargedUsage(
        description="One-time password by SMS, India",
        sac="998319",
        unit="messages",
        unit_price_text="₹0.1450",
        quantity_millionths=10_000_000_000,
        amount_micros=1_450_000_000,
        event_count=10_000,
        plan_version="otp-india v1",
        service_month=OCTOBER,
    )
    return replace(line, **changes)


def an_invoice(
    *lines: ChargedUsage,
    seller: Seller | None = None,
    buyer: Buyer | None = None,
    currency: Currency = Currency.INR,
    mode: PaymentMode = PaymentMode.POSTPAID,
    issued: bool = True,
) -> Invoice:
    """An invoice for October 2026, issued on 1 November unless told otherwise."""
    charges = MonthOfCharges("acme", OCTOBER, currency, mode, lines or (a_line(),))
    draft = assemble(charges, seller=seller or a_seller(), buyer=buyer or a_buyer(), on=ISSUE_DATE)
    return issue(draft, number="OTP/26-27/000001", issue_date=ISSUE_DATE, due_date=DUE_DATE) if issued else draft
