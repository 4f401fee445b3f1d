"""The notifier: a process that reads what customers are to be told, sends it, and tells further people what nobody took up.

A process of its own beside the worker: mail servers and customers' endpoints are slow, and nothing that debits waits for
them. Any number may run. `/health` on NOTIFIER_HOST and NOTIFIER_PORT says whether its turns still come to an end.
"""

import json
import logging
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from connectors import clock, metering_wiring, notice_wiring
from connectors.settings import settings
from domain.errors import BillingError
from invoicing.deliver_notices import deliver_next, escalate_alerts, receive_notices
from streams.turns import run_until_told, take_turns

_READ_PAUSE_SECONDS: Final = 0.05
_SEND_PAUSE_SECONDS: Final = 0.5
_ESCALATE_PAUSE_SECONDS: Final = 10.0
_SENDERS: Final = 4
"""A few at a time, so that one slow endpoint does not hold everybody else's mail."""
_STALLED_SECONDS: Final = 120


class Pulse:
    """When each of the process's threads last finished a turn."""

    def __init__(self) -> None:
        self._last: dict[str, float] = {}

    def beats(self, name: str, turn: Callable[[], object]) -> Callable[[], None]:
        """The same turn, remembered when it succeeds."""
        self._last[name] = clock.monotonic_seconds()

        def remembered() -> None:
            turn()
            self._last[name] = clock.monotonic_seconds()

        return remembered

    def stalled(self) -> list[str]:
        """The names of those that have not for long."""
        now = clock.monotonic_seconds()
        return sorted(name for name, last in self._last.items() if now - last > _STALLED_SECONDS)


def main() -> None:
    """Notify until the process is told to end."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s notifier %(levelname)s %(message)s")
    try:
        metering_wiring.migrations().check()
        metering_wiring.topic_admin().check(metering_wiring.topics())
        channels = sorted(map(str, notice_wiring.senders()))
    except BillingError as error:
        sys.exit(f"the notifier does not start: {error}")
    if "email" not in channels:
        logging.getLogger(__name__).warning("SMTP_HOST is not set: letters wait, webhooks go out")
    ended, pulse = threading.Event(), Pulse()
    threads = [threading.Thread(target=_read, args=(ended, pulse)), threading.Thread(target=_escalate, args=(ended, pulse))]
    threads += [threading.Thread(target=_send, args=(ended, pulse, number)) for number in range(_SENDERS)]
    server = health_server(pulse, channels=channels)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    run_until_told("notifier", threads, ended)
    server.shutdown()


def _read(ended: threading.Event, pulse: Pulse) -> None:
    store, topic = notice_wiring.notices(), notice_wiring.notices_topic()

    def read() -> None:
        while receive_notices(store, topic, now=clock.now()) and not ended.is_set():
            pass

    take_turns(ended, "reading notifications", _READ_PAUSE_SECONDS, pulse.beats("reading", read))
    topic.close()


def _send(ended: threading.Event, pulse: Pulse, number: int) -> None:
    store, senders = notice_wiring.notices(), notice_wiring.senders()

    def send() -> None:
        while not ended.is_set() and deliver_next(store, senders, now=clock.now()) is not None:
            pass

    take_turns(ended, "sending notifications", _SEND_PAUSE_SECONDS, pulse.beats(f"sending {number}", send))


def _escalate(ended: threading.Event, pulse: Pulse) -> None:
    store = notice_wiring.notices()
    turn = pulse.beats("escalating", lambda: escalate_alerts(store, now=clock.now()))
    take_turns(ended, "escalating alerts", _ESCALATE_PAUSE_SECONDS, turn)


def health_server(pulse: Pulse, *, channels: list[str]) -> ThreadingHTTPServer:
    """Answers GET /health: 200 with the channels that are set up, 503 naming what has stood still."""

    class Health(BaseHTTPRequestHandler):
        """One question."""

        def do_GET(self) -> None:
            """Answer it."""
            if self.path != "/health":
                self.send_error(404)
                return
            stalled = pulse.stalled()
            body = json.dumps({"status": "stalled" if stalled else "ok", "stalled": stalled, "channels": channels}).encode()
            self.send_response(503 if stalled else 200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: it is asked every few seconds."""

    return ThreadingHTTPServer((settings().notifier_host, settings().notifier_port), Health)


if __name__ == "__main__":
    main()
