-- Numbers of a series run from one without a gap up to the next free one (CGST Rule 46(b)).
SELECT s.series, s.financial_year, s.next_number, count(i.number) AS issued
FROM invoice_series s
LEFT JOIN invoice i ON i.number LIKE s.series || '/' || s.financial_year || '/%'
GROUP BY s.gstin, s.series, s.financial_year
HAVING count(i.number) <> s.next_number - 1 OR count(DISTINCT i.number) <> count(i.number)
    OR coalesce(max(split_part(i.number, '/', 3)::int), 0) <> s.next_number - 1;
