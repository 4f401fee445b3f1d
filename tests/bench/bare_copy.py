"""The physical limit: COPY of the booked rows into a table without an index or a constraint, a commit every 4,000 rows."""

import time

import psycopg

from connectors.postgres.binary import COPY_HEADER, COPY_TRAILER
from tests.installation import Installation

_ROWS = 4_000
_EMPTY_AFTER_ROWS = 2_000_000


def copy_rate(installation: Installation, *, seconds: float) -> float:
    """Rows a second, of rows that are booked in the installation already."""
    with psycopg.connect(installation.settings.postgres_dsn, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (LIKE usage_event)")
        select = f"COPY (SELECT * FROM usage_event LIMIT {_ROWS}) TO STDOUT (FORMAT binary)"
        with connection.cursor().copy(select) as copy:
            body = b"".join(bytes(part) for part in copy)
        if not body.startswith(COPY_HEADER[:11]) or not body.endswith(COPY_TRAILER):
            raise AssertionError("that is not a COPY stream")
        rows, began = 0, time.monotonic()
        while time.monotonic() - began < seconds:
            with connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN (FORMAT binary)") as copy:
                copy.write(body)
            rows += _ROWS
            if rows % _EMPTY_AFTER_ROWS == 0:
                connection.execute("TRUNCATE bare")
        rate = rows / (time.monotonic() - began)
        connection.execute("DROP TABLE bare")
    return rate
