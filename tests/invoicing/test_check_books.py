"""The books: what the check finds, and what the certificate says."""

import pytest
from sqlalchemy import text

from connectors import batch_wiring
from domain.errors import BooksDoNotBalance
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.check_books import check_books, require_balance
from tests.books import NOVEMBER_2, an_event, book, open_account, open_shop, send_to_warehouse

pytestmark = pytest.mark.engines
OCTOBER = BillingMonth(2026, 10)


@pytest.fixture
def shop(database, warehouse):
    open_shop()
    return database


def check(**more):
    return check_books(batch_wiring.books(), now=NOVEMBER_2, **more)


def test_books_of_rated_events_balance_and_the_certificate_says_where_every_event_went(shop):
    open_account("acme")
    event = an_event("acme")
    book(shop, [event, event, an_event("acme"), an_event("nobody"), b"not an event"])

    report = check(warehouse=batch_wiring.warehouse())

    assert report.faults == []
    certificate = report.certificate()
    assert certificate["balanced"]
    assert certificate["totals"] == {
        "records": 5, "received": 5, "rated": 2, "accepted": 0,
        "duplicate": 1, "conflict": 0, "dead_lettered": 1, "quarantined": 1,
    }  # fmt: skip
    (partition,) = certificate["partitions"]
    assert (partition["first_offset"], partition["next_offset"]) == (0, 5)


def test_a_total_that_is_not_the_sum_of_its_events_is_named_with_its_check(shop):
    open_account("acme")
    book(shop, [an_event("acme")])
    with shop.begin() as connection:
        connection.execute(text("UPDATE usage_total SET amount_micros = amount_micros + 1"))

    report = check()

    assert [fault.partition(":")[0] for fault in report.faults] == [
        "postpaid_wallets_carry_what_is_due",
        "usage_matches_ledger",
        "usage_totals_match_events",
    ]
    failing = next(found for found in report.checks if found.name == "usage_totals_match_events")
    assert failing.rows == 1
    assert failing.first_rows[0]["event_count"] == 1
    with pytest.raises(BooksDoNotBalance, match="usage_totals_match_events: 1 row"):
        require_balance(report)


def test_a_forged_audit_record_breaks_the_chain(shop):
    with shop.begin() as connection:
        connection.execute(text("ALTER TABLE audit_record DISABLE TRIGGER audit_record_is_append_only"))
        connection.execute(text("UPDATE audit_record SET actor = 'nobody' WHERE audit_id = 2"))
        connection.execute(text("ALTER TABLE audit_record ENABLE TRIGGER audit_record_is_append_only"))

    (fault,) = check().faults

    assert fault.startswith("audit_chain_is_unbroken: 1 row")


def test_usage_that_has_not_reached_clickhouse_is_a_difference_to_the_micro(shop):
    open_account("acme")
    book(shop, [an_event("acme"), an_event("acme", channel="whatsapp")], warehouse=False)

    report = check(warehouse=batch_wiring.warehouse(), month=OCTOBER)

    (pair,) = report.revenue
    assert (pair.currency, pair.month, pair.equal) == (Currency.INR, OCTOBER, False)
    assert (pair.postgres.amount_micros, pair.postgres.event_count) == (345_000, 2)
    assert (pair.clickhouse.amount_micros, pair.clickhouse.event_count) == (0, 0)
    assert report.faults == [
        "revenue INR 2026-10: PostgreSQL has 345000 micros in 2 events, ClickHouse 0 in 0 (1 batches wait to be sent)"
    ]
    send_to_warehouse()
    assert check(warehouse=batch_wiring.warehouse(), month=OCTOBER).faults == []


def test_an_event_sent_to_clickhouse_twice_counts_once(shop):
    open_account("acme")
    book(shop, [an_event("acme")])
    with shop.begin() as connection:
        connection.execute(text("UPDATE batch SET warehoused_at = NULL"))
    send_to_warehouse()

    report = check(warehouse=batch_wiring.warehouse())

    assert [pair.equal for pair in report.revenue] == [True, True]


def test_a_month_begins_and_ends_in_the_time_zone_of_each_account(shop):
    open_account("delhi")
    open_account("york", time_zone="America/New_York", currency=Currency.USD)
    turn = NOVEMBER_2.replace(day=1, hour=0)  # 1 November in India, still October in New York
    book(shop, [an_event("delhi", at=turn), an_event("york", at=turn)])

    report = check(warehouse=batch_wiring.warehouse())

    assert report.faults == []
    assert [(pair.currency, str(pair.month), pair.clickhouse.event_count) for pair in report.revenue] == [
        ("USD", "2026-10", 1), ("INR", "2026-11", 1), ("INR", "None", 1), ("USD", "None", 1),
    ]  # fmt: skip


def test_events_clickhouse_has_and_the_books_do_not_are_found_in_the_total(shop, warehouse):
    open_account("acme")
    book(shop, [an_event("acme")])
    warehouse.execute(
        "INSERT INTO usage_event (event_time, account, currency, amount_micros) VALUES",
        [(NOVEMBER_2.replace(year=2020), "stranger", "INR", 5)],
    )

    report = check(warehouse=batch_wiring.warehouse())

    assert [str(pair.month) for pair in report.revenue if not pair.equal] == ["None"]


def test_a_balance_redis_has_not_is_a_difference_until_it_is_told(shop, cache):
    open_account("acme")
    book(shop, [an_event("acme")])

    stale = check(cache=batch_wiring.balances())
    account_id, balance = next(iter(batch_wiring.books().balances().items()))
    cache.hset(f"balance:{account_id}", mapping={"balance_micros": balance.balance_micros, "version": balance.version})
    told = check(cache=batch_wiring.balances())

    assert (stale.wallets, len(stale.stale_balances)) == (1, 1)
    assert stale.faults[0].startswith("balances: 1 of 1 wallets")
    assert told.faults == []
