"""Answers to config events in PostgreSQL that are not on their topic yet."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, LiteralString

from connectors.postgres.lasting_connection import LastingConnection
from invoicing.publish_results import ConfigResult

_OLDEST: Final = """
SELECT r.config_result_id, r.event_key::text, e.source, e.event_id, e.type, e.subject, r.outcome, r.code, r.errors, r.facts,
       r.config_version, r.decided_at
FROM config_result_to_send JOIN config_result r USING (config_result_id) JOIN config_event e USING (event_key)
ORDER BY r.config_result_id LIMIT %s
"""
_FORGET: Final = "DELETE FROM config_result_to_send WHERE config_result_id = ANY(%s)"


class PostgresConfigResults:
    """Through one connection that is opened again when it breaks."""

    def __init__(self, dsn: str) -> None:
        self._connection = LastingConnection(dsn, {"synchronous_commit": "off"}, prepare_threshold=0)

    def hold(self, destination: str) -> AbstractContextManager[bool]:
        """Try to become the one sender of a destination; False when another process is."""
        return self._connection.alone(destination)

    def oldest(self, *, results_max: int) -> list[ConfigResult]:
        """The first of them, in the order they were decided."""
        return [ConfigResult(*row) for row in self._rows(_OLDEST, (results_max,))]

    def forget(self, results: Sequence[ConfigResult]) -> None:
        """These are on their topic. May be called twice."""
        self._rows(_FORGET, ([result.result_id for result in results],))

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._connection.close()

    def _rows(self, statement: LiteralString, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._connection.in_use() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
