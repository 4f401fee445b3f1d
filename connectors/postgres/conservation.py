"""Where events went, partition by partition, from the ranges batches wrote and from the rows that are stored."""

from datetime import datetime

from sqlalchemy import Engine, text

from connectors.postgres.database import snapshot
from invoicing.certify_books import RangeCertificate, StoredDifference

_BOOKED = """(CAST(:start AS timestamptz) IS NULL OR b.booked_at >= :start)
          AND (CAST(:end AS timestamptz) IS NULL OR b.booked_at < :end)"""
# Vacant offsets join the ranges around them and hold nothing. A run ends where the next range does not begin at once. Only
# offsets between chosen ranges matter, so vacant ones at either end are left out with runs that hold no record.
_RANGES = text(f"""
WITH spans AS (
    SELECT r.topic, r.partition, r.first_offset, r.next_offset, r.records, r.received,
           r.rated, r.accepted, r.duplicate, r.conflict, r.dead_lettered, r.quarantined
    FROM batch_range r JOIN batch b USING (batch_id) WHERE {_BOOKED}
    UNION ALL
    SELECT topic, partition, first_offset, next_offset, 0, 0, 0, 0, 0, 0, 0, 0 FROM vacant_offsets
), marked AS (
    SELECT *, (first_offset IS DISTINCT FROM lag(next_offset) OVER earlier)::int AS begins
    FROM spans WINDOW earlier AS (PARTITION BY topic, partition ORDER BY first_offset, next_offset)
), runs AS (
    SELECT *, sum(begins) OVER (PARTITION BY topic, partition ORDER BY first_offset, next_offset) AS run FROM marked
)
SELECT topic, partition, min(first_offset) AS first_offset, max(next_offset) AS next_offset, sum(records)::bigint AS records,
       sum(received)::bigint AS received, sum(rated)::bigint AS rated, sum(accepted)::bigint AS accepted,
       sum(duplicate)::bigint AS duplicate,
       sum(conflict)::bigint AS conflict, sum(dead_lettered)::bigint AS dead_lettered,
       sum(quarantined)::bigint AS quarantined
FROM runs GROUP BY topic, partition, run HAVING sum(records) > 0 ORDER BY topic, partition, min(first_offset)
""")  # noqa: S608 - composed of constants, as the statement below
_DIFFERENCES = text(f"""
WITH said AS (
    SELECT batch_id, sum(r.rated) AS rated, sum(accepted) AS accepted, sum(conflict) AS conflict,
           sum(dead_lettered) AS dead_lettered, sum(quarantined) AS quarantined
    FROM batch_range r JOIN batch b USING (batch_id) WHERE {_BOOKED} GROUP BY batch_id
), kinds AS (
    SELECT batch_id, k.kind, k.ranges_say FROM said,
           LATERAL (VALUES ('rated', rated), ('accepted', accepted), ('conflict', conflict),
                           ('dead_lettered', dead_lettered), ('quarantined', quarantined)) AS k (kind, ranges_say)
), stored AS (
    SELECT batch_id, 'rated' AS kind, count(*) AS stored FROM usage_event GROUP BY batch_id
    UNION ALL SELECT batch_id, 'accepted', count(*) FROM (SELECT batch_id FROM payment_event
        UNION ALL SELECT batch_id FROM config_event) AS kept GROUP BY batch_id
    UNION ALL SELECT batch_id, 'conflict', count(*) FROM conflicting_event GROUP BY batch_id
    UNION ALL SELECT batch_id, 'dead_lettered', count(*) FROM dead_letter GROUP BY batch_id
    UNION ALL SELECT batch_id, 'quarantined', count(*) FROM quarantined_event GROUP BY batch_id
)
SELECT batch_id, kind, ranges_say, coalesce(stored, 0) AS stored FROM kinds LEFT JOIN stored USING (batch_id, kind)
WHERE ranges_say <> coalesce(stored, 0) ORDER BY batch_id, kind LIMIT 100
""")  # noqa: S608


class PostgresConservation:
    """The Conservation port on one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def ranges(self, *, start: datetime | None, end: datetime | None) -> list[RangeCertificate]:
        """Runs of offsets without a gap or an overlap, booked in [start, end), by topic, partition and offset."""
        with snapshot(self._engine) as connection:
            rows = connection.execute(_RANGES, {"start": start, "end": end}).mappings()
            return [RangeCertificate(**row) for row in rows]

    def stored_differences(self, *, start: datetime | None, end: datetime | None) -> list[StoredDifference]:
        """Batches booked in [start, end) whose ranges differ from the rows that are stored; at most 100."""
        with snapshot(self._engine) as connection:
            rows = connection.execute(_DIFFERENCES, {"start": start, "end": end}).mappings()
            return [StoredDifference(**row) for row in rows]
