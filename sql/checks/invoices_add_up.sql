-- An invoice's subtotal is the sum of its lines.
SELECT i.invoice_id, i.number, i.subtotal_minor, coalesce(sum(l.amount_minor), 0) AS lines_minor
FROM invoice i LEFT JOIN invoice_line l USING (invoice_id)
GROUP BY i.invoice_id HAVING i.subtotal_minor <> coalesce(sum(l.amount_minor), 0);
