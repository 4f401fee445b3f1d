-- Further wallets of an account: each pays for some types of events, the account's own wallet for all others (docs/adr/0008).
SET lock_timeout = '5s';

-- A further wallet has a row here, named `account/name`, because whatever is kept of a wallet is kept by its owner: balance,
-- lots, standing, terms, alerts, top-ups. It stands in no tree, and has no events, plan, contract or invoice.
ALTER TABLE account
    ADD COLUMN wallet_of_account_id bigint REFERENCES account,
    ADD CONSTRAINT account_further_wallet_is_prepaid CHECK (wallet_of_account_id IS NULL OR mode = 'prepaid'),
    ADD CONSTRAINT account_further_wallet_stands_alone CHECK (wallet_of_account_id IS NULL
        OR (parent_id IS NULL AND bill_to_account_id = account_id AND pay_from_account_id = account_id));
CREATE INDEX account_wallets ON account (wallet_of_account_id) WHERE wallet_of_account_id IS NOT NULL;

CREATE FUNCTION refuse_odd_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR NOT EXISTS (
        SELECT FROM account a
        WHERE a.account_id = NEW.wallet_of_account_id AND a.wallet_of_account_id IS NULL
          AND (a.customer_id, a.currency, a.mode) = (NEW.customer_id, NEW.currency, NEW.mode)
          AND starts_with(NEW.code, a.code || '/')) THEN
        RAISE EXCEPTION 'a further wallet is its account''s for good, and like it in customer, currency and mode: % refused', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_further_wallet_is_alike';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER account_further_wallet_is_alike AFTER INSERT ON account FOR EACH ROW
    WHEN (NEW.wallet_of_account_id IS NOT NULL) EXECUTE FUNCTION refuse_odd_wallet();
CREATE TRIGGER account_further_wallet_stays AFTER UPDATE OF wallet_of_account_id, code, customer_id ON account FOR EACH ROW
    WHEN ((NEW.wallet_of_account_id, NEW.code, NEW.customer_id) IS DISTINCT FROM (OLD.wallet_of_account_id, OLD.code, OLD.customer_id)
          AND (NEW.wallet_of_account_id IS NOT NULL OR OLD.wallet_of_account_id IS NOT NULL))
    EXECUTE FUNCTION refuse_odd_wallet();

CREATE FUNCTION refuse_usage_of_wallet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM account WHERE account_id = NEW.account_id AND wallet_of_account_id IS NOT NULL) THEN
        RAISE EXCEPTION 'a further wallet holds credit and uses nothing itself: row of % refused', TG_TABLE_NAME
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_further_wallet_uses_nothing';
    END IF;
    RETURN NULL;
END $$;
DO $$
DECLARE
    of_account text;
BEGIN
    FOREACH of_account IN ARRAY ARRAY['alias', 'subscription', 'contract'] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT OR UPDATE OF account_id ON %I
            FOR EACH ROW WHEN (NEW.account_id IS NOT NULL) EXECUTE FUNCTION refuse_usage_of_wallet()',
            of_account || '_is_of_no_wallet', of_account);
    END LOOP;
END $$;

-- What each further wallet of an account pays for: the events that a meter counts, whether or not the account is charged by it.
CREATE TABLE wallet_purpose (
    account_id        bigint NOT NULL REFERENCES account,
    meter_id          bigint NOT NULL REFERENCES meter,
    wallet_account_id bigint NOT NULL REFERENCES account,
    CONSTRAINT wallet_purpose_of_one_wallet PRIMARY KEY (account_id, meter_id)
);
CREATE FUNCTION refuse_odd_purpose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR NOT EXISTS (
        SELECT FROM account WHERE account_id = NEW.wallet_account_id AND wallet_of_account_id = NEW.account_id) THEN
        RAISE EXCEPTION 'a purpose is that of a further wallet of the same account; to give it to another, take it away and add it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'wallet_purpose_is_of_its_account';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER wallet_purpose_is_of_its_account AFTER INSERT OR UPDATE ON wallet_purpose
    FOR EACH ROW EXECUTE FUNCTION refuse_odd_purpose();

-- Workers debit by it, so each change is a version of the truth. Statement triggers run in the order of their names.
CREATE TRIGGER wallet_purpose_changes_config AFTER INSERT OR DELETE ON wallet_purpose
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER wallet_purpose_touches_insert AFTER INSERT ON wallet_purpose REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION touch_config('wallet_purpose', 'account_id');
CREATE TRIGGER wallet_purpose_touches_delete AFTER DELETE ON wallet_purpose REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION touch_config('wallet_purpose', 'account_id');

CREATE TABLE purpose_history (
    account_id        bigint NOT NULL,
    meter_id          bigint NOT NULL,
    wallet_account_id bigint NOT NULL,
    since_version     bigint NOT NULL,
    until_version     bigint,            -- NULL: still
    PRIMARY KEY (account_id, meter_id, since_version),
    CONSTRAINT purpose_history_lasts CHECK (until_version > since_version)
);
CREATE FUNCTION keep_purpose_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present bigint := (SELECT version FROM config_version);
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE purpose_history h SET until_version = present FROM old_rows o
        WHERE h.until_version IS NULL AND (h.account_id, h.meter_id) = (o.account_id, o.meter_id);
    ELSE
        INSERT INTO purpose_history SELECT account_id, meter_id, wallet_account_id, present FROM new_rows;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER wallet_purpose_history_of_insert AFTER INSERT ON wallet_purpose REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_purpose_history();
CREATE TRIGGER wallet_purpose_history_of_delete AFTER DELETE ON wallet_purpose REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_purpose_history();

-- Whether a meter's filter lets the properties of an event through, as domain/catalogue/meters.py says it.
CREATE FUNCTION lets_through(filter jsonb, properties text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(bool_and(coalesce(f.value @> CASE WHEN p.said NOT LIKE '%\u0000%' THEN p.said::jsonb END, false)), true)
    FROM jsonb_each(filter) f, LATERAL (SELECT (properties::json -> f.key)::text AS said) p
$$;
-- The owner of the further wallet of a payer that pays for an event, as a version of the truth had it; NULL: the payer itself.
CREATE FUNCTION further_payer(of_payer bigint, of_type text, properties text, at_version bigint)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT h.wallet_account_id FROM purpose_history h JOIN meter m USING (meter_id)
    WHERE h.account_id = of_payer AND m.event_type = of_type AND lets_through(m.filter, properties)
      AND at_version >= h.since_version AND at_version < coalesce(h.until_version, 9223372036854775807)
    ORDER BY (SELECT count(*) FROM jsonb_object_keys(m.filter)) DESC, meter_id LIMIT 1
$$;
-- The owner of the wallet that paid for an event of an account.
CREATE FUNCTION payer_of(of_account bigint, of_type text, properties text, at_version bigint)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(further_payer(y.pay_from_account_id, of_type, properties, at_version), y.pay_from_account_id)
    FROM payer_history y
    WHERE y.account_id = of_account
      AND at_version >= y.since_version AND at_version < coalesce(y.until_version, 9223372036854775807)
$$;
