-- What became of each configuration event: written in the transaction that applied or refused it, published from here.
SET lock_timeout = '5s';

CREATE TABLE config_result (
    config_result_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_key      uuid NOT NULL CONSTRAINT config_result_once UNIQUE,   -- of the config_event of the same transaction
    batch_id       bigint NOT NULL REFERENCES batch,
    outcome        text NOT NULL CONSTRAINT config_result_outcome_known
        CHECK (outcome IN ('applied', 'unchanged', 'refused')),
    code           text,                 -- of the refusal: programs match on it
    errors         jsonb NOT NULL,       -- [{"field": "data.tax.gstin", "reason": "..."}]
    facts          jsonb NOT NULL,       -- what was made of it, e.g. {"version": 3}
    config_version bigint NOT NULL,      -- with which workers rate once they know of it
    decided_at     timestamptz NOT NULL,
    CONSTRAINT config_result_refused_with_errors CHECK ((outcome = 'refused') = (jsonb_array_length(errors) > 0)),
    CONSTRAINT config_result_refused_with_code CHECK ((outcome = 'refused') = (code IS NOT NULL))
);
CREATE INDEX config_result_of_batch ON config_result (batch_id);

-- Those that are not on their topic yet. A row goes when the broker has acknowledged it; a crash before that sends again.
CREATE TABLE config_result_to_send (
    config_result_id bigint PRIMARY KEY REFERENCES config_result
);

CREATE TRIGGER config_result_is_append_only BEFORE UPDATE OR DELETE ON config_result
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER config_result_is_not_truncated BEFORE TRUNCATE ON config_result
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
