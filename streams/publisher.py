"""The publisher: a process of its own beside the worker that sends on what is booked, to topics and to ClickHouse.

It also fills Redis again when that lost its content, and forgets old identities. Started by streams/publish_usage.py.
It runs at low priority, outside the worker's interpreter lock and in small portions, so that sending gives way to
debiting (figures in docs/adr/0004). One thread a destination, so that one engine's silence does not hold up the other;
what one of them reads from the books serves both. It ends when its standard input does, that is, with its worker.
"""

import gc
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, Protocol

from connectors import clock
from connectors import metering_wiring as wiring
from invoicing.forget_identities import forget_identities
from invoicing.publish_results import publish_next
from invoicing.publish_usage import Outbox, announce_next, warehouse_next
from invoicing.refill_balances import refill_balances
from streams.turns import run_until_worker_ends, take_turns

_RETRY_SECONDS: Final = 1.0
_REFILL_SECONDS: Final = 1.0
_FORGET_SECONDS: Final = 20.0
_NICENESS: Final = 10


class Holdable(Protocol):
    """What only one process at a time sends from."""

    def hold(self, destination: str) -> AbstractContextManager[bool]:
        """Try to become the one sender of a destination; False when another process is."""


Send = Callable[[int, bool], int | None]
"""Sends about as many events; False while an earlier attempt may have sent some without marking them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often there is a sending, and how large: twice the one before while it does not catch up."""

    seconds: float
    events_first: int
    events_max: int


# Topics are fed in small portions that hold up nothing; ClickHouse makes files of each insert, so one a second.
_TOPICS_PACE: Final = Pace(seconds=0.2, events_first=200, events_max=5_000)
_CLICKHOUSE_PACE: Final = Pace(seconds=1.0, events_first=5_000, events_max=20_000)


def main() -> None:
    """Publish until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s publisher %(levelname)s %(message)s")
    _give_way()
    ended = threading.Event()
    reader = wiring.rated_events()
    announcing, warehousing = wiring.outbox(reader), wiring.outbox(reader)
    threads = [
        threading.Thread(target=_announce, args=(ended, announcing)),
        threading.Thread(target=_warehouse, args=(ended, warehousing)),
        threading.Thread(target=_answer, args=(ended,)),
        threading.Thread(target=_refill, args=(ended,)),
        threading.Thread(target=_forget, args=(ended,)),
    ]
    run_until_worker_ends("publisher", threads, ended)


def _give_way() -> None:
    os.nice(_NICENESS)
    if hasattr(os, "SCHED_BATCH"):
        # A batch process does not interrupt others when it wakes.
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    # Events are many small objects and never in cycles.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 50, 50)


def _announce(ended: threading.Event, outbox: Outbox) -> None:
    announcer = wiring.announcer()
    _send_until(
        ended,
        "topics",
        outbox,
        _TOPICS_PACE,
        lambda events, _certain: announce_next(outbox, announcer, events_max=events),
    )


def _warehouse(ended: threading.Event, outbox: Outbox) -> None:
    store = wiring.warehouse()
    _send_until(
        ended,
        "clickhouse",
        outbox,
        _CLICKHOUSE_PACE,
        lambda events, certain: warehouse_next(outbox, store, events_max=events, certain=certain),
    )


def _answer(ended: threading.Event) -> None:
    outbox, topic = wiring.config_results(), wiring.config_results_topic()
    _send_until(
        ended,
        "config.results",
        outbox,
        _TOPICS_PACE,
        lambda events, _certain: publish_next(outbox, topic, results_max=events),
    )


def _refill(ended: threading.Event) -> None:
    wallets, cache = wiring.metering_store("refill"), wiring.balance_cache()

    def refill() -> None:
        told = refill_balances(wallets, cache)
        if told is not None:
            logging.getLogger(__name__).info("Redis had lost the balances: told all %d of them", told)

    take_turns(ended, "refilling Redis", _REFILL_SECONDS, refill)


def _forget(ended: threading.Event) -> None:
    identities = wiring.identities()
    take_turns(ended, "forgetting identities", _FORGET_SECONDS, lambda: forget_identities(identities, now=clock.now()))


def _send_until(ended: threading.Event, destination: str, outbox: Holdable, pace: Pace, send: Send) -> None:
    """Send for as long as this process holds the destination, and try to hold it while another does."""

    def send_while_held() -> None:
        with outbox.hold(f"publish to {destination}") as held:
            # Whoever held this before may have died between sending and marking, so the first sending is not certain.
            certain = False
            while held and not ended.wait(pace.seconds):
                certain |= _catch_up(ended, destination, pace, send, certain=certain)

    take_turns(ended, f"sending to {destination}", _RETRY_SECONDS, send_while_held)


def _catch_up(ended: threading.Event, destination: str, pace: Pace, send: Send, *, certain: bool) -> bool:
    """Send until nothing is left. Returns whether anything was sent."""
    events_max = pace.events_first
    anything = False
    while not ended.is_set():
        sent = send(events_max, certain or anything)
        if sent is None:
            break
        anything = True
        sys.stdout.write(json.dumps({"to": destination, "events": sent}) + "\n")
        sys.stdout.flush()
        events_max = min(events_max * 2, pace.events_max)
    return anything


if __name__ == "__main__":
    main()
