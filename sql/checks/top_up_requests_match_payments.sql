-- A request counts as captured exactly when an applied payment event of its account says so.
SELECT r.request_id, r.account_id, r.state, e.type, p.outcome
FROM top_up_request r
LEFT JOIN payment_event e USING (payment_event_id)
LEFT JOIN payment_application p USING (payment_event_id)
LEFT JOIN account a ON a.account_id = r.account_id
WHERE (r.state = 'captured' AND (e.type <> 'payment.captured' OR p.outcome NOT IN ('credited', 'noted') OR p.outcome IS NULL))
   OR (e.payment_event_id IS NOT NULL AND e.subject <> a.code)
