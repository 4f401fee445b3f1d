"""The verdict: the books, Redis, ClickHouse and the topics against what the producer's log says."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from tests.drill.expected import Expected
from tests.installation import Installation
from tests.reference_model import Standing

_SHOWN = 20
_STANDINGS = """
SELECT a.code, coalesce(t.events, 0)::bigint, coalesce(t.quantity, 0)::bigint, coalesce(t.charge, 0)::bigint,
       w.balance_micros
FROM account a JOIN wallet w USING (account_id)
LEFT JOIN (SELECT account_id, sum(event_count) AS events, sum(quantity_millionths) AS quantity, sum(amount_micros) AS charge
           FROM usage_total GROUP BY account_id) t USING (account_id)
"""
_WAREHOUSED = """
SELECT account, count(), sum(quantity_millionths), sum(amount_micros) FROM usage_event FINAL GROUP BY account
"""


@dataclass
class Verdict:
    """What was compared; `differences` has one sentence for each thing that is not as it must be."""

    lost: int = 0
    doubled: int = 0
    announced_again: int = 0
    warehoused_again: int = 0
    resent: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)

    def differ(self, what: str, found: dict[Any, Any], expected: dict[Any, Any]) -> None:
        """Note where two mappings differ."""
        keys = [key for key in {**expected, **found} if found.get(key) != expected.get(key)]
        self.differences += [f"{what} {key}: {found.get(key)} instead of {expected.get(key)}" for key in keys[:_SHOWN]]
        if len(keys) > _SHOWN:
            self.differences.append(f"{what}: and {len(keys) - _SHOWN} more")


def compare(
    installation: Installation, expected: Expected, *, records_sent: int, payments: Counter[str], verdict: Verdict
) -> None:
    """Compare usage, once nothing is on its way any more.

    `records_sent`: by the producers, releases not counted. `payments`: how many payment events ended how.
    """
    verdict.outcomes = installation.outcomes()
    verdict.resent = sum(records_in(installation, "usage.events").values()) - records_sent
    _compare_identities(installation, expected, verdict)
    _compare_outcomes(installation, expected, payments, verdict)
    booked = {code: Standing(*standing) for code, *standing in installation.query(_STANDINGS)}
    verdict.differ("account", booked, expected.standings())
    _compare_warehouse(installation, booked, verdict)
    _compare_cache(installation, verdict)
    _compare_topics(installation, verdict)
    verdict.differences += [f"{name} returns {rows}" for name, rows in installation.failing_checks().items()]


def records_in(installation: Installation, topic: str) -> dict[int, int]:
    """How many records were ever appended to each partition of a topic."""
    consumer = _consumer(installation)
    name = installation.topic(topic)
    partitions = consumer.list_topics(name, timeout=20).topics[name].partitions
    ends = {number: consumer.get_watermark_offsets(TopicPartition(name, number), timeout=20)[1] for number in partitions}
    consumer.close()
    return ends


def _compare_identities(installation: Installation, expected: Expected, verdict: Verdict) -> None:
    rows = installation.query("SELECT u.event_id, a.code FROM usage_event u JOIN account a USING (account_id)")
    times = Counter(event_id for event_id, _ in rows)
    wanted = expected.account_of()
    verdict.lost = len(wanted.keys() - times.keys())
    verdict.doubled = sum(count - 1 for count in times.values())
    if verdict.lost or verdict.doubled:
        verdict.differences.append(f"{verdict.lost} events are lost, {verdict.doubled} are doubled")
    verdict.differ("event", dict(rows), wanted)


def _compare_outcomes(installation: Installation, expected: Expected, payments: Counter[str], verdict: Verdict) -> None:
    ((quarantined, waiting),) = installation.query(
        "SELECT count(*), count(*) FILTER (WHERE sent_at IS NULL) FROM quarantined_event"
    )
    # Released events are records of their own; one sent twice by a release that broke off is a duplicate of itself.
    wanted = {
        "received": expected.events + verdict.resent + payments.total(),
        "rated": expected.outcomes["rated"],
        "accepted": payments["accepted"],
        "duplicate": expected.outcomes["duplicate"] + verdict.resent - quarantined + payments["duplicate"],
        "conflict": expected.outcomes["conflict"] + payments["conflict"],
        "dead_lettered": expected.outcomes["dead_lettered"] + payments["dead_lettered"],
        "quarantined": quarantined,
    }
    verdict.differ("outcome", verdict.outcomes, wanted)
    if waiting:
        verdict.differences.append(f"{waiting} events still wait in quarantine")


def _compare_warehouse(installation: Installation, booked: dict[str, Standing], verdict: Verdict) -> None:
    client = installation.clickhouse()
    there = {row[0]: tuple(row[1:]) for row in client.execute(_WAREHOUSED)}
    here = {
        code: (standing.events, standing.quantity_millionths, standing.charge_micros)
        for code, standing in booked.items()
        if standing.events
    }
    verdict.differ("ClickHouse's account", there, here)
    ((rows,),) = client.execute("SELECT count() FROM usage_event")
    verdict.warehoused_again = rows - sum(events for events, _, _ in there.values())
    client.disconnect()


def _compare_cache(installation: Installation, verdict: Verdict) -> None:
    verdict.differ("Redis's balance of wallet", *_balances(installation))


def stale_balances(installation: Installation) -> int:
    """How many wallets Redis does not have as the books have them."""
    there, here = _balances(installation)
    return sum(there.get(key) != value for key, value in here.items())


def _balances(installation: Installation) -> tuple[dict[int, Any], dict[int, Any]]:
    wallets = installation.query("SELECT account_id, balance_micros, version FROM wallet WHERE version > 0")
    pipeline = installation.redis().pipeline(transaction=False)
    for account_id, _, _ in wallets:
        pipeline.hmget(f"balance:{account_id}", "balance_micros", "version")
    there = {account_id: tuple(held) for (account_id, _, _), held in zip(wallets, pipeline.execute(), strict=True)}
    return there, {account_id: (str(balance), str(version)) for account_id, balance, version in wallets}


def _compare_topics(installation: Installation, verdict: Verdict) -> None:
    booked = {str(key) for (key,) in installation.query("SELECT event_key FROM usage_event")}
    announced = _announced(installation)
    verdict.announced_again = sum(announced.values()) - len(announced)
    if missing := booked - announced.keys():
        verdict.differences.append(f"{len(missing)} rated events are not on usage.rated, e.g. {min(missing)}")
    if invented := announced.keys() - booked:
        verdict.differences.append(f"{len(invented)} events on usage.rated are not booked, e.g. {min(invented)}")
    for family in ("usage.events", "payment.events"):
        for end, table in (("dead-letter", "dead_letter"), ("conflict", "conflicting_event")):
            of_family = f"SELECT count(*) FROM {table} WHERE topic = %s"
            ((kept,),) = installation.query(of_family, installation.topic(family))
            sent = sum(records_in(installation, f"{family}.{end}").values())
            if sent < kept:
                verdict.differences.append(f"{family}.{end} holds {sent} records for {kept} rows")


def _announced(installation: Installation) -> Counter[str]:
    """How often each identity is on usage.rated."""
    import orjson

    name = installation.topic("usage.rated")
    ends = records_in(installation, "usage.rated")
    consumer = _consumer(installation)
    consumer.assign([TopicPartition(name, number, 0) for number in ends])
    found: Counter[str] = Counter()
    deadline = time.monotonic() + 60
    records = 0
    while records < sum(ends.values()) and time.monotonic() < deadline:
        for message in consumer.consume(5_000, timeout=1.0):
            if message.error() is None:
                records += 1
                found.update(event["id"] for event in orjson.loads(message.value()))
    consumer.close()
    return found


def _consumer(installation: Installation) -> Consumer:
    return Consumer({"bootstrap.servers": installation.settings.kafka_bootstrap, "group.id": "drill", "log_level": 2})
