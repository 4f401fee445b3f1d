-- Each event's first part is priced by the plan its account was on at the event's time, or a contract of its own or of its
-- customer, in the version of the truth its batch records.
SELECT u.batch_id, b.config_version, u.account_id, u.event_time, u.charge_id
FROM usage_event u JOIN batch b USING (batch_id) JOIN charge c USING (charge_id) JOIN account a USING (account_id)
LEFT JOIN contract k USING (contract_id)
WHERE NOT EXISTS (
    SELECT FROM subscription_history h
    WHERE h.account_id = u.account_id AND h.validity @> u.event_time
      AND h.plan_version_id = coalesce(c.plan_version_id, h.plan_version_id)
      AND b.config_version >= h.since_version AND b.config_version < coalesce(h.until_version, 9223372036854775807))
   OR (c.contract_id IS NOT NULL AND (u.event_time < lower(k.validity) OR k.currency <> a.currency
       OR (k.account_id <> a.account_id) IS TRUE OR (k.customer_id <> a.customer_id) IS TRUE));
