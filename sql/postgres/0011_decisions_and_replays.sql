-- What people decide about events that wait, what was sent again and where to, and offsets Kafka has no record at.
SET lock_timeout = '5s';

-- An event that is too late is rated when a person accepts it, and never when one rejects it. A rejected event keeps its
-- identity for good, as one that waits does, so released_at stays empty.
ALTER TABLE quarantined_event
    ADD COLUMN decision    text CONSTRAINT quarantined_event_decision_known CHECK (decision IN ('accepted', 'rejected')),
    ADD COLUMN decided_at  timestamptz,
    ADD COLUMN decided_by  text,
    ADD COLUMN decided_why text,
    ADD COLUMN sent_partition integer,     -- where a released event was put on its topic again
    ADD COLUMN sent_offset bigint,
    ADD CONSTRAINT quarantined_event_decision_is_whole CHECK (num_nulls(decision, decided_at, decided_by, decided_why) IN (0, 4)),
    ADD CONSTRAINT quarantined_event_decision_fits CHECK ((decision = 'rejected') IS NOT TRUE OR released_at IS NULL),
    ADD CONSTRAINT quarantined_event_accepted_is_released CHECK ((decision = 'accepted') IS NOT TRUE OR released_at IS NOT NULL);
CREATE INDEX quarantined_event_decided ON quarantined_event (quarantine_id) WHERE decision IS NOT NULL;
CREATE INDEX quarantined_event_by_key ON quarantined_event (event_key);
CREATE INDEX quarantined_event_received_at ON quarantined_event (received_at);

CREATE FUNCTION refuse_change_of_decision() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.decision, OLD.decided_at, OLD.decided_by, OLD.decided_why, OLD.event_key, OLD.body_digest, OLD.event_time)
       IS DISTINCT FROM (NEW.decision, NEW.decided_at, NEW.decided_by, NEW.decided_why, NEW.event_key, NEW.body_digest, NEW.event_time) THEN
        RAISE EXCEPTION 'the event in quarantine % is % already: a decision is final', OLD.quarantine_id, OLD.decision
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER quarantined_event_decision_is_final BEFORE UPDATE ON quarantined_event
    FOR EACH ROW WHEN (OLD.decision IS NOT NULL) EXECUTE FUNCTION refuse_change_of_decision();
-- Workers rate with the decisions they have read, so a decision is a change of what they rate with.
CREATE TRIGGER quarantined_event_decision_changes_config AFTER UPDATE OF decision ON quarantined_event
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();

ALTER TABLE dead_letter
    ADD COLUMN replayed_at timestamptz,
    ADD COLUMN replayed_partition integer,  -- where its bytes were put on its topic again
    ADD COLUMN replayed_offset bigint;
CREATE INDEX dead_letter_received_at ON dead_letter (received_at);
CREATE INDEX conflicting_event_received_at ON conflicting_event (received_at);

-- Offsets between booked ranges at which Kafka has no record: transaction markers, or records compaction removed. Kafka was
-- read there and said so; a gap nobody has looked into is not written here.
CREATE TABLE vacant_offsets (
    topic        text NOT NULL,
    partition    integer NOT NULL,
    first_offset bigint NOT NULL,
    next_offset  bigint NOT NULL,
    found_at     timestamptz NOT NULL,
    PRIMARY KEY (topic, partition, first_offset),
    CONSTRAINT vacant_offsets_not_empty CHECK (next_offset > first_offset)
);
CREATE TRIGGER vacant_offsets_is_append_only BEFORE UPDATE OR DELETE ON vacant_offsets
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER vacant_offsets_is_not_truncated BEFORE TRUNCATE ON vacant_offsets
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
