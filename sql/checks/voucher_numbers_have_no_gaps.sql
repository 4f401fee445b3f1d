-- Vouchers of a series run from one without a gap up to the next free number (CGST Rules 50 and 51).
SELECT s.series, s.financial_year, s.next_number, count(v.number) AS issued
FROM voucher_series s
LEFT JOIN voucher v ON v.gstin = s.gstin AND v.number LIKE s.series || '/' || s.financial_year || '/%'
GROUP BY s.gstin, s.series, s.financial_year, s.next_number
HAVING count(v.number) <> s.next_number - 1 OR count(DISTINCT v.number) <> count(v.number);
