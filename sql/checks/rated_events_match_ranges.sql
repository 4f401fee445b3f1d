-- As many rated events are stored as the ranges of each batch say (DESIGN §3.3).
SELECT batch_id, b.rated AS batch_says, r.rated AS ranges_say, e.stored
FROM batch b
LEFT JOIN (SELECT batch_id, sum(rated) AS rated FROM batch_range GROUP BY batch_id) r USING (batch_id)
LEFT JOIN (SELECT batch_id, count(*) AS stored FROM usage_event GROUP BY batch_id) e USING (batch_id)
WHERE b.rated <> coalesce(r.rated, 0) OR b.rated <> coalesce(e.stored, 0);
