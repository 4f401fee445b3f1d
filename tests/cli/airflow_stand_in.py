"""Airflow's REST API as far as the demonstration uses it: a run drafts, asks, and once approved issues and prints.

tests/dags runs the real DAG; this one works on any installation, in seconds.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

BILLING = Path(sys.executable).with_name("billing")
RUN_ID = "manual__1"
BEFORE_APPROVAL = (("invoices", "start"), ("invoices", "draft"), ("invoices", "recompute"))
AFTER_APPROVAL = (("invoices", "approve", "--by", "Admin"), ("invoices", "issue"), ("invoices", "print"))
LONG_AGO = "2026-01-01T00:00:00Z"


@dataclass
class AirflowStandIn:
    """One DAG run at a time; `environment` is what its tasks run with."""

    environment: Mapping[str, str]
    left_over: list[str] = field(default_factory=list)
    """Ids of earlier runs that have not ended."""
    month: str = ""
    state: str = "success"
    approval: str = "none"
    options: list[str] = field(default_factory=list)

    def answer(self, method: str, path: str, body: Mapping[str, Any]) -> tuple[int, Any]:
        """What Airflow answers."""
        route = path.split("?")[0].rsplit("/", 1)[-1]
        match method, route:
            case "POST", "token":
                return 201, {"access_token": "a token"}
            case "GET", "dagRuns":
                return 200, {"dag_runs": [{"dag_run_id": run_id} for run_id in self.left_over]}
            case "POST", "dagRuns":
                return self._trigger(body["conf"]["month"])
            case "GET", "taskInstances":
                return 200, {"task_instances": [{"task_id": "approve", "state": self.approval}]}
            case "GET", "hitlDetails":
                return 200, {"created_at": LONG_AGO, "subject": "Issue them?", "body": ""}
            case "PATCH", "hitlDetails":
                return self._decide(body["chosen_options"])
            case "GET", "return_value":
                return 200, {"value": json.loads(self._run("invoices", "summary"))}
            case "GET", _:
                return 200, {"state": self.state}
        return 404, {"detail": f"{method} {path}"}

    def _trigger(self, month: str) -> tuple[int, Any]:
        self.month, self.state, self.approval = month, "running", "none"
        self._begin(self._draft)
        return 200, {"dag_run_id": RUN_ID}

    def _decide(self, options: list[str]) -> tuple[int, Any]:
        self.options += options
        self.approval = "running"
        self._begin(self._issue)
        return 200, {}

    def _begin(self, part: Callable[[], None]) -> None:
        """Like Airflow, the request is answered at once, and the work done by and by."""
        Thread(target=self._work, args=(part,), daemon=True).start()

    def _work(self, part: Callable[[], None]) -> None:
        try:
            part()
        except subprocess.CalledProcessError as error:
            print(error.stderr, file=sys.stderr)
            self.state = self.approval = "failed"

    def _draft(self) -> None:
        self._call("fees", "accrue")
        for command in BEFORE_APPROVAL:
            self._run(*command)
        self.approval = "awaiting_input"

    def _issue(self) -> None:
        for command in AFTER_APPROVAL:
            self._run(*command)
        self.state = self.approval = "success"

    def _run(self, *command: str) -> str:
        return self._call(*command, "--month", self.month)

    def _call(self, *command: str) -> str:
        arguments = [str(BILLING), *command, "--json"]
        done = subprocess.run(arguments, env=dict(self.environment), capture_output=True, text=True, check=True)
        return done.stdout


@contextmanager
def serving(stand_in: AirflowStandIn) -> Iterator[int]:
    """Serve it; gives the port."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            status, content = stand_in.answer(self.command, self.path, body)
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
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
