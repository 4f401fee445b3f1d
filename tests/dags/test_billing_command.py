"""Running a billing command from a task: what comes back, and what is said when nothing does."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.settings import PROJECT_ROOT


@pytest.fixture
def command(tmp_path: Path, monkeypatch):
    """Makes BILLING_COMMAND a script with a given body."""

    def make(body: str) -> None:
        path = tmp_path / "billing"
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        monkeypatch.setenv("BILLING_COMMAND", str(path))

    return make


def test_a_task_gets_the_json_line_the_command_prints(command):
    from _billing import billing

    command('echo "a warning of some library"; echo "{\\"arguments\\": \\"$*\\"}"')

    assert billing("invoices", "draft", "--month", "2026-10") == {"arguments": "invoices draft --month 2026-10 --json"}


@pytest.mark.parametrize("code", [1, 2, 4])
def test_a_refusal_raises_the_commands_own_sentence_and_is_final(command, code):
    from _billing import BillingRefused, billing

    command(f'echo "billing: the books do not balance" >&2; exit {code}')

    with pytest.raises(BillingRefused, match=r"^billing: the books do not balance$"):
        billing("invoices", "start")


def test_an_engine_that_does_not_answer_is_told_apart_because_trying_again_may_help(command):
    from _billing import EngineUnavailable, billing

    command('echo "billing: PostgreSQL does not answer" >&2; exit 3')

    with pytest.raises(EngineUnavailable, match="PostgreSQL does not answer"):
        billing("invoices", "start")


def test_a_command_that_dies_silently_is_named(command):
    from _billing import BillingRefused, billing

    command("exit 137")

    with pytest.raises(BillingRefused, match="billing invoices start ended with 137"):
        billing("invoices", "start")


def test_a_missing_command_names_the_setting(monkeypatch):
    from _billing import BillingRefused, billing

    monkeypatch.setenv("BILLING_COMMAND", "/nowhere/billing")

    with pytest.raises(BillingRefused, match=r"/nowhere/billing cannot be run .*: set BILLING_COMMAND to it"):
        billing("invoices", "start")


def test_without_the_setting_it_is_the_command_of_the_projects_environment(monkeypatch):
    from _billing import billing_command

    monkeypatch.delenv("BILLING_COMMAND", raising=False)

    assert billing_command() == str(PROJECT_ROOT / ".venv" / "bin" / "billing")


@pytest.mark.parametrize(
    ("chosen", "run_after", "month"),
    [
        ("2026-08", datetime(2026, 11, 1, 13, tzinfo=UTC), "2026-08"),
        (None, datetime(2026, 11, 1, 13, tzinfo=UTC), "2026-10"),
        ("", datetime(2026, 10, 31, 18, 30, tzinfo=UTC), "2026-10"),  # midnight of the 1st in India
        (None, datetime(2026, 10, 31, 18, 29, tzinfo=UTC), "2026-09"),
        (None, datetime(2027, 1, 1, 13, tzinfo=UTC), "2026-12"),
    ],
)
def test_the_month_is_the_one_chosen_or_the_last_one_on_the_calendar_of_india(chosen, run_after, month):
    from _billing import billing_month

    assert billing_month(chosen, run_after) == month
