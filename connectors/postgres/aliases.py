"""Whom aliases name, in PostgreSQL: spans of time that never overlap."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot
from domain.alias_spans import NamedSpan

_SPANS: Final = text("""
SELECT a.code, lower(s.validity), upper(s.validity) FROM alias s JOIN account a USING (account_id)
WHERE s.alias = :alias ORDER BY s.validity
""")
_ADD: Final = text("""
INSERT INTO alias (alias, account_id, validity)
SELECT :alias, account_id, tstzrange(:start, :end) FROM account WHERE code = :account
""")
_REMOVE: Final = text("""
DELETE FROM alias s USING account a
WHERE a.account_id = s.account_id AND s.alias = :alias AND a.code = :account AND s.validity = tstzrange(:start, :end)
""")
_PROGRESS: Final = text("SELECT topic, partition, next_offset FROM partition_progress")
_BOOKED: Final = text("""
SELECT count(*) FROM usage_event
WHERE subject = :alias AND event_time >= :start AND (event_time < :end OR CAST(:end AS timestamptz) IS NULL)
""")
_BOOKED_SINCE: Final = text("""
WITH seen AS (
    SELECT * FROM jsonb_to_recordset(CAST(:seen AS jsonb)) AS r (topic text, partition int, next_offset bigint)
), since AS (
    SELECT DISTINCT r.batch_id FROM batch_range r LEFT JOIN seen s USING (topic, partition)
    WHERE r.first_offset >= coalesce(s.next_offset, 0)
)
SELECT count(*) FROM since JOIN usage_event USING (batch_id)
WHERE subject = :alias AND event_time >= :start AND (event_time < :end OR CAST(:end AS timestamptz) IS NULL)
""")
_LISTING: Final = text("""
SELECT s.alias, a.code AS account, lower(s.validity) AS since, upper(s.validity) AS until
FROM alias s JOIN account a USING (account_id)
WHERE (a.code = :account OR CAST(:account AS text) IS NULL) AND (s.alias = :alias OR CAST(:alias AS text) IS NULL)
ORDER BY s.alias, s.validity LIMIT :limit
""")


class AliasRows:
    """The Aliases port in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen: dict[tuple[str, datetime], str] = {}

    def spans(self, alias: str) -> list[NamedSpan]:
        """Whom an alias names and when, the earliest first."""
        return [NamedSpan(*row) for row in self._connection.execute(_SPANS, {"alias": alias})]

    def add(self, alias: str, span: NamedSpan) -> None:
        """Let an alias name an account for a span that is free."""
        self._write(_ADD, alias, span)

    def replace(self, alias: str, before: NamedSpan, after: Sequence[NamedSpan]) -> None:
        """Put spans in the place of one."""
        self._write(_REMOVE, alias, before)
        for span in after:
            self.add(alias, span)

    def events_booked(self, alias: str, *, start: datetime, end: datetime | None) -> int:
        """How many booked events of an alias happened in a span; after the first call for it, only those booked since."""
        span = {"alias": alias, "start": start, "end": end}
        seen = self._seen.get((alias, start))
        if seen is not None:
            return int(self._connection.execute(_BOOKED_SINCE, {**span, "seen": seen}).scalar_one())
        # Read before the events: what is booked in between is counted twice, and never not at all.
        self._seen[alias, start] = json.dumps([dict(row) for row in self._connection.execute(_PROGRESS).mappings()])
        return int(self._connection.execute(_BOOKED, span).scalar_one())

    def _write(self, statement: Any, alias: str, span: NamedSpan) -> None:
        """Raises RuntimeError, undoing the transaction, unless the statement found its row."""
        parameters = {"alias": alias, "account": span.account, "start": span.start, "end": span.end}
        if self._connection.execute(statement, parameters).rowcount != 1:
            raise RuntimeError(f"the span of alias {alias!r} ({span}) is not there any more; nothing was saved")


class AliasReader:
    """Aliases for people to look at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def aliases(self, *, account: str | None, alias: str | None, limit: int) -> list[dict[str, Any]]:
        """Spans by alias and time; `since` and `until` are None for ever."""
        parameters = {"account": account, "alias": alias, "limit": limit}
        with snapshot(self._engine) as connection:
            return [dict(row) for row in connection.execute(_LISTING, parameters).mappings()]
