-- No more is recorded as paid of an invoice than it asks for, and only by the account it is for.
SELECT i.number, invoice_open_minor(i.invoice_id) AS open_minor, s.account_id
FROM invoice_settlement s JOIN invoice i USING (invoice_id)
WHERE i.status = 'draft' OR s.account_id <> i.account_id
   OR (i.status = 'issued' AND invoice_open_minor(i.invoice_id) < 0)
