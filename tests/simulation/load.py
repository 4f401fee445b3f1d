"""What the producer sends in a small world: a day's records and the next day's, with every trouble a producer makes.

On the second day only events that could be priced on the first come again, each in one way: what the rules leave to how
records fall into batches is kept out (docs/simulation.md).
"""

import json
import random
from datetime import timedelta
from typing import Any, NamedTuple

from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, a_usage_event, an_array, an_event_document, micros_of

DAY_MICROS = 86_400_000_000
_ALIASES = ("acme", "acme", "acme-app", "bolt", "bolt", "cato", "roam", "roam", "nova", "nobody")
_QUANTITIES = (1, 1, 1, 2, 40, 99, 0, 0.5, 0.000001, 33.333333)
_LONG_AGO = (HAPPENED_AT - timedelta(days=100)).isoformat()
_BROKEN = (
    b"",
    b"not json",
    b"\xff\xfe",
    b"[]",
    b'{"specversion": "1.0"}',
    a_usage_event("broken", type="otp.deliverd"),
    a_usage_event("broken", data={"quantity": -1}),
    a_usage_event("broken", data={"quantity": "1"}),
    a_usage_event("broken", data={"nested": {}}),
    a_usage_event("broken", time="yesterday"),
)


class Sent(NamedTuple):
    """A record on its way: its partition, its bytes and when Kafka appends it (microseconds)."""

    partition: int
    value: bytes
    received_micros: int


def two_days(dice: random.Random, *, partitions: int) -> tuple[list[Sent], list[Sent]]:
    """The records of a world's two days, in the order they are sent."""
    documents = [_document(dice, f"event-{number}") for number in range(dice.randint(8, 30))]
    values = [json.dumps(document).encode() for document in documents]
    values += [_again(dice, dice.choice(documents)) for _ in range(dice.randint(0, 8))]
    values += [dice.choice(_BROKEN) for _ in range(dice.randint(0, 3))]
    dice.shuffle(values)
    first_micros = micros_of(RECEIVED_AT)
    second_micros = first_micros + DAY_MICROS + 3_600_000_000
    return (
        _records(dice, values, first_micros, partitions),
        _records(dice, _next_day(dice, documents), second_micros, partitions),
    )


def _document(dice: random.Random, event_id: str) -> dict[str, Any]:
    meter = dice.choice(("otp.delivered", "otp.delivered", "voice.minutes"))
    data: dict[str, Any] = {"quantity": dice.choice(_QUANTITIES), "channel": dice.choice(("sms", "sms", "whatsapp"))}
    if dice.random() < 0.06:
        data["quantity"] = -dice.choice((1, 2, 40))
    if dice.random() < 0.9:
        data["to"] = dice.randint(1, 4)
    if dice.random() < 0.7:
        data["country"] = dice.choice(("IN", "US", "ID"))
    age = timedelta(minutes=dice.randint(0, 4_000))
    if dice.random() < 0.08:
        age = dice.choice((timedelta(days=20), timedelta(days=500), timedelta(days=5_000), timedelta(hours=-2)))
    time = (HAPPENED_AT - age).isoformat()
    return an_event_document(event_id, type=meter, subject=dice.choice(_ALIASES), time=time, data=data)


def _again(dice: random.Random, document: dict[str, Any]) -> bytes:
    """The same identity once more: as it was, at another time, or saying something else."""
    kind = dice.random()
    if kind < 0.4:
        return json.dumps(document).encode()
    if kind < 0.7:
        return json.dumps({**document, "time": (HAPPENED_AT - timedelta(minutes=dice.randint(0, 99))).isoformat()}).encode()
    return json.dumps({**document, "data": {**document["data"], "quantity": 7, "channel": "sms", "to": 1}}).encode()


def _next_day(dice: random.Random, documents: list[dict[str, Any]]) -> list[bytes]:
    values = []
    for document in dice.sample(documents, k=dice.randint(0, min(6, len(documents)))):
        if not _priced_from_the_first(document):
            continue
        changed = dict(document)
        if dice.random() < 0.5:
            changed["time"] = (HAPPENED_AT + timedelta(hours=20)).isoformat()
        if dice.random() < 0.2:
            changed["data"] = {"quantity": 3, "channel": "sms", "to": 2}
        value = json.dumps(changed).encode()
        values += [value] * dice.choice((1, 1, 2))
    values += [json.dumps(_document(dice, f"next-{number}")).encode() for number in range(dice.randint(0, 5))]
    return values


def _priced_from_the_first(document: dict[str, Any]) -> bool:
    data = document["data"]
    has_price = document["type"] == "voice.minutes" or data["channel"] == "sms" or data.get("country") == "ID"
    return has_price and document["subject"] not in ("nova", "nobody") and document["time"] > _LONG_AGO


def _records(dice: random.Random, values: list[bytes], first_micros: int, partitions: int) -> list[Sent]:
    records = []
    while values:
        size = dice.choice((1, 1, 1, 1, 2, 3))
        taken, values = values[:size], values[size:]
        bundle = size > 1 and all(value.startswith(b"{") for value in taken)
        for value in [an_array(*taken)] if bundle else taken:
            records.append(Sent(dice.randrange(partitions), value, first_micros + 1_000 * len(records)))
    return records
