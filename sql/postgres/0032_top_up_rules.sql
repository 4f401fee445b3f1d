-- Automatic top-ups: an account's rule, and every request for money made by it with its answer (domain/top_up_rules.py).
SET lock_timeout = '5s';

CREATE TABLE top_up_rule (
    account_id          bigint PRIMARY KEY REFERENCES account,
    threshold_micros    bigint NOT NULL,
    amount_minor        bigint NOT NULL CONSTRAINT top_up_rule_amount_is_positive CHECK (amount_minor > 0),   -- before tax
    monthly_limit_minor bigint NOT NULL CONSTRAINT top_up_rule_allows_one CHECK (monthly_limit_minor >= amount_minor),
    methods             text[] NOT NULL CONSTRAINT top_up_rule_methods_known
        CHECK (methods <@ ARRAY['card_mandate', 'upi_mandate', 'payment_link'] AND cardinality(methods) >= 1),
    cool_down_seconds   integer NOT NULL CONSTRAINT top_up_rule_cool_down_is_in_range
        CHECK (cool_down_seconds BETWEEN 1 AND 86400),
    set_at              timestamptz NOT NULL,
    stopped_at          timestamptz,
    answer              text,            -- what the last look at it found
    look_again_at       timestamptz      -- when time alone may change that
);
CREATE INDEX top_up_rule_to_look_at ON top_up_rule (look_again_at) WHERE look_again_at IS NOT NULL AND stopped_at IS NULL;

CREATE TABLE top_up_request (
    request_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id       bigint NOT NULL REFERENCES account,
    method           text NOT NULL CONSTRAINT top_up_request_method_known
        CHECK (method IN ('card_mandate', 'upi_mandate', 'payment_link')),
    currency         char(3) NOT NULL,
    amount_minor     bigint NOT NULL CONSTRAINT top_up_request_amount_is_positive CHECK (amount_minor > 0),
    charge_minor     bigint NOT NULL CONSTRAINT top_up_request_charges_the_amount CHECK (charge_minor >= amount_minor),
    requested_at     timestamptz NOT NULL,
    debit_at         timestamptz NOT NULL,   -- not before
    answer_by        timestamptz NOT NULL,
    state            text NOT NULL DEFAULT 'in_flight'
        CONSTRAINT top_up_request_state_known CHECK (state IN ('in_flight', 'captured', 'failed')),
    closed_at        timestamptz,
    reason           text,
    payment_event_id bigint REFERENCES payment_event,
    CONSTRAINT top_up_request_is_dated_when_closed CHECK ((state = 'in_flight') = (closed_at IS NULL)),
    CONSTRAINT top_up_request_fails_for_a_reason CHECK (state <> 'failed' OR reason IS NOT NULL),
    CONSTRAINT top_up_request_is_captured_by_an_event CHECK (state <> 'captured' OR payment_event_id IS NOT NULL)
);
CREATE UNIQUE INDEX top_up_request_one_in_flight ON top_up_request (account_id) WHERE state = 'in_flight';
CREATE INDEX top_up_request_by_account ON top_up_request (account_id, requested_at);
CREATE TRIGGER top_up_request_is_never_deleted BEFORE DELETE ON top_up_request
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A rule that changed, and a request that was answered, may ask for a top-up: the wallet is looked at.
CREATE TRIGGER top_up_rule_asks_for_look
    AFTER INSERT OR UPDATE OF threshold_micros, amount_minor, monthly_limit_minor, methods, cool_down_seconds, stopped_at
    ON top_up_rule FOR EACH ROW EXECUTE FUNCTION ask_for_look();
CREATE TRIGGER top_up_request_asks_for_look AFTER UPDATE OF state ON top_up_request
    FOR EACH ROW EXECUTE FUNCTION ask_for_look();
