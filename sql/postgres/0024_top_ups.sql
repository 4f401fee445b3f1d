-- Top-ups by payment: what was credited and given back of each, the vouchers the law asks for, and what waits for a person.
SET lock_timeout = '5s';

-- A payment that was credited. Its tax is kept by head, as the receipt voucher has it.
CREATE TABLE top_up (
    top_up_id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id       bigint NOT NULL REFERENCES account,
    wallet_id        bigint NOT NULL REFERENCES wallet,
    gateway          text NOT NULL,
    payment          text NOT NULL,
    currency         char(3) NOT NULL,
    paid_minor       bigint NOT NULL CONSTRAINT top_up_is_positive CHECK (paid_minor > 0),
    taxable_minor    bigint NOT NULL,
    taxes            jsonb NOT NULL,         -- [["CGST", 9000], ["SGST", 9000]]
    given_back_minor bigint NOT NULL DEFAULT 0,
    lot_id           bigint REFERENCES credit_lot,
    credited_at      timestamptz NOT NULL,
    CONSTRAINT top_up_of_one_payment UNIQUE (gateway, payment),
    CONSTRAINT top_up_gives_back_what_was_paid CHECK (given_back_minor BETWEEN 0 AND paid_minor)
);

-- Refunds and disputes: each takes its part out of the wallet once.
CREATE TABLE top_up_return (
    gateway      text NOT NULL,
    reference    text NOT NULL,
    kind         text NOT NULL CONSTRAINT top_up_return_kind_known CHECK (kind IN ('refund', 'chargeback')),
    top_up_id    bigint NOT NULL REFERENCES top_up,
    amount_minor bigint NOT NULL CONSTRAINT top_up_return_is_positive CHECK (amount_minor > 0),
    taxable_minor bigint NOT NULL,
    booked_at    timestamptz NOT NULL,
    PRIMARY KEY (gateway, reference, kind)
);
CREATE TRIGGER top_up_return_is_append_only BEFORE UPDATE OR DELETE ON top_up_return
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What became of each payment event. Waiting ones are tried again; the others are final.
CREATE TABLE payment_application (
    payment_event_id bigint PRIMARY KEY REFERENCES payment_event,
    outcome          text NOT NULL CONSTRAINT payment_application_outcome_known
        CHECK (outcome IN ('credited', 'refunded', 'charged_back', 'noted', 'waiting')),
    reason           text,
    tried_at         timestamptz NOT NULL,
    CONSTRAINT payment_application_waits_for_a_reason CHECK ((outcome = 'waiting') = (reason IS NOT NULL))
);
CREATE INDEX payment_application_waiting ON payment_application (payment_event_id) WHERE outcome = 'waiting';

-- Receipt vouchers (CGST Rule 50) and refund vouchers (Rule 51), numbered without a gap by GSTIN, series and financial year.
CREATE TABLE voucher_series (
    gstin          char(15) NOT NULL,
    series         text NOT NULL,
    financial_year text NOT NULL,
    next_number    integer NOT NULL CONSTRAINT voucher_series_counts_from_one CHECK (next_number >= 1),
    PRIMARY KEY (gstin, series, financial_year)
);
CREATE TABLE voucher (
    gstin         char(15) NOT NULL,
    number        text NOT NULL,
    kind          text NOT NULL CONSTRAINT voucher_kind_known CHECK (kind IN ('receipt', 'refund')),
    top_up_id     bigint NOT NULL REFERENCES top_up,
    account_id    bigint NOT NULL REFERENCES account,
    currency      char(3) NOT NULL,
    total_minor   bigint NOT NULL,
    taxable_minor bigint NOT NULL,
    taxes         jsonb NOT NULL,
    issue_date    date NOT NULL,
    document      jsonb NOT NULL,        -- parties, place of supply and rates as they were
    PRIMARY KEY (gstin, number)
);
CREATE TRIGGER voucher_is_append_only BEFORE UPDATE OR DELETE ON voucher FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER voucher_is_not_truncated BEFORE TRUNCATE ON voucher FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Bank transfers: one person enters what the bank statement shows, another confirms it.
CREATE TABLE bank_transfer (
    bank_transfer_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id    bigint NOT NULL REFERENCES account,
    reference     text NOT NULL CONSTRAINT bank_transfer_entered_once UNIQUE,   -- the bank's: the UTR
    amount_minor  bigint NOT NULL CONSTRAINT bank_transfer_is_positive CHECK (amount_minor > 0),
    entered_by    text NOT NULL,
    entered_at    timestamptz NOT NULL,
    decided_by    text,
    decided_at    timestamptz,
    confirmed     boolean,
    CONSTRAINT bank_transfer_needs_two_persons CHECK (decided_by <> entered_by OR NOT confirmed),
    CONSTRAINT bank_transfer_decision_is_whole CHECK (num_nulls(decided_by, decided_at, confirmed) IN (0, 3))
);
