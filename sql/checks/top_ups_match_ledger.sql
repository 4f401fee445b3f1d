-- What payments were credited and given back is what their wallets say, before tax.
SELECT t.gateway, t.payment, t.taxable_minor, e.micros AS credited_micros, r.returned_minor, b.micros AS taken_micros
FROM top_up t
LEFT JOIN wallet_entry c ON c.wallet_id = t.wallet_id AND c.cause = 'top_up' AND c.reference = t.gateway || ' ' || t.payment
LEFT JOIN LATERAL (SELECT c.amount_micros AS micros) e ON true
LEFT JOIN LATERAL (SELECT sum(amount_minor) AS paid_back, sum(taxable_minor) AS returned_minor FROM top_up_return
                   WHERE top_up_id = t.top_up_id) r ON true
LEFT JOIN LATERAL (SELECT -sum(w.amount_micros) AS micros FROM wallet_entry w JOIN top_up_return u
                   ON u.top_up_id = t.top_up_id AND w.wallet_id = t.wallet_id AND w.cause = u.kind
                   AND w.reference = u.gateway || ' ' || u.reference) b ON true
WHERE coalesce(e.micros, 0) <> t.taxable_minor * 10000
   OR coalesce(r.paid_back, 0) <> t.given_back_minor
   OR coalesce(b.micros, 0) <> coalesce(r.returned_minor, 0) * 10000;
