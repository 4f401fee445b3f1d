"""Following an invoice run in Airflow: what is told, and what its end is taken for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from cli.demonstration import invoice_month as module
from cli.demonstration.invoice_month import invoice_month
from domain.errors import EngineUnavailable, IllegalTransition
from domain.period import BillingMonth

OCTOBER = BillingMonth(2026, 10)
SUMMARY = {"approved_by": "Admin", "issued": [], "printed": 0}


@dataclass
class FakeAirflow:
    """A run that goes through given task states; `asks` when one of them is a question."""

    looks: list[Mapping[str, Mapping[str, int]]]
    end: str = "success"
    state_now: str = "running"
    summary: Mapping[str, Any] = field(default_factory=lambda: SUMMARY)
    answered: list[str] = field(default_factory=list)
    address: str = "http://airflow.example"

    def unfinished(self, dag_id: str) -> list[Any]:
        return []

    def trigger(self, dag_id: str, parameters: Mapping[str, Any]) -> Any:
        assert (dag_id, parameters) == ("invoice_run", {"month": "2026-10"})
        return SimpleNamespace(dag_id=dag_id, run_id="manual__1+00:00")

    def state(self, run: Any) -> str:
        return self.state_now

    def tasks(self, run: Any) -> Mapping[str, Mapping[str, int]]:
        return self.looks[-1]

    def wait(self, run: Any, *, timeout_seconds: float, task_id: str | None = None, tell: Any = None) -> str:
        for look in self.looks:
            tell(look)
            if task_id is not None and "awaiting_input" in look.get(task_id, {}):
                return "awaiting_input"
        return self.end

    def answer(self, run: Any, task_id: str) -> str:
        self.answered.append(task_id)
        return "success"

    def question(self, run: Any, task_id: str) -> tuple[str, str]:
        return "Issue 200 invoices for 2026-10?", ""

    def result(self, run: Any, task_id: str) -> Mapping[str, Any]:
        return self.summary


@dataclass
class FakeStep:
    """Keeps what it is told."""

    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def doing(self, state: str) -> None:
        pass

    def at(self, done: int, total: int, unit: str) -> None:
        pass


ASKING = {"draft": {"success": 2}, "approve": {"awaiting_input": 1}, "issue": {"none": 1}}
DONE = {"draft": {"success": 2}, "approve": {"success": 1}, "issue": {"success": 1}}


@pytest.fixture
def follow(monkeypatch):
    """Follows a fake run; gives its end and the notes."""

    def run(airflow: FakeAirflow, *, leave_approval: bool = False):
        monkeypatch.setattr(module.batch_wiring, "airflow", lambda: airflow)
        monkeypatch.setattr(module, "_POLL_SECONDS", 0)
        step = FakeStep()
        return invoice_month(OCTOBER, step, leave_approval=leave_approval), step.notes

    return run


def test_each_change_of_a_task_is_told_once_and_the_approval_is_given(follow):
    airflow = FakeAirflow([ASKING, ASKING, DONE])

    end, notes = follow(airflow)

    assert (end.rejected, end.fault, end.summary) == (False, None, SUMMARY)
    assert airflow.answered == ["approve"]
    told = [" ".join(note.split()[2:]) for note in notes if note.lstrip()[0].isdigit()]
    assert told == ["draft success × 2", "approve awaiting input", "approve success", "issue success"]
    assert "“Issue 200 invoices for 2026-10?” approved over the API as admin" in notes


def test_an_approval_left_to_a_person_is_not_given_and_its_page_is_told(follow):
    airflow = FakeAirflow([ASKING, DONE])

    end, notes = follow(airflow, leave_approval=True)

    assert airflow.answered == []
    assert not end.rejected
    assert notes[-3] == ("http://airflow.example/dags/invoice_run/runs/manual__1%2B00%3A00/tasks/approve/required_actions")


def test_a_person_who_says_no_has_rejected(follow):
    end, _ = follow(FakeAirflow([ASKING, DONE], summary={**SUMMARY, "approved_by": None}), leave_approval=True)

    assert (end.rejected, end.fault) == (True, None)


def test_an_approval_that_was_given_and_not_kept_is_no_rejection(follow):
    """Otherwise a demonstration that issued nothing would call itself right."""
    end, _ = follow(FakeAirflow([ASKING, DONE], summary={**SUMMARY, "approved_by": None}))

    assert not end.rejected


def test_a_failed_run_names_its_task_and_page(follow):
    failed = {"draft": {"failed": 1, "success": 1}, "approve": {"upstream_failed": 1}}

    end, notes = follow(FakeAirflow([failed], end="failed"))

    assert end.fault == "draft failed"
    assert notes[-1] == "see http://airflow.example/dags/invoice_run/runs/manual__1%2B00%3A00"


def test_a_run_that_stays_queued_is_given_up_with_where_to_look(follow, monkeypatch):
    monkeypatch.setattr(module, "_QUEUED_SECONDS", 0)

    with pytest.raises(EngineUnavailable, match="still queued after 0 s: Airflow's scheduler is down or busy"):
        follow(FakeAirflow([DONE], state_now="queued"))


def test_an_unfinished_run_is_refused_before_anything_is_sent(monkeypatch):
    airflow = FakeAirflow([DONE])
    airflow.unfinished = lambda dag_id: [SimpleNamespace(run_id="manual__0")]
    monkeypatch.setattr(module.batch_wiring, "airflow", lambda: airflow)

    with pytest.raises(IllegalTransition, match=r"manual__0 has not ended: approve or reject it at http://airflow\.example"):
        module.require_free_airflow()
