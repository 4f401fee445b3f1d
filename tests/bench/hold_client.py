"""One client that asks before it sends, many times, by library call or over HTTP: `python -m tests.bench.hold_client ...`.

With `--bare` it asks for nothing that is ours: Redis for an echo, or the server whether it is alive, which is as fast as a
question can be answered here. With `--per-second` questions come at random moments, about so many a second, whatever the
answers take, and a latency is from the moment a question was due; without, each comes when the one before is answered.
Prints a JSON object: the latencies in milliseconds, and how long all of them took.
"""

import argparse
import http.client
import json
import random
import sys
import time
from collections.abc import Callable

_WARM_UP = 200
_METER = "otp.delivered"


def main() -> None:
    """Wait for a line on standard input, so that all clients begin together; then ask."""
    options = _options()
    ask = _way(options)
    names = [f"{options.name}-{number}" for number in range(options.questions)]
    chance = random.Random(options.name)
    accounts = chance.choices(range(options.accounts), k=options.questions)
    pauses = [chance.expovariate(options.per_second) if options.per_second else 0.0 for _ in names]
    for number in range(_WARM_UP):
        ask(f"load-{accounts[number % len(accounts)]:05d}", f"warm-up-{options.name}-{number}", options.reserving)
    print("ready", flush=True)
    sys.stdin.readline()
    latencies = []
    began = time.perf_counter()
    due = began
    for name, account, pause in zip(names, accounts, pauses, strict=True):
        due = due + pause if options.per_second else time.perf_counter()
        if (early := due - time.perf_counter()) > 0:
            time.sleep(early)
        ask(f"load-{account:05d}", name, options.reserving)
        latencies.append((time.perf_counter() - due) * 1_000)
    print(json.dumps({"millis": latencies, "seconds": time.perf_counter() - began, "cpu_seconds": time.process_time()}))


def _way(options: argparse.Namespace) -> Callable[[str, str, bool], None]:
    if options.bare:
        return _alive(options.port) if options.port else _echo()
    return _by_http(options.port) if options.port else _by_library()


def _echo() -> Callable[[str, str, bool], None]:
    from connectors import metering_wiring

    client = metering_wiring.holds()._client

    def ask(alias: str, name: str, reserving: bool) -> None:
        client.echo(name)

    return ask


def _alive(port: int) -> Callable[[str, str, bool], None]:
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask(alias: str, name: str, reserving: bool) -> None:
        connection.request("GET", "/health")
        with connection.getresponse() as response:
            response.read()

    return ask


def _by_library() -> Callable[[str, str, bool], None]:
    from connectors import clock, hold_wiring
    from domain.holds import Answer
    from invoicing.hold_credit import Question

    holding = hold_wiring.hold_credit()

    def ask(alias: str, name: str, reserving: bool) -> None:
        question = Question(alias, _METER, 1, {"channel": "sms"})
        now = clock.now()
        answer = holding.hold(question, hold_id=name, now=now) if reserving else holding.may_send(question, now=now)
        if answer.answer is not Answer.YES or not answer.from_cache:
            raise AssertionError(f"{alias} was answered {answer}")

    return ask


def _by_http(port: int) -> Callable[[str, str, bool], None]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Content-Type": "application/json"}

    def ask(alias: str, name: str, reserving: bool) -> None:
        question = {"alias": alias, "type": _METER, "properties": {"channel": "sms"}}
        path, body = ("/v1/holds", {**question, "hold_id": name}) if reserving else ("/v1/may-send", question)
        connection.request("POST", path, json.dumps(body), headers)
        with connection.getresponse() as response:
            answer = json.load(response)
        if answer.get("allowed") is not True or not answer["from_cache"]:
            raise AssertionError(f"{alias} was answered {answer}")

    return ask


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("questions", type=int)
    parser.add_argument("accounts", type=int)
    parser.add_argument("--port", type=int, help="of the HTTP endpoint; without it, by library call")
    parser.add_argument("--reserving", action="store_true", help="hold, and do not only ask")
    parser.add_argument("--per-second", type=float)
    parser.add_argument("--bare", action="store_true", help="an echo, or whether the server is alive")
    return parser.parse_args()


if __name__ == "__main__":
    main()
