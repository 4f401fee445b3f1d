-- As many payment and config events are stored as the ranges of each batch and partition say (DESIGN §3.3).
SELECT batch_id, topic, partition, r.accepted AS ranges_say, e.stored
FROM (SELECT batch_id, topic, partition, sum(accepted) AS accepted FROM batch_range GROUP BY 1, 2, 3) r
FULL JOIN (SELECT batch_id, topic, partition, count(*) AS stored
           FROM (SELECT batch_id, topic, partition FROM payment_event
                 UNION ALL SELECT batch_id, topic, partition FROM config_event) both_families
           GROUP BY 1, 2, 3) e USING (batch_id, topic, partition)
WHERE coalesce(r.accepted, 0) <> coalesce(e.stored, 0);
