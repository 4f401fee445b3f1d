"""Peers: Quix Streams on the same topic without a database, and figures of billing engines that are known from before."""

import json
import subprocess

from connectors.settings import PROJECT_ROOT
from tests.bench.figures import Figure, known, observed
from tests.bench.rate import sustained_rate
from tests.bench.throughput import FASTEST, WHAT, new_load
from tests.installation import Installation

SECONDS = 20
_RECORDS_READ = 500_000
_PYTHON = PROJECT_ROOT / ".venv-bench" / "bin" / "python"
_EARLIER = "not of this run: an earlier trial on a machine of the same size, on PostgreSQL with fsync"


def measure(portion: float) -> list[Figure]:
    """One worker books a topic; then Quix Streams reads the same records and only decodes them."""
    installation = Installation("bench", redis_db=2, worker_port=16068)
    records = int(_RECORDS_READ * portion)
    ours = sustained_rate(installation, new_load(installation), seconds=SECONDS * portion, fastest=FASTEST)
    quix = _quix_rate(installation, records)
    installation.drop()
    what = f"single-event records, {WHAT}"
    return [
        observed(
            "quix_streams_events_per_second",
            quix,
            "ev/s",
            compared_with="a worker that books them",
            conditions=f"{what}; Quix Streams decodes {records} records as JSON and nothing else: no database, no Redis",
        ),
        observed(
            "events_per_second_over_quix_streams",
            ours.per_second / quix,
            "times",
            compared_with="quix_streams_events_per_second",
            conditions=f"{what}; the worker books, debits and tells Redis, at {ours.per_second:.0f} ev/s on the same topic",
        ),
        known("kill_bill_usage_records_per_second", 371, "records/s", conditions=f"version 0.24, one a request; {_EARLIER}"),
        known(
            "kill_bill_usage_records_per_second_by_twenty",
            3_600,
            "records/s",
            conditions=f"version 0.24, twenty a request, at best; {_EARLIER}",
        ),
        known(
            "formance_wallet_transactions_per_second",
            200,
            "transactions/s",
            conditions=f"ledger 2.4, 8 clients; 87 a second on one hot account; {_EARLIER}",
        ),
    ]


def _quix_rate(installation: Installation, records: int) -> float:
    if not _PYTHON.exists():
        raise AssertionError("Quix Streams is not installed: `make bench` makes its environment, .venv-bench")
    done = subprocess.run(
        [
            str(_PYTHON),
            str(PROJECT_ROOT / "tests" / "bench" / "quix_peer.py"),
            installation.settings.kafka_bootstrap,
            installation.topic("usage.events"),
            installation.topic("quix"),
            str(records),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if done.returncode != 0:
        raise AssertionError(f"Quix Streams failed:\n{done.stderr[-3000:]}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if answer["records"] != records:
        raise AssertionError(f"Quix Streams saw {answer['records']} of {records} records")
    return records / float(answer["seconds"])
