-- A wallet is the sum of its ledger, and its version counts the entries; no entry is without its wallet (DESIGN §3.4).
SELECT coalesce(w.wallet_id, e.wallet_id) AS wallet_id, w.balance_micros, e.total_micros, w.version, e.entries
FROM wallet w
FULL JOIN (SELECT wallet_id, sum(amount_micros) AS total_micros, count(*) AS entries, max(version) AS last_version
           FROM wallet_entry GROUP BY wallet_id) e USING (wallet_id)
WHERE w.wallet_id IS NULL OR w.balance_micros <> coalesce(e.total_micros, 0) OR w.version <> coalesce(e.entries, 0)
   OR w.version <> coalesce(e.last_version, 0);
