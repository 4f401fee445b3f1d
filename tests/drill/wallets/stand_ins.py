"""Where notices end: a mail server and an endpoint for webhooks, which now and then refuse, and remember what they took."""

import email
import random
import socket
import threading
from collections import Counter
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

_REFUSED = 0.03


class StandIns:
    """A context in which both answer on ports of their own. `taken` counts each notice by its stable id and address."""

    def __init__(self, seed: int) -> None:
        self.taken: Counter[tuple[str, str]] = Counter()
        self.refused = 0
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    def __enter__(self) -> "StandIns":
        self._mail = Controller(self, hostname="127.0.0.1", port=_a_free_port())
        self._mail.start()
        stand_ins = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                taken = stand_ins._take(self.headers["webhook-id"], self.path)
                self.send_response(204 if taken else 503)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._web = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        threading.Thread(target=self._web.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._mail.stop()
        self._web.shutdown()

    @property
    def mail_port(self) -> int:
        """Of the mail server."""
        return self._mail.port

    @property
    def webhooks_port(self) -> int:
        """Of the endpoint."""
        return int(self._web.server_port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """A letter."""
        letter = email.message_from_bytes(envelope.content, policy=default)
        stable_id = str(letter["Message-ID"]).strip("<>").rpartition("@")[0]
        return "250 taken" if self._take(stable_id, envelope.rcpt_tos[0]) else "451 4.3.0 try later"

    def _take(self, stable_id: str, address: str) -> bool:
        with self._lock:
            if self._chance.random() < _REFUSED:
                self.refused += 1
                return False
            self.taken[stable_id, address] += 1
            return True


def _a_free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
