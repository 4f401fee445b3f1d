"""Grants, expiry, statements: credit is given once, ends once, and a statement adds up from opening to closing balance."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from connectors import batch_wiring, clock, metering_wiring, wallet_wiring, wiring
from domain.credit_lots import LotKind
from domain.errors import InvalidInput, NotFound
from invoicing.administer import Author, top_up
from invoicing.expire_credits import Expired, expire_credits
from invoicing.grant_credit import Grant, grant_credit
from tests.books import an_event, book, open_account

pytestmark = pytest.mark.engines
DAY_1 = datetime(2026, 11, 1, 9, tzinfo=UTC)
NOON = Author("asha", datetime(2026, 11, 1, 12, tzinfo=UTC))


@pytest.fixture
def acme(shop, cache):
    """A prepaid account; the books balance when the test is over."""
    open_account("acme", mode="prepaid")
    yield shop
    assert {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows} == set()


def grant(amount="10.00", reference="g1", **changes):
    facts = {"account": "acme", "amount": Decimal(amount), "reference": reference, "reason": "goodwill"} | changes
    return grant_credit(wallet_wiring.wallets(), Grant(**facts), author=NOON)


def lots():
    rows = wallet_wiring.statements().lots("acme", also_used_up=True)
    return [(row["kind"], row["amount"], row["remaining"]) for row in rows]


def test_a_grant_is_credited_once_for_its_reference(acme):
    assert grant().balance_micros == 10_000_000
    assert grant() is None
    with pytest.raises(InvalidInput, match="another amount"):
        grant("11.00")
    assert lots() == [("granted", Decimal("10.000000"), Decimal("10.000000"))]


def test_promotional_credit_is_used_before_granted_before_paid(acme):
    top_up(wiring.administration(), account_code="acme", amount=Decimal(5), reference="pay", author=NOON)
    grant("3.00", "goodwill")
    grant("2.00", "launch", kind=LotKind.PROMOTIONAL, expires_at=NOON.at + timedelta(days=30))
    book(acme, [an_event("acme", quantity=20)], warehouse=False)
    assert lots() == [
        ("granted", Decimal(3), Decimal(1)),
        ("paid", Decimal(5), Decimal(5)),
        ("promotional", Decimal(2), Decimal(0)),
    ]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"amount": Decimal(0)}, InvalidInput),
        ({"amount": Decimal(-1)}, InvalidInput),
        ({"amount": Decimal("1e20")}, InvalidInput),
        ({"amount": Decimal("NaN")}, InvalidInput),
        ({"amount": Decimal("0.0000001")}, InvalidInput),
        ({"kind": LotKind.PAID}, InvalidInput),
        ({"reason": " "}, InvalidInput),
        ({"priority": 101}, InvalidInput),
        ({"expires_at": NOON.at}, InvalidInput),
        ({"account": "nobody"}, NotFound),
    ],
)
def test_a_grant_that_cannot_be_meant_is_refused(acme, changes, error):
    with pytest.raises(error):
        grant(**changes)


def test_what_is_left_of_a_lot_ends_once_however_often_and_by_however_many_it_is_ended(acme):
    now = clock.now()  # usage is booked by the clock
    for number in range(30):
        grant("1.00", f"g{number}", kind=LotKind.PROMOTIONAL, expires_at=now + timedelta(hours=number + 1))
    grant("4.00", "stays")
    book(acme, [an_event("acme", quantity=4)], warehouse=False)
    later = now + timedelta(hours=20)

    def expire(_):
        return expire_credits(wallet_wiring.wallets(), metering_wiring.balance_cache(), now=later)

    with ThreadPoolExecutor(3) as threads:
        expired = list(threads.map(expire, range(3)))
    expired.append(expire(0))
    # Usage took 0.80 of the first lot.
    assert sum(one.lots for one in expired) == 20
    assert sum(one.micros for one in expired) == 19_200_000
    assert expired[-1] == Expired(0, 0)
    assert metering_wiring.balance_cache().read([1])[1].balance_micros == 34_000_000 - 800_000 - 19_200_000


def test_a_statement_adds_up_from_its_opening_to_its_closing_balance(acme):
    grant("10.00", "g1")
    book(acme, [an_event("acme", quantity=3), an_event("acme", quantity=2)], warehouse=False)
    with acme.connect() as connection:
        booked_at = connection.execute(text("SELECT max(booked_at) FROM batch")).scalar_one()
    statements = wallet_wiring.statements()
    whole = statements.statement("acme", start=DAY_1, end=booked_at + timedelta(seconds=1))
    assert (whole.opening_micros, whole.closing_micros) == (0, 9_000_000)
    assert [(line.cause, line.entries, line.amount_micros) for line in whole.lines] == [
        ("grant", 1, 10_000_000), ("usage", 1, -1_000_000),
    ]  # fmt: skip
    assert whole.lines[-1].balance_after_micros == whole.closing_micros
    first = statements.statement("acme", start=DAY_1, end=booked_at)
    rest = statements.statement("acme", start=booked_at, end=booked_at + timedelta(days=1))
    assert (first.opening_micros, first.closing_micros, rest.closing_micros) == (0, rest.opening_micros, 9_000_000)
    with pytest.raises(NotFound):
        statements.statement("nobody", start=DAY_1, end=booked_at)
