-- An issued invoice has brought its postpaid wallet up by exactly what its lines took, a prepaid one by nothing.
SELECT i.number, i.account_id, l.lines_micros, e.settled_micros
FROM invoice i
JOIN account a USING (account_id)
LEFT JOIN (SELECT invoice_id, sum(amount_micros) AS lines_micros FROM invoice_line GROUP BY invoice_id) l USING (invoice_id)
FULL JOIN (SELECT account_id, reference AS number, amount_micros AS settled_micros
           FROM wallet_entry JOIN wallet USING (wallet_id) WHERE cause = 'invoice') e USING (account_id, number)
WHERE i.status IS DISTINCT FROM 'draft'
  AND (CASE WHEN i.prepaid_minor = i.total_minor AND i.total_minor > 0 THEN 0 ELSE coalesce(l.lines_micros, 0) END)
      <> coalesce(e.settled_micros, 0);
