"""Holds and may-send, asked by eight clients: by library call, and over HTTP from one server process.

How long an answer takes is measured while questions come at a rate the machine can bear; how many can be answered, while
each client asks again at once. Of the second kind the latency is how long the queue of eight is, and is only shown.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from connectors import clock
from connectors.settings import PROJECT_ROOT
from invoicing.administer import Author, top_up
from tests.bench.figures import Figure, at_least, at_most, observed
from tests.bench.load import open_accounts
from tests.installation import Installation, wait_until

ACCOUNTS = 200
CLIENTS = 8
QUESTIONS = 4_000
PACED_SECONDS = 10
LIBRARY_PER_SECOND, HTTP_PER_SECOND = 1_000, 200
"""As many as the messages that have to be billed; and a quarter of what one server process does here."""
_PORT = 16071


def measure(portion: float) -> list[Figure]:
    """Latencies of both ways and both questions."""
    installation = Installation("bench", redis_db=2, worker_port=16068)
    installation.create()
    open_accounts(installation, ACCOUNTS)
    _fill_wallets(installation)
    questions = max(int(QUESTIONS * portion), 100)
    figures: list[Figure] = []
    for name, options in (("bare_redis", ["--bare"]), ("hold_library", ["--reserving"]), ("may_send_library", [])):
        figures += _both(installation, name, questions, options, per_second=LIBRARY_PER_SECOND, bar_ms=2)
    with _server(installation):
        for name, options in (("bare_http", ["--bare"]), ("hold_http", ["--reserving"]), ("may_send_http", [])):
            figures += _both(installation, name, questions, options, per_second=HTTP_PER_SECOND, bar_ms=5, port=_PORT)
    installation.drop()
    return figures


def _fill_wallets(installation: Installation) -> None:
    """Every second account is prepaid and has nothing: so much that no answer is a no."""
    author = Author("bench", clock.now())
    for number in range(1, ACCOUNTS, 2):
        top_up(
            installation.administration(),
            account_code=f"A{number:05d}",
            amount=Decimal(1_000_000),
            reference="bench",
            author=author,
        )


def _both(
    installation: Installation,
    name: str,
    questions: int,
    options: list[str],
    *,
    per_second: int,
    bar_ms: float,
    port: int | None = None,
) -> list[Figure]:
    """At a rate, and as fast as it goes. What `bare` questions take has no bar: it is what others are compared with."""
    limit = "bare_http" if port else "bare_redis"
    paced = ["--per-second", str(per_second / CLIENTS)]
    some = min(questions, per_second * PACED_SECONDS // CLIENTS)
    answers = _ask(installation, f"paced-{name}", some, *options, *paced, port=port)
    millis, what = _millis(answers), f"{CLIENTS} client processes, {ACCOUNTS} accounts, keep-alive, loopback"
    at_a_rate = f"{what}; {len(millis)} questions at random moments, {per_second:,} a second"
    p99 = millis[int(len(millis) * 0.99)]
    figures = [observed(f"{name}_p50", millis[len(millis) // 2], "ms", conditions=at_a_rate)]
    if name == limit:
        figures.append(observed(f"{name}_p99", p99, "ms", conditions=at_a_rate))
    else:
        figures.append(at_most(f"{name}_p99", p99, "ms", bar_ms, compared_with=f"{limit}_p99", conditions=at_a_rate))
    answers = _ask(installation, name, questions, *options, port=port)
    millis, rate = _millis(answers), f"{name}_per_second"
    reached = len(millis) / max(answer["seconds"] for answer in answers)
    p99_full = millis[int(len(millis) * 0.99)]
    at_full_speed = f"{what}; {len(millis)} questions, each when the one before is answered, then p99 {p99_full:.1f} ms"
    if name == "hold_library":
        figures.append(
            at_least(rate, reached, "answers/s", 5_000, compared_with=f"{limit}_per_second", conditions=at_full_speed)
        )
    else:
        figures.append(observed(rate, reached, "answers/s", conditions=at_full_speed))
    return figures


def _millis(answers: list[dict]) -> list[float]:
    return sorted(latency for answer in answers for latency in answer["millis"])


def _ask(installation: Installation, run: str, questions: int, *more: str, port: int | None = None) -> list[dict]:
    command = [sys.executable, "-m", "tests.bench.hold_client"]
    options = [str(questions), str(ACCOUNTS), *more]
    clients = [
        subprocess.Popen(
            [*command, f"{run}-{number}", *options, *(["--port", str(port)] if port else [])],
            cwd=PROJECT_ROOT,
            env=installation.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.stdout.readline()
    for client in clients:
        client.stdin.write("go\n")
        client.stdin.flush()
    return [json.loads(client.communicate()[0]) for client in clients]


@contextmanager
def _server(installation: Installation) -> Iterator[None]:
    command = [str(PROJECT_ROOT / ".venv" / "bin" / "billing"), "wallets", "serve"]
    environment = installation.environment(API_PORT=str(_PORT))
    server = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: _answers(), "the server answers")
        yield
    finally:
        server.terminate()
        server.wait(10)


def _answers() -> bool:
    from urllib.request import urlopen

    try:
        with urlopen(f"http://127.0.0.1:{_PORT}/health", timeout=1) as response:
            return response.status == 200
    except OSError:
        time.sleep(0.1)
        return False
