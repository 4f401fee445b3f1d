"""The statements of the metering transaction, in the order they run."""

from typing import Final

# A worker that stands still inside its transaction gives its locks back after ten seconds, as its partitions.
SESSION: Final = """
SELECT set_config('statement_timeout', '30s', false), set_config('lock_timeout', '20s', false),
       set_config('idle_in_transaction_session_timeout', '10s', false), set_config('timezone', 'UTC', false)
"""

# Shared: batches run side by side; a change of configuration waits for them and they for it, so every batch is rated
# with exactly the version it records.
LOCK_CONFIG: Final = """
SELECT version, nextval(pg_get_serial_sequence('batch', 'batch_id')) FROM config_version FOR SHARE
"""

# A row that is not there cannot be locked: two workers that meet on a partition for the first time would both book it.
ADD_PARTITIONS: Final = """
INSERT INTO partition_progress (topic, partition, next_offset)
SELECT topic, partition, 0 FROM unnest(%b::text[], %b::int[]) AS wanted (topic, partition) ORDER BY topic, partition
ON CONFLICT DO NOTHING
"""

LOCK_PARTITIONS: Final = """
SELECT p.topic, p.partition, p.next_offset
FROM partition_progress p JOIN unnest(%b::text[], %b::int[]) AS wanted (topic, partition) USING (topic, partition)
ORDER BY p.topic, p.partition FOR UPDATE OF p
"""

# Claims all identities when none of them is known, and otherwise nothing: the cheap way for the usual batch.
CLAIM_ALL: Final = """
INSERT INTO event_key (event_key, body_digest, claimed_at)
SELECT event_key, body_digest, received_at
FROM unnest(%(keys)b::uuid[], %(digests)b::uuid[], %(received_at)b::timestamptz[]) AS w (event_key, body_digest, received_at)
WHERE NOT EXISTS (SELECT FROM event_key WHERE event_key = ANY(%(keys)b::uuid[]))
ORDER BY event_key
"""

# Claims what can be claimed. Returns the identities that cannot, with their digests where this snapshot can see them.
# An identity claimed 24 hours earlier may be claimed anew: from then on the event time decides (DESIGN §3.2).
CLAIM: Final = """
WITH wanted AS (
    SELECT * FROM unnest(%(keys)b::uuid[], %(digests)b::uuid[], %(received_at)b::timestamptz[])
           AS w (event_key, body_digest, received_at)
), claimed AS (
    INSERT INTO event_key AS k (event_key, body_digest, claimed_at)
    SELECT event_key, body_digest, received_at FROM wanted ORDER BY event_key
    ON CONFLICT (event_key) DO UPDATE SET body_digest = excluded.body_digest, claimed_at = excluded.claimed_at
        WHERE k.claimed_at <= excluded.claimed_at - interval '24 hours'
    RETURNING event_key
)
SELECT w.event_key, (SELECT k.body_digest FROM event_key k WHERE k.event_key = w.event_key)
FROM wanted w WHERE NOT EXISTS (SELECT FROM claimed c WHERE c.event_key = w.event_key)
"""

DIGESTS: Final = "SELECT event_key, body_digest FROM event_key WHERE event_key = ANY(%b::uuid[])"

# An identity may have expired from the 24-hour store while its event still waits: it waits once all the same.
STILL_WAITING: Final = """
SELECT event_key, body_digest FROM quarantined_event WHERE released_at IS NULL AND event_key = ANY(%b::uuid[])
"""

LOCK_WALLETS: Final = """
SELECT count(*) FROM (
    SELECT wallet_id FROM wallet WHERE wallet_id = ANY(%b::bigint[]) ORDER BY wallet_id FOR NO KEY UPDATE) AS locked
"""

TOTALS: Final = """
SELECT wanted.ordinal, t.quantity_millionths, t.amount_micros, t.event_count
FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[])
     WITH ORDINALITY AS wanted (account_id, service_month, charge_id, price_cell, ordinal)
JOIN usage_total t USING (account_id, service_month, charge_id, price_cell)
"""

COPY_EVENTS: Final = """
COPY usage_event (batch_id, amount_micros, event_key, event_time, received_at, partition, record_offset, account_id,
    charge_id, quantity_millionths, source, event_id, subject, meter, price_cell, properties)
FROM STDIN (FORMAT binary)
"""

# Of a batch in which a running total gained something else than the reported quantity.
COPY_METERED_EVENTS: Final = COPY_EVENTS.replace("properties)", "properties, metered_millionths)")

COPY_FURTHER: Final = """
COPY further_charge (event_key, event_time, batch_id, account_id, charge_id, quantity_millionths, amount_micros,
    metered_millionths, event_count, price_cell)
FROM STDIN (FORMAT binary)
"""

COUNTED_BEFORE: Final = """
SELECT u.event_key, u.meter, u.subject, u.quantity_millionths, u.properties
FROM unnest(%b::uuid[], %b::timestamptz[]) AS mine (event_key, event_time)
JOIN usage_event u USING (event_key, event_time)
"""

INSERT_BATCH: Final = """
INSERT INTO batch (batch_id, worker, config_version, booked_at, rated) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s)
"""

INSERT_RANGES: Final = """
INSERT INTO batch_range (batch_id, topic, partition, first_offset, next_offset, records,
    rated, duplicate, conflict, dead_lettered, quarantined, received)
SELECT %s, r.*, rated + duplicate + conflict + dead_lettered + quarantined
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::bigint[], %b::int[],
            %b::int[], %b::int[], %b::int[], %b::int[], %b::int[])
     AS r (topic, partition, first_offset, next_offset, records, rated, duplicate, conflict, dead_lettered, quarantined)
"""

ADVANCE: Final = """
INSERT INTO partition_progress (topic, partition, next_offset)
SELECT * FROM unnest(%b::text[], %b::int[], %b::bigint[])
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = greatest(partition_progress.next_offset, excluded.next_offset)
"""

# Changes fewer rows than it is given when a total is not what it was taken for.
CHANGE_TOTALS: Final = """
UPDATE usage_total t SET
    quantity_millionths = t.quantity_millionths + added.quantity_millionths,
    amount_micros = t.amount_micros + added.amount_micros,
    event_count = t.event_count + added.event_count
FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[],
            %b::bigint[], %b::bigint[], %b::bigint[])
     AS added (account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count,
               quantity_before, amount_before, count_before)
WHERE t.account_id = added.account_id AND t.service_month = added.service_month AND t.charge_id = added.charge_id
  AND t.price_cell = added.price_cell AND t.quantity_millionths = added.quantity_before
  AND t.amount_micros = added.amount_before AND t.event_count = added.count_before
"""

NEW_TOTALS: Final = """
INSERT INTO usage_total
    (account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
SELECT * FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[])
ON CONFLICT DO NOTHING
"""

# A debit that fits the lot in use is taken from it here. Where it does not, the entry names no lot, and the database goes
# through the wallet's lots (sql/postgres/0022_credit_lots.sql).
DEBIT: Final = """
WITH debit AS (
    SELECT d.wallet_id, d.amount_micros, b.booked_at, b.reference
    FROM unnest(%b::bigint[], %b::bigint[]) AS d (wallet_id, amount_micros),
         (VALUES (%s::text, %s::timestamptz)) AS b (reference, booked_at)
), changed AS (
    UPDATE wallet w SET balance_micros = w.balance_micros - d.amount_micros, version = w.version + 1,
        lot_remaining_micros = w.lot_remaining_micros - CASE WHEN d.amount_micros BETWEEN 0 AND w.lot_remaining_micros
            AND d.booked_at < w.lot_expires_at THEN d.amount_micros ELSE 0 END,
        lot_used_version = CASE WHEN d.amount_micros BETWEEN 0 AND w.lot_remaining_micros
            AND d.booked_at < w.lot_expires_at THEN w.version + 1 ELSE w.lot_used_version END
    FROM debit d WHERE w.wallet_id = d.wallet_id
    RETURNING w.wallet_id, w.account_id, w.balance_micros, w.version, d.amount_micros, d.reference, d.booked_at,
              CASE WHEN w.lot_used_version = w.version THEN w.lot_id END AS lot_id
), booked AS (
    INSERT INTO wallet_entry (wallet_id, version, amount_micros, balance_after_micros, cause, reference, booked_at, lot_id)
    SELECT wallet_id, version, -amount_micros, balance_micros, 'usage', reference, booked_at, lot_id FROM changed
)
SELECT wallet_id, account_id, balance_micros, version FROM changed
"""

INSERT_DEAD_LETTERS: Final = """
INSERT INTO dead_letter (batch_id, topic, partition, record_offset, received_at, index_in_record, reason, detail, payload)
SELECT %s, topic, partition, record_offset, received_at, nullif(index_in_record, -1), reason, detail, payload
FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::timestamptz[], %b::int[], %b::text[], %b::text[], %b::bytea[])
     AS r (topic, partition, record_offset, received_at, index_in_record, reason, detail, payload)
"""

INSERT_CONFLICTS: Final = """
INSERT INTO conflicting_event (batch_id, topic, partition, record_offset, received_at, index_in_record, event_key, source,
    event_id, payload)
SELECT %s, r.* FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::timestamptz[], %b::int[], %b::uuid[], %b::text[],
    %b::text[], %b::bytea[]) AS r
"""

INSERT_QUARANTINED: Final = """
INSERT INTO quarantined_event (batch_id, topic, partition, record_offset, received_at, index_in_record, event_key,
    body_digest, subject, event_time, reason, payload)
SELECT %s, r.* FROM unnest(%b::text[], %b::int[], %b::bigint[], %b::timestamptz[], %b::int[], %b::uuid[], %b::uuid[],
    %b::text[], %b::timestamptz[], %b::text[], %b::bytea[]) AS r
"""

# The wallets these accounts pay from: the account of a balance is its wallet's owner.
BALANCES: Final = """
WITH payer AS (SELECT pay_from_account_id AS account_id FROM account WHERE account_id = ANY(%s))
SELECT wallet_id, account_id, balance_micros, version FROM wallet
WHERE account_id IN (SELECT account_id FROM payer
                     UNION ALL SELECT a.account_id FROM account a JOIN payer p ON a.wallet_of_account_id = p.account_id)
"""
# An account that was never looked at is active; prepaid it may use its balance, postpaid there is no end.
ALL_CREDIT: Final = """
SELECT w.wallet_id, a.account_id, w.balance_micros, w.version, coalesce(s.effective, a.status),
       CASE WHEN s.account_id IS NOT NULL THEN s.floor_micros WHEN a.mode = 'prepaid' THEN 0 END, coalesce(s.version, 0)
FROM wallet w JOIN account a USING (account_id) LEFT JOIN account_standing s USING (account_id)
"""
ALL_BALANCES: Final = "SELECT wallet_id, account_id, balance_micros, version FROM wallet"
