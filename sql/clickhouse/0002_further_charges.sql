-- The further parts of rated events: what charges after the first and adjustments made of them, and what re-rating changed.
-- What an account came to is the sum of amount_micros over this table and usage_event.
CREATE TABLE IF NOT EXISTS further_charge (
    event_time    DateTime,
    event_time_ms UInt16,
    event_key     UUID,
    batch_id      UInt64,
    account       String,
    alias         String,
    customer      String,
    meter         String,
    event_count   Int8,              -- as in the books: an adjustment counts for none, what re-rating takes back for one less
    channel       String,
    country       String,
    operator      String,
    currency      String,
    plan_version  String,
    charge        String,
    charge_id     UInt64,
    price_cell    String,
    kind          String,
    metered_millionths Int64,
    amount_micros Int64
) ENGINE = ReplacingMergeTree() PARTITION BY toYYYYMM(event_time)
ORDER BY (account, charge, toDate(event_time), event_key, event_time, event_time_ms, charge_id, price_cell, kind, batch_id);
