-- A postpaid wallet is below zero by what the accounts that pay from it used and were not invoiced for yet.
SELECT account_id, d.due_micros, e.carried_micros
FROM (SELECT a.pay_from_account_id AS account_id, sum(t.amount_micros - t.invoiced_amount_micros) AS due_micros
      FROM usage_total t JOIN account a USING (account_id) WHERE a.mode = 'postpaid' GROUP BY 1) d
FULL JOIN (SELECT a.account_id, -sum(e.amount_micros) AS carried_micros
           FROM wallet_entry e JOIN wallet w USING (wallet_id) JOIN account a USING (account_id)
           WHERE a.mode = 'postpaid' AND e.cause IN ('usage', 'fee', 'rerating', 'invoice', 'transfer') GROUP BY 1) e USING (account_id)
WHERE coalesce(d.due_micros, 0) <> coalesce(e.carried_micros, 0);
