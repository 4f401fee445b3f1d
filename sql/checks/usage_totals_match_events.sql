-- The running totals are the sums of the parts of the events they count, and of what was booked for periods without any.
-- Parts that come to nothing need no total.
SELECT account_id, charge_id, price_cell, service_month,
       t.quantity_millionths, e.quantity, t.amount_micros, e.amount, t.event_count, e.events
FROM (SELECT t.* FROM usage_total t JOIN charge c USING (charge_id) WHERE c.kind IN ('usage', 'adjustment')) t
FULL JOIN (SELECT account_id, charge_id, price_cell, service_month, sum(quantity) AS quantity, sum(amount) AS amount,
                  sum(events) AS events
           FROM (SELECT r.account_id, r.charge_id, r.price_cell,
                        date_trunc('month', r.event_time AT TIME ZONE a.time_zone)::date AS service_month,
                        sum(r.metered_millionths) AS quantity, sum(r.amount_micros) AS amount, sum(r.event_count) AS events
                 FROM rated_charge r JOIN account a USING (account_id) GROUP BY 1, 2, 3, 4
                 UNION ALL
                 SELECT account_id, charge_id, price_cell, service_month, metered_millionths, amount_micros, 0
                 FROM unused_booking) each
           GROUP BY 1, 2, 3, 4) e
  USING (account_id, charge_id, price_cell, service_month)
WHERE (coalesce(t.quantity_millionths, 0), coalesce(t.amount_micros, 0), coalesce(t.event_count, 0))
   <> (coalesce(e.quantity, 0), coalesce(e.amount, 0), coalesce(e.events, 0));
