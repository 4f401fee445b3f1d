-- What was used: rated events, running totals, and where every Kafka record went.
SET lock_timeout = '5s';

CREATE EXTENSION IF NOT EXISTS timescaledb;

CREATE TABLE batch (
    batch_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker       text NOT NULL,
    config_version bigint NOT NULL,   -- the truth its events were rated with
    booked_at    timestamptz NOT NULL,
    rated        integer NOT NULL,
    announced_at timestamptz,         -- its dead letters, conflicts and rated usage are on their topics
    warehoused_at timestamptz         -- its rated usage is in ClickHouse
);
CREATE INDEX batch_to_announce ON batch (batch_id) WHERE announced_at IS NULL;
CREATE INDEX batch_to_warehouse ON batch (batch_id) WHERE warehoused_at IS NULL;

-- How far each partition is booked: a record below next_offset was booked before, whatever Kafka's group offset says.
CREATE TABLE partition_progress (
    topic       text NOT NULL,
    partition   integer NOT NULL,
    next_offset bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- Conservation (DESIGN §3.3): each row is one offset range of one batch and says where its events went.
CREATE TABLE batch_range (
    batch_id      bigint NOT NULL REFERENCES batch,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    first_offset  bigint NOT NULL,
    next_offset   bigint NOT NULL,
    records       integer NOT NULL,
    received      integer NOT NULL,
    rated         integer NOT NULL,
    duplicate     integer NOT NULL,
    conflict      integer NOT NULL,
    dead_lettered integer NOT NULL,
    quarantined   integer NOT NULL,
    PRIMARY KEY (topic, partition, first_offset),
    CONSTRAINT batch_range_conserves CHECK (received = rated + duplicate + conflict + dead_lettered + quarantined),
    CONSTRAINT batch_range_not_empty CHECK (next_offset > first_offset AND records > 0)
);
CREATE INDEX batch_range_of_batch ON batch_range (batch_id);

-- The 24-hour identity of events: a 128-bit digest of (source, id), claimed in the transaction that books the event.
CREATE TABLE event_key (
    event_key   uuid PRIMARY KEY,
    body_digest uuid NOT NULL,
    claimed_at  timestamptz NOT NULL
);
CREATE INDEX event_key_claimed_at ON event_key USING brin (claimed_at);

CREATE TABLE usage_event (
    event_key        uuid NOT NULL,
    event_time       timestamptz NOT NULL,
    received_at      timestamptz NOT NULL,
    batch_id         bigint NOT NULL,
    partition        integer NOT NULL,
    record_offset    bigint NOT NULL,
    account_id       bigint NOT NULL,
    charge_id        bigint NOT NULL,
    quantity_millionths bigint NOT NULL,
    amount_micros    bigint NOT NULL,
    source           text NOT NULL,
    event_id         text NOT NULL,
    subject          text NOT NULL,
    meter            text NOT NULL,
    price_cell       text NOT NULL,     -- which price of the charge applied, e.g. whatsapp/IN
    properties       text NOT NULL      -- the event's flat properties as a JSON object, keys sorted
);
SELECT create_hypertable('usage_event', by_range('event_time', INTERVAL '1 day'), create_default_indexes => false);
-- The permanent key: the same id and event time is a duplicate for as long as events are kept (DESIGN §3.2).
CREATE UNIQUE INDEX usage_event_counted_once ON usage_event (event_key, event_time);
CREATE INDEX usage_event_of_batch ON usage_event (batch_id);   -- how results are sent on after the commit

-- Running totals: what rating continues from and what invoices are made of.
CREATE TABLE usage_total (
    account_id    bigint NOT NULL REFERENCES account,
    service_month date NOT NULL CONSTRAINT usage_total_month_starts_on_first CHECK (extract(day FROM service_month) = 1),
    charge_id     bigint NOT NULL REFERENCES charge,
    price_cell    text NOT NULL,
    quantity_millionths bigint NOT NULL,
    amount_micros bigint NOT NULL,
    event_count   bigint NOT NULL,
    -- What issued invoices have taken so far: the rest is due on the next one, as late usage when its month is over.
    invoiced_quantity_millionths bigint NOT NULL DEFAULT 0,
    invoiced_amount_micros bigint NOT NULL DEFAULT 0,
    invoiced_event_count bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (account_id, service_month, charge_id, price_cell)
) WITH (fillfactor = 50);
