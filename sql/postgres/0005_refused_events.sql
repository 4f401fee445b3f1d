-- Nothing is lost (DESIGN §3.9): what could not be booked, with its bytes, its reason and where it came from.
SET lock_timeout = '5s';

CREATE TABLE dead_letter (
    dead_letter_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id       bigint NOT NULL REFERENCES batch,
    topic          text NOT NULL,
    partition      integer NOT NULL,
    record_offset  bigint NOT NULL,
    index_in_record integer,            -- NULL: the whole record could not be read
    reason         text NOT NULL,       -- a stable code, domain/usage.py
    detail         text NOT NULL,       -- a sentence a producer can act on
    payload        bytea NOT NULL,
    received_at    timestamptz NOT NULL
);
CREATE INDEX dead_letter_by_reason ON dead_letter (reason, dead_letter_id);
CREATE INDEX dead_letter_of_batch ON dead_letter (batch_id);

CREATE TABLE conflicting_event (
    conflict_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id      bigint NOT NULL REFERENCES batch,
    event_key     uuid NOT NULL,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    record_offset bigint NOT NULL,
    index_in_record integer NOT NULL,
    source        text NOT NULL,
    event_id      text NOT NULL,
    payload       bytea NOT NULL,
    received_at   timestamptz NOT NULL
);
CREATE INDEX conflicting_event_by_key ON conflicting_event (event_key);
CREATE INDEX conflicting_event_of_batch ON conflicting_event (batch_id);

-- Waiting for a person: release sends the payload through the same path again.
CREATE TABLE quarantined_event (
    quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    batch_id      bigint NOT NULL REFERENCES batch,
    event_key     uuid NOT NULL,
    body_digest   uuid NOT NULL,
    topic         text NOT NULL,
    partition     integer NOT NULL,
    record_offset bigint NOT NULL,
    index_in_record integer NOT NULL,
    subject       text NOT NULL,
    event_time    timestamptz NOT NULL,
    reason        text NOT NULL,
    payload       bytea NOT NULL,
    received_at   timestamptz NOT NULL,
    released_at   timestamptz,
    sent_at       timestamptz
);
CREATE INDEX quarantined_event_waiting ON quarantined_event (subject, quarantine_id) WHERE released_at IS NULL;
CREATE UNIQUE INDEX quarantined_event_waits_once ON quarantined_event (event_key) WHERE released_at IS NULL;
CREATE INDEX quarantined_event_to_send ON quarantined_event (quarantine_id) WHERE released_at IS NOT NULL AND sent_at IS NULL;
