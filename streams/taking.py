"""What every agent does alike: records out of fetches, and what it says and does when a batch cannot be booked."""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from domain.errors import EngineUnavailable
from domain.metering import Origin
from invoicing.records import Record
from streams import metrics

_log = logging.getLogger(__name__)


class Portion(NamedTuple):
    """Records for one transaction, and the fetches that end with them."""

    records: Sequence[Record]
    ended: Sequence[Any]


def portions(fetches: Iterable[Any], *, events_max: int) -> Iterator[Portion]:
    """The records of some fetches in their order, as many at a time as make about `events_max` events.

    A fetch may be part of several portions: it ends with the last of them. A record is never split.
    """
    records: list[Record] = []
    ended: list[Any] = []
    events = 0
    for fetch in fetches:
        for raw in fetch.message.value.records:
            record = record_of(raw)
            more = _events_in(record.value)
            if records and events + more > events_max:
                yield Portion(records, ended)
                records, ended, events = [], [], 0
            records.append(record)
            events += more
        ended.append(fetch)
    if records:
        yield Portion(records, ended)


def _events_in(value: bytes) -> int:
    """About how many events a record holds: each has one attribute of this name."""
    return 1 if value[:1] == b"{" else max(value.count(b'"specversion"'), 1)


def records_of(fetches: Iterable[Any]) -> list[Record]:
    """The records of some fetches (streams/batched_consumer.py), in their order."""
    return [record_of(raw) for fetch in fetches for raw in fetch.message.value.records]


def record_of(raw: Any) -> Record:
    """A record of aiokafka's, which gives the append time in milliseconds."""
    # A tombstone's value is None and is refused like any other non-event.
    return Record(Origin(raw.topic, raw.partition, raw.offset, raw.timestamp * 1000), raw.value or b"")


def say_waiting(error: EngineUnavailable, pause_seconds: float) -> None:
    """An engine does not answer, and is asked again."""
    metrics.waiting_for_engine.inc()
    _log.warning("%s; nothing is lost, trying again in %.1f s", error, pause_seconds)


def end_process(error: BaseException) -> None:
    """An error nobody expects ends the process: what was not acknowledged is read again by the one started after it."""
    _log.critical("the worker ends: a batch cannot be booked and is not acknowledged", exc_info=error)
    logging.shutdown()
    os._exit(1)
