"""Administer what accounts lean on: sellers, plans, aliases and top-ups, each checked, applied once and audited."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any, Final

from domain.errors import InvalidInput
from domain.money import micros_from_decimal
from invoicing.administration_ports import AdministrationStore, Author, NewSeller
from invoicing.publish_plan import publish_plan as publish_plan_document

__all__ = ["Author", "add_sellers", "map_aliases", "publish_plan", "top_up"]

TOP_UP_MAX: Final = Decimal(1_000_000_000)


def add_sellers(store: AdministrationStore, sellers: Sequence[NewSeller], *, author: Author) -> int:
    """Register billing entities; returns how many are new."""
    with store.begin() as transaction:
        added = [seller for seller in sellers if transaction.add_seller(seller)]
        for seller in added:
            transaction.audit(
                action="seller.added", subject=seller.gstin, actor=author.name, after=asdict(seller), at=author.at
            )
    return len(added)


def publish_plan(store: AdministrationStore, document: Mapping[str, Any], *, author: Author) -> bool:
    """Whether a plan document became a new version (invoicing/publish_plan.py). Raises Invalid with every fault."""
    return publish_plan_document(store, document, author=author).is_new


def map_aliases(store: AdministrationStore, aliases: Mapping[str, str], *, author: Author) -> int:
    """Let aliases name accounts (alias → account code). Returns how many mappings are new."""
    with store.begin() as transaction:
        mapped = [alias for alias, code in aliases.items() if transaction.map_alias(alias, account_code=code)]
        for alias in mapped:
            transaction.audit(
                action="alias.mapped", subject=alias, actor=author.name, after={"account": aliases[alias]}, at=author.at
            )
    return len(mapped)


def top_up(store: AdministrationStore, *, account_code: str, amount: Decimal, reference: str, author: Author) -> bool:
    """Credit a wallet with pre-tax usage value, once per reference; False when that reference was credited before.

    For wallets that begin with money: no voucher is made out. What is paid comes as a payment event, or as a bank transfer
    that two persons saw.
    """
    if not (amount.is_finite() and 0 < amount <= TOP_UP_MAX):
        raise InvalidInput(f"amount: {amount} must be above 0 and at most {TOP_UP_MAX:,}")
    try:
        amount_micros = micros_from_decimal(amount)
    except ValueError as error:
        raise InvalidInput(f"amount: {error}") from error
    with store.begin() as transaction:
        credited = transaction.top_up(
            account_code=account_code, amount_micros=amount_micros, reference=reference, booked_at=author.at
        )
        if credited:
            transaction.audit(
                action="wallet.topped_up",
                subject=account_code,
                actor=author.name,
                after={"amount_micros": amount_micros, "reference": reference},
                at=author.at,
            )
    return credited
