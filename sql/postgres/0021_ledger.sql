-- Double entry: what a wallet gains or loses, one counter account loses or gains, in the same statement (domain/ledger.py).
SET lock_timeout = '5s';

-- Every cause a wallet can move for, and the account on the other side. Another cause is another line here.
CREATE FUNCTION ledger_account_of(cause text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE cause
        WHEN 'usage' THEN 'usage_revenue'
        WHEN 'fee' THEN 'fee_revenue'
        WHEN 'rerating' THEN 'usage_revenue'
        WHEN 'top_up' THEN 'customer_money'
        WHEN 'grant' THEN 'granted_credit'
        WHEN 'promotion' THEN 'promotional_expense'
        WHEN 'expiry' THEN 'expired_credit'
        WHEN 'invoice' THEN 'receivable'
        WHEN 'refund' THEN 'customer_money'
        WHEN 'chargeback' THEN 'disputed_money'
        WHEN 'transfer' THEN 'transfers'
        WHEN 'adjustment' THEN 'adjustments'
    END
$$;
ALTER TABLE wallet_entry DROP CONSTRAINT wallet_entry_cause_known;
ALTER TABLE wallet_entry ADD CONSTRAINT wallet_entry_cause_known CHECK (ledger_account_of(cause) IS NOT NULL);

-- A transaction is (cause, reference, currency). Of a batch of usage it has one row here, however many wallets it debits.
CREATE TABLE counter_entry (
    cause          text NOT NULL,
    reference      text NOT NULL,
    currency       char(3) NOT NULL,
    ledger_account text NOT NULL,
    amount_micros  bigint NOT NULL,
    booked_at      timestamptz NOT NULL
);
CREATE INDEX counter_entry_of_transaction ON counter_entry (reference, cause);
INSERT INTO counter_entry
SELECT e.cause, e.reference, w.currency, ledger_account_of(e.cause), -sum(e.amount_micros), min(e.booked_at)
FROM wallet_entry e JOIN wallet w USING (wallet_id) GROUP BY e.cause, e.reference, w.currency;
CREATE TRIGGER counter_entry_is_append_only BEFORE UPDATE OR DELETE ON counter_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER counter_entry_is_not_truncated BEFORE TRUNCATE ON counter_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- By the table and not by its writers, so none of them can forget it.
CREATE FUNCTION post_counter_entries() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO counter_entry
    SELECT e.cause, e.reference, w.currency, ledger_account_of(e.cause), -sum(e.amount_micros), e.booked_at
    FROM booked e JOIN wallet w USING (wallet_id)
    GROUP BY e.cause, e.reference, w.currency, e.booked_at;
    RETURN NULL;
END $$;
CREATE TRIGGER wallet_entry_has_its_counter AFTER INSERT ON wallet_entry REFERENCING NEW TABLE AS booked
    FOR EACH STATEMENT EXECUTE FUNCTION post_counter_entries();

-- Both sides: positive where the account gains.
CREATE VIEW ledger_posting AS
SELECT e.cause, e.reference, w.currency, 'wallet ' || e.wallet_id AS account, e.amount_micros, e.booked_at
FROM wallet_entry e JOIN wallet w USING (wallet_id)
UNION ALL
SELECT cause, reference, currency, ledger_account, amount_micros, booked_at FROM counter_entry;
