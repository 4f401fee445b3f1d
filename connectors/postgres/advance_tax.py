"""How an advance of an account is taxed, from rows of its customer and of the seller."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from domain.errors import WrongSetup
from domain.tax.gst import TaxDecision, decide_tax
from domain.tax.place_of_supply import BuyerCategory, BuyerTaxProfile, LetterOfUndertaking
from invoicing.apply_payments import SAC

SELLERS: Final = "SELECT gstin, legal_name, address_lines, email, lut_arn, lut_valid_from, lut_valid_to FROM seller"


def only_seller(sellers: Sequence[Any]) -> Any:
    """The seller. Raises WrongSetup unless there is exactly one."""
    if len(sellers) != 1:
        raise WrongSetup(f"the database has {len(sellers)} sellers and vouchers need exactly one: add or remove one")
    return sellers[0]


def advance_tax(buyer: Any, seller: Any, *, on: date) -> TaxDecision:
    """The decision. Raises InvalidInput, TaxProfileIncomplete."""
    lut = None
    if seller.lut_arn is not None and buyer.export != "igst":
        lut = LetterOfUndertaking(seller.lut_arn, seller.lut_valid_from, seller.lut_valid_to)
    profile = BuyerTaxProfile(buyer.country, buyer.gstin, BuyerCategory(buyer.tax_category), buyer.state_code)
    return decide_tax(seller.gstin, profile, on=on, sac=SAC, lut=lut)
