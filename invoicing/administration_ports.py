"""What opening accounts and publishing plans need from the world."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from domain.money import Currency


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Who pays: profile and tax profile."""

    code: str
    legal_name: str
    email: str
    phone: str | None
    address_lines: tuple[str, ...]
    country: str
    state_code: str | None
    gstin: str | None
    tax_category: str


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account of a customer, with the aliases its events will carry and the plan it is on."""

    code: str
    customer_code: str
    mode: str
    currency: Currency
    time_zone: str
    aliases: tuple[str, ...]
    plan_code: str


@dataclass(frozen=True, slots=True)
class NewSeller:
    """The billing entity that issues the invoices."""

    gstin: str
    legal_name: str
    address_lines: tuple[str, ...]
    email: str
    payment_lines: tuple[str, ...]
    """Where to pay, as printed on invoices."""
    invoice_series: str
    lut_arn: str | None
    lut_valid_from: date | None
    lut_valid_to: date | None


class Administration(Protocol):
    """One transaction of configuration; each method returns False when the thing was there already, unchanged."""

    def add_seller(self, seller: NewSeller) -> bool:
        """Register the billing entity."""

    def publish_plan(self, document: Mapping[str, Any], *, published_at: datetime) -> bool:
        """Store a checked plan document as version 1, or as the next version when it differs from the last."""

    def add_customer(self, customer: NewCustomer, *, created_at: datetime) -> bool:
        """Add a customer."""

    def open_account(self, account: NewAccount, *, created_at: datetime) -> bool:
        """Add an account with its wallet, aliases and subscription. Raises NotFound for an unknown customer or plan."""

    def map_alias(self, alias: str, *, account_code: str) -> bool:
        """Let an alias name an account. Raises InvalidInput when it names another."""

    def top_up(self, *, account_code: str, amount_micros: int, reference: str, booked_at: datetime) -> bool:
        """Credit a wallet once per reference."""

    def audit(self, *, action: str, subject: str, actor: str, after: Mapping[str, Any], at: datetime) -> None:
        """Leave a record of a change (DESIGN §3.8)."""


class AdministrationStore(Protocol):
    """Where configuration is kept."""

    def begin(self) -> AbstractContextManager[Administration]:
        """A transaction: commits when left normally, rolls back when left by an exception."""
