"""Running one `billing` command from a task: a process of its own, one JSON line back, its own sentence when it refuses.

Airflow and the billing programs live in separate Python environments, so a task never imports billing code.
"""

import json
import logging
import os
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

log = logging.getLogger(__name__)

INDIA = ZoneInfo("Asia/Kolkata")
ENGINE_IS_DOWN = 3  # of the command's exit codes (cli/main.py) the only one that trying again can mend


class BillingRefused(RuntimeError):
    """The answer is no: a person has to look, trying again gives the same answer."""


class EngineUnavailable(RuntimeError):
    """A database, broker or cache did not answer: trying again may help."""


def billing(*arguments: str) -> Any:
    """Run `billing ARGUMENTS --json` and return what it printed. Raises BillingRefused or EngineUnavailable."""
    command = [billing_command(), *arguments, "--json"]
    log.info("$ %s", " ".join(command))
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BillingRefused(f"{command[0]} cannot be run ({error.strerror}): set BILLING_COMMAND to it") from error
    log.info("%s%s", done.stdout, done.stderr)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    said = done.stderr.strip().splitlines() or [f"billing {' '.join(arguments)} ended with {done.returncode}"]
    raise (EngineUnavailable if done.returncode == ENGINE_IS_DOWN else BillingRefused)(said[-1])


def billing_command() -> str:
    """BILLING_COMMAND, or the command of the environment that `make` keeps beside this folder."""
    beside = Path(__file__).resolve().parent.parent / ".venv" / "bin" / "billing"
    return os.environ.get("BILLING_COMMAND") or str(beside)  # noqa: TID251 - Airflow's environment has no connectors.settings


def billing_month(chosen: str | None, run_after: datetime) -> str:
    """The month a person chose, or else the last one before the run was due, on the calendar of India."""
    if chosen:
        return chosen
    due = run_after.astimezone(INDIA)
    return f"{due.year - (due.month == 1):04d}-{(due.month - 2) % 12 + 1:02d}"
