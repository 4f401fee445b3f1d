"""Dead letters, conflicts and quarantine in PostgreSQL, as an operator lists and counts them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Engine, TextClause, text

from connectors.postgres.database import snapshot
from invoicing.sending_again import Choice

# Parameters of an event that is not chosen by are NULL. Times are half-open: from is in, to is out.
CHOSEN: Final = """
    (CAST(:topic AS text) IS NULL OR topic = :topic)
    AND (CAST(:start AS timestamptz) IS NULL OR received_at >= :start)
    AND (CAST(:end AS timestamptz) IS NULL OR received_at < :end)
"""
WAITING: Final = f"""
    released_at IS NULL AND decision IS NULL AND {CHOSEN}
    AND (CAST(:ids AS bigint[]) IS NULL OR quarantine_id = ANY(:ids))
    AND (CAST(:alias AS text) IS NULL OR subject = :alias)
    AND (CAST(:reason AS text) IS NULL OR reason = :reason)
"""
# A dead letter may have no alias that can be read, so it is looked for in the bytes.
DEAD: Final = f"""
    {CHOSEN} AND (CAST(:ids AS bigint[]) IS NULL OR dead_letter_id = ANY(:ids))
    AND (CAST(:alias AS text) IS NULL OR position(convert_to(:alias, 'UTF8') IN payload) > 0)
    AND (CAST(:reason AS text) IS NULL OR reason = :reason)
"""
_IN_CONFLICT: Final = f"""
    {CHOSEN} AND (CAST(:alias AS text) IS NULL OR position(convert_to(:alias, 'UTF8') IN payload) > 0)
"""
_STATE: Final = """
    CASE WHEN decision IS NOT NULL THEN decision WHEN released_at IS NULL THEN 'waiting'
         WHEN sent_at IS NULL THEN 'released' ELSE 'sent' END
"""
_FITS_STATE: Final = (
    "(:state = 'all' OR :state = 'waiting' AND released_at IS NULL AND decision IS NULL OR decision = :state)"
)
_OF_ALL_STATES: Final = WAITING.replace("released_at IS NULL AND decision IS NULL", _FITS_STATE)
_ORIGIN: Final = "received_at, topic, partition, record_offset AS offset"

_QUARANTINE = text(f"""
SELECT quarantine_id AS id, subject AS alias, reason, {_STATE} AS state, event_time, {_ORIGIN}
FROM quarantined_event WHERE {_OF_ALL_STATES} AND quarantine_id > :after ORDER BY quarantine_id LIMIT :limit
""")  # noqa: S608 - composed of constants, as all statements here
_DEAD_LETTERS = text(f"""
SELECT dead_letter_id AS id, reason, detail, {_ORIGIN}, index_in_record AS index, replayed_at,
       encode(substring(payload FOR 300), 'escape') AS payload
FROM dead_letter WHERE {DEAD} AND (:after = 0 OR dead_letter_id < :after) ORDER BY dead_letter_id DESC LIMIT :limit
""")  # noqa: S608
_CONFLICTS = text(f"""
SELECT conflict_id AS id, source, event_id, {_ORIGIN}, encode(substring(payload FOR 300), 'escape') AS payload
FROM conflicting_event WHERE {_IN_CONFLICT} AND (:after = 0 OR conflict_id < :after) ORDER BY conflict_id DESC LIMIT :limit
""")  # noqa: S608
_SPAN: Final = "count(*) AS events, min(received_at) AS first_received_at, max(received_at) AS last_received_at"
_COUNTS: Final[Mapping[str, TextClause]] = {
    "quarantine": text(f"""
SELECT reason, {_STATE} AS state, {_SPAN} FROM quarantined_event WHERE {_OF_ALL_STATES} GROUP BY 1, 2 ORDER BY 1, 2
"""),  # noqa: S608
    "dead-letter": text(f"""
SELECT reason, count(*) FILTER (WHERE replayed_at IS NOT NULL) AS replayed, {_SPAN}
FROM dead_letter WHERE {DEAD} GROUP BY 1 ORDER BY 1
"""),  # noqa: S608
    "conflict": text(f"""
SELECT source, {_SPAN} FROM conflicting_event WHERE {_IN_CONFLICT} GROUP BY 1 ORDER BY 1
"""),  # noqa: S608
}


_ALL: Final = Choice()


class RefusedEvents:
    """What could not be booked, in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def quarantine(
        self, choice: Choice = _ALL, *, state: str = "waiting", after: int = 0, limit: int
    ) -> list[dict[str, Any]]:
        """Events of quarantine, oldest first, after an id; `state` is waiting, accepted, rejected or all."""
        return self._read(_QUARANTINE, parameters(choice) | {"state": state, "after": after, "limit": limit})

    def dead_letters(self, choice: Choice = _ALL, *, after: int = 0, limit: int) -> list[dict[str, Any]]:
        """Dead letters, newest first, with the first bytes of their payload; `after` an id goes on with older ones."""
        return self._read(_DEAD_LETTERS, parameters(choice) | {"after": after, "limit": limit})

    def conflicts(self, choice: Choice = _ALL, *, after: int = 0, limit: int) -> list[dict[str, Any]]:
        """Conflicting events, newest first, with the first bytes of their payload; `after` as above."""
        return self._read(_CONFLICTS, parameters(choice) | {"after": after, "limit": limit})

    def counts(self, kind: str, choice: Choice, *, state: str = "waiting") -> list[dict[str, Any]]:
        """How many of a kind (quarantine, dead-letter, conflict), by reason or, of conflicts, by source."""
        return self._read(_COUNTS[kind], parameters(choice) | {"state": state})

    def _read(self, statement: TextClause, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        with snapshot(self._engine) as connection:
            return [dict(row) for row in connection.execute(statement, _used(statement, values)).mappings()]


def parameters(choice: Choice) -> dict[str, Any]:
    """The values of a choice for the conditions above."""
    return {
        "ids": None if choice.ids is None else list(choice.ids),
        "alias": choice.alias,
        "reason": choice.reason,
        "topic": choice.topic,
        "start": choice.start,
        "end": choice.end,
    }


def _used(statement: TextClause, values: Mapping[str, Any]) -> dict[str, Any]:
    wanted: Sequence[str] = list(statement.compile().params)
    return {name: values[name] for name in wanted}
