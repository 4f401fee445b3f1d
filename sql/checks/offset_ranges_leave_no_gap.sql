-- Every offset of a partition below its progress lies in exactly one range, from the first one on (DESIGN §3.3).
WITH neighbours AS (
    SELECT topic, partition, first_offset, next_offset,
           lead(first_offset) OVER (PARTITION BY topic, partition ORDER BY first_offset) AS following
    FROM batch_range)
SELECT n.topic, n.partition, n.next_offset AS gap_from, coalesce(n.following, p.next_offset) AS gap_to
FROM neighbours n LEFT JOIN partition_progress p USING (topic, partition)
WHERE n.next_offset IS DISTINCT FROM coalesce(n.following, p.next_offset);
