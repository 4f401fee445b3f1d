-- The running totals of fees are the sums of what accruals booked, and each accrual took that, and what it booked for
-- periods without usage, from a wallet, once; one that
-- comes to nothing in all took nothing.
SELECT account_id, service_month, charge_id, price_cell, accrual_id, t.amount_micros, b.amount_micros AS booked_micros
FROM (SELECT t.account_id, t.service_month, t.charge_id, t.price_cell, t.quantity_millionths, t.amount_micros, NULL::bigint AS accrual_id
      FROM usage_total t JOIN charge c USING (charge_id) WHERE c.kind NOT IN ('usage', 'adjustment')) t
FULL JOIN (SELECT account_id, service_month, charge_id, price_cell, sum(quantity_millionths) AS quantity_millionths,
                  sum(amount_micros) AS amount_micros FROM fee_booking GROUP BY 1, 2, 3, 4) b
  USING (account_id, service_month, charge_id, price_cell)
WHERE (t.quantity_millionths, t.amount_micros) IS DISTINCT FROM (b.quantity_millionths, b.amount_micros)
UNION ALL
SELECT a.account_id, NULL, NULL, NULL, accrual_id, coalesce(-e.amount_micros, 0), b.amount_micros
FROM fee_accrual a
LEFT JOIN (SELECT accrual_id, sum(amount_micros) AS amount_micros
           FROM (SELECT accrual_id, amount_micros FROM fee_booking
                 UNION ALL SELECT accrual_id, amount_micros FROM unused_booking) each
           GROUP BY accrual_id) b USING (accrual_id)
LEFT JOIN wallet_entry e ON e.wallet_id = a.wallet_id AND e.cause = 'fee' AND e.reference = a.accrual_id::text
WHERE (a.amount_micros, a.amount_micros) IS DISTINCT FROM (b.amount_micros, coalesce(-e.amount_micros, 0));
