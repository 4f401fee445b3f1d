"""A running worker rates its next batch with what an operator has just changed, without a restart."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from confluent_kafka import Producer

from invoicing.administer import Author
from invoicing.arrange_accounts import set_parent, set_pay_from
from invoicing.name_accounts import move_alias
from tests.bench.load import PRICE_MICROS, open_accounts
from tests.installation import Installation, Worker, wait_until

pytestmark = pytest.mark.engines

FIRST, OTHER = "A00000", "A00002"
"""Both postpaid."""
ALIAS = "load-00000"


@pytest.fixture(name="installation")
def _installation() -> Iterator[Installation]:
    installation = Installation("testtree", redis_db=10, worker_port=16130)
    installation.create()
    open_accounts(installation, 4)
    yield installation
    installation.drop()


@pytest.fixture(name="worker")
def _worker(installation: Installation) -> Iterator[Worker]:
    with installation.worker() as worker:
        yield worker


def send_and_wait(installation: Installation, event_id: str) -> str:
    """Send an event of the alias that happens now; the account it is booked for."""
    event = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/tests",
        "type": "otp.delivered",
        "subject": ALIAS,
        "time": datetime.now(UTC).isoformat(),
        "data": {"channel": "sms", "country": "IN"},
    }
    producer = Producer({"bootstrap.servers": installation.settings.kafka_bootstrap})
    producer.produce(installation.topic("usage.events"), key=ALIAS, value=json.dumps(event))
    assert producer.flush(20) == 0

    def booked() -> list[tuple[str]]:
        by_id = "SELECT code FROM usage_event JOIN account USING (account_id) WHERE event_id = %s"
        return installation.query(by_id, event_id)

    wait_until(booked, f"event {event_id} is booked")
    ((account,),) = booked()
    return account


def balances(installation: Installation) -> dict[str, int]:
    """Wallets that are not at zero."""
    return dict(
        installation.query(
            "SELECT code, balance_micros FROM wallet JOIN account USING (account_id) WHERE balance_micros <> 0"
        )
    )


def test_a_moved_alias_and_a_new_payer_reach_a_running_worker_with_its_next_batch(
    installation: Installation, worker: Worker
) -> None:
    store = installation.administration()
    assert send_and_wait(installation, "before") == FIRST

    now = datetime.now(UTC)
    move_alias(store, ALIAS, to=OTHER, at=now, author=Author("tests", now))
    assert send_and_wait(installation, "after the move") == OTHER
    assert balances(installation) == {FIRST: -PRICE_MICROS, OTHER: -PRICE_MICROS}

    set_parent(store, OTHER, parent=FIRST, author=Author("tests", now))
    set_pay_from(store, OTHER, pay_from=FIRST, author=Author("tests", now))
    assert send_and_wait(installation, "with a payer") == OTHER
    assert balances(installation) == {FIRST: -3 * PRICE_MICROS}

    assert worker.process.poll() is None
    versions = installation.query("SELECT config_version FROM batch ORDER BY batch_id")
    assert len(set(versions)) == 3
    assert installation.failing_checks() == {}
