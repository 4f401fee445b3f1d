"""Events rated in parts, on the real books: every total, position and value is what the domain says."""

import json
import random
from itertools import cycle

import pytest
from sqlalchemy import text

from connectors import batch_wiring, metering_wiring
from connectors.kafka.usage_events import decode_records
from domain.metering import Total, TotalKey
from invoicing.reconcile_ports import Days
from invoicing.reconcile_warehouse import reconcile
from tests.books import send_to_warehouse
from tests.builders_rating import Books as BooksInMemory
from tests.builders_usage import a_usage_event
from tests.metering_books import DyingStore, KilledBeforeCommit, at_once
from tests.rich_plan import put_on_rich_plan

pytestmark = pytest.mark.engines


@pytest.fixture
def rich(books, database):
    """Acme and, below it with a wallet of its own, bolt, on the rich plan."""
    put_on_rich_plan(database, "acme", "bolt")
    with database.begin() as connection:
        below = "UPDATE account SET parent_id = (SELECT account_id FROM account WHERE code = 'acme') WHERE code = 'bolt'"
        connection.execute(text(below))
    return books


def events(number, *, seed=1, subjects=("acme", "bolt")):
    """Events of both types, some of them corrections."""
    dice = random.Random(seed)
    made = []
    for place in range(number):
        meter = dice.choice(["otp.delivered", "otp.delivered", "voice.minutes"])
        quantity = dice.choice([1, 1, 2, 40])
        data = {
            "quantity": quantity,
            "channel": dice.choice(["sms", "sms", "whatsapp"]),
            "to": dice.randint(1, 6),
            "size": dice.randint(0, 90),
        }
        made.append(a_usage_event(f"event-{seed}-{place}", type=meter, subject=dice.choice(subjects), data=data))
    return made


def totals(books, table, owner, month):
    rows = books.rows(
        f"SELECT {owner}, {month}, charge_id, price_cell, quantity_millionths, amount_micros, event_count FROM {table}"
    )
    return {TotalKey(*row[:4]): Total(*row[4:]) for row in rows if any(row[4:])}


def test_the_books_are_what_the_domain_says_however_two_workers_batch_it(worker, other_worker, topic, rich):
    records = topic.append(*events(120))
    for start, taker in zip(range(0, 120, 17), cycle((worker, other_worker)), strict=False):
        taker.take(records[start : start + 17])
    memory = BooksInMemory(worker.store.config())
    memory.book(decode_records(records)[0])
    assert totals(rich, "usage_total", "account_id", "service_month") == memory.totals
    assert totals(rich, "price_position", "owner_account_id", "period_start") == memory.positions
    assert rich.count("unique_value") == len(memory.values)
    assert rich.rows("SELECT max(value_millionths) FROM meter_state") == [
        (max(state.value_millionths for state in memory.states.values()),)
    ]
    assert rich.failing_checks() == {}


def test_two_workers_that_share_a_price_of_a_tree_do_not_wait_in_a_circle_and_stay_right(worker, other_worker, topic, rich):
    for round_ in range(8):
        at_once(
            (worker, topic.append(*events(30, seed=round_, subjects=("acme",)), partition=0)),
            (other_worker, topic.append(*events(30, seed=100 + round_, subjects=("bolt",)), partition=1)),
        )
    assert rich.outcomes() == {"rated": 480}
    owners = rich.rows(
        "SELECT DISTINCT owner_account_id FROM price_position JOIN charge USING (charge_id) WHERE code = 'voice'"
    )
    assert owners == rich.rows("SELECT account_id FROM account WHERE code = 'acme'")
    assert rich.failing_checks() == {}


def test_a_worker_that_dies_before_the_commit_leaves_no_part_and_no_value(worker, topic, rich):
    records = topic.append(*events(20))
    dying = metering_wiring.metering(DyingStore(worker.store))
    with pytest.raises(KilledBeforeCommit):
        dying.meter(records)
    assert [rich.count(table) for table in ("usage_event", "further_charge", "unique_value", "meter_state")] == [0, 0, 0, 0]
    worker.take(records)
    assert rich.outcomes() == {"rated": 20}
    assert rich.failing_checks() == {}


def test_a_redelivery_and_a_retry_count_no_part_again(worker, topic, rich):
    records = topic.append(*events(20))
    worker.take(records)
    before = totals(rich, "usage_total", "account_id", "service_month")
    worker.take(records)
    worker.take(topic.append(*events(20)))
    assert rich.outcomes() == {"rated": 20, "duplicate": 20}
    assert totals(rich, "usage_total", "account_id", "service_month") == before


def test_a_correction_is_taken_and_lowers_the_wallets_debit(worker, topic, rich):
    used = a_usage_event("used", type="voice.minutes", data={"quantity": 51, "size": 1})
    back = a_usage_event("back", type="voice.minutes", data={"quantity": -1, "size": 1})
    worker.take(topic.append(used))
    worker.take(topic.append(back))
    assert rich.balance("acme") == -15
    assert rich.failing_checks() == {}


def test_revenue_in_the_warehouse_is_that_of_the_books_to_the_micro(worker, topic, rich, warehouse):
    worker.take(topic.append(*events(60)))
    send_to_warehouse()
    parts = "(SELECT amount_micros FROM usage_event UNION ALL SELECT amount_micros FROM further_charge)"
    assert warehouse.execute(f"SELECT sum(amount_micros) FROM {parts}") == rich.rows(
        "SELECT sum(amount_micros)::bigint FROM usage_total"
    )
    found = reconcile(batch_wiring.booked_usage(), batch_wiring.warehoused_usage(), Days())
    assert (found.equal, found.booked.events) == (True, rich.count("rated_charge"))


def test_a_further_part_that_is_missing_in_the_warehouse_is_found_and_mended(worker, topic, rich, warehouse):
    worker.take(topic.append(*events(30)))
    send_to_warehouse()
    warehouse.execute("TRUNCATE TABLE further_charge")
    found = reconcile(batch_wiring.booked_usage(), batch_wiring.warehoused_usage(), Days(), repair=True)
    assert [gap.missing for gap in found.differences] == [rich.count("further_charge")]
    assert found.equal
    assert warehouse.execute("SELECT count() FROM further_charge") == [(rich.count("further_charge"),)]


def test_parts_that_another_batch_takes_back_and_puts_in_place_are_told_with_what_their_event_says(
    worker, topic, rich, database, warehouse
):
    worker.take(topic.append(a_usage_event("one", data={"channel": "sms", "to": 1})))
    send_to_warehouse()
    with database.begin() as connection:
        batch = "INSERT INTO batch (worker, config_version, booked_at, rated) SELECT 'again', version, now(), 0"
        batch_id = connection.execute(text(batch + " FROM config_version RETURNING batch_id")).scalar_one()
        for kind, sign in (("reversal", -1), ("replacement", 1)):
            taken = f"""
                INSERT INTO further_charge (event_key, event_time, batch_id, account_id, charge_id, quantity_millionths,
                    amount_micros, metered_millionths, event_count, kind, price_cell)
                SELECT event_key, event_time, {batch_id}, account_id, charge_id, {sign} * quantity_millionths,
                    {sign} * amount_micros, NULL, {sign}, '{kind}', price_cell FROM usage_event"""
            connection.execute(text(taken))
    announcement = metering_wiring.outbox().unannounced(events_max=10)
    told = [json.loads(record) for rated in announcement.rated for records in rated.records.values() for record in records]
    again = [event["data"] for event in told if event["data"]["batch_id"] == batch_id]
    assert [(data["event_id"], data["kind"], data["amount_micros"]) for data in again] == [
        ("one", "reversal", -300_000),
        ("one", "replacement", 300_000),
    ]
    assert len({event["id"] for event in told}) == len(told)
    send_to_warehouse()
    assert reconcile(batch_wiring.booked_usage(), batch_wiring.warehoused_usage(), Days()).equal
