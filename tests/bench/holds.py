"""Holds and may-send, asked by eight clients at once: by library call, and over HTTP from one server process."""

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
_PORT = 16071


def measure(portion: float) -> list[Figure]:
    """Latencies of both ways and both questions."""
    installation = Installation("bench", redis_db=2, worker_port=16068)
    installation.create()
    open_accounts(installation, ACCOUNTS)
    _fill_wallets(installation)
    questions = max(int(QUESTIONS * portion), 100)
    figures = _figures("bare_redis", _ask(installation, questions, "--bare"))
    for reserving, what in ((True, "hold"), (False, "may_send")):
        figures += _figures(f"{what}_library", _ask(installation, questions, *_options(reserving)), bar_ms=2)
    with _server(installation):
        figures += _figures("bare_http", _ask(installation, questions, "--bare", port=_PORT))
        for reserving, what in ((True, "hold"), (False, "may_send")):
            found = _ask(installation, questions, *_options(reserving), port=_PORT)
            figures += _figures(f"{what}_http", found, bar_ms=5)
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


def _options(reserving: bool) -> list[str]:
    return ["--reserving"] if reserving else []


def _figures(name: str, answers: list[dict], *, bar_ms: float | None = None) -> list[Figure]:
    """Without a bar, it is what others are compared with."""
    millis = sorted(latency for answer in answers for latency in answer["millis"])
    per_second = len(millis) / max(answer["seconds"] for answer in answers)
    what = f"{CLIENTS} client processes, {len(millis)} questions, {ACCOUNTS} accounts, keep-alive, loopback"
    rate, p99 = f"{name}_per_second", millis[int(len(millis) * 0.99)]
    limit = "bare_http_p99" if "http" in name else "bare_redis_p99"
    return [
        observed(f"{name}_p50", millis[len(millis) // 2], "ms", conditions=what),
        observed(f"{name}_p99", p99, "ms", conditions=what)
        if bar_ms is None
        else at_most(f"{name}_p99", p99, "ms", bar_ms, compared_with=limit, conditions=what),
        at_least(rate, per_second, "answers/s", 5_000, compared_with="bare_redis_per_second", conditions=what)
        if name == "hold_library"
        else observed(rate, per_second, "answers/s", conditions=what),
    ]


def _ask(installation: Installation, questions: int, *more: str, port: int | None = None) -> list[dict]:
    command = [sys.executable, "-m", "tests.bench.hold_client"]
    options = [str(questions), str(ACCOUNTS), *more]
    clients = [
        subprocess.Popen(
            [*command, f"client-{port}-{number}", *options, *(["--port", str(port)] if port else [])],
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
