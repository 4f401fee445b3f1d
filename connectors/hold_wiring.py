"""Building what answers before sending."""

from connectors import clock
from connectors.metering_wiring import balance_cache, holds, metering_store
from connectors.postgres.credit_books import PostgresCreditBooks
from connectors.postgres.present_prices import PresentPrices
from connectors.wiring import database
from invoicing.hold_credit import HoldCredit


def credit_books() -> PostgresCreditBooks:
    """Wallets and standings in PostgreSQL."""
    return PostgresCreditBooks(database())


def present_prices() -> PresentPrices:
    """The truth to rate with, at most a second old."""
    return PresentPrices(database(), metering_store("holds").config, clock.monotonic_seconds)


def hold_credit() -> HoldCredit:
    """May an account send?"""
    return HoldCredit(present_prices(), holds(), balance_cache(), credit_books())
