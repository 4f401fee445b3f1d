-- What is left of a lot is what it was made of less everything that used it, and each use is of an entry of its wallet.
SELECT l.lot_id, l.wallet_id, l.amount_micros, l.remaining_micros, u.used_micros
FROM lot_balance l
LEFT JOIN (SELECT u.lot_id, sum(u.amount_micros) AS used_micros, bool_and(e.version IS NOT NULL) AS of_entries
           FROM lot_usage u LEFT JOIN wallet_entry e USING (wallet_id, version) GROUP BY u.lot_id) u USING (lot_id)
WHERE l.remaining_micros <> l.amount_micros - coalesce(u.used_micros, 0) OR NOT coalesce(u.of_entries, true);
