-- Each batch debited, for each account, the wallet that its version of the truth names, by the parts of events it rated.
SELECT batch_id, payer_id, r.rated_micros, d.debited_micros
FROM (SELECT u.batch_id, h.pay_from_account_id AS payer_id, sum(u.amount_micros) AS rated_micros
      FROM (SELECT batch_id, account_id, sum(amount_micros) AS amount_micros FROM rated_charge GROUP BY 1, 2) u
      JOIN batch b USING (batch_id)
      LEFT JOIN payer_history h ON h.account_id = u.account_id AND b.config_version >= h.since_version
           AND b.config_version < coalesce(h.until_version, 9223372036854775807)
      GROUP BY 1, 2) r
FULL JOIN (SELECT e.reference::bigint AS batch_id, w.account_id AS payer_id, -sum(e.amount_micros) AS debited_micros
           FROM wallet_entry e JOIN wallet w USING (wallet_id) WHERE e.cause IN ('usage', 'rerating') GROUP BY 1, 2) d
  USING (batch_id, payer_id)
WHERE coalesce(r.rated_micros, 0) <> coalesce(d.debited_micros, 0);
