-- Who is on what, from when: subscriptions in segments, contracts over them, and the fees both bring.
SET lock_timeout = '5s';

-- A subscription is a chain of segments: each change ends one and begins another, and every segment is kept.
CREATE SEQUENCE subscription_id_sequence;
ALTER TABLE subscription
    ADD COLUMN segment_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ADD COLUMN subscription_id bigint NOT NULL DEFAULT nextval('subscription_id_sequence'),
    ADD COLUMN began_at        timestamptz,            -- of the whole subscription: trials, first periods and anniversaries count from it
    ADD COLUMN paused          boolean NOT NULL DEFAULT false,   -- fees rest; what is used all the same is charged
    ADD COLUMN why             text;                   -- what began this segment, in the words of who did it
ALTER SEQUENCE subscription_id_sequence OWNED BY subscription.subscription_id;
UPDATE subscription SET began_at = lower(validity);
CREATE INDEX subscription_segments ON subscription (subscription_id);

CREATE FUNCTION let_subscription_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.began_at := coalesce(NEW.began_at, lower(NEW.validity));
    RETURN NEW;
END $$;
CREATE TRIGGER subscription_begins BEFORE INSERT ON subscription FOR EACH ROW EXECUTE FUNCTION let_subscription_begin();

-- A contract is with a customer, for all its accounts, or for one account. It is never edited: it may only end earlier.
ALTER TABLE contract
    ADD COLUMN customer_id bigint REFERENCES customer,
    ADD COLUMN account_id  bigint REFERENCES account,
    ADD COLUMN priority    integer NOT NULL DEFAULT 0,  -- the higher is the stronger; of equal ones, the account's own
    ADD COLUMN validity    tstzrange NOT NULL,
    ADD COLUMN payment_term_days integer CONSTRAINT contract_payment_term_days_sensible CHECK (payment_term_days BETWEEN 0 AND 365),
    ADD COLUMN document    jsonb NOT NULL,
    ADD COLUMN written_at  timestamptz NOT NULL,
    ADD CONSTRAINT contract_is_with_one CHECK (num_nonnulls(customer_id, account_id) = 1),
    ADD CONSTRAINT contract_lasts CHECK (NOT isempty(validity)),
    ADD CONSTRAINT contract_of_customer_overlaps_none EXCLUDE USING gist
        (customer_id WITH =, priority WITH =, validity WITH &&) WHERE (customer_id IS NOT NULL),
    ADD CONSTRAINT contract_of_account_overlaps_none EXCLUDE USING gist
        (account_id WITH =, priority WITH =, validity WITH &&) WHERE (account_id IS NOT NULL);
CREATE FUNCTION refuse_change_of_contract() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'validity' = to_jsonb(OLD) - 'validity'
       AND OLD.validity @> NEW.validity AND lower(NEW.validity) IS NOT DISTINCT FROM lower(OLD.validity) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'contract % is signed: end it and write another', OLD.code USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER contract_may_only_end BEFORE UPDATE OR DELETE ON contract
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_contract();

-- Fees stand among the running totals, so that invoices take them as they take usage. Each accrual is on record here: what
-- it booked is the difference between what a fee should come to and what was booked before.
CREATE TABLE fee_accrual (
    accrual_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account,
    wallet_id  bigint NOT NULL REFERENCES wallet,      -- that paid
    booked_at  timestamptz NOT NULL,
    amount_micros bigint NOT NULL
);
CREATE TABLE fee_booking (
    accrual_id    bigint NOT NULL REFERENCES fee_accrual,
    account_id    bigint NOT NULL REFERENCES account,
    service_month date NOT NULL,
    charge_id     bigint NOT NULL REFERENCES charge,
    price_cell    text NOT NULL,                       -- the period: 2026-10-01/2026-11-01
    quantity_millionths bigint NOT NULL,               -- of a period
    amount_micros bigint NOT NULL,
    PRIMARY KEY (accrual_id, service_month, charge_id, price_cell)
);
CREATE INDEX fee_booking_of_account ON fee_booking (account_id, charge_id);
CREATE TRIGGER fee_accrual_is_append_only BEFORE UPDATE OR DELETE ON fee_accrual FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER fee_booking_is_append_only BEFORE UPDATE OR DELETE ON fee_booking FOR EACH ROW EXECUTE FUNCTION refuse_change();

ALTER TABLE wallet_entry DROP CONSTRAINT wallet_entry_cause_known;
ALTER TABLE wallet_entry ADD CONSTRAINT wallet_entry_cause_known
    CHECK (cause IN ('usage', 'top_up', 'invoice', 'adjustment', 'transfer', 'fee', 'rerating'));
