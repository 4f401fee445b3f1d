"""The GST state codes: the first two digits of every GSTIN, and the place of supply on every invoice.

Source: the CBIC state code list, with the levy each place collects beside CGST. Union territories without a
legislature levy UTGST, states and union territories with one levy SGST (UTGST Act s. 1(2)).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import InvalidInput


class Head(StrEnum):
    """The heads of tax an invoice may carry."""

    CGST = "CGST"
    SGST = "SGST"
    UTGST = "UTGST"
    IGST = "IGST"


@dataclass(frozen=True, slots=True)
class State:
    """One place with a code of its own."""

    code: str
    """Two digits."""
    name: str
    union_territory: bool
    levy: Head
    """The head collected beside CGST on a supply inside it: SGST or UTGST; IGST where there is no inside."""
    discontinued: bool = False
    """True for codes that stand on historic documents only."""


FOREIGN_COUNTRY: Final = "96"
"""Place of supply for a recipient outside India."""

_SGST, _UTGST, _IGST = Head.SGST, Head.UTGST, Head.IGST

STATES: Final[Mapping[str, State]] = {
    state.code: state
    for state in (
        State("01", "Jammu & Kashmir", union_territory=True, levy=_SGST),
        State("02", "Himachal Pradesh", union_territory=False, levy=_SGST),
        State("03", "Punjab", union_territory=False, levy=_SGST),
        State("04", "Chandigarh", union_territory=True, levy=_UTGST),
        State("05", "Uttarakhand", union_territory=False, levy=_SGST),
        State("06", "Haryana", union_territory=False, levy=_SGST),
        State("07", "Delhi", union_territory=True, levy=_SGST),
        State("08", "Rajasthan", union_territory=False, levy=_SGST),
        State("09", "Uttar Pradesh", union_territory=False, levy=_SGST),
        State("10", "Bihar", union_territory=False, levy=_SGST),
        State("11", "Sikkim", union_territory=False, levy=_SGST),
        State("12", "Arunachal Pradesh", union_territory=False, levy=_SGST),
        State("13", "Nagaland", union_territory=False, levy=_SGST),
        State("14", "Manipur", union_territory=False, levy=_SGST),
        State("15", "Mizoram", union_territory=False, levy=_SGST),
        State("16", "Tripura", union_territory=False, levy=_SGST),
        State("17", "Meghalaya", union_territory=False, levy=_SGST),
        State("18", "Assam", union_territory=False, levy=_SGST),
        State("19", "West Bengal", union_territory=False, levy=_SGST),
        State("20", "Jharkhand", union_territory=False, levy=_SGST),
        State("21", "Odisha", union_territory=False, levy=_SGST),
        State("22", "Chhattisgarh", union_territory=False, levy=_SGST),
        State("23", "Madhya Pradesh", union_territory=False, levy=_SGST),
        State("24", "Gujarat", union_territory=False, levy=_SGST),
        State("25", "Daman & Diu", union_territory=True, levy=_UTGST, discontinued=True),
        State("26", "Dadra & Nagar Haveli and Daman & Diu", union_territory=True, levy=_UTGST),
        State("27", "Maharashtra", union_territory=False, levy=_SGST),
        State("28", "Andhra Pradesh (before division)", union_territory=False, levy=_SGST, discontinued=True),
        State("29", "Karnataka", union_territory=False, levy=_SGST),
        State("30", "Goa", union_territory=False, levy=_SGST),
        State("31", "Lakshadweep", union_territory=True, levy=_UTGST),
        State("32", "Kerala", union_territory=False, levy=_SGST),
        State("33", "Tamil Nadu", union_territory=False, levy=_SGST),
        State("34", "Puducherry", union_territory=True, levy=_SGST),
        State("35", "Andaman & Nicobar Islands", union_territory=True, levy=_UTGST),
        State("36", "Telangana", union_territory=False, levy=_SGST),
        State("37", "Andhra Pradesh", union_territory=False, levy=_SGST),
        State("38", "Ladakh", union_territory=True, levy=_UTGST),
        State(FOREIGN_COUNTRY, "Other Country", union_territory=False, levy=_IGST),
        State("97", "Other Territory", union_territory=True, levy=_UTGST),
        State("99", "Centre Jurisdiction", union_territory=False, levy=_IGST),
    )
}


def supply_state(code: str, *, field: str) -> State:
    """The state of a supply made inside India today. Raises InvalidInput naming the field and the way out."""
    state = STATES.get(code)
    if state is None or state.levy is Head.IGST:
        raise InvalidInput(f"{field}: {code!r} is not the GST code of an Indian state, e.g. 29 for Karnataka", field=field)
    if state.discontinued:
        raise InvalidInput(
            f"{field}: {code} ({state.name}) stands on historic documents only; use the code that replaced it",
            field=field,
        )
    return state
