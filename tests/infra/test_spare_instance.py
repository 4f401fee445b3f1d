"""Starting, crashing and stopping, on a Redis of its own beside the shared engines."""

import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.native import health, supervision
from infra.native.down import down
from infra.native.services import SERVICES
from infra.native.stack import Stack, StackError
from infra.native.status import Row, as_json, print_status, status
from infra.native.up import up
from tests.infra.stacks import a_free_port, a_stack

REDIS = [SERVICES["redis"]]


@pytest.fixture(name="spare")
def _spare(tmp_path: Path) -> Iterator[Stack]:
    stack = a_stack(tmp_path, REDIS_PORT=a_free_port())
    yield stack
    down(stack)


def redis_row(stack: Stack) -> Row:
    return next(row for row in status(stack) if row.program == "redis")


def kill(stack: Stack) -> None:
    """End the spare Redis as a crash would, and return once supervisord has noticed."""
    process = psutil.Process(redis_row(stack).pid)
    process.kill()
    process.wait(timeout=10)
    for _ in range(10_000):
        if not supervision.processes(stack)["redis"].alive:
            return
    pytest.fail("supervisord has not noticed the crash")


def test_up_returns_when_the_service_answers_and_down_ends_it(spare: Stack):
    up(spare, REDIS)
    running = redis_row(spare)
    down(spare)

    assert running.state == "healthy"
    assert running.memory_mb > 0
    assert redis_row(spare).state == "stopped"
    assert not psutil.pid_exists(running.pid)


def test_a_second_up_changes_nothing(spare: Stack):
    up(spare, REDIS)
    first = redis_row(spare).pid
    up(spare, REDIS)

    assert redis_row(spare).pid == first


def test_a_crash_shows_in_status_and_the_next_up_mends_it(spare: Stack):
    up(spare, REDIS)
    kill(spare)
    crashed = redis_row(spare)
    up(spare, REDIS)

    assert crashed.wrong
    assert crashed.state == "crashed"
    assert crashed.reason.startswith("was killed: `make logs s=redis`")
    assert redis_row(spare).state == "healthy"


def test_a_service_that_hangs_shows_in_status(spare: Stack, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("infra.native.probes.ANSWER_SECONDS", 0.2)
    up(spare, REDIS)
    pid = redis_row(spare).pid
    os.kill(pid, signal.SIGSTOP)
    hanging = redis_row(spare)
    os.kill(pid, signal.SIGCONT)

    assert hanging.wrong
    assert hanging.state == "unhealthy"


def test_what_a_killed_supervisor_leaves_behind_shows_and_the_next_up_replaces_it(spare: Stack):
    up(spare, REDIS)
    orphan = redis_row(spare).pid
    supervisor = psutil.Process(int((spare.local / "supervisord.pid").read_text()))
    supervisor.kill()
    supervisor.wait(timeout=10)
    shown = redis_row(spare)
    up(spare, REDIS)

    assert shown.wrong
    assert "lost its supervisor" in shown.reason
    assert not psutil.pid_exists(orphan)
    assert redis_row(spare).state == "healthy"


def test_a_setting_that_changed_under_a_running_stack_is_named(spare: Stack):
    up(spare, REDIS)
    changed = Stack(spare.name, {**spare.settings, "KAFKA_PORT": a_free_port()}, local=spare.local)

    with pytest.raises(StackError, match="KAFKA_PORT changed since the stack was started: run `make down`"):
        up(changed, REDIS)


def test_a_program_that_stops_while_it_starts_is_reported_with_the_end_of_its_log(
    spare: Stack, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("infra.native.up.check_ports", lambda *_: None)
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(spare.settings["REDIS_PORT"])))
        with pytest.raises(StackError) as refusal:
            up(spare, REDIS)

    assert "redis stopped while it started" in str(refusal.value)
    assert "redis.log" in str(refusal.value)
    assert "Address already in use" in str(refusal.value)


def test_what_another_instance_needs_and_nobody_started_is_named(tmp_path: Path):
    stack = a_stack(tmp_path, POSTGRES_PORT=a_free_port())

    with pytest.raises(StackError, match=r"postgres does not answer .* start it with `make up` first"):
        health.require_healthy(stack, [SERVICES["postgres"]])


def test_stopping_what_does_not_run_is_fine(tmp_path: Path):
    stack = a_stack(tmp_path)
    down(stack)

    assert {row.state for row in status(stack)} == {"stopped"}


def test_a_log_that_does_not_exist_yet_is_said_so(tmp_path: Path):
    assert "redis has not been started yet" in health.tail(a_stack(tmp_path), "redis")


def test_status_is_a_table_for_people_and_rows_for_programs(spare: Stack, capsys: pytest.CaptureFixture[str]):
    up(spare, REDIS)
    capsys.readouterr()
    rows = status(spare)
    print_status(rows, title="spare")
    table = capsys.readouterr().out

    assert "airflow-dag-processor" in table
    assert spare.settings["REDIS_PORT"] in table
    [redis] = [row for row in json.loads(json.dumps(as_json(rows))) if row["program"] == "redis"]
    assert redis["ports"] == [int(spare.settings["REDIS_PORT"])]
