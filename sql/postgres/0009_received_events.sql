-- Payment and config events as they were received: stored once, with what their use case made of them.
SET lock_timeout = '5s';

-- An accepted event of these families is neither rated nor refused: it has a column of its own in the conservation.
ALTER TABLE batch_range ADD COLUMN accepted integer NOT NULL DEFAULT 0;
ALTER TABLE batch_range DROP CONSTRAINT batch_range_conserves;
ALTER TABLE batch_range ADD CONSTRAINT batch_range_conserves
    CHECK (received = rated + accepted + duplicate + conflict + dead_lettered + quarantined);

-- Kept for ever, so a (source, id) never becomes free again: within 24 hours it is what DESIGN §3.2 asks for, and after
-- them a gateway that repeats itself for days, each time with another time, still cannot be believed twice.
CREATE TABLE payment_event (
    payment_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_key     uuid NOT NULL CONSTRAINT payment_event_received_once UNIQUE,   -- digest of (source, id)
    body_digest   uuid NOT NULL,
    batch_id      bigint NOT NULL REFERENCES batch,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    record_offset bigint NOT NULL,
    index_in_record integer NOT NULL,
    event_time    timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    source        text NOT NULL,
    event_id      text NOT NULL,
    type          text NOT NULL,
    subject       text NOT NULL,         -- the code of the account the payment is for
    data          jsonb NOT NULL,
    payload       bytea NOT NULL,        -- the event as it came
    handled_as    text NOT NULL,         -- what its use case made of it, in this same transaction
    gateway       text NOT NULL GENERATED ALWAYS AS (data ->> 'gateway') STORED,
    reference     text NOT NULL GENERATED ALWAYS AS (data ->> 'reference') STORED,
    currency      text NOT NULL GENERATED ALWAYS AS (data ->> 'currency') STORED,
    amount_minor  bigint NOT NULL GENERATED ALWAYS AS ((data ->> 'amount_minor')::bigint) STORED
        CONSTRAINT payment_event_amount_is_positive CHECK (amount_minor > 0)
);
CREATE INDEX payment_event_of_batch ON payment_event (batch_id);
CREATE INDEX payment_event_by_reference ON payment_event (gateway, reference);

CREATE TABLE config_event (
    config_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_key     uuid NOT NULL CONSTRAINT config_event_received_once UNIQUE,
    body_digest   uuid NOT NULL,
    batch_id      bigint NOT NULL REFERENCES batch,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    record_offset bigint NOT NULL,
    index_in_record integer NOT NULL,
    event_time    timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    source        text NOT NULL,
    event_id      text NOT NULL,
    type          text NOT NULL,
    subject       text NOT NULL,         -- what is configured: an alias, the code of an account or of a plan
    data          jsonb NOT NULL,
    payload       bytea NOT NULL,
    handled_as    text NOT NULL
);
CREATE INDEX config_event_of_batch ON config_event (batch_id);

CREATE TRIGGER payment_event_is_append_only BEFORE UPDATE OR DELETE ON payment_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_event_is_not_truncated BEFORE TRUNCATE ON payment_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER config_event_is_append_only BEFORE UPDATE OR DELETE ON config_event
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER config_event_is_not_truncated BEFORE TRUNCATE ON config_event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
