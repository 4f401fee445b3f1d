"""Where the measurements were taken: what a reader of build/bench.json needs to compare them with others."""

import os
import platform
import subprocess
import sys

import psycopg

from connectors.settings import PROJECT_ROOT, settings

_BESIDE = "airflow,worker,notifier,api"


def surroundings() -> str:
    """Cores, whether PostgreSQL waits for the disk, and the size of a batch, in one line."""
    chosen = settings()
    with psycopg.connect(chosen.postgres_dsn, autocommit=True) as connection:
        ((fsync, synchronous),) = connection.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
        ).fetchall()
    return (
        f"{os.cpu_count()} cores for load and engines, PostgreSQL fsync {fsync} and synchronous_commit {synchronous}, "
        f"batches of up to {chosen.batch_events_max} events, Python {platform.python_version()}"
    )


def leave_the_engines_alone() -> None:
    """Stop what runs beside the engines; `make up` starts it again."""
    stack = [sys.executable, "-m", "infra.native"]
    subprocess.run([*stack, "down", "--only", _BESIDE], cwd=PROJECT_ROOT, check=True, capture_output=True)
