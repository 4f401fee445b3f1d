-- Who pays and who is invoiced in a tree of accounts, and the history that explains by which truth an event was rated.
SET lock_timeout = '5s';

-- Every version of the truth: what made it and when. Who did is in the audit record of the same transaction.
CREATE TABLE config_change (
    version        bigint PRIMARY KEY,
    changed_at     timestamptz,          -- NULL: before changes were recorded
    what           text NOT NULL,        -- the table and the operation
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id()
);
INSERT INTO config_change (version, changed_at, what)
SELECT number, NULL, 'before changes were recorded' FROM config_version, generate_series(1, version) AS number;
CREATE TRIGGER config_change_is_append_only BEFORE UPDATE OR DELETE ON config_change
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER config_change_is_not_truncated BEFORE TRUNCATE ON config_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Outside the digests: it joins records, and says nothing that they do not say.
ALTER TABLE audit_record ADD COLUMN transaction_id xid8;
ALTER TABLE audit_record ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id();
CREATE INDEX audit_record_of_transaction ON audit_record (transaction_id);

CREATE FUNCTION record_first_config_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO config_change (version, changed_at, what) VALUES (NEW.version, now(), 'config_version insert');
    RETURN NULL;
END $$;
CREATE TRIGGER config_version_is_recorded AFTER INSERT ON config_version
    FOR EACH ROW EXECUTE FUNCTION record_first_config_version();

-- Every batch holds the version's row in share mode. A row lets new share locks pass somebody who waits to change it, so
-- busy workers could keep a change waiting for ever; the table's queue does not: batches that begin later wait behind it.
CREATE OR REPLACE FUNCTION bump_config_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE config_version IN EXCLUSIVE MODE;
    WITH bumped AS (UPDATE config_version SET version = version + 1 RETURNING version)
    INSERT INTO config_change (version, changed_at, what)
    SELECT version, now(), TG_TABLE_NAME || ' ' || lower(TG_OP) FROM bumped;
    RETURN NULL;
END $$;

-- The account tree. bill_to: whose invoice carries this account's usage; pay_from: whose wallet is debited. Each is the
-- account itself or one above it, at any level, and that one stands for itself: one step leads to the answer.
ALTER TABLE account
    ADD COLUMN parent_id           bigint REFERENCES account,
    ADD COLUMN bill_to_account_id  bigint REFERENCES account,
    ADD COLUMN pay_from_account_id bigint REFERENCES account;
UPDATE account SET bill_to_account_id = account_id, pay_from_account_id = account_id;
ALTER TABLE account ALTER COLUMN bill_to_account_id SET NOT NULL, ALTER COLUMN pay_from_account_id SET NOT NULL;
CREATE INDEX account_by_parent ON account (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX account_by_bill_to ON account (bill_to_account_id);
CREATE INDEX account_by_pay_from ON account (pay_from_account_id);

CREATE FUNCTION let_account_stand_for_itself() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.bill_to_account_id := coalesce(NEW.bill_to_account_id, NEW.account_id);
    NEW.pay_from_account_id := coalesce(NEW.pay_from_account_id, NEW.account_id);
    RETURN NEW;
END $$;
CREATE TRIGGER account_stands_for_itself BEFORE INSERT ON account
    FOR EACH ROW EXECUTE FUNCTION let_account_stand_for_itself();

CREATE FUNCTION refuse_broken_account_tree() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE config_version IN EXCLUSIVE MODE;   -- one change at a time: two that are right alone can make a circle
    IF EXISTS (
        WITH RECURSIVE above (account_id) AS (
            SELECT NEW.parent_id UNION SELECT a.parent_id FROM account a JOIN above USING (account_id))
        SELECT FROM above WHERE account_id = NEW.account_id) THEN
        RAISE EXCEPTION 'account % would stand below itself', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_tree_has_no_circle';
    END IF;
    IF EXISTS (
        WITH RECURSIVE below (account_id) AS (
            SELECT NEW.account_id UNION SELECT a.account_id FROM account a JOIN below b ON a.parent_id = b.account_id),
        above (account_id, above_id) AS (
            SELECT account_id, account_id FROM below
            UNION SELECT v.account_id, a.parent_id FROM above v JOIN account a ON a.account_id = v.above_id)
        SELECT FROM below JOIN account a USING (account_id)
        WHERE NOT EXISTS (SELECT FROM above v WHERE v.account_id = a.account_id AND v.above_id = a.bill_to_account_id)
           OR NOT EXISTS (SELECT FROM above v WHERE v.account_id = a.account_id AND v.above_id = a.pay_from_account_id)) THEN
        RAISE EXCEPTION 'account %, or one below it, would be billed to or pay from an account that is not above it', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_leans_on_one_above';
    END IF;
    IF EXISTS (
        SELECT FROM account a JOIN account b ON b.account_id = a.bill_to_account_id
                              JOIN account p ON p.account_id = a.pay_from_account_id
        WHERE NEW.account_id IN (a.account_id, a.bill_to_account_id, a.pay_from_account_id)
          AND ((b.currency, b.mode, b.bill_to_account_id) <> (a.currency, a.mode, b.account_id)
               OR (p.currency, p.mode, p.pay_from_account_id) <> (a.currency, a.mode, p.account_id))) THEN
        RAISE EXCEPTION 'account % and the account it is billed to or pays from differ in currency or mode, '
            'or that one does not stand for itself', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_leans_on_one_alike';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER account_tree_holds_on_insert AFTER INSERT ON account FOR EACH ROW
    WHEN (NEW.parent_id IS NOT NULL OR NEW.bill_to_account_id <> NEW.account_id OR NEW.pay_from_account_id <> NEW.account_id)
    EXECUTE FUNCTION refuse_broken_account_tree();
CREATE TRIGGER account_tree_holds_on_update
    AFTER UPDATE OF parent_id, bill_to_account_id, pay_from_account_id, currency, mode ON account
    FOR EACH ROW EXECUTE FUNCTION refuse_broken_account_tree();

-- Which truth each version was, as far as attribution goes: from since_version up to but not including until_version.
CREATE TABLE alias_history (
    alias         text NOT NULL,
    account_id    bigint NOT NULL,
    validity      tstzrange NOT NULL,
    since_version bigint NOT NULL,
    until_version bigint,                -- NULL: still
    CONSTRAINT alias_history_lasts CHECK (until_version > since_version)
);
CREATE INDEX alias_history_of_alias ON alias_history (alias);
INSERT INTO alias_history SELECT alias, account_id, validity, 0 FROM alias;

CREATE TABLE payer_history (
    account_id          bigint NOT NULL,
    pay_from_account_id bigint NOT NULL,
    since_version       bigint NOT NULL,
    until_version       bigint,
    PRIMARY KEY (account_id, since_version),
    CONSTRAINT payer_history_lasts CHECK (until_version > since_version)
);
INSERT INTO payer_history SELECT account_id, pay_from_account_id, 0 FROM account;

-- Statement triggers run in the order of their names: these after those that bump the version.
CREATE FUNCTION keep_alias_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present bigint := (SELECT version FROM config_version);
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE alias_history h SET until_version = present FROM old_rows o
        WHERE h.until_version IS NULL AND (h.alias, h.account_id, h.validity) = (o.alias, o.account_id, o.validity);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        INSERT INTO alias_history SELECT alias, account_id, validity, present FROM new_rows;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER alias_history_of_insert AFTER INSERT ON alias REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_alias_history();
CREATE TRIGGER alias_history_of_update AFTER UPDATE ON alias REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_alias_history();
CREATE TRIGGER alias_history_of_delete AFTER DELETE ON alias REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_alias_history();

CREATE FUNCTION keep_payer_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    present bigint := (SELECT version FROM config_version);
BEGIN
    UPDATE payer_history h SET until_version = present FROM new_rows n
    WHERE h.until_version IS NULL AND h.account_id = n.account_id AND h.pay_from_account_id <> n.pay_from_account_id;
    INSERT INTO payer_history SELECT n.account_id, n.pay_from_account_id, present FROM new_rows n
    WHERE NOT EXISTS (SELECT FROM payer_history h WHERE h.account_id = n.account_id AND h.until_version IS NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER account_payer_of_insert AFTER INSERT ON account REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_payer_history();
CREATE TRIGGER account_payer_of_update AFTER UPDATE ON account REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION keep_payer_history();

-- An invoice carries the usage of several accounts: each line says whose running total it takes from.
ALTER TABLE invoice_line ADD COLUMN account_id bigint REFERENCES account;
ALTER TABLE invoice_line DISABLE TRIGGER invoice_line_issued_is_frozen;
UPDATE invoice_line l SET account_id = i.account_id FROM invoice i WHERE i.invoice_id = l.invoice_id;
ALTER TABLE invoice_line ENABLE TRIGGER invoice_line_issued_is_frozen;
ALTER TABLE invoice_line ALTER COLUMN account_id SET NOT NULL;

-- When a postpaid account pays from another wallet, what it used and was not invoiced for yet goes along.
ALTER TABLE wallet_entry DROP CONSTRAINT wallet_entry_cause_known;
ALTER TABLE wallet_entry ADD CONSTRAINT wallet_entry_cause_known
    CHECK (cause IN ('usage', 'top_up', 'invoice', 'adjustment', 'transfer'));
