"""A customer: read from a document with all its faults at once, and written down again.

The document is what a person writes in a file, what a configuration event carries, and what the audit record keeps. Whatever
is left out has its default; what follows from other fields (the PAN of a GSTIN, the place of supply) is not kept twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from domain.customers.address import Address, AddressKind, read_addresses
from domain.customers.contacts import Choices, Contact, read_choices, read_contacts
from domain.customers.locale import read_languages, read_time_zone
from domain.customers.plain_text import read_code, read_email, read_phone, read_text
from domain.customers.tax_profile import TaxProfile, place_of_supply, read_tax_profile
from domain.errors import Faults, Invalid
from domain.fields import Fields
from domain.money import Currency

_BY_COUNTRY: Final[Mapping[str, tuple[Currency, str]]] = {
    "IN": (Currency.INR, "Asia/Kolkata"),
    "ID": (Currency.IDR, "Asia/Jakarta"),
}
"""Currency and time zone of a customer that does not say; elsewhere US dollars, and the time zone must be said."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who is billed."""

    code: str
    legal_name: str
    email: str
    """Where invoices go."""
    addresses: Mapping[AddressKind, Address]
    tax: TaxProfile
    currency: Currency
    """Of accounts that are opened without saying theirs; likewise `time_zone`."""
    time_zone: str
    trade_name: str | None = None
    phone: str | None = None
    contacts: tuple[Contact, ...] = ()
    languages: tuple[str, ...] = ()
    notifications: Choices = field(default_factory=dict)

    @property
    def billing(self) -> Address:
        """The address on invoices."""
        return self.addresses[AddressKind.BILLING]

    @property
    def place_of_supply(self) -> str:
        """GST state code; 96 abroad."""
        return place_of_supply(self.tax, self.billing)

    def document(self) -> dict[str, Any]:
        """The customer as a document that reads as this customer again."""
        texts = {"trade_name": self.trade_name, "phone": self.phone}
        document: dict[str, Any] = {
            "code": self.code,
            "legal_name": self.legal_name,
            "email": self.email,
            **{name: text for name, text in texts.items() if text is not None},
            "addresses": {str(kind): self.addresses[kind].document() for kind in AddressKind if kind in self.addresses},
            "tax": self.tax.document(),
            "currency": str(self.currency),
            "time_zone": self.time_zone,
        }
        if self.languages:
            document["languages"] = list(self.languages)
        if self.contacts:
            document["contacts"] = [contact.document() for contact in self.contacts]
        if self.notifications:
            chosen = self.notifications.items()
            document["notifications"] = {str(kind): [str(channel) for channel in channels] for kind, channels in chosen}
        return document


def read_customer(document: object, *, path: str = "") -> Customer:
    """A customer from a document. Raises Invalid with every fault; `path` stands before the fields' own."""
    faults = Faults()
    fields = Fields(document, path=path, faults=faults)
    code, legal_name = read_code(fields), read_text(fields, "legal_name", printed=True)
    trade_name = read_text(fields, "trade_name", printed=True, required=False)
    email, phone = read_email(fields), read_phone(fields)
    addresses = _read_addresses(fields)
    billing = addresses.get(AddressKind.BILLING)
    tax = _read_tax(fields, billing)
    currency, time_zone = _read_units(fields, billing)
    contacts = _read_contacts(fields)
    languages = read_languages(fields)
    has_phone = phone is not None or any(contact.phone for contact in contacts)
    notifications = _read_notifications(fields, has_phone=has_phone)
    fields.refuse_unknown()
    faults.refuse_if_any()
    if code is None or legal_name is None or email is None or tax is None or currency is None or time_zone is None:
        raise Invalid(faults.errors)
    return Customer(
        code=code,
        legal_name=legal_name,
        email=email,
        addresses=addresses,
        tax=tax,
        currency=currency,
        time_zone=time_zone,
        trade_name=trade_name,
        phone=phone,
        contacts=contacts,
        languages=languages,
        notifications=notifications,
    )


def _read_addresses(fields: Fields) -> dict[AddressKind, Address]:
    value = fields.take("addresses")
    if value is None:
        fields.fault("addresses", "is missing: give at least the billing address, addresses: {billing: {lines: [...]}}")
        return {}
    return read_addresses(value, path=fields.at("addresses"), faults=fields.faults)


def _read_tax(fields: Fields, billing: Address | None) -> TaxProfile | None:
    value = fields.take("tax")
    if value is None:
        fields.fault(
            "tax", "is missing: tax: {category: registered, gstin: ...}, or the category unregistered, sez, overseas"
        )
        return None
    tax = Fields(value, path=fields.at("tax"), faults=fields.faults)
    return read_tax_profile(tax, billing=billing) if tax.is_object else None


def _read_units(fields: Fields, billing: Address | None) -> tuple[Currency | None, str | None]:
    currency, time_zone = _BY_COUNTRY.get(billing.country if billing else "", (Currency.USD, None))
    chosen = fields.choice("currency", list(Currency), default=str(currency))
    zone = read_time_zone(fields)
    if not fields.has("time_zone"):
        zone = time_zone
        if zone is None and billing is not None:
            fields.fault("time_zone", "is missing: its months are the customer's billing months, e.g. America/New_York")
    return None if chosen is None else Currency(chosen), zone


def _read_contacts(fields: Fields) -> tuple[Contact, ...]:
    value = fields.take("contacts")
    return () if value is None else read_contacts(value, path=fields.at("contacts"), faults=fields.faults)


def _read_notifications(fields: Fields, *, has_phone: bool) -> Choices:
    value = fields.take("notifications")
    if value is None:
        return {}
    return read_choices(value, path=fields.at("notifications"), faults=fields.faults, has_phone=has_phone)
