-- What issued invoices took from each running total is what their lines say.
SELECT account_id, service_month, charge_id, price_cell, t.invoiced_amount_micros, l.amount_micros
FROM usage_total t
FULL JOIN (SELECT l.account_id, l.service_month, l.charge_id, l.price_cell, sum(l.amount_micros) AS amount_micros,
                  sum(l.quantity_millionths) AS quantity_millionths, sum(l.event_count) AS event_count
           FROM invoice_line l JOIN invoice i USING (invoice_id) WHERE i.status = 'issued' GROUP BY 1, 2, 3, 4) l
  USING (account_id, service_month, charge_id, price_cell)
WHERE (coalesce(t.invoiced_amount_micros, 0), coalesce(t.invoiced_quantity_millionths, 0), coalesce(t.invoiced_event_count, 0))
   <> (coalesce(l.amount_micros, 0), coalesce(l.quantity_millionths, 0), coalesce(l.event_count, 0));
