"""Where the measurements were taken: what a reader of build/bench.json needs to compare them with others."""

import os
import platform

import psycopg

from connectors.settings import settings


def surroundings() -> str:
    """Cores, whether PostgreSQL waits for the disk, and the size of a batch, in one line."""
    chosen = settings()
    with psycopg.connect(chosen.postgres_dsn, autocommit=True) as connection:
        ((fsync, synchronous),) = connection.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
        ).fetchall()
    return (
        f"{os.cpu_count()} cores for everything, PostgreSQL fsync {fsync} and synchronous_commit {synchronous}, "
        f"batches of up to {chosen.batch_events_max} events, Python {platform.python_version()}"
    )
