"""A small client of Airflow's REST API (v2): trigger a DAG, wait for it, answer an approval."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPException
from typing import Any, Final, Self
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from connectors.clock import monotonic_seconds, now
from domain.errors import BillingError, EngineUnavailable, NotFound

FINISHED: Final = frozenset({"success", "failed"})
AWAITING_INPUT: Final = frozenset({"awaiting_input"})
_REQUEST_TIMEOUT_SECONDS: Final = 30
_POLL_SECONDS: Final = 0.5
_WORKER_END_SECONDS: Final = 7.0
"""A worker process ends within one heartbeat (5 s) of parking its task; the scheduler looks every second."""
_ENDED: Final = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

TaskStates = Mapping[str, Mapping[str, int]]
"""By task: how many of its instances are in which state; a mapped task has several."""


@dataclass(frozen=True, slots=True)
class DagRun:
    """One run of one DAG."""

    dag_id: str
    run_id: str


@dataclass(frozen=True, slots=True)
class Airflow:
    """One Airflow, signed in. Every method raises EngineUnavailable when it does not answer."""

    address: str
    token: str

    @classmethod
    def sign_in(cls, address: str, *, user: str, password: str) -> Self:
        """Exchange a password for a token. `address` is like http://127.0.0.1:18080."""
        answer = _send(f"{address}/auth/token", method="POST", body={"username": user, "password": password})
        return cls(address, answer["access_token"])

    def trigger(self, dag_id: str, parameters: Mapping[str, Any], *, timeout_seconds: float = 60) -> DagRun:
        """Start a run now, waiting first for the DAG to be read by a just-started Airflow.

        Each call starts another run. Raises NotFound when there is no such DAG after the timeout.
        """
        deadline = monotonic_seconds() + timeout_seconds
        while True:
            try:
                answer = self._post(f"/dags/{quote(dag_id)}/dagRuns", {"logical_date": None, "conf": dict(parameters)})
                return DagRun(dag_id, answer["dag_run_id"])
            except NotFound:
                if monotonic_seconds() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)

    def unfinished(self, dag_id: str) -> list[DagRun]:
        """Runs that are queued, working or waiting for a person; with one run at a time they keep others queued."""
        found = self._get(f"/dags/{quote(dag_id)}/dagRuns?state=queued&state=running&limit=100")
        return [DagRun(dag_id, row["dag_run_id"]) for row in found["dag_runs"]]

    def give_up(self, run: DagRun) -> None:
        """End a run as failed; its tasks that have not ended are stopped."""
        self._request(_path(run), method="PATCH", body={"state": "failed"})

    def state(self, run: DagRun) -> str:
        """The state of a run: queued, running, success or failed."""
        return str(self._get(_path(run))["state"])

    def tasks(self, run: DagRun) -> TaskStates:
        """The states of a run's tasks; a task nobody has scheduled yet counts as "none"."""
        counted: dict[str, dict[str, int]] = {}
        for instance in self._get(f"{_path(run)}/taskInstances?limit=1000")["task_instances"]:
            states = counted.setdefault(instance["task_id"], {})
            state = instance["state"] or "none"
            states[state] = states.get(state, 0) + 1
        return counted

    def wait(
        self,
        run: DagRun,
        *,
        timeout_seconds: float,
        task_id: str | None = None,
        tell: Callable[[TaskStates], None] | None = None,
    ) -> str:
        """Wait until a run is finished, or until one of its tasks asks for a person's answer.

        Returns the run's state; with `task_id` also "awaiting_input". `tell` is called with the task states after each
        look. Raises EngineUnavailable when neither has happened after the timeout.
        """
        deadline = monotonic_seconds() + timeout_seconds
        while True:
            tasks = self.tasks(run)
            if tell is not None:
                tell(tasks)
            if task_id is not None and AWAITING_INPUT & set(tasks.get(task_id, {})):
                return "awaiting_input"
            state = self.state(run)
            if state in FINISHED:
                return state
            if monotonic_seconds() > deadline:
                raise EngineUnavailable(
                    f"{run.dag_id} run {run.run_id} is still {state} after {timeout_seconds:g} s: "
                    "look at it in the Airflow UI"
                )
            time.sleep(_POLL_SECONDS)

    def answer(self, run: DagRun, task_id: str, *, option: str = "Approve", timeout_seconds: float = 120) -> str:
        """Answer the question a run waits with, and return the state the asking task ends in.

        Airflow forgets an answer that comes before its scheduler has seen the asking worker end (3.3; the race of
        apache/airflow#66374): it then asks again. So this waits for that end first, and answers again when asked again.
        Raises EngineUnavailable when the task has not ended after the timeout.
        """
        path = f"{_path(run)}/taskInstances/{quote(task_id)}/-1/hitlDetails"
        deadline = monotonic_seconds() + timeout_seconds
        while True:
            (state,) = self.tasks(run)[task_id]
            if state in _ENDED:
                return state
            if state in AWAITING_INPUT:
                asked_seconds_ago = (now() - datetime.fromisoformat(self._get(path)["created_at"])).total_seconds()
                time.sleep(max(0.0, _WORKER_END_SECONDS - asked_seconds_ago))
                self._request(path, method="PATCH", body={"chosen_options": [option], "params_input": {}})
            elif monotonic_seconds() > deadline:
                raise EngineUnavailable(f"{task_id} of {run.run_id} is {state} after its answer: look at the Airflow UI")
            time.sleep(_POLL_SECONDS)

    def question(self, run: DagRun, task_id: str) -> tuple[str, str]:
        """Subject and body (Markdown) of the approval a run waits for."""
        details = self._get(f"{_path(run)}/taskInstances/{quote(task_id)}/-1/hitlDetails")
        return details["subject"], details["body"]

    def result(self, run: DagRun, task_id: str) -> Any:
        """What a task that is not mapped returned."""
        path = f"{_path(run)}/taskInstances/{quote(task_id)}/xcomEntries/return_value?deserialize=false"
        value = self._get(path)["value"]
        return json.loads(value) if isinstance(value, str) else value

    def log(self, run: DagRun, task_id: str, *, attempt: int = 1) -> str:
        """The log of one attempt of a task that is not mapped, a line for each event."""
        path = f"{_path(run)}/taskInstances/{quote(task_id)}/logs/{attempt}?full_content=true&map_index=-1"
        content = self._get(path)["content"]
        return "\n".join(str(entry["event"]) if isinstance(entry, dict) else str(entry) for entry in content)

    def _get(self, path: str) -> Any:
        return self._request(path, method="GET")

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        return self._request(path, method="POST", body=body)

    def _request(self, path: str, *, method: str, body: Mapping[str, Any] | None = None) -> Any:
        return _send(f"{self.address}/api/v2{path}", method=method, body=body, token=self.token)


def _path(run: DagRun) -> str:
    return f"/dags/{quote(run.dag_id)}/dagRuns/{quote(run.run_id)}"


def _send(url: str, *, method: str, body: Mapping[str, Any] | None = None, token: str | None = None) -> Any:
    headers = {"Content-Type": "application/json", "Accept": "application/json"} | (
        {"Authorization": f"Bearer {token}"} if token else {}
    )
    data = json.dumps(body).encode() if body is not None else None
    request = Request(url, data=data, headers=headers, method=method)  # noqa: S310 - the address comes from settings
    try:
        with urlopen(request, timeout=_REQUEST_TIMEOUT_SECONDS) as response:  # noqa: S310
            return json.load(response)
    except HTTPError as error:
        refusal = NotFound if error.code == 404 else BillingError
        raise refusal(f"Airflow answered {error.code} to {method} {url}: {_detail(error)}") from error
    except (URLError, OSError, HTTPException) as error:
        raise EngineUnavailable(f"Airflow does not answer at {url} ({error}): start it with `make up`") from error


def _detail(error: HTTPError) -> str:
    text = error.read().decode(errors="replace")
    try:
        return str(json.loads(text)["detail"])
    except (ValueError, KeyError, TypeError):
        return text[:200] or error.reason
