"""A shop with a seller and plans, on empty books."""

import pytest

from tests.books import open_shop


@pytest.fixture
def shop(database):
    """The billing database with a seller and a plan in each currency."""
    open_shop()
    return database
