"""Airflow for tests: a second one beside the demo's, whose tasks work on the test databases."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from connectors import batch_wiring
from connectors.airflow.client import Airflow
from connectors.settings import PROJECT_ROOT
from tests.own_names import own_names


@pytest.fixture(scope="module")
def airflow() -> Iterator[Airflow]:
    """The test instance's Airflow, stopped after the file that asks for it: idle, it takes a fifth of a core."""
    stack = [sys.executable, "-m", "infra.native"]
    only_airflow = ["--instance", "test", "--only", "airflow"]
    names = [f"--set={name}={value}" for name, value in own_names(os.environ.get("PYTEST_XDIST_WORKER", "")).items()]
    subprocess.run([*stack, "up", *only_airflow, *names], cwd=PROJECT_ROOT, check=True)
    yield batch_wiring.airflow()
    subprocess.run([*stack, "down", *only_airflow], cwd=PROJECT_ROOT, check=True)


@pytest.fixture(autouse=True)
def dags_on_path(monkeypatch):
    """Airflow puts its DAG folder on the path; so do these tests."""
    monkeypatch.syspath_prepend(str(PROJECT_ROOT / "dags"))
