"""GSTINs: their shapes, the mod-36 check character, and what is wrong with one.

A correct check character proves that nothing was mistyped, not that the registration exists or is active:
only the registry knows that. Source: the GSTN registration number format by kind of registrant.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import InvalidInput
from domain.tax.states import FOREIGN_COUNTRY, STATES

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LENGTH: Final = 15


class GstinKind(StrEnum):
    """Who holds the number."""

    TAX_DEDUCTOR = "tax_deductor"
    TAX_COLLECTOR = "tax_collector"
    REGULAR = "regular"
    GOVERNMENT = "government"
    ONLINE_SERVICE_FROM_ABROAD = "online_service_from_abroad"
    NON_RESIDENT = "non_resident"
    EMBASSY_OR_UN = "embassy_or_un"


_SHAPES: Final = tuple(
    (kind, re.compile(shape))
    for kind, shape in (  # the first match wins: a D in position 14 also fits the regular shape
        (GstinKind.TAX_DEDUCTOR, r"[0-9]{2}[A-Z]{4}[A-Z0-9][0-9]{4}[A-Z][1-9A-Z]D[0-9A-Z]"),
        (GstinKind.TAX_COLLECTOR, r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z]C[0-9A-Z]"),
        (GstinKind.REGULAR, r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][1-9A-Z][Z1-9ABD-J][0-9A-Z]"),
        (GstinKind.GOVERNMENT, r"[0-9]{2}[A-Z]{4}[0-9]{5}[A-Z][0-9]Z[0-9A-Z]"),
        (GstinKind.ONLINE_SERVICE_FROM_ABROAD, r"99[0-9]{2}[A-Z]{3}[0-9]{5}OS[0-9A-Z]"),
        (GstinKind.NON_RESIDENT, r"[0-9]{4}[A-Z]{3}[0-9]{5}NR[0-9A-Z]"),
        (GstinKind.EMBASSY_OR_UN, r"[0-9]{4}[A-Z]{3}[0-9]{5}[UO]N[0-9A-Z]"),
    )
)
_SANDBOX_SHAPE: Final = re.compile(r"[0-9]{2}[A-Z]{5}[0-9]{4}[A-Z][0-9A-Z]{3}")
_KINDS_WITH_PAN: Final = (GstinKind.REGULAR, GstinKind.TAX_COLLECTOR)


@dataclass(frozen=True, slots=True)
class Gstin:
    """A number that passed every check that can be made without the registry."""

    text: str
    kind: GstinKind

    @property
    def state_code(self) -> str:
        """GST state code, two digits."""
        return self.text[:2]

    @property
    def pan(self) -> str | None:
        """The holder's PAN, ten characters; None for kinds whose number is not made from one."""
        return self.text[2:12] if self.kind in _KINDS_WITH_PAN else None


def check_character(first_fourteen: str) -> str:
    """The fifteenth character of a GSTIN: mod 36, weights 1 and 2 in turn, quotient and remainder summed."""
    total = 0
    for position, character in enumerate(first_fourteen):
        product = _ALPHABET.index(character) * (1 + position % 2)
        total += product // 36 + product % 36
    return _ALPHABET[-total % 36]


def fault_of(text: str, *, sandbox: bool = False) -> str | None:
    """What is wrong with a GSTIN, as the end of a sentence that begins with it; None when nothing is.

    `sandbox` accepts the numbers of the NIC test portal, which have other shapes and wrong check
    characters. It must never be set where real invoices are issued.
    """
    if len(text) != _LENGTH:
        return f"has {len(text)} characters; a GSTIN has {_LENGTH}"
    if any(character not in _ALPHABET for character in text):
        return "may hold digits and capital letters only"
    if text[:2] not in STATES or text[:2] == FOREIGN_COUNTRY:
        return f"begins with {text[:2]}, which is no state's code"
    if sandbox and _SANDBOX_SHAPE.fullmatch(text):
        return None
    if _kind_of(text) is None:
        return "does not have the shape of a GSTIN: state code, PAN, entity number, Z, check character"
    expected = check_character(text[:-1])
    if text[-1] != expected:
        return f"ends in {text[-1]} where the check character is {expected}: a character is mistyped"
    return None


def parse_gstin(text: str, *, field: str = "gstin", sandbox: bool = False) -> Gstin:
    """A checked GSTIN. Raises InvalidInput naming the field and what is wrong (see `fault_of`)."""
    fault = fault_of(text, sandbox=sandbox)
    if fault is not None:
        raise InvalidInput(f"{field}: {text!r} {fault}", field=field, gstin=text)
    return Gstin(text, _kind_of(text) or GstinKind.REGULAR)


def _kind_of(text: str) -> GstinKind | None:
    return next((kind for kind, shape in _SHAPES if shape.fullmatch(text)), None)
