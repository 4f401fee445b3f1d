-- Distinct values, highest and latest values come to the quantity of the total or position they belong to.
WITH aggregated AS (      -- charges that sum or count nothing beside
    SELECT x.charge_id, c.document FROM charge_meter x JOIN meter m USING (meter_id) JOIN charge c USING (charge_id)
    GROUP BY x.charge_id, c.document HAVING bool_and(m.aggregation IN ('unique', 'max', 'latest'))
), remembered AS (
    SELECT owner_account_id, period_start, charge_id, price_cell, sum(quantity_millionths) AS quantity_millionths
    FROM (SELECT owner_account_id, period_start, charge_id, price_cell, count(*) * 1000000 AS quantity_millionths
          FROM unique_value GROUP BY 1, 2, 3, 4
          UNION ALL SELECT owner_account_id, period_start, charge_id, price_cell, value_millionths FROM meter_state) each
    GROUP BY 1, 2, 3, 4
), reached AS (
    SELECT t.account_id AS owner_account_id, t.service_month AS period_start, t.charge_id, t.price_cell, t.quantity_millionths
    FROM usage_total t JOIN aggregated g USING (charge_id)
    WHERE coalesce(g.document ->> 'reset', 'month') = 'month' AND coalesce(g.document ->> 'shared', 'account') = 'account'
    UNION ALL
    SELECT p.owner_account_id, p.period_start, p.charge_id, p.price_cell, p.quantity_millionths
    FROM price_position p JOIN aggregated g USING (charge_id)
)
SELECT owner_account_id, period_start, charge_id, price_cell, t.quantity_millionths AS reached, r.quantity_millionths AS remembered
FROM reached t
FULL JOIN (SELECT r.* FROM remembered r JOIN aggregated USING (charge_id)) r
  USING (owner_account_id, period_start, charge_id, price_cell)
WHERE coalesce(t.quantity_millionths, 0) <> coalesce(r.quantity_millionths, 0);
