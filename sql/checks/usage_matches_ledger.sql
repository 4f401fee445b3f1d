-- What was rated, and what fees came to, is what wallets were debited, currency by currency (DESIGN §3.3).
SELECT currency, t.rated_micros, l.debited_micros
FROM (SELECT currency, sum(amount_micros) AS rated_micros FROM usage_total JOIN account USING (account_id) GROUP BY currency) t
FULL JOIN (SELECT currency, -sum(amount_micros) AS debited_micros
           FROM wallet_entry JOIN wallet USING (wallet_id) WHERE cause IN ('usage', 'fee', 'rerating') GROUP BY currency) l USING (currency)
WHERE coalesce(t.rated_micros, 0) <> coalesce(l.debited_micros, 0);
