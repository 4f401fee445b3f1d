"""Prices of before months without usage were booked keep the meaning they were published with; the migration marks them."""

import psycopg
import pytest

pytestmark = pytest.mark.engines

FILLED = """
INSERT INTO customer (code, legal_name, email, address_lines, country, tax_category, created_at)
VALUES ('c', 'C', 'c@example.com', '{}', 'US', 'overseas', now());
INSERT INTO account (code, customer_id, mode, currency, time_zone, created_at)
SELECT 'acme', customer_id, 'postpaid', 'INR', 'UTC', now() FROM customer;
INSERT INTO wallet (account_id, currency) SELECT account_id, 'INR' FROM account;
INSERT INTO meter (code, event_type, aggregation, property, filter) VALUES ('otp', 'otp', 'sum', 'quantity', '{}');
INSERT INTO plan (code, name) VALUES ('old', ''), ('booked', ''), ('new', ''), ('plain', '');
INSERT INTO plan_version (plan_id, version, currency, published_at, document)
SELECT plan_id, 1, 'INR', now() + (CASE code WHEN 'new' THEN 1 ELSE -1 END) * interval '1 hour', '{}' FROM plan;
INSERT INTO contract (code, currency, account_id, priority, validity, document, written_at)
SELECT 'agreed', 'INR', account_id, 0, tstzrange('2026-10-01', NULL), '{}', now() - interval '1 hour' FROM account;
INSERT INTO charge (plan_version_id, contract_id, code, kind, meter, description, sac, unit, price, document)
SELECT plan_version_id, contract_id, 'otp', 'usage', 'otp', s.code, '998319', 'u', price,
       jsonb_build_object('code', 'otp', 'kind', 'usage', 'meters', jsonb_build_array('otp'), 'price', price)
FROM (SELECT plan_version_id, NULL::bigint AS contract_id, code FROM plan_version JOIN plan USING (plan_id)
      UNION ALL SELECT NULL, contract_id, code FROM contract) s,
     LATERAL (SELECT CASE s.code WHEN 'plain' THEN '{"model": "per_unit", "unit_price": "1"}'::jsonb
              ELSE '{"model": "graduated", "flat_at_zero": true, "tiers": [{"flat_fee": "5", "unit_price": "1"}]}' END
             ) p (price);
INSERT INTO fee_accrual (account_id, wallet_id, booked_at, amount_micros)
SELECT account_id, wallet_id, now(), 5000000 FROM wallet;
INSERT INTO unused_booking (accrual_id, account_id, service_month, charge_id, price_cell, of_charge_id, of_price_cell, part,
                            metered_millionths, amount_micros)
SELECT accrual_id, account_id, '2026-10-01', charge_id, '*', charge_id, '*', 0, 0, 5000000
FROM fee_accrual, charge WHERE description = 'booked';
"""


def test_only_what_is_older_than_the_booking_and_was_never_booked_is_left_at_nothing(database_before):
    dsn, apply = database_before("0042_months_left_at_nothing")
    with psycopg.connect(dsn) as connection:
        connection.execute(FILLED.encode())
    assert apply() == ["0042_months_left_at_nothing"]
    with psycopg.connect(dsn) as connection:
        marked = connection.execute(
            "SELECT description FROM charge WHERE document ->> 'without_usage' = 'nothing' ORDER BY 1"
        )
        assert [name for (name,) in marked] == ["agreed", "old"]
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            connection.execute("UPDATE charge SET description = 'other'")
