-- What was rated is what wallets were debited, account by account (DESIGN §3.3).
SELECT account_id, t.rated_micros, l.debited_micros
FROM (SELECT account_id, sum(amount_micros) AS rated_micros FROM usage_total GROUP BY account_id) t
FULL JOIN (SELECT account_id, -sum(amount_micros) AS debited_micros
           FROM wallet_entry JOIN wallet USING (wallet_id) WHERE cause = 'usage' GROUP BY account_id) l USING (account_id)
WHERE coalesce(t.rated_micros, 0) <> coalesce(l.debited_micros, 0);
