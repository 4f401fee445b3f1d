"""The publisher: a process of its own beside the worker that sends on what is booked, to topics and to ClickHouse.

It also fills Redis again when that comes back empty. Started by streams/publish_usage.py. It runs at low priority and
outside the worker's interpreter lock, so that sending gives way to debiting (figures in docs/adr/0004). One thread a
destination, so that one engine's silence does not hold up the other. It ends when its standard input does, that is, with
its worker.
"""

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from typing import Final

from connectors import metering_wiring as wiring
from domain.errors import EngineUnavailable
from invoicing.publish_usage import Outbox, announce_next, warehouse_next
from invoicing.refill_balances import refill_balances

_log = logging.getLogger("streams.publisher")
_IDLE_SECONDS: Final = 1.0
_PAUSE_LONGEST_SECONDS: Final = 30.0
_EVENTS_MAX: Final = 5_000
_NICENESS: Final = 10

Send = Callable[[bool], int | None]
Turn = Callable[[], None]


def main() -> None:
    """Publish until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s publisher %(levelname)s %(message)s")
    os.nice(_NICENESS)
    # A Ctrl-C or SIGTERM for the group is the worker's to answer: it closes the pipe when it has drained.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ended = threading.Event()
    threads = [threading.Thread(target=run, args=(ended,)) for run in (_announce, _warehouse, _refill)]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    ended.set()
    for thread in threads:
        thread.join()


def _announce(ended: threading.Event) -> None:
    outbox, announcer = wiring.outbox(), wiring.announcer()
    _send_until(ended, "topics", outbox, lambda _certain: announce_next(outbox, announcer, events_max=_EVENTS_MAX))


def _warehouse(ended: threading.Event) -> None:
    outbox, store = wiring.outbox(), wiring.warehouse()
    _send_until(
        ended,
        "clickhouse",
        outbox,
        lambda certain: warehouse_next(outbox, store, events_max=_EVENTS_MAX, certain=certain),
    )


def _send_until(ended: threading.Event, destination: str, outbox: Outbox, send: Send) -> None:
    _until(ended, f"sending to {destination}", lambda: _send_all(ended, destination, outbox, send))


def _refill(ended: threading.Event) -> None:
    wallets, cache = wiring.metering_store("refill"), wiring.balance_cache()

    def refill() -> None:
        told = refill_balances(wallets, cache)
        if told is not None:
            _log.info("Redis had lost the balances: told all %d of them", told)

    _until(ended, "refilling Redis", refill)


def _until(ended: threading.Event, doing: str, turn: Turn) -> None:
    """Take turns with pauses between them; after a failure wait longer each time and say so."""
    pause_seconds = _IDLE_SECONDS
    while not ended.wait(pause_seconds):
        try:
            turn()
            pause_seconds = _IDLE_SECONDS
        except EngineUnavailable as error:
            pause_seconds = min(pause_seconds * 2, _PAUSE_LONGEST_SECONDS)
            _log.warning("%s; %s goes on in %.0f s, nothing is lost", error, doing, pause_seconds)


def _send_all(ended: threading.Event, destination: str, outbox: Outbox, send: Send) -> None:
    with outbox.hold(f"publish to {destination}") as held:
        # Whoever held this before may have died between sending and marking, so the first sending is not certain.
        certain = False
        while held and not ended.is_set():
            sent = send(certain)
            if sent is None:
                return
            certain = True
            sys.stdout.write(json.dumps({"to": destination, "events": sent}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
