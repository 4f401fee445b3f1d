-- Looking at wallets: between which two balances nothing can change, which are to be looked at, and what was found.
SET lock_timeout = '5s';

ALTER TABLE wallet
    ADD COLUMN look_below_micros bigint NOT NULL DEFAULT 9223372036854775807,   -- never looked at: look whatever comes
    ADD COLUMN look_above_micros bigint NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE account_standing ADD COLUMN arms jsonb NOT NULL DEFAULT '{}';      -- threshold → armed or fired

-- Wallets to be looked at, by their owner; a row for each, however often its balance moved.
CREATE TABLE wallet_look (
    account_id bigint PRIMARY KEY,
    since      timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION ask_for_look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wallet_look (account_id)
    VALUES (CASE TG_OP WHEN 'DELETE' THEN OLD.account_id ELSE NEW.account_id END) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
-- By the table and not by its writers. A credit is always looked at: what thresholds are a share of may have changed.
CREATE TRIGGER wallet_is_looked_at AFTER UPDATE OF balance_micros ON wallet FOR EACH ROW
    WHEN (NEW.balance_micros <= NEW.look_below_micros OR NEW.balance_micros >= NEW.look_above_micros
          OR NEW.balance_micros > OLD.balance_micros)
    EXECUTE FUNCTION ask_for_look();
CREATE TRIGGER account_is_looked_at AFTER UPDATE OF status ON account FOR EACH ROW
    WHEN (NEW.status <> OLD.status) EXECUTE FUNCTION ask_for_look();
CREATE TRIGGER account_threshold_asks_for_look AFTER INSERT OR DELETE ON account_threshold
    FOR EACH ROW EXECUTE FUNCTION ask_for_look();
CREATE TRIGGER account_terms_ask_for_look AFTER INSERT OR UPDATE OR DELETE ON account_terms
    FOR EACH ROW EXECUTE FUNCTION ask_for_look();
INSERT INTO wallet_look (account_id) SELECT account_id FROM wallet WHERE version > 0;

-- One row a crossing; history stays.
CREATE TABLE balance_alert (
    alert_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id      bigint NOT NULL REFERENCES account,
    threshold       text NOT NULL,
    level_micros    bigint NOT NULL,
    balance_micros  bigint NOT NULL,
    wallet_version  bigint NOT NULL,
    fired_at        timestamptz NOT NULL,
    recovered_at    timestamptz,
    acknowledged_by text,
    acknowledged_at timestamptz,
    snoozed_until   timestamptz,
    escalations     integer NOT NULL DEFAULT 0,
    CONSTRAINT balance_alert_once_a_crossing UNIQUE (account_id, threshold, wallet_version)
);
CREATE UNIQUE INDEX balance_alert_open ON balance_alert (account_id, threshold) WHERE recovered_at IS NULL;

-- Every standing an account ever had.
CREATE TABLE standing_change (
    account_id  bigint NOT NULL REFERENCES account,
    version     bigint NOT NULL,
    state       text NOT NULL,
    effective   text NOT NULL,
    balance_micros bigint NOT NULL,
    changed_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, version)
);
CREATE TRIGGER standing_change_is_append_only BEFORE UPDATE OR DELETE ON standing_change
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER standing_change_is_not_truncated BEFORE TRUNCATE ON standing_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Messages saved with the change that caused them, and sent afterwards, in order.
CREATE TABLE outbox_message (
    message_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic      text NOT NULL,
    key        text NOT NULL,
    type       text NOT NULL,
    subject    text NOT NULL,
    data       jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at    timestamptz
);
CREATE INDEX outbox_message_to_send ON outbox_message (message_id) WHERE sent_at IS NULL;

-- What a wallet was debited for usage since a moment, net of what was given back. Versions are in the order of their time, so
-- the entry at the moment is found by halving, and few entries besides usage lie behind it.
CREATE FUNCTION usage_since(of_wallet bigint, since timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
DECLARE
    low bigint := 0;
    high bigint := (SELECT version FROM wallet WHERE wallet_id = of_wallet);
    middle bigint;
BEGIN
    WHILE low < high LOOP
        middle := (low + high + 1) / 2;
        IF (SELECT booked_at FROM wallet_entry WHERE wallet_id = of_wallet AND version = middle) < since THEN
            low := middle;
        ELSE
            high := middle - 1;
        END IF;
    END LOOP;
    RETURN coalesce((SELECT balance_after_micros FROM wallet_entry WHERE wallet_id = of_wallet AND version = low), 0)
         + coalesce((SELECT sum(amount_micros) FROM wallet_entry
                     WHERE wallet_id = of_wallet AND cause <> 'usage' AND version > low), 0)
         - (SELECT balance_micros FROM wallet WHERE wallet_id = of_wallet);
END $$;
