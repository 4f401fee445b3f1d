-- Every further part belongs to an event that was rated, of the same account, and stands there once.
SELECT f.event_key, f.event_time, f.batch_id, f.account_id, f.charge_id, f.price_cell, f.kind, 'without its event' AS what
FROM further_charge f
LEFT JOIN usage_event u ON u.event_time = f.event_time AND u.event_key = f.event_key AND u.account_id = f.account_id
     AND (f.kind <> 'part' OR u.batch_id = f.batch_id)
WHERE u.event_key IS NULL
UNION ALL
SELECT event_key, event_time, max(batch_id), account_id, charge_id, price_cell, 'part', 'twice'
FROM rated_charge WHERE kind = 'part'
GROUP BY event_key, event_time, account_id, charge_id, price_cell HAVING count(*) > 1;
