-- A wallet is what its lots have left less its debt; there is debt only where no lot is left to use.
SELECT w.wallet_id, w.balance_micros, l.left_micros, w.lot_id
FROM wallet w
LEFT JOIN (SELECT wallet_id, sum(remaining_micros) AS left_micros,
                  bool_or(remaining_micros > 0 AND coalesce(expires_at > now(), true)) AS usable
           FROM lot_balance GROUP BY wallet_id) l USING (wallet_id)
LEFT JOIN credit_lot c ON c.lot_id = w.lot_id
WHERE coalesce(l.left_micros, 0) < w.balance_micros
   OR (coalesce(l.left_micros, 0) > w.balance_micros AND coalesce(l.usable, false))
   OR (w.lot_id IS NULL AND (coalesce(l.usable, false) OR w.lot_remaining_micros <> 0))
   OR (w.lot_id IS NOT NULL AND c.wallet_id IS DISTINCT FROM w.wallet_id);
