-- The running totals are the sums of the events they count.
SELECT account_id, charge_id, price_cell, service_month,
       t.quantity_millionths, e.quantity, t.amount_micros, e.amount, t.event_count, e.events
FROM usage_total t
FULL JOIN (SELECT u.account_id, u.charge_id, u.price_cell,
                  date_trunc('month', u.event_time AT TIME ZONE a.time_zone)::date AS service_month,
                  sum(u.quantity_millionths) AS quantity, sum(u.amount_micros) AS amount, count(*) AS events
           FROM usage_event u JOIN account a USING (account_id) GROUP BY 1, 2, 3, 4) e
  USING (account_id, charge_id, price_cell, service_month)
WHERE (t.quantity_millionths, t.amount_micros, t.event_count) IS DISTINCT FROM (e.quantity, e.amount, e.events);
