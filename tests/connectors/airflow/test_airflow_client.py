"""Airflow's client against a server of the test: what is sent, what refusals say. tests/dags has it on a real Airflow."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from connectors.airflow.client import Airflow, DagRun
from domain.errors import BillingError, EngineUnavailable, NotFound

RUN = DagRun("invoice_run", "manual__1")
Answer = Callable[[str, str, dict], tuple[int, object]]


@contextmanager
def a_server(answer: Answer) -> Iterator[Airflow]:
    """A server that answers each request with what `answer(method, path, body)` returns."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, content = answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(content).encode())

        do_GET = do_POST = do_PATCH = _any  # noqa: N815 - the names http.server looks for

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Airflow(f"http://127.0.0.1:{server.server_port}", "a token")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_airflow_that_does_not_answer_is_said_in_a_sentence():
    with pytest.raises(
        EngineUnavailable, match=r"Airflow does not answer at http://127\.0\.0\.1:1/.*: start it with `make up`"
    ):
        Airflow.sign_in("http://127.0.0.1:1", user="admin", password="wrong")


def test_a_refusal_carries_airflows_own_detail():
    refusal = r"Airflow answered 401 to POST .*/auth/token: Invalid credentials"

    with (
        a_server(lambda *_: (401, {"detail": "Invalid credentials"})) as airflow,
        pytest.raises(BillingError, match=refusal),
    ):
        Airflow.sign_in(airflow.address, user="admin", password="wrong")


def test_a_dag_is_triggered_once_airflow_has_read_it(monkeypatch):
    monkeypatch.setattr("connectors.airflow.client._POLL_SECONDS", 0)
    asked = []

    def answer(method, path, body):
        asked.append((method, path, body))
        return (404, {"detail": "Dag not found"}) if len(asked) < 3 else (200, {"dag_run_id": "manual__1"})

    with a_server(answer) as airflow:
        assert airflow.trigger("invoice_run", {"month": "2026-10"}) == RUN

    assert asked == [("POST", "/api/v2/dags/invoice_run/dagRuns", {"logical_date": None, "conf": {"month": "2026-10"}})] * 3


def test_a_dag_that_never_appears_is_not_found():
    with a_server(lambda *_: (404, {"detail": "Dag not found"})) as airflow, pytest.raises(NotFound, match="Dag not found"):
        airflow.trigger("invoice_run", {}, timeout_seconds=0)


def test_a_run_that_takes_too_long_is_named():
    def answer(method, path, body):
        return 200, {"task_instances": []} if "taskInstances" in path else {"state": "queued"}

    with (
        a_server(answer) as airflow,
        pytest.raises(EngineUnavailable, match="invoice_run run manual__1 is still queued after 0 s"),
    ):
        airflow.wait(RUN, timeout_seconds=0)


def test_a_question_airflow_asks_again_is_answered_again(monkeypatch):
    monkeypatch.setattr("connectors.airflow.client._POLL_SECONDS", 0)
    states = ["awaiting_input", "queued", "up_for_retry", "awaiting_input", "running", "success"]
    answers = []

    def answer(method, path, body):
        if method == "PATCH":
            answers.append(body)
            return 200, {}
        if path.endswith("hitlDetails"):
            return 200, {"created_at": "2026-11-02T09:00:00Z"}
        return 200, {"task_instances": [{"task_id": "approve", "state": states.pop(0)}]}

    with a_server(answer) as airflow:
        assert airflow.answer(RUN, "approve") == "success"

    assert answers == [{"chosen_options": ["Approve"], "params_input": {}}] * 2
