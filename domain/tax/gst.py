"""GST on a document: the rate in force, its split into heads, and the one statement of how tax is rounded.

Tax is computed once per head on the taxable value of the whole document, not line by line: s. 15 taxes the
value of the supply, the returns report a document's value per rate, and one rounding per head leaves at
most half a paisa of error on a document of any length. CGST and SGST (or UTGST) are computed and rounded
separately, half away from zero, and are therefore equal; neither is ever derived from IGST, so an
intra-state document may differ by a paisa from an inter-state one on the same value. Where a part of the
tax must be shown (a summary by SAC), it is cut from the whole by `split_tax_minor`, so that the parts add
up to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from domain.errors import InvalidInput
from domain.money import divide_half_away_from_zero
from domain.tax.place_of_supply import BuyerTaxProfile, LetterOfUndertaking, Supply, locate_supply
from domain.tax.states import STATES, Head

_BASIS_POINTS_PER_UNIT: Final = 10_000


@dataclass(frozen=True, slots=True)
class SacRate:
    """The full rate of a group of service codes from a date on."""

    sac_prefix: str
    valid_from: date
    rate_basis_points: int
    """1 basis point = 0.01 %; even, so that it halves into CGST and SGST."""


SAC_RATES: Final = (
    # Notification 11/2017-Central Tax (Rate), heading 9983; not touched by the rates of 22 September 2025.
    SacRate("9983", date(2017, 7, 1), 1800),
    # Heading 9984, telephony and other telecommunications: a one-time password by call. Its online texts bear other rates.
    SacRate("99841", date(2017, 7, 1), 1800),
)
_KNOWN_GROUPS: Final = ", ".join(sorted({rate.sac_prefix for rate in SAC_RATES}))
_SAC_LENGTHS: Final = (4, 6, 8)


@dataclass(frozen=True, slots=True)
class HeadRate:
    """One head of tax and its rate."""

    head: Head
    rate_basis_points: int

    def tax_minor(self, taxable_minor: int) -> int:
        """Tax on a taxable value, in minor units, half away from zero."""
        return tax_minor(taxable_minor, rate_basis_points=self.rate_basis_points)


@dataclass(frozen=True, slots=True)
class TaxDecision:
    """How a document is taxed; taken once, then copied onto it."""

    supply: Supply
    heads: tuple[HeadRate, ...]
    """CGST and SGST (or UTGST) inside a state, else IGST; a zero-rated supply has IGST at rate 0."""


def decide_tax(
    seller_gstin: str,
    buyer: BuyerTaxProfile,
    *,
    on: date,
    sac: str,
    lut: LetterOfUndertaking | None = None,
    sandbox: bool = False,
) -> TaxDecision:
    """How a document dated `on` (IST) for services of one SAC is taxed.

    Raises TaxProfileIncomplete or InvalidInput, naming the field, as `locate_supply` and `rate_of_sac` do.
    """
    supply = locate_supply(seller_gstin, buyer, on=on, lut=lut, sandbox=sandbox)
    rate = 0 if supply.zero_rated else rate_of_sac(sac, on=on)
    if not supply.intra_state:
        return TaxDecision(supply, (HeadRate(Head.IGST, rate),))
    levy = STATES[supply.place_of_supply].levy
    return TaxDecision(supply, (HeadRate(Head.CGST, rate // 2), HeadRate(levy, rate // 2)))


def rate_of_sac(sac: str, *, on: date) -> int:
    """The full GST rate in basis points of a code of 4, 6 or 8 digits on a date: longest prefix, then latest."""
    if len(sac) not in _SAC_LENGTHS or not (sac.isascii() and sac.isdigit()):
        raise InvalidInput(f"sac: {sac!r} is not a service code of 4, 6 or 8 digits, e.g. 998319", field="sac")
    in_force = [rate for rate in SAC_RATES if sac.startswith(rate.sac_prefix) and rate.valid_from <= on]
    if not in_force:
        raise InvalidInput(
            f"sac: no GST rate is known for {sac} on {on}; known groups begin with {_KNOWN_GROUPS}", field="sac"
        )
    return max(in_force, key=lambda rate: (len(rate.sac_prefix), rate.valid_from)).rate_basis_points


def unrated_sac_fault(sac: str) -> str | None:
    """What is wrong with a service code that has never had a rate here, after its path; None when it has, or had, one."""
    if any(sac.startswith(rate.sac_prefix) for rate in SAC_RATES):
        return None
    return f"{sac!r} has no GST rate that is known, so it could not be invoiced; known groups begin with {_KNOWN_GROUPS}"


def tax_minor(taxable_minor: int, *, rate_basis_points: int) -> int:
    """Tax of one head on a taxable value, in minor units, half away from zero."""
    return divide_half_away_from_zero(taxable_minor * rate_basis_points, _BASIS_POINTS_PER_UNIT)


def split_tax_minor(taxables_minor: Sequence[int], *, rate_basis_points: int) -> tuple[int, ...]:
    """The tax of one head on the sum of the values, cut into one part per value; they add up to it exactly.

    Each part is the tax on the running total after its value minus that before it, so the residual of
    rounding is carried on.
    """
    running = [0]
    for taxable in taxables_minor:
        running.append(running[-1] + taxable)
    taxes = [tax_minor(total, rate_basis_points=rate_basis_points) for total in running]
    return tuple(after - before for before, after in pairwise(taxes))
