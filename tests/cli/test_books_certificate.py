"""`billing books certificate`: the page that says where every event went, and when it says no."""

import json

import pytest
from sqlalchemy import text

from connectors import receiving_wiring
from domain.receiving import Family
from tests import builders_received
from tests.books import TOPIC, an_event, book, open_account, open_shop

pytestmark = pytest.mark.engines


@pytest.fixture
def shop(database):
    """Two batches: three rated events, a dead letter and one that waits."""
    open_shop()
    open_account("acme")
    book(database, [an_event("acme"), b"{", an_event("nobody")], warehouse=False)
    book(database, [an_event("acme"), an_event("acme")], warehouse=False)
    return database


def certificate(billing, *arguments):
    ran = billing("books", "certificate", *arguments, "--json")
    return ran, json.loads(ran.out)


def change(shop, statement):
    with shop.begin() as connection:
        connection.execute(text(statement))


def test_it_says_where_every_event_of_a_partition_went(shop, billing):
    ran, found = certificate(billing)
    assert (ran.code, found["holds"], found["faults"]) == (0, True, [])
    (row,) = found["ranges"]
    assert (row["first_offset"], row["next_offset"], row["records"], row["received"]) == (0, 5, 5, 5)
    assert [row[kind] for kind in ("rated", "duplicate", "conflict", "dead_lettered", "quarantined")] == [3, 0, 0, 1, 1]
    assert found["sha256"] in billing("books", "certificate").out


@pytest.mark.parametrize("family", Family)
def test_payment_and_config_events_are_counted_as_accepted(shop, billing, family):
    records = builders_received.FamilyTopic(family).append(builders_received.an_event(family), b"{")
    store = receiving_wiring.receiving_store(family, "tests")
    receiving_wiring.receiving(family, store).receive(records)
    store.close()

    ran, found = certificate(billing)

    assert (ran.code, found["faults"]) == (0, [])
    assert [(row["received"], row["accepted"]) for row in found["ranges"]] in ([(2, 1), (5, 0)], [(5, 0), (2, 1)])
    change(shop, f"UPDATE batch_range SET accepted = 2, dead_lettered = 0 WHERE topic LIKE '%{family.topic}'")
    ran, found = certificate(billing)
    assert (ran.code, len(found["faults"])) == (1, 2)


def test_its_digest_is_of_the_rows_and_not_of_the_batches_they_came_in(shop, billing):
    _, before = certificate(billing)
    change(shop, "UPDATE batch_range SET batch_id = 1")
    change(shop, "UPDATE batch SET rated = 3 WHERE batch_id = 1")
    assert certificate(billing)[1]["sha256"] == before["sha256"]
    book(shop, [an_event("acme")], warehouse=False)
    assert certificate(billing)[1]["sha256"] != before["sha256"]


def test_a_gap_between_offsets_ends_with_1(shop, billing):
    change(shop, "UPDATE batch_range SET first_offset = 4 WHERE batch_id = 2")
    ran, found = certificate(billing)
    assert (ran.code, found["holds"]) == (1, False)
    assert found["faults"] == [f"{TOPIC}/0 0..3: the next range begins at 4 and not at 3"]


def test_offsets_known_to_be_vacant_are_no_gap(shop, billing):
    change(shop, "UPDATE batch_range SET first_offset = 4 WHERE batch_id = 2")
    change(shop, f"INSERT INTO vacant_offsets VALUES ('{TOPIC}', 0, 3, 4, now())")
    ran, found = certificate(billing)
    assert (ran.code, len(found["ranges"])) == (0, 1)


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("DELETE FROM usage_event WHERE batch_id = 2", "batch 2: its ranges say 2 rated, 0 are stored"),
        ("DELETE FROM dead_letter", "batch 1: its ranges say 1 dead_lettered, 0 are stored"),
        ("DELETE FROM quarantined_event", "batch 1: its ranges say 1 quarantined, 0 are stored"),
        (
            "UPDATE batch_range SET conflict = 1, rated = 1 WHERE batch_id = 2",
            "batch 2: its ranges say 1 conflict, 0 are stored",
        ),
    ],
    ids=["rated", "dead letters", "quarantine", "conflicts"],
)
def test_events_that_are_said_to_be_stored_and_are_not_end_with_1(shop, billing, statement, fault):
    change(shop, statement)
    ran, found = certificate(billing)
    assert (ran.code, found["faults"][0]) == (1, fault)
    assert ran.err.startswith("billing: conservation does not hold: batch ")


def test_a_span_of_time_is_of_what_was_booked_then(shop, billing):
    change(shop, "UPDATE batch SET booked_at = '2026-01-01' WHERE batch_id = 1")
    _, found = certificate(billing, "--from", "2026-01-01", "--to", "2026-01-02")
    assert [(row["first_offset"], row["next_offset"]) for row in found["ranges"]] == [(0, 3)]
    assert certificate(billing, "--to", "2026-01-01")[1]["ranges"] == []
