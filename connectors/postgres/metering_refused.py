"""What a batch did not rate: dead letters, conflicts, and events that wait for a person."""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from connectors.postgres import metering_sql as sql
from connectors.postgres.binary import (
    BinaryArray,
    bytea_array,
    int4_array,
    int8_array,
    text_array,
    timestamp_array,
    uuid_array,
)
from domain.metering import Settled


def save_refused(connection: Connection[tuple[Any, ...]], settled: Settled, *, batch_id: int) -> None:
    """Write them, in the pipeline that writes the rest."""
    if settled.dead_letters:
        letters = settled.dead_letters
        place = _origin_arrays([letter.origin for letter in letters])
        index = int4_array([-1 if letter.index is None else letter.index for letter in letters])
        why = (
            text_array(letter.reason for letter in letters),
            text_array(letter.detail for letter in letters),
        )
        payload = bytea_array(letter.payload for letter in letters)
        connection.execute(sql.INSERT_DEAD_LETTERS, (batch_id, *place, index, *why, payload))
    if settled.conflicts:
        items = settled.conflicts
        place = _origin_arrays([item.origin for item in items])
        who = (
            int4_array([item.index for item in items]),
            uuid_array([item.event.key for item in items]),
            text_array(item.event.source for item in items),
            text_array(item.event.id for item in items),
            bytea_array(item.payload for item in items),
        )
        connection.execute(sql.INSERT_CONFLICTS, (batch_id, *place, *who))
    if settled.waiting:
        waits = settled.waiting
        place = _origin_arrays([wait.received.origin for wait in waits])
        what = (
            int4_array([wait.received.index for wait in waits]),
            uuid_array([wait.received.event.key for wait in waits]),
            uuid_array([wait.received.event.body_digest for wait in waits]),
            text_array(wait.received.event.subject for wait in waits),
            timestamp_array([wait.received.event.time_micros for wait in waits]),
            text_array(wait.reason for wait in waits),
            bytea_array(wait.received.payload for wait in waits),
        )
        connection.execute(sql.INSERT_QUARANTINED, (batch_id, *place, *what))


def _origin_arrays(origins: Sequence[Any]) -> tuple[BinaryArray, ...]:
    return (
        text_array(origin.topic for origin in origins),
        int4_array([origin.partition for origin in origins]),
        int8_array([origin.offset for origin in origins]),
        timestamp_array([origin.received_micros for origin in origins]),
    )
