-- An issued invoice has brought its postpaid wallet up by exactly what its lines took, a prepaid one by nothing.
SELECT number, account_id, i.lines_micros, e.settled_micros
FROM (SELECT i.number, i.account_id, sum(l.amount_micros) FILTER (WHERE a.mode = 'postpaid') AS lines_micros
      FROM invoice i JOIN account a USING (account_id) JOIN invoice_line l USING (invoice_id)
      WHERE i.status <> 'draft' GROUP BY i.invoice_id) i
FULL JOIN (SELECT reference AS number, account_id, amount_micros AS settled_micros
           FROM wallet_entry JOIN wallet USING (wallet_id) WHERE cause = 'invoice') e USING (number, account_id)
WHERE coalesce(i.lines_micros, 0) <> coalesce(e.settled_micros, 0);
