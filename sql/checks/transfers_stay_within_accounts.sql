-- Between the wallets of a prepaid account as much goes in as comes out, under each reference; nothing leaves the account.
SELECT account_id, transfer, sum(amount_micros) AS over_micros
FROM (SELECT coalesce(a.wallet_of_account_id, a.account_id) AS account_id, split_part(e.reference, ' / lot ', 1) AS transfer,
             e.amount_micros
      FROM wallet_entry e JOIN wallet w USING (wallet_id) JOIN account a USING (account_id)
      WHERE e.cause = 'transfer' AND a.mode = 'prepaid') t
GROUP BY account_id, transfer HAVING sum(amount_micros) <> 0;
