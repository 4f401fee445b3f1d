"""Having the month invoiced by Airflow: trigger the DAG over its API, show its tasks, approve or let a person do it."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from cli.demonstration.screen import Step
from connectors import batch_wiring
from connectors.clock import monotonic_seconds
from connectors.settings import settings
from domain.errors import BillingError, EngineUnavailable, IllegalTransition
from domain.period import BillingMonth

DAG: Final = "invoice_run"
_APPROVAL: Final = "approve"
_QUEUED_SECONDS: Final = 60
_RUN_SECONDS: Final = 600
_PERSON_SECONDS: Final = 20 * 3_600
_POLL_SECONDS: Final = 0.5
_SETTLED: Final = ("success", "failed", "upstream_failed", "skipped", "removed", "awaiting_input", "up_for_retry")


@dataclass(frozen=True, slots=True)
class InvoiceRunEnd:
    """What came of the DAG run: `fault` is None when it ended well, `summary` what its last task returned."""

    rejected: bool
    """True when a person was asked and said no."""
    fault: str | None
    summary: Mapping[str, Any]


def require_free_airflow() -> None:
    """Raises IllegalTransition when an earlier invoice run has not ended: one works at a time, a new one would wait."""
    airflow = batch_wiring.airflow()
    for run in airflow.unfinished(DAG):
        page = _page(airflow.address, run.run_id)
        raise IllegalTransition(
            f"the invoice run {run.run_id} has not ended: approve or reject it at {page}, then run this again"
        )


def invoice_month(month: BillingMonth, step: Step, *, leave_approval: bool) -> InvoiceRunEnd:
    """Run the DAG for a month. A failed run is an answer, not an exception. Raises EngineUnavailable."""
    airflow = batch_wiring.airflow()
    run = airflow.trigger(DAG, {"month": str(month)})
    _wait_for_its_turn(lambda: airflow.state(run), step)
    tell = _TaskTeller(step)
    state = airflow.wait(run, timeout_seconds=_RUN_SECONDS, task_id=_APPROVAL, tell=tell)
    if state == "awaiting_input":
        question, _ = airflow.question(run, _APPROVAL)
        if leave_approval:
            step.note(f"“{question}” waits for a person, {settings().airflow_user} with AIRFLOW_PASSWORD of .env:")
            step.note(f"{_page(airflow.address, run.run_id)}/tasks/{_APPROVAL}/required_actions")
        else:
            step.doing("answers the approval")
            airflow.answer(run, _APPROVAL)
            step.note(f"“{question}” approved over the API as {settings().airflow_user}")
        state = airflow.wait(run, timeout_seconds=_PERSON_SECONDS if leave_approval else _RUN_SECONDS, tell=tell)
    if state != "success":
        failed = [task for task, states in airflow.tasks(run).items() if "failed" in states]
        step.note(f"see {_page(airflow.address, run.run_id)}")
        return InvoiceRunEnd(rejected=False, fault=f"{', '.join(failed) or DAG} failed", summary={})
    summary = airflow.result(run, "run_summary")
    return InvoiceRunEnd(rejected=leave_approval and summary["approved_by"] is None, fault=None, summary=summary)


def _page(address: str, run_id: str) -> str:
    return f"{address}/dags/{DAG}/runs/{quote(run_id)}"


def _wait_for_its_turn(state: Callable[[], str], step: Step) -> None:
    """One run works at a time: another that waits for an approval holds this one up for as long as it waits."""
    deadline = monotonic_seconds() + _QUEUED_SECONDS
    step.doing("waits for its turn in Airflow")
    while state() == "queued":
        if monotonic_seconds() > deadline:
            raise EngineUnavailable(
                f"the DAG run is still queued after {_QUEUED_SECONDS} s: Airflow's scheduler is down or busy with another "
                "invoice run; see `make status` and the Airflow UI"
            )
        time.sleep(_POLL_SECONDS)


class _TaskTeller:
    """Says each change of a task once."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._said: dict[str, str] = {}
        self._started_seconds = monotonic_seconds()

    def __call__(self, tasks: Mapping[str, Mapping[str, int]]) -> None:
        running = []
        for task, states in tasks.items():
            if "running" in states:
                running.append(task)
            if set(states) <= set(_SETTLED):
                self._say(task, ", ".join(sorted(states)), sum(states.values()))
        done = sum(set(states) <= {"success", "skipped"} for states in tasks.values())
        self._step.at(done, len(tasks), f"tasks  {', '.join(running)}")

    def _say(self, task: str, state: str, instances: int) -> None:
        if self._said.get(task) == state:
            return
        self._said[task] = state
        seconds = f"{monotonic_seconds() - self._started_seconds:5.1f} s"
        times = f" × {instances}" if instances > 1 else ""
        self._step.note(f"{seconds}  {task.ljust(16)} {state.replace('_', ' ')}{times}")


def why(error: BillingError) -> InvoiceRunEnd:
    """An invoice run that could not even be followed to its end."""
    return InvoiceRunEnd(rejected=False, fault=str(error), summary={})
