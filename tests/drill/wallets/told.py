"""What the world was told of wallets: topics, Redis and notices against the books, and each repetition under its own id."""

import json
import time
from collections import Counter, defaultdict
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.drill.verdict import Verdict
from tests.drill.wallets.gateway import Gateway
from tests.drill.wallets.paper import Paper
from tests.drill.wallets.stand_ins import StandIns
from tests.drill.wallets.world import has_webhook
from tests.installation import Installation

_STANDINGS = "SELECT a.code, s.effective FROM account_standing s JOIN account a USING (account_id)"
_CACHED = """
SELECT account_id, effective, coalesce(floor_micros::text, ''), version::text FROM account_standing
"""
_ALERTS = "SELECT a.code, b.threshold, b.wallet_version FROM balance_alert b JOIN account a USING (account_id)"
_TOLD_ALERTS = "SELECT count(DISTINCT (account_id, wallet_version)) FROM balance_alert"
_CHANGED = """
SELECT count(*) FROM (SELECT effective, lag(effective) OVER (PARTITION BY account_id ORDER BY version) AS was
                      FROM standing_change) AS change WHERE was <> effective
"""
_NOTICES = "SELECT event_id, type FROM notification"
_DELIVERIES = """
SELECT n.event_id, n.account, c.customer_id, d.delivery_id, d.channel, d.address, d.state,
       (SELECT url FROM webhook_endpoint w WHERE w.endpoint_id::text = d.address AND d.channel = 'webhook')
FROM notification n JOIN account a ON a.code = n.account JOIN customer c USING (customer_id)
LEFT JOIN notification_delivery d USING (notification_id) WHERE n.kind IS NOT NULL
"""


def stale_standings(installation: Installation) -> int:
    """How many standings Redis does not have as the books have them."""
    there, here = _cached(installation)
    return sum(there.get(key) != value for key, value in here.items())


def compare_told(installation: Installation, paper: Paper, gateway: Gateway, verdict: Verdict) -> dict[str, int]:
    """Compare topics and Redis; returns how often each topic repeated a record under the same id."""
    verdict.differ("Redis's standing of account", *_cached(installation))
    repeated = {}
    topics = ("account.status", "wallet.alerts", "payment.requests", "notifications")
    records = {topic: _records(installation, topic) for topic in topics}
    for topic, found in records.items():
        repeated[topic] = len(found) - len({event["id"] for event in found})
    last = {event["subject"]: event["data"]["status"] for event in records["account.status"]}
    verdict.differ("last record of account.status", last, dict(installation.query(_STANDINGS)))
    alerts = defaultdict(set)
    for event in records["wallet.alerts"]:
        data = event["data"]
        alerts[event["subject"], data["threshold"], data["wallet_version"]].add(event["id"])
    booked = {tuple(row): 1 for row in installation.query(_ALERTS)}
    verdict.differ("ids of alert on wallet.alerts", {key: len(ids) for key, ids in alerts.items()}, booked)
    requests = defaultdict(set)
    for event in records["payment.requests"]:
        requests[event["data"]["request"]].add(event["id"])
    wanted = dict.fromkeys(gateway.requests, 1)
    verdict.differ("ids of request on payment.requests", {key: len(ids) for key, ids in requests.items()}, wanted)
    _compare_notices(installation, paper, gateway, {event["id"] for event in records["notifications"]}, verdict)
    return repeated


def compare_deliveries(installation: Installation, stand_ins: StandIns, verdict: Verdict) -> int:
    """Every notice has one delivery to whom it must go, which was taken; returns how many were taken more than once."""
    wanted: dict[tuple[str, str], int] = {}
    for event_id, code, _, delivery_id, channel, address, state, url in installation.query(_DELIVERIES):
        number = int(code[1:])
        by_webhook = code.startswith("W") and has_webhook(number)
        to = f"/{code}" if by_webhook else f"{code[0].replace('D', 'c').lower()}{number}@example.com"
        found = "/" + url.rpartition("/")[2] if url else address
        if (channel, found) != ("webhook" if by_webhook else "email", to):
            verdict.differences.append(f"notice {event_id} of {code} goes to {channel} {found} instead of {to}")
        if state != "sent":
            verdict.differences.append(f"delivery {delivery_id} of notice {event_id} is {state}")
        key = (f"ntf_{event_id}_{delivery_id}", found)
        wanted[key] = 1
    lost = wanted.keys() - stand_ins.taken.keys()
    invented = stand_ins.taken.keys() - wanted.keys()
    if lost or invented:
        example = next(iter(lost | invented))
        verdict.differences.append(f"{len(lost)} notices never arrived, {len(invented)} nobody sent, e.g. {example}")
    return sum(times - 1 for times in stand_ins.taken.values())


def _compare_notices(
    installation: Installation, paper: Paper, gateway: Gateway, on_topic: set[str], verdict: Verdict
) -> None:
    rows = installation.query(_NOTICES)
    kept = {event_id for event_id, _ in rows}
    if kept != on_topic:
        verdict.differences.append(
            f"{len(on_topic - kept)} records of notifications were not kept, {len(kept - on_topic)} are not on the topic"
        )
    ((alerts,),), ((changed,),) = installation.query(_TOLD_ALERTS), installation.query(_CHANGED)
    wanted = {
        "notification.account_status": changed,
        "notification.wallet_alert": alerts,
        "notification.payment_received": len(paper.payments.credits),
        "notification.payment_refunded": sum(cause == "refund" for cause, _ in paper.payments.returns),
        "notification.payment_failed": sum("failed" in answers for answers in gateway.requests.values()),
    }
    verdict.differ("number of notices", dict(Counter(of for _, of in rows)), {k: v for k, v in wanted.items() if v})


def _cached(installation: Installation) -> tuple[dict[int, Any], dict[int, Any]]:
    rows = installation.query(_CACHED)
    pipeline = installation.redis().pipeline(transaction=False)
    for account_id, *_ in rows:
        pipeline.hmget(f"balance:{account_id}", "status", "floor_micros", "standing_version")
    there = {account_id: tuple(held) for (account_id, *_), held in zip(rows, pipeline.execute(), strict=True)}
    return there, {account_id: tuple(rest) for account_id, *rest in rows}


def _records(installation: Installation, topic: str) -> list[dict[str, Any]]:
    """Every record that is still on a topic, a partition after the other."""
    name = installation.topic(topic)
    bootstrap = installation.settings.kafka_bootstrap
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "told", "enable.partition.eof": True, "log_level": 2})
    found = []
    for number in consumer.list_topics(name, timeout=20).topics[name].partitions:
        consumer.assign([TopicPartition(name, number, 0)])
        deadline, is_read = time.monotonic() + 60, False
        while not is_read and time.monotonic() < deadline:
            taken = consumer.consume(1_000, timeout=0.5)
            found += [json.loads(one.value()) for one in taken if one.error() is None]
            is_read = any(one.error() is not None and one.error().code() == KafkaError._PARTITION_EOF for one in taken)
    consumer.close()
    return found
