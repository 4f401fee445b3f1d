"""Addresses of a customer: the one invoices bear, and others beside it."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from domain.customers.countries import COUNTRIES
from domain.customers.plain_text import read_text, text_fault, tidy
from domain.errors import Faults, InvalidInput
from domain.fields import Fields, but_is
from domain.tax.place_of_supply import INDIA
from domain.tax.states import STATES, supply_state

LINES_MAX: Final = 4
LINE_MAX: Final = 100
_PIN: Final = re.compile(r"[1-9][0-9]{5}")
_POSTAL_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{1,11}")


class AddressKind(StrEnum):
    """What an address is for."""

    BILLING = "billing"
    """On invoices; its state or country decides the tax."""
    REGISTERED = "registered"
    SHIPPING = "shipping"
    CORRESPONDENCE = "correspondence"


@dataclass(frozen=True, slots=True)
class Address:
    """One address."""

    lines: tuple[str, ...]
    """From the house to, where they are not apart, the city."""
    city: str | None
    postal_code: str | None
    """PIN in India: six digits."""
    state_code: str | None
    """GST state code, two digits; None outside India."""
    country: str
    """ISO 3166-1 alpha-2."""

    def printed_lines(self) -> tuple[str, ...]:
        """The address as documents bear it, without its country."""
        return printed_lines(self.lines, city=self.city, postal_code=self.postal_code, state_code=self.state_code)

    def document(self) -> dict[str, Any]:
        """The address as it is written in a document."""
        facts = {"city": self.city, "postal_code": self.postal_code, "state_code": self.state_code}
        return {
            "lines": list(self.lines),
            **{name: value for name, value in facts.items() if value is not None},
            "country": self.country,
        }


def printed_lines(
    lines: tuple[str, ...], *, city: str | None, postal_code: str | None, state_code: str | None
) -> tuple[str, ...]:
    """The lines of an address; city and postal code, where they are apart, make the last one, in India with the state."""
    if city is None and postal_code is None:
        return lines
    state = None if state_code is None else STATES[state_code].name
    place = " ".join(part for part in (city, postal_code) if part is not None)
    return (*lines, place if state is None else f"{place}, {state}")


def read_addresses(document: object, *, path: str, faults: Faults) -> dict[AddressKind, Address]:
    """Addresses by kind; the billing address is required. A fault leaves an address out."""
    fields = Fields(document, path=path, faults=faults)
    found: dict[AddressKind, Address] = {}
    for kind in AddressKind:
        row = fields.take(kind.value)
        if row is None:
            continue
        address = _read_address(Fields(row, path=fields.at(kind.value), faults=faults))
        if address is not None:
            found[kind] = address
    if not fields.has(AddressKind.BILLING):
        fields.fault(AddressKind.BILLING, "is missing: invoices bear it, and its state or country decides the tax")
    fields.refuse_unknown()
    return found


def _read_address(fields: Fields) -> Address | None:
    before = len(fields.faults)
    lines = _read_lines(fields)
    city = read_text(fields, "city", most=LINE_MAX, printed=True, required=False)
    country = fields.take("country")
    if not isinstance(country, str) or country not in COUNTRIES:
        fields.fault("country", "must be the two capital letters of a country (ISO 3166-1), e.g. IN" + but_is(country))
        country = None
    state_code, postal_code = _read_state(fields, country), _read_postal_code(fields, country)
    fields.refuse_unknown()
    if country is None or len(fields.faults) > before:
        return None
    return Address(lines, city, postal_code, state_code, country)


def _read_lines(fields: Fields) -> tuple[str, ...]:
    rows = fields.rows("lines", most=LINES_MAX, what="line, e.g. lines: [14 Marine Lines]")
    lines: list[str] = []
    for place, row in enumerate(rows):
        fault = text_fault(row, most=LINE_MAX, printed=True)
        if fault is None:
            lines.append(tidy(row))
        else:
            fields.fault(f"lines[{place}]", fault)
    return tuple(lines)


def _read_state(fields: Fields, country: str | None) -> str | None:
    value = fields.take("state_code")
    if country is None:
        return None
    if country != INDIA:
        if value is not None:
            fields.fault("state_code", f"is for India only, and the country is {country}: leave it out")
        return None
    if not isinstance(value, str):
        fields.fault("state_code", "must be the GST code of the state, two digits in quotes, e.g. '29'" + but_is(value))
        return None
    try:
        return supply_state(value, field="state_code").code
    except InvalidInput as error:
        fields.fault("state_code", str(error).removeprefix("state_code: "))
        return None


def _read_postal_code(fields: Fields, country: str | None) -> str | None:
    value = fields.take("postal_code")
    if value is None:
        return None
    if country == INDIA:
        shape, wanted = _PIN, "a PIN of six digits in quotes, e.g. '560034'"
    else:
        shape, wanted = _POSTAL_CODE, "2 to 12 letters, digits, spaces and hyphens in quotes"
    if isinstance(value, str) and shape.fullmatch(value.strip()):
        return value.strip()
    fields.fault("postal_code", f"must be {wanted}" + but_is(value))
    return None
