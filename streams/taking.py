"""What every agent does alike: records out of fetches, and what it says and does when a batch cannot be booked."""

import logging
import os
from collections.abc import Iterable
from typing import Any

from domain.errors import EngineUnavailable
from domain.metering import Origin
from invoicing.records import Record
from streams import metrics

_log = logging.getLogger(__name__)


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
