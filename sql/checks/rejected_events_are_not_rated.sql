-- An event a person rejected is never rated, under whatever time it comes again (DESIGN §3.7).
SELECT q.quarantine_id, q.decided_by, u.batch_id, u.account_id, u.amount_micros
FROM quarantined_event q JOIN usage_event u USING (event_key)
WHERE q.decision = 'rejected' AND u.received_at >= q.received_at;
