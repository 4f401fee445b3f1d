-- An event is never rated after a person rejected it, under whatever time it comes again (DESIGN §3.7).
SELECT q.quarantine_id, q.decided_by, u.batch_id, u.account_id, u.amount_micros
FROM quarantined_event q JOIN usage_event u USING (event_key) JOIN batch b ON b.batch_id = u.batch_id
WHERE q.decision = 'rejected' AND b.booked_at > q.decided_at;
