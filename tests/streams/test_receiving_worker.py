"""Payment and config events through Kafka and a real worker: stored once, killed in between, refused with a reason."""

from collections.abc import Iterator

import psycopg
import pytest
from confluent_kafka import Producer

from domain.receiving import Family
from tests.builders_received import an_event, another_body
from tests.installation import Installation, wait_until
from tests.kafka_topics import read_all

pytestmark = pytest.mark.engines

EACH = 400


@pytest.fixture(scope="module", name="installation")
def _installation() -> Iterator[Installation]:
    installation = Installation("testfamilies", redis_db=11, worker_port=16140)
    installation.create()
    yield installation
    installation.drop()


def send(installation: Installation, family: Family, values: list[bytes]) -> None:
    """Spread over the partitions, so that duplicates meet from different ones."""
    producer = Producer({"bootstrap.servers": installation.settings.kafka_bootstrap, "message.max.bytes": 8_000_000})
    for number, value in enumerate(values):
        producer.produce(installation.topic(family.topic), value=value, partition=number % 2)
    assert producer.flush(20) == 0


def events(family: Family, start: int, end: int) -> list[bytes]:
    return [an_event(family, f"event-{number}") for number in range(start, end)]


def counts(installation: Installation, family: Family) -> tuple[int, int, int, int]:
    """Accepted, duplicate, conflict and dead letters of a family."""
    (row,) = installation.query(
        "SELECT coalesce(sum(accepted), 0)::int, coalesce(sum(duplicate), 0)::int, coalesce(sum(conflict), 0)::int,"
        " coalesce(sum(dead_lettered), 0)::int FROM batch_range WHERE topic = %s",
        installation.topic(family.topic),
    )
    return row


def stored(installation: Installation, family: Family) -> int:
    ((rows, ids),) = installation.query(f"SELECT count(*), count(DISTINCT event_id) FROM {family.value}_event")
    assert rows == ids
    return rows


def waiting(installation: Installation) -> int:
    """Sessions that wait for a lock."""
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return installation.query(statement)[0][0]


def test_events_are_stored_once_although_their_worker_is_killed_in_between(installation: Installation) -> None:
    first = installation.start_worker(port=16141)
    for family in Family:
        send(installation, family, [*events(family, 0, EACH), *reversed(events(family, 0, EACH))])
    wait_until(lambda: all(stored(installation, family) for family in Family), "it has begun")
    with psycopg.connect(installation.settings.postgres_dsn) as somebody:
        somebody.execute("LOCK TABLE payment_event, config_event IN EXCLUSIVE MODE")
        for family in Family:
            send(installation, family, events(family, EACH // 2, EACH * 3 // 2))
        wait_until(lambda: waiting(installation) == 2, "the worker is in the middle of a transaction of each family")
        first.kill()

    with installation.worker():
        for family in Family:
            wait_until(lambda family=family: sum(counts(installation, family)) == EACH * 3, "all is received", seconds=90)

    for family in Family:
        assert stored(installation, family) == EACH * 3 // 2
        assert counts(installation, family) == (EACH * 3 // 2, EACH * 3 // 2, 0, 0)
    assert installation.failing_checks() == {}


def test_refused_and_conflicting_events_go_to_the_topics_of_their_family(installation: Installation) -> None:
    before = {family: counts(installation, family) for family in Family}
    with installation.worker() as worker:
        for family in Family:
            other = an_event(family, "event-0", **another_body(family))
            send(installation, family, [b'{"id": "cut', b"x" * 5_000_000, other, an_event(family, "fine")])
        for family in Family:
            wait_until(lambda family=family: sum(counts(installation, family)) == sum(before[family]) + 4, "received")
        wait_until(
            lambda: installation.query("SELECT count(*) FROM batch WHERE announced_at IS NULL") == [(0,)], "announced"
        )
        assert worker.health()["healthy"]

    for family in Family:
        letters = read_all(installation.topic(f"{family.topic}.dead-letter"), 2)
        assert {dict(letter.headers())["reason"] for letter in letters} == {b"not_json", b"record_too_large"}
        (conflict,) = read_all(installation.topic(f"{family.topic}.conflict"), 1)
        assert dict(conflict.headers())["origin-topic"].decode() == installation.topic(family.topic)
        added = [now - then for now, then in zip(counts(installation, family), before[family], strict=True)]
        assert added == [1, 0, 1, 2]
    assert installation.failing_checks() == {}


def test_a_worker_waits_for_postgresql_and_loses_nothing(installation: Installation) -> None:
    family = Family.PAYMENT
    before = counts(installation, family)[0]
    with installation.worker() as worker:
        with psycopg.connect(installation.settings.postgres_dsn) as somebody:
            somebody.execute("LOCK TABLE payment_event IN ACCESS EXCLUSIVE MODE")
            send(installation, family, [an_event(family, "held-up")])
            wait_until(lambda: waiting(installation) == 1, "the worker waits for the table")
            installation.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            wait_until(lambda: "nothing is lost, trying again" in worker.log.read_text(), "it says that it waits")
        wait_until(lambda: counts(installation, family)[0] == before + 1, "it has caught up")
    assert installation.failing_checks() == {}
