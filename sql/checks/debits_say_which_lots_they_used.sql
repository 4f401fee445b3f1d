-- A debit uses lots for its amount at most, a credit repays and gives back for its amount at most; the rest is debt.
SELECT e.wallet_id, e.version, e.cause, e.amount_micros, u.used_micros
FROM wallet_entry e
JOIN (SELECT wallet_id, version, sum(amount_micros) AS used_micros FROM lot_usage GROUP BY 1, 2) u USING (wallet_id, version)
WHERE abs(u.used_micros) > abs(e.amount_micros) OR (e.amount_micros < 0 AND u.used_micros < 0);
