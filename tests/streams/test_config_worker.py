"""Config events through Kafka and real workers: used by all of them at once, answered on a topic, through kills as well."""

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import psycopg
import pytest
from confluent_kafka import Producer

from domain.config_changes import ConfigType
from tests.bench.load import PLAN
from tests.builders_config import a_change, a_customer_created, an_account_opened
from tests.installation import Installation, Worker, wait_until
from tests.kafka_topics import read_all

pytestmark = pytest.mark.engines

PARTITIONS = 8


@pytest.fixture(name="installation")
def _installation() -> Iterator[Installation]:
    installation = Installation("testconfig", redis_db=9, worker_port=16120)
    installation.create()
    yield installation
    installation.drop()


def send(installation: Installation, topic: str, values: Sequence[bytes], *, partitions: int) -> None:
    producer = Producer({"bootstrap.servers": installation.settings.kafka_bootstrap})
    for number, value in enumerate(values):
        producer.produce(installation.topic(topic), value=value, partition=number % partitions)
    assert producer.flush(20) == 0


def configure(installation: Installation, *changes: bytes) -> None:
    """Puts changes on one partition, so that they keep their order."""
    send(installation, "config.events", changes, partitions=1)


def answers(installation: Installation, count: int) -> list[dict]:
    """As many answers as there are on the topic; in order for each subject."""
    return [json.loads(record.value()) for record in read_all(installation.topic("config.results"), count)]


def now() -> str:
    return datetime.now(UTC).isoformat()


def the_shop(*more: bytes) -> tuple[bytes, ...]:
    """A customer with two accounts on a plan; the alias acme-web names the first."""
    return (
        a_change(ConfigType.PLAN_PUBLISHED, str(PLAN["code"]), PLAN, time=now()),
        a_customer_created(),
        an_account_opened(code="first", plan=PLAN["code"], aliases=["acme-web"]),
        an_account_opened(code="second", plan=PLAN["code"], aliases=["other"]),
        *more,
    )


def use(installation: Installation, label: str, *, count: int = 64) -> list[str]:
    """Usage of acme-web on all partitions; the ids."""
    ids = [f"{label}-{number}" for number in range(count)]
    events = [
        {"specversion": "1.0", "id": event_id, "source": "/tests", "type": "otp.delivered", "subject": "acme-web"}
        | {"time": now(), "data": {"channel": "sms", "country": "IN"}}
        for event_id in ids
    ]
    send(installation, "usage.events", [json.dumps(event).encode() for event in events], partitions=PARTITIONS)
    return ids


def rated(installation: Installation, ids: Sequence[str]) -> list[tuple[str, str, int]]:
    """Account, worker and version of the configuration of these events."""
    return installation.query(
        "SELECT code, worker, config_version FROM usage_event JOIN account USING (account_id) JOIN batch USING (batch_id)"
        " WHERE event_id = ANY(%s)",
        ids,
    )


def kill_with_its_publisher(worker: Worker) -> None:
    os.killpg(worker.process.pid, signal.SIGKILL)
    worker.process.wait()


def results(installation: Installation) -> int:
    return installation.query("SELECT count(*) FROM config_result")[0][0]


def test_two_running_workers_rate_with_a_change_as_soon_as_it_is_answered(installation: Installation) -> None:
    with installation.worker(), installation.worker(port=16121) as other:
        wait_until(lambda: len(other.health().get("partitions", ())) > 0, "both have partitions")
        configure(installation, *the_shop())
        assert [answer["type"] for answer in answers(installation, 4)] == ["config.applied"] * 4
        before = use(installation, "before")
        wait_until(lambda: len(rated(installation, before)) == len(before), "the first usage is rated")
        assert {account for account, _, _ in rated(installation, before)} == {"first"}

        started = time.monotonic()
        configure(installation, a_change(ConfigType.ALIAS_MOVED, "acme-web", {"to": "second"}, time=now()))
        (moved,) = [one for one in answers(installation, 5) if one["data"]["event"]["type"] == "alias.moved"]
        answered = time.monotonic()
        assert moved["type"] == "config.applied"
        after = use(installation, "after")
        wait_until(lambda: len(rated(installation, after)) == len(after), "the usage after it is rated", pause_seconds=0.01)
        print(f"answered after {answered - started:.3f} s, rated by both {time.monotonic() - answered:.3f} s later")

    found = rated(installation, after)
    assert {account for account, _, _ in found} == {"second"}
    assert len({worker for _, worker, _ in found}) == 2
    assert {version for _, _, version in found} == {moved["data"]["config_version"]}
    assert installation.failing_checks() == {}


def test_a_refused_change_is_answered_with_its_fields_and_the_next_is_applied(installation: Installation) -> None:
    with installation.worker() as worker:
        broken = a_customer_created(code="bolt", email="nobody", tax={"gstin": "27AAPFU0939F1ZW"})
        configure(installation, b"{", broken, a_change("nothing.known", "x", {"a": 1}), *the_shop())
        told = answers(installation, 5)
        assert worker.health()["healthy"]
    assert sorted(answer["type"] for answer in told) == [*["config.applied"] * 4, "config.refused"]
    (refused,) = [answer for answer in told if answer["subject"] == "bolt"]
    assert [error["field"] for error in refused["data"]["errors"]] == ["data.email", "data.tax.gstin"]
    wait_until(lambda: installation.query("SELECT count(*) FROM dead_letter") == [(2,)], "the unreadable are kept")
    assert installation.failing_checks() == {}


def test_answers_of_a_worker_killed_before_it_published_them_are_sent_by_the_next(installation: Installation) -> None:
    with psycopg.connect(installation.settings.postgres_dsn, autocommit=True) as somebody:
        somebody.execute("SELECT pg_advisory_lock(hashtext('publish to config.results'))")
        first = installation.start_worker()
        configure(installation, *the_shop())
        wait_until(lambda: results(installation) == 4, "the changes are applied")
        kill_with_its_publisher(first)
    with installation.worker():
        assert [answer["type"] for answer in answers(installation, 4)] == ["config.applied"] * 4
        wait_until(
            lambda: installation.query("SELECT count(*) FROM config_result_to_send") == [(0,)], "nothing is left to send"
        )


def test_answers_of_a_worker_killed_after_it_published_them_are_sent_again_under_their_ids(
    installation: Installation,
) -> None:
    with psycopg.connect(installation.settings.postgres_dsn, autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(hashtext('publish to config.results'))")
        first = installation.start_worker()
        configure(installation, *the_shop())
        wait_until(lambda: results(installation) == 4, "the changes are applied")
        with psycopg.connect(installation.settings.postgres_dsn) as somebody:
            somebody.execute("LOCK TABLE config_result_to_send IN SHARE MODE")  # can be read, and not forgotten
            holder.execute("SELECT pg_advisory_unlock(hashtext('publish to config.results'))")
            sent = answers(installation, 4)
            kill_with_its_publisher(first)
    with installation.worker():
        again = answers(installation, 8)
    by_id = sorted(sent, key=lambda answer: answer["id"])
    assert sorted(again, key=lambda answer: answer["id"]) == [answer for answer in by_id for _ in range(2)]
    assert installation.failing_checks() == {}
