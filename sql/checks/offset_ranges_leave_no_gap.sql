-- Every offset of a partition below its progress lies in exactly one range, from the first one on, or is known to be vacant (DESIGN §3.3); `billing events replay` reads Kafka there, fills a gap, or finds it vacant.
WITH spans AS (
    SELECT topic, partition, first_offset, next_offset FROM batch_range
    UNION ALL SELECT topic, partition, first_offset, next_offset FROM vacant_offsets
), neighbours AS (
    SELECT topic, partition, next_offset,
           lead(first_offset) OVER (PARTITION BY topic, partition ORDER BY first_offset) AS following
    FROM spans)
SELECT topic, partition, n.next_offset AS gap_from, coalesce(n.following, p.next_offset) AS gap_to
FROM neighbours n FULL JOIN partition_progress p USING (topic, partition)
WHERE n.next_offset IS DISTINCT FROM coalesce(n.following, nullif(p.next_offset, 0));
