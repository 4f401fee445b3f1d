"""The metering worker as a process, on the real engines: start, codecs, faults, kills and ends."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from connectors.settings import PROJECT_ROOT
from tests.bench.load import PRICE_MICROS, Load, open_accounts
from tests.installation import FAUST, Installation, Worker, wait_until

pytestmark = pytest.mark.engines

ACCOUNTS = 20
EVENT = (
    '{"specversion":"1.0","id":"%s","source":"/otpless/core","type":"otp.delivered","subject":"load-00001",'
    '"time":"%s","data":{"channel":"sms","country":"IN"}}'
)


@pytest.fixture(scope="module", name="installation")
def _installation() -> Iterator[Installation]:
    installation = Installation("testworker", redis_db=3, worker_port=16110)
    installation.create()
    open_accounts(installation, ACCOUNTS)
    yield installation
    installation.drop()


@pytest.fixture(scope="module", name="worker")
def _worker(installation: Installation) -> Iterator[Worker]:
    with installation.worker(STALL_SECONDS="2") as worker:
        yield worker


def send(installation: Installation, values: list[bytes], *, codec: str = "none") -> None:
    producer = Producer(
        {
            "bootstrap.servers": installation.settings.kafka_bootstrap,
            "compression.type": codec,
            "message.max.bytes": 8_000_000,
        }
    )
    for value in values:
        producer.produce(installation.topic("usage.events"), value=value)
    assert producer.flush(20) == 0


def an_event(event_id: str) -> bytes:
    return (EVENT % (event_id, time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))).encode()


def booked(installation: Installation) -> int:
    return installation.outcomes()["received"]


def wait_for(installation: Installation, events: int, *, seconds: float = 60) -> None:
    wait_until(lambda: booked(installation) >= events, f"{events} events are booked", seconds=seconds)


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_of_every_compression_are_read(installation: Installation, worker: Worker, codec: str) -> None:
    before = booked(installation)

    send(installation, [an_event(f"{codec}-{i}") for i in range(10)], codec=codec)

    wait_for(installation, before + 10)
    found = installation.query("SELECT count(*) FROM usage_event WHERE event_id LIKE %s", f"{codec}-%")
    assert found == [(10,)]


def test_hostile_records_go_to_the_dead_letter_topic_with_their_reason_and_do_not_stop_the_worker(
    installation: Installation, worker: Worker
) -> None:
    before = booked(installation)
    hostile = [
        b'{"id": "cut',
        b"\xff\xfe\x00",
        b"x" * 5_000_000,
        b"[" * 50_000,
        an_event("n").replace(b'"IN"', b'"IN","quantity":NaN'),
        an_event("huge").replace(b'"IN"', b'"IN","quantity":1e400'),
        an_event("zoneless").replace(b'Z"', b'"'),
        b"[" + an_event("in-an-array") + b"," + an_event("bad").replace(b"otp.delivered", b"no.such.meter") + b"]",
    ]

    send(installation, hostile)

    wait_for(installation, before + len(hostile) + 1)
    rows = installation.query("SELECT reason, index_in_record FROM dead_letter ORDER BY reason, dead_letter_id")
    assert sorted(reason for reason, _ in rows) == [
        "batch_size",
        "field",
        "not_json",
        "not_json",
        "not_json",
        "quantity",
        "record_too_large",
        "unknown_type",
    ]
    assert ("unknown_type", 1) in rows
    announced = read_all(installation, "usage.events.dead-letter", len(rows))
    assert sorted(dict(headers)["reason"].decode() for headers, _ in announced) == sorted(reason for reason, _ in rows)
    assert b"x" * 5_000_000 in [value for _, value in announced]
    assert worker.health()["healthy"]


def test_keys_and_headers_of_any_kind_change_nothing(installation: Installation, worker: Worker) -> None:
    before = installation.outcomes()
    hostile = [
        {"key": None},
        {"key": b""},
        {"key": bytes(range(256))},
        {"key": b"k" * 100_000},
        {"headers": [(f"h{number}", b"v") for number in range(10_000)]},
        {"headers": [("h", b"x" * 500_000)]},
        {"headers": [("", b""), ("\u0000", None), ("h", b"\xff\xfe"), ("h", b"again")]},
        {"headers": [("n" * 30_000, b"")]},
        {"timestamp": 1},
        {"timestamp": 2**62},
    ]
    producer = Producer({"bootstrap.servers": installation.settings.kafka_bootstrap, "message.max.bytes": 8_000_000})
    for number, more in enumerate(hostile):
        producer.produce(installation.topic("usage.events"), value=an_event(f"hostile-{number}"), **more)
    assert producer.flush(20) == 0

    wait_for(installation, before["received"] + len(hostile))
    assert installation.outcomes()["rated"] == before["rated"] + len(hostile)
    assert worker.health()["healthy"]


def test_rated_usage_reaches_redis_its_topic_and_clickhouse(installation: Installation, worker: Worker) -> None:
    before = booked(installation)
    Load(installation, accounts=ACCOUNTS, seed=7).send(200)
    wait_for(installation, before + 200)

    wait_until(
        lambda: (
            installation.query("SELECT count(*) FROM batch WHERE announced_at IS NULL OR warehoused_at IS NULL") == [(0,)]
        ),
        "everything is sent on",
    )

    wallets = installation.query("SELECT account_id, balance_micros, version FROM wallet WHERE version > 0")
    for account_id, balance_micros, version in wallets:
        held = installation.redis().hmget(f"balance:{account_id}", "balance_micros", "version")
        assert held == [str(balance_micros), str(version)]
    in_postgres = installation.query("SELECT count(*), sum(amount_micros)::bigint FROM usage_event")[0]
    assert installation.clickhouse().execute("SELECT count(), sum(amount_micros) FROM usage_event") == [in_postgres]
    arrays = read_all(installation, "usage.rated", in_postgres[0], size=lambda value: len(json.loads(value)))
    assert sum(len(json.loads(value)) for _, value in arrays) == in_postgres[0]
    assert installation.failing_checks() == {}


def test_a_redis_emptied_while_the_worker_runs_has_every_balance_again(installation: Installation, worker: Worker) -> None:
    wallets = installation.query("SELECT account_id, balance_micros, version FROM wallet")
    booked = {
        f"balance:{account_id}": {"balance_micros": str(micros), "version": str(version)}
        for account_id, micros, version in wallets
    }
    redis = installation.redis()

    def told() -> bool:
        return all(balance.items() <= redis.hgetall(key).items() for key, balance in booked.items())

    wait_until(told, "a start has told every balance", seconds=20)
    for _ in range(3):
        redis.flushdb()
        wait_until(told, "every balance is told again", seconds=20)
    assert len(booked) == ACCOUNTS


def test_health_turns_bad_while_records_wait_and_nothing_is_booked(installation: Installation, worker: Worker) -> None:
    before = booked(installation)
    assert worker.page("/health")[0] == 200
    with psycopg.connect(installation.settings.postgres_dsn) as someone:
        someone.execute("LOCK TABLE config_version IN ACCESS EXCLUSIVE MODE")
        send(installation, [an_event("held-up")])
        wait_until(lambda: worker.page("/health")[0] == 503, "health turns bad")
        assert "nothing was booked" in worker.health()["reason"]

    wait_for(installation, before + 1)
    wait_until(lambda: worker.page("/health")[0] == 200, "health turns good again")


def test_a_worker_killed_under_load_loses_and_doubles_nothing(installation: Installation, worker: Worker) -> None:
    worker.stop()
    before = installation.outcomes()
    load = Load(installation, accounts=ACCOUNTS, seed=11)
    load.send(30_000)
    second = installation.start_worker(port=16111)
    wait_until(lambda: booked(installation) > before["received"] + 2_000, "the first worker is in the middle")
    second.kill()
    load.send(5_000)
    with installation.worker() as third:
        wait_for(installation, before["received"] + 35_000, seconds=90)
        wait_until(lambda: third.health().get("lag_records") == 0, "no lag is left")
        after = installation.outcomes()

    assert after["rated"] - before["rated"] == 35_000
    assert after["received"] - before["received"] == 35_000
    assert installation.failing_checks() == {}
    charged = installation.query("SELECT -sum(balance_micros)::bigint FROM wallet")[0][0]
    assert charged == after["rated"] * PRICE_MICROS


def test_sigterm_drains_commits_and_ends_with_code_zero(installation: Installation) -> None:
    before = booked(installation)
    worker = installation.start_worker(port=16112)
    worker.wait_until_ready()
    Load(installation, accounts=ACCOUNTS, seed=13).send(3_000)
    wait_until(lambda: booked(installation) > before, "it has begun")

    assert worker.stop() == 0

    progress = installation.query("SELECT partition, next_offset FROM partition_progress ORDER BY partition")
    assert committed_offsets(installation) == progress
    with installation.worker() as another:
        wait_for(installation, before + 3_000)
        assert another.metric("billing_records_redelivered_total") == 0


def test_metering_goes_on_while_redis_is_down(installation: Installation) -> None:
    before = booked(installation)
    with installation.worker(REDIS_PORT="1") as worker:
        send(installation, [an_event("without-redis")])
        wait_for(installation, before + 1)
        assert "balances wait to be told" in worker.log.read_text()


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"KAFKA_PORT": "1"}, "Kafka does not answer on 127.0.0.1:1"),
        ({"POSTGRES_PORT": "1"}, "PostgreSQL does not answer"),
        ({"POSTGRES_DB": "postgres"}, "run `billing schema migrate`"),
        ({"KAFKA_TOPIC_PREFIX": "nowhere."}, "run `billing topics create`"),
        ({"BATCH_EVENTS_MAX": "many"}, "BATCH_EVENTS_MAX"),
    ],
)
def test_a_worker_that_cannot_work_says_so_in_one_sentence(
    installation: Installation, variables: dict[str, str], sentence: str
) -> None:
    done = subprocess.run(
        [str(FAUST), "-A", "streams.app", "worker", "--web-port", "16113"],
        cwd=PROJECT_ROOT,
        env=installation.environment(**{"WORKER_PORT": "16113", **variables}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "the metering worker does not start: " in done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def read_all(
    installation: Installation, topic: str, count: int, *, size: Callable[[bytes], int] = lambda _value: 1
) -> list[tuple[list[tuple[str, bytes]], bytes]]:
    """Headers and values of the first records of a topic; `size` is how many of those counted a value holds."""
    consumer = Consumer(
        {
            "bootstrap.servers": installation.settings.kafka_bootstrap,
            "group.id": f"test-{time.monotonic_ns()}",
            "auto.offset.reset": "earliest",
            "fetch.message.max.bytes": 20_000_000,
        }
    )
    partitions = consumer.list_topics(installation.topic(topic)).topics[installation.topic(topic)].partitions
    consumer.assign([TopicPartition(installation.topic(topic), number, 0) for number in partitions])
    found: list[tuple[list[tuple[str, bytes]], bytes]] = []
    deadline = time.monotonic() + 30
    while sum(size(value) for _, value in found) < count and time.monotonic() < deadline:
        for message in consumer.consume(1_000, timeout=1.0):
            assert message.error() is None
            found.append((message.headers() or [], message.value()))
    consumer.close()
    return found


def committed_offsets(installation: Installation) -> list[tuple[int, int]]:
    """What the group has committed in Kafka, by partition."""
    group = f"{installation.settings.kafka_topic_prefix}metering"
    consumer = Consumer({"bootstrap.servers": installation.settings.kafka_bootstrap, "group.id": group})
    topic = installation.topic("usage.events")
    wanted = [TopicPartition(topic, number) for number in range(8)]
    offsets = [(found.partition, found.offset) for found in consumer.committed(wanted, timeout=20)]
    consumer.close()
    return sorted(offsets)
