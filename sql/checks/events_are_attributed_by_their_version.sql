-- Each event belongs to the account its alias named at the event's time, in the version of the truth its batch records.
SELECT u.batch_id, b.config_version, u.subject, u.event_time, u.account_id
FROM usage_event u LEFT JOIN batch b USING (batch_id)
WHERE NOT EXISTS (
    SELECT FROM alias_history h
    WHERE h.alias = u.subject AND h.account_id = u.account_id AND h.validity @> u.event_time
      AND b.config_version >= h.since_version AND b.config_version < coalesce(h.until_version, 9223372036854775807));
