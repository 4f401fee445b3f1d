-- An account's standing is the last of its history, and its versions count the changes.
SELECT account_id, s.version, h.changes, s.state, h.state AS history_says
FROM account_standing s
FULL JOIN (SELECT account_id, count(*) AS changes, (array_agg(state ORDER BY version DESC))[1] AS state,
                  (array_agg(effective ORDER BY version DESC))[1] AS effective
           FROM standing_change GROUP BY account_id) h USING (account_id)
WHERE (s.version, s.state, s.effective) IS DISTINCT FROM (h.changes, h.state, h.effective);
