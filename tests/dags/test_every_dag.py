"""Every DAG: it imports, explains itself to an operator, and retries; and the invoice run has its shape."""

import json
import re
import subprocess

import pytest

from connectors.settings import PROJECT_ROOT, child_environment

pytestmark = pytest.mark.airflow
DAGS = sorted(path.stem for path in (PROJECT_ROOT / "dags").glob("[!_]*.py"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The DAG folder as Airflow reads it."""
    command = [
        PROJECT_ROOT / ".venv-airflow/bin/python",
        PROJECT_ROOT / "tests/dags/describe_dags.py",
        PROJECT_ROOT / "dags",
    ]
    environment = child_environment(
        AIRFLOW_HOME=str(tmp_path_factory.mktemp("airflow")), AIRFLOW__CORE__LOAD_EXAMPLES="False", PYTHONPATH=""
    )
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_every_dag_file_imports_without_billing_code(folder):
    assert folder["import_errors"] == {}
    assert not {"domain", "invoicing", "connectors"} & set(folder["loaded"])


@pytest.mark.parametrize("name", DAGS)
def test_a_dag_is_named_by_its_file_and_its_docstring_is_the_operators_page(folder, name):
    dag = folder["dags"][name]

    assert dag["file"] == f"{name}.py"
    for heading in ("**When.**", "**When a task fails.**", "**Running again.**"):
        assert heading in dag["doc"]
    described = set(re.findall(r"^\| `(\w+)` \|", dag["doc"], flags=re.MULTILINE))
    assert described == set(dag["tasks"])


@pytest.mark.parametrize("name", DAGS)
def test_a_dag_never_catches_up_and_its_tasks_have_an_owner_and_retries(folder, name):
    dag = folder["dags"][name]

    assert not dag["catchup"]
    assert "billing" in dag["tags"]
    for task in dag["tasks"].values():
        assert task["owner"] != "airflow"
        assert task["retries"] >= 1
        assert 10 <= task["retry_delay_seconds"] <= 600


def test_the_invoice_run_works_alone_on_the_first_of_the_month_in_india(folder):
    dag = folder["dags"]["invoice_run"]

    assert dag["max_active_runs"] == 1
    assert dag["schedule"] == ["30 18 1 * *", "Asia/Kolkata"]


def test_the_billing_month_is_a_month_or_nothing(folder):
    schema = folder["dags"]["invoice_run"]["params"]["month"]

    assert schema["type"] == ["null", "string"]
    assert [bool(re.search(schema["pattern"], text)) for text in ("2026-10", "2026-13", "2026-1", "26-10", "2026-100")] == [
        True, False, False, False, False,
    ]  # fmt: skip


def test_nothing_is_issued_before_a_person_has_approved(folder):
    tasks = folder["dags"]["invoice_run"]["tasks"]

    def before(name):
        found = set(tasks[name]["upstream"])
        return found.union(*(before(one) for one in found))

    assert {"check_books", "batches", "draft", "recompute", "review", "approve", "record_approval"} <= before("issue")
    assert "issue" in before("print_copies")
    assert {name for name, task in tasks.items() if task["mapped"]} == {"draft", "print_copies"}
