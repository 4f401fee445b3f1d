-- Every rated event, once. The version sent last wins when one is sent again; all versions of an event are equal.
CREATE TABLE IF NOT EXISTS usage_event (
    event_time    DateTime,
    event_time_ms UInt16,
    event_key     UUID,
    batch_id      UInt64,
    account       String,
    alias         String,
    customer      String,
    meter         String,
    channel       String,
    country       String,
    operator      String,
    currency      String,
    plan_version  String,
    quantity_millionths Int64,
    amount_micros Int64,
    received_at   DateTime
) ENGINE = ReplacingMergeTree() PARTITION BY toYYYYMM(event_time)
ORDER BY (account, meter, toDate(event_time), event_key, event_time, event_time_ms);
