"""A shop with a seller and plans, on empty books."""

import pytest

from connectors import batch_wiring
from tests.books import open_shop


@pytest.fixture
def shop(database, warehouse):
    """The billing database with a seller and a plan in each currency."""
    open_shop()
    return database


@pytest.fixture
def book_of_invoices(shop):
    """Runs, drafts, issuing and invoices on that shop."""
    return batch_wiring.invoice_book()
