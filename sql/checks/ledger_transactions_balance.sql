-- Every transaction of the ledger sums to zero in its currency (DESIGN §3.4).
SELECT cause, reference, currency, sum(amount_micros) AS over_micros
FROM ledger_posting GROUP BY cause, reference, currency HAVING sum(amount_micros) <> 0;
