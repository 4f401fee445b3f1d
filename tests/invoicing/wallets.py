"""Accounts with several wallets, for tests on PostgreSQL: opened, filled, debited, looked at."""

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import text

from connectors import metering_wiring, wallet_wiring, wiring
from domain.catalogue.meters import Meter
from invoicing.administer import Author, top_up
from invoicing.keep_wallets import NewWallet, open_wallet
from invoicing.transfer_credit import Transfer, transfer_credit
from invoicing.watch_wallets import watch_wallets
from tests.books import an_event

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
ASHA = Author("asha", NOW)


def add_meters():
    """Publish a meter of WhatsApp messages, and one of those to India."""
    with wiring.administration().begin() as transaction:
        transaction.plans.add_meters(
            [
                _a_meter("whatsapp", ("channel", "whatsapp")),
                _a_meter("whatsapp.india", ("channel", "whatsapp"), ("country", "IN")),
            ]
        )


def _a_meter(code, *filter_):
    return Meter(0, code, "otp.delivered", filter=tuple((name, frozenset([value])) for name, value in filter_))


def opened(name="whatsapp", *meters, account="acme", **changes):
    """A further wallet of acme, for WhatsApp unless told otherwise; its code."""
    new = NewWallet(account, name, frozenset(meters or ["whatsapp"]), **changes)
    open_wallet(wiring.administration(), new, author=ASHA)
    return new.code


def pay(amount, reference, wallet="acme"):
    """Put paid credit into a wallet, in currency units."""
    top_up(wiring.administration(), account_code=wallet, amount=Decimal(amount), reference=reference, author=ASHA)


def transferred(amount, reference="t1", source="acme", target="acme/whatsapp"):
    """Move credit between two wallets; none the second time."""
    wanted = Transfer(source, target, Decimal(amount), reference, "for the campaign")
    return transfer_credit(wallet_wiring.wallets(), wanted, author=ASHA)


def rows(shop, statement, **named):
    """What a statement answers."""
    with shop.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement), named)]


def balances(shop):
    """Of every wallet, in currency units."""
    found = rows(shop, "SELECT code, balance_micros FROM wallet JOIN account USING (account_id) ORDER BY code")
    return {code: Decimal(micros).scaleb(-6) for code, micros in found}


def whatsapp(messages=1, alias="acme", **properties):
    """An event of so many WhatsApp messages."""
    return an_event(alias, quantity=messages, channel="whatsapp", **properties)


def watch(now=NOW):
    """Look at what is to be looked at."""
    store = metering_wiring.wallet_watch()
    try:
        return watch_wallets(store, metering_wiring.balance_cache(), now=now)
    finally:
        store.close()
