-- An issued invoice has brought postpaid wallets up by exactly what its lines took, prepaid ones by nothing.
SELECT number, i.lines_micros, e.settled_micros
FROM (SELECT i.number, sum(l.amount_micros) FILTER (WHERE a.mode = 'postpaid') AS lines_micros
      FROM invoice i JOIN invoice_line l USING (invoice_id) JOIN account a ON a.account_id = l.account_id
      WHERE i.status <> 'draft' GROUP BY i.invoice_id) i
FULL JOIN (SELECT reference AS number, sum(amount_micros) AS settled_micros
           FROM wallet_entry WHERE cause = 'invoice' GROUP BY reference) e USING (number)
WHERE coalesce(i.lines_micros, 0) <> coalesce(e.settled_micros, 0);
