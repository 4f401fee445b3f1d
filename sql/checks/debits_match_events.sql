-- Each batch debited, for each event, the wallet that its version of the truth names, by the parts of events it rated.
-- What an event is matters only where its payer has, or had, further wallets. PostgreSQL's JSON has no character U+0000
-- (connectors/postgres/readable_properties.py).
WITH by_event (account_ids) AS MATERIALIZED (
    SELECT ARRAY(SELECT y.account_id FROM payer_history y JOIN purpose_history f ON f.account_id = y.pay_from_account_id)),
rated (batch_id, account_id, meter, properties, amount_micros) AS (
    SELECT batch_id, account_id, NULL::text, NULL::text, sum(amount_micros) FROM rated_charge
    WHERE account_id <> ALL ((SELECT account_ids FROM by_event)::bigint[]) GROUP BY 1, 2
    UNION ALL
    SELECT c.batch_id, c.account_id, e.meter, CASE WHEN strpos(e.properties, '\u0000') = 0 THEN e.properties
               ELSE regexp_replace(e.properties, '(?<!\\)((\\\\)*)\\u0000', '\1\\u0001', 'g') END, c.amount_micros
    FROM rated_charge c JOIN usage_event e USING (event_key, event_time)
    WHERE EXISTS (SELECT FROM purpose_history) AND c.account_id = ANY ((SELECT account_ids FROM by_event)::bigint[]))
SELECT batch_id, payer_id, r.rated_micros, d.debited_micros
FROM (SELECT u.batch_id, coalesce(CASE WHEN u.meter IS NOT NULL THEN
                 further_payer(h.pay_from_account_id, u.meter, u.properties, b.config_version) END, h.pay_from_account_id) AS payer_id,
             sum(u.amount_micros) AS rated_micros
      FROM rated u JOIN batch b USING (batch_id)
      LEFT JOIN payer_history h ON h.account_id = u.account_id AND b.config_version >= h.since_version
           AND b.config_version < coalesce(h.until_version, 9223372036854775807)
      GROUP BY 1, 2) r
FULL JOIN (SELECT e.reference::bigint AS batch_id, w.account_id AS payer_id, -sum(e.amount_micros) AS debited_micros
           FROM wallet_entry e JOIN wallet w USING (wallet_id) WHERE e.cause IN ('usage', 'rerating') GROUP BY 1, 2) d
  USING (batch_id, payer_id)
WHERE coalesce(r.rated_micros, 0) <> coalesce(d.debited_micros, 0);
