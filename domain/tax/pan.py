"""PAN and TAN: the numbers of the Indian income tax, their shapes, and what is wrong with one.

A PAN names a taxpayer and stands inside the GSTINs made from it; a TAN names who deducts tax at source, and is needed for
their certificates. Neither has a check character that is published: a number of the right shape may still not exist.
Source: Income-tax Rules, the formats as printed on the cards.
"""

import re
from collections.abc import Mapping
from typing import Final

from domain.tax.gstin import Gstin

HOLDERS: Final[Mapping[str, str]] = {
    "A": "association of persons",
    "B": "body of individuals",
    "C": "company",
    "F": "firm or limited liability partnership",
    "G": "government",
    "H": "Hindu undivided family",
    "J": "artificial juridical person",
    "L": "local authority",
    "P": "person",
    "T": "trust",
}
"""Who holds a PAN, by its fourth letter."""
_PAN: Final = re.compile(r"[A-Z]{5}[0-9]{4}[A-Z]")
_TAN: Final = re.compile(r"[A-Z]{4}[0-9]{5}[A-Z]")
_LENGTH: Final = 10


def pan_fault(text: str, *, gstin: Gstin | None = None) -> str | None:
    """What is wrong with a PAN, as the end of a sentence that begins with it; None when nothing is.

    With a GSTIN that is made from a PAN, it must be that one.
    """
    if len(text) != _LENGTH:
        return f"has {len(text)} characters; a PAN has {_LENGTH}"
    if not _PAN.fullmatch(text):
        return "does not have the shape of a PAN: five capital letters, four digits, a capital letter"
    if text[3] not in HOLDERS:
        return f"has {text[3]} as its fourth letter, which stands for no kind of holder"
    if gstin is not None and gstin.pan not in (None, text):
        return f"is not the PAN in the GSTIN {gstin.text}, which is {gstin.pan}: correct one of the two"
    return None


def tan_fault(text: str) -> str | None:
    """What is wrong with a TAN, as the end of a sentence that begins with it; None when nothing is."""
    if len(text) != _LENGTH:
        return f"has {len(text)} characters; a TAN has {_LENGTH}"
    if not _TAN.fullmatch(text):
        return "does not have the shape of a TAN: four capital letters, five digits, a capital letter"
    return None
