"""`billing demo run` on the real engines with a real worker, which is killed in the middle; only Airflow is a stand-in."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.cli.airflow_stand_in import BILLING, AirflowStandIn, serving
from tests.installation import Installation, wait_until

pytestmark = pytest.mark.engines
EVENTS = 2_500
STEPS, EQUALITIES = 12, 15


@dataclass
class Shop:
    """An installation with its Airflow."""

    installation: Installation
    airflow: AirflowStandIn
    environment: dict[str, str]

    def start(self, *options: str) -> "subprocess.Popen[str]":
        """Start the demonstration."""
        command = [str(BILLING), "demo", "run", "--events", str(EVENTS), *options]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def facts(self, demonstration: "subprocess.Popen[str]") -> dict[str, Any]:
        """Its one line, once it has ended well."""
        out, err = demonstration.communicate(timeout=150)
        assert demonstration.returncode == 0, err + out
        (line,) = out.splitlines()
        return dict(json.loads(line))


@pytest.fixture(name="shop", scope="module")
def _shop() -> Iterator[Shop]:
    installation = Installation("testdemo", redis_db=6, worker_port=16150)
    installation.create()
    shutil.rmtree(installation.settings.invoice_folder, ignore_errors=True)
    airflow = AirflowStandIn(installation.environment())
    with serving(airflow) as port:
        yield Shop(installation, airflow, installation.environment(AIRFLOW_PORT=str(port), COLUMNS="100"))
    installation.drop()


def test_the_books_add_up_twice_although_the_worker_is_killed_in_the_middle(shop: Shop) -> None:
    installation = shop.installation
    first_worker = installation.start_worker(BATCH_EVENTS_MAX="50")
    first_worker.wait_until_ready()
    demonstration = shop.start("--json")

    wait_until(lambda: installation.outcomes()["received"] > 300, "the first events are booked", pause_seconds=0.02)
    first_worker.kill()
    booked_at_kill = installation.outcomes()["received"]
    with installation.worker() as second_worker:
        first = shop.facts(demonstration)
        story, errors = shop.start("--seed", "5").communicate(timeout=150)
        taken_over = second_worker.metric("billing_records_total")

    assert 300 < booked_at_kill < first["booked"]["received"]
    assert taken_over > EVENTS
    assert first["balanced"]
    assert first["sent"] == first["booked"]
    assert first["invoices_issued"] == 201
    assert set(first["due_micros"].values()) == {0}
    assert [moment["state"] for moment in first["one_wallet"]] == ["low", "grace", "suspended", "active"]
    _require_green(story)
    assert errors == ""
    assert "goes on the next invoice, as late usage" in story
    assert shop.airflow.options == ["Approve", "Approve"]
    assert installation.failing_checks() == {}
    assert installation.settings.postgres_password not in story
    assert installation.settings.airflow_password not in story


def _require_green(story: str) -> None:
    """Every step and every equality is ticked, and all of it fits a terminal of 100 columns."""
    told, _, _ = story.partition("Look around")
    assert max(map(len, told.splitlines())) <= 100
    assert len([line for line in told.splitlines() if line.startswith("  ✓ ")]) == STEPS + EQUALITIES
    assert "✗" not in story
    assert f"All {EQUALITIES} equalities hold." in story.splitlines()[-1]


def test_a_worker_that_does_not_run_is_named_with_where_to_look(shop: Shop) -> None:
    environment = {**shop.environment, "STALL_SECONDS": "1.2"}
    command = [str(BILLING), "demo", "run", "--events", "200"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == 3
    assert "the metering worker has booked nothing for" in done.stderr
    assert "`make logs s=worker`" in done.stderr
    assert "✗ Booking" in done.stdout


def test_an_invoice_run_that_waits_for_a_person_is_answered_first(shop: Shop) -> None:
    shop.airflow.left_over = ["manual__0"]
    try:
        out, err = shop.start().communicate(timeout=60)
    finally:
        shop.airflow.left_over = []

    assert "✗ Engines" in out
    assert "the invoice run manual__0 has not ended: approve or reject it at http://" in err
