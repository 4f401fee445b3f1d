"""Answers to config events in PostgreSQL that are not on their topic yet."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString

import psycopg

from domain.errors import EngineUnavailable
from invoicing.publish_results import ConfigResult

_HOLD: Final = "SELECT pg_try_advisory_lock(hashtext(%s))"
_LET_GO: Final = "SELECT pg_advisory_unlock(hashtext(%s))"
_OLDEST: Final = """
SELECT r.config_result_id, r.event_key::text, e.source, e.event_id, e.type, e.subject, r.outcome, r.code, r.errors, r.facts,
       r.config_version, r.decided_at
FROM config_result_to_send JOIN config_result r USING (config_result_id) JOIN config_event e USING (event_key)
ORDER BY r.config_result_id LIMIT %s
"""
_FORGET: Final = "DELETE FROM config_result_to_send WHERE config_result_id = ANY(%s)"
_SESSION: Final = "SELECT set_config('timezone', 'UTC', false), set_config('synchronous_commit', 'off', false)"


class PostgresConfigResults:
    """Through one connection that is opened again when it breaks."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None

    @contextmanager
    def hold(self, destination: str) -> Iterator[bool]:
        """Try to become the one sender of a destination; False when another process is."""
        ((held,),) = self._rows(_HOLD, (destination,))
        try:
            yield held
        finally:
            if held and self._connection is not None and not self._connection.closed:
                self._rows(_LET_GO, (destination,))

    def oldest(self, *, results_max: int) -> list[ConfigResult]:
        """The first of them, in the order they were decided."""
        return [ConfigResult(*row) for row in self._rows(_OLDEST, (results_max,))]

    def forget(self, results: Sequence[ConfigResult]) -> None:
        """These are on their topic. May be called twice."""
        self._rows(_FORGET, ([result.result_id for result in results],))

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, statement: LiteralString, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._dsn, autocommit=True, connect_timeout=5, prepare_threshold=0)
                self._connection.execute(_SESSION)
            cursor = self._connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            self.close()
            reason = str(error).strip().splitlines()[0]
            raise EngineUnavailable(f"PostgreSQL does not answer ({reason}): see `make status`") from error
