"""The statements of a re-rating's transaction, in the order they run."""

from typing import Final

_MICROS: Final = "(extract(epoch FROM {}) * 1000000)::bigint"

LOCK_CONFIG: Final = "SELECT version FROM config_version FOR SHARE"
OPTIONS: Final = """
SELECT DISTINCT coalesce(c.document ->> 'reset', 'month'), coalesce(c.document ->> 'shared', 'account')
FROM usage_total t JOIN charge c USING (charge_id)
WHERE t.account_id = ANY(%s) AND c.kind IN ('usage', 'adjustment')
"""
LOCK_WALLETS: Final = """
SELECT wallet_id FROM wallet WHERE wallet_id = ANY(%s) ORDER BY wallet_id FOR NO KEY UPDATE
"""
LOCK_POSITIONS: Final = """
SELECT FROM price_position WHERE owner_account_id = ANY(%s) AND period_start >= %s
ORDER BY owner_account_id, period_start, charge_id, price_cell FOR UPDATE
"""

# One desk at a time for a tree of accounts; another waits this long.
TAKE_TURN: Final = """
WITH RECURSIVE up (account_id, parent_id) AS (
    SELECT account_id, parent_id FROM account WHERE code = %s
    UNION ALL SELECT a.account_id, a.parent_id FROM account a JOIN up ON a.account_id = up.parent_id)
SELECT pg_advisory_xact_lock(hashtextextended('rerating', account_id)) FROM up WHERE parent_id IS NULL
"""
WAIT_LONG: Final = "SELECT set_config('lock_timeout', '120s', true)"
WAIT_SHORTLY: Final = "SELECT set_config('lock_timeout', '10s', true)"

# Batches that had a number and were not committed: whose events may come to light later, below the greatest number.
REACHED: Final = "SELECT last_value FROM batch_batch_id_seq"
UNDER_WAY: Final = """
SELECT number FROM generate_series(greatest(1, %(reached)s - 2000), %(reached)s) AS number
WHERE NOT EXISTS (SELECT FROM batch WHERE batch_id = number)
"""

# The first month begins at different instants in different time zones, so the months themselves are compared, too.
INVOICED: Final = """
SELECT account_id, service_month FROM usage_total
WHERE account_id = ANY(%s)
  AND (invoiced_quantity_millionths, invoiced_amount_micros, invoiced_event_count) <> (0, 0, 0) GROUP BY 1, 2
"""
LABELS: Final = """
SELECT c.charge_id, coalesce(p.code || ' v' || v.version, 'contract ' || k.code) || ', ' || c.code
FROM charge c
LEFT JOIN (plan_version v JOIN plan p USING (plan_id)) USING (plan_version_id)
LEFT JOIN contract k ON k.contract_id = c.contract_id
WHERE c.charge_id IN (SELECT charge_id FROM usage_total WHERE account_id = ANY(%s))
   OR c.plan_version_id IN (SELECT plan_version_id FROM subscription WHERE account_id = ANY(%s))
   OR c.contract_id IS NOT NULL
"""
TOTALS: Final = """
SELECT t.account_id, t.service_month, t.charge_id, t.price_cell, t.quantity_millionths, t.amount_micros, t.event_count
FROM usage_total t JOIN charge c USING (charge_id)
WHERE t.account_id = ANY(%s) AND t.service_month >= %s AND c.kind IN ('usage', 'adjustment')
"""
POSITIONS: Final = """
SELECT owner_account_id, period_start, charge_id, price_cell, quantity_millionths, amount_micros, event_count
FROM price_position WHERE owner_account_id = ANY(%s) AND period_start >= %s
"""
FURTHER: Final = f"""
SELECT event_key, {_MICROS.format("event_time")}, charge_id, price_cell,
       sum(coalesce(metered_millionths, quantity_millionths))::bigint, sum(amount_micros)::bigint, sum(event_count)::bigint
FROM further_charge WHERE account_id = ANY(%s) AND event_time >= %s AND kind <> 'repricing'
GROUP BY event_key, event_time, charge_id, price_cell
"""  # noqa: S608 - composed of constants
_EVENT: Final = f"""
SELECT event_key, {_MICROS.format("event_time")}, account_id, charge_id, price_cell,
       coalesce(metered_millionths, quantity_millionths), amount_micros,
       source, event_id, subject, meter, quantity_millionths, properties
FROM usage_event WHERE account_id = ANY(%s) AND event_time >= %s
"""  # noqa: S608
EVENTS: Final = f"{_EVENT} ORDER BY batch_id, partition, record_offset, ctid"
LATER_EVENTS: Final = f"""
{_EVENT} AND (batch_id > %s OR batch_id = ANY(%s)) ORDER BY batch_id, partition, record_offset, ctid
"""
FURTHER_OF: Final = f"""
SELECT event_key, {_MICROS.format("event_time")}, charge_id, price_cell,
       sum(coalesce(metered_millionths, quantity_millionths))::bigint, sum(amount_micros)::bigint, sum(event_count)::bigint
FROM further_charge WHERE account_id = ANY(%s) AND event_time >= %s AND kind = 'part' AND event_key = ANY(%s)
  AND (batch_id > %s OR batch_id = ANY(%s))
GROUP BY event_key, event_time, charge_id, price_cell
"""  # noqa: S608

INSERT_BATCH: Final = """
INSERT INTO batch (worker, config_version, booked_at, rated) VALUES ('rerating', %s, %s, 0) RETURNING batch_id
"""
COPY_ROWS: Final = """
COPY further_charge (event_key, event_time, batch_id, account_id, charge_id, quantity_millionths, amount_micros,
    metered_millionths, event_count, kind, price_cell) FROM STDIN
"""
ADD_TOTALS: Final = """
INSERT INTO usage_total AS t
    (account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (account_id, service_month, charge_id, price_cell) DO UPDATE SET
    quantity_millionths = t.quantity_millionths + excluded.quantity_millionths,
    amount_micros = t.amount_micros + excluded.amount_micros, event_count = t.event_count + excluded.event_count
"""
ADD_POSITIONS: Final = """
INSERT INTO price_position AS t
    (owner_account_id, period_start, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (owner_account_id, period_start, charge_id, price_cell) DO UPDATE SET
    quantity_millionths = t.quantity_millionths + excluded.quantity_millionths,
    amount_micros = t.amount_micros + excluded.amount_micros, event_count = t.event_count + excluded.event_count
"""
FORGET_STATES: Final = "DELETE FROM meter_state WHERE owner_account_id = ANY(%s) AND period_start >= %s"
FORGET_VALUES: Final = "DELETE FROM unique_value WHERE owner_account_id = ANY(%s) AND period_start >= %s"
COPY_STATES: Final = """
COPY meter_state (owner_account_id, period_start, charge_id, price_cell, meter_id, value_millionths, event_time, event_key)
FROM STDIN
"""
COPY_VALUES: Final = """
COPY unique_value (owner_account_id, period_start, charge_id, price_cell, meter_id, value_digest) FROM STDIN
"""
DEBIT: Final = """
WITH changed AS (
    UPDATE wallet SET balance_micros = balance_micros - %(amount)s, version = version + 1 WHERE wallet_id = %(wallet)s
    RETURNING wallet_id, account_id, balance_micros, version
), booked AS (
    INSERT INTO wallet_entry (wallet_id, version, amount_micros, balance_after_micros, cause, reference, booked_at)
    SELECT wallet_id, version, -%(amount)s, balance_micros, 'rerating', %(reference)s, %(at)s FROM changed
)
SELECT FROM changed
"""
BALANCES: Final = "SELECT wallet_id, account_id, balance_micros, version FROM wallet WHERE wallet_id = ANY(%s)"
AUDIT: Final = """
INSERT INTO audit_record (at, actor, action, subject, after) VALUES (%s, %s, 'usage.rerated', %s, %s::jsonb)
"""
