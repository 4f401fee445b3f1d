-- Every segment a subscription was ever said to have, also those that gave way, by the versions of the configuration.
SET lock_timeout = '5s';

CREATE TABLE subscription_history (
    segment_id      bigint NOT NULL,
    subscription_id bigint NOT NULL,
    account_id      bigint NOT NULL,
    plan_version_id bigint NOT NULL,
    validity        tstzrange NOT NULL,
    paused          boolean NOT NULL,
    why             text,
    since_version   bigint NOT NULL,
    until_version   bigint,                -- NULL: still
    CONSTRAINT subscription_history_lasts CHECK (until_version > since_version)
);
CREATE INDEX subscription_history_of_account ON subscription_history (account_id);
INSERT INTO subscription_history
SELECT segment_id, subscription_id, account_id, plan_version_id, validity, paused, why, 0 FROM subscription;

-- Statement triggers run in the order of their names: these after the one that makes the version.
CREATE FUNCTION keep_subscription_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present bigint := (SELECT version FROM config_version);
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE subscription_history h SET until_version = present FROM old_rows o
        WHERE h.until_version IS NULL AND h.segment_id = o.segment_id AND h.account_id = o.account_id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO subscription_history
        SELECT segment_id, subscription_id, account_id, plan_version_id, validity, paused, why, present FROM new_rows;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER subscription_history_of_insert AFTER INSERT ON subscription REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_subscription_history();
CREATE TRIGGER subscription_history_of_update AFTER UPDATE ON subscription REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_subscription_history();
CREATE TRIGGER subscription_history_of_delete AFTER DELETE ON subscription REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_subscription_history();
