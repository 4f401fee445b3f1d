-- A price position is the sum of the parts of the events in it: over all owners, since a tree of accounts may change its top.
WITH rated AS (
    SELECT r.account_id, r.charge_id, split_part(r.price_cell, '//', 1) AS price_cell,
           CASE coalesce(c.document ->> 'reset', 'month')
                WHEN 'never' THEN date '0001-01-01'
                ELSE date_trunc(coalesce(c.document ->> 'reset', 'month'), r.event_time AT TIME ZONE a.time_zone)::date
           END AS period_start,
           coalesce(c.document ->> 'shared', 'account') AS shared,
           r.metered_millionths, r.amount_micros, r.event_count
    FROM rated_charge r
    JOIN charge c ON c.charge_id = r.charge_id
         AND (coalesce(c.document ->> 'reset', 'month') <> 'month' OR coalesce(c.document ->> 'shared', 'account') <> 'account')
    JOIN account a ON a.account_id = r.account_id
)
SELECT charge_id, price_cell, period_start, owner_id, p.quantity, e.quantity, p.amount, e.amount, p.events, e.events
FROM (SELECT p.charge_id, p.price_cell, p.period_start,
             CASE WHEN c.document ->> 'shared' = 'account_tree' THEN 0 ELSE p.owner_account_id END AS owner_id,
             sum(p.quantity_millionths) AS quantity, sum(p.amount_micros) AS amount, sum(p.event_count) AS events
      FROM price_position p JOIN charge c USING (charge_id) GROUP BY 1, 2, 3, 4) p
FULL JOIN (SELECT charge_id, price_cell, period_start, CASE WHEN shared = 'account_tree' THEN 0 ELSE account_id END AS owner_id,
                  sum(metered_millionths) AS quantity, sum(amount_micros) AS amount, sum(event_count) AS events
           FROM rated GROUP BY 1, 2, 3, 4) e
  USING (charge_id, price_cell, period_start, owner_id)
WHERE (coalesce(p.quantity, 0), coalesce(p.amount, 0), coalesce(p.events, 0))
   <> (coalesce(e.quantity, 0), coalesce(e.amount, 0), coalesce(e.events, 0));
