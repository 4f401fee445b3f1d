-- A wallet is its ledger: no balance changes without an entry in the same transaction (DESIGN §3.4).
-- A prepaid wallet holds credit; a postpaid one runs below zero by what is used and not yet invoiced.
SET lock_timeout = '5s';

CREATE TABLE wallet (
    wallet_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id     bigint NOT NULL UNIQUE REFERENCES account,
    currency       char(3) NOT NULL,
    balance_micros bigint NOT NULL DEFAULT 0,
    version        bigint NOT NULL DEFAULT 0 CONSTRAINT wallet_version_counts_up CHECK (version >= 0)
) WITH (fillfactor = 50);          -- room for in-page updates: this row changes with every batch

CREATE TABLE wallet_entry (
    wallet_id            bigint NOT NULL REFERENCES wallet,
    version              bigint NOT NULL,
    amount_micros        bigint NOT NULL,
    balance_after_micros bigint NOT NULL,
    cause                text NOT NULL CONSTRAINT wallet_entry_cause_known
        CHECK (cause IN ('usage', 'top_up', 'invoice', 'adjustment')),
    reference            text NOT NULL,   -- usage: the batch id; invoice: its number; top_up: the payment
    booked_at            timestamptz NOT NULL,
    PRIMARY KEY (wallet_id, version)
);
CREATE UNIQUE INDEX wallet_entry_applied_once ON wallet_entry (wallet_id, cause, reference) WHERE cause <> 'usage';

CREATE TRIGGER wallet_entry_is_append_only BEFORE UPDATE OR DELETE ON wallet_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER wallet_entry_is_not_truncated BEFORE TRUNCATE ON wallet_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
