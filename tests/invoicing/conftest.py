"""A shop with a seller and plans, on empty books."""

import pytest

from connectors import batch_wiring
from tests.books import open_account, open_shop
from tests.invoicing.wallets import add_meters


@pytest.fixture
def shop(database, warehouse):
    """The billing database with a seller and a plan in each currency."""
    open_shop()
    return database


@pytest.fixture
def book_of_invoices(shop):
    """Runs, drafts, issuing and invoices on that shop."""
    return batch_wiring.invoice_book()


@pytest.fixture
def acme_with_meters(shop, cache):
    """A prepaid account, and meters of WhatsApp messages and of those to India.

    The books balance when a test is over: each batch took from each wallet what its events came to.
    """
    open_account("acme", mode="prepaid")
    add_meters()
    yield shop
    failing = {check.name: check.first_rows for check in batch_wiring.books().examine(rows_shown=3).checks if check.rows}
    assert failing == {}
