-- What accounts may do, as one row each: state, a person's word over it, and from when it is so (domain/suspension.py).
SET lock_timeout = '5s';

-- How an account is treated where it differs from the defaults of its currency; NULL is the default.
CREATE TABLE account_terms (
    account_id          bigint PRIMARY KEY REFERENCES account,
    low_level_micros    bigint,
    grace_hours         integer CONSTRAINT account_terms_grace_is_in_range CHECK (grace_hours BETWEEN 0 AND 8784),
    grace_micros        bigint CONSTRAINT account_terms_grace_is_not_negative CHECK (grace_micros >= 0),
    credit_limit_micros bigint CONSTRAINT account_terms_limit_is_not_negative CHECK (credit_limit_micros >= 0)
);

-- Of the accounts that own the wallet they pay from; those that lean on one do what it may do.
CREATE TABLE account_standing (
    account_id      bigint PRIMARY KEY REFERENCES account,
    version         bigint NOT NULL CONSTRAINT account_standing_version_counts_from_one CHECK (version >= 1),
    state           text NOT NULL CONSTRAINT account_standing_state_known
        CHECK (state IN ('active', 'low', 'grace', 'suspended', 'closed')),
    effective       text NOT NULL CONSTRAINT account_standing_effective_known     -- with a person's word
        CHECK (effective IN ('active', 'low', 'grace', 'suspended', 'closed')),
    floor_micros    bigint,              -- the balance below which nothing more is promised; NULL: no end
    grace_since     timestamptz,
    override_state  text CONSTRAINT account_standing_override_known CHECK (override_state IN ('active', 'suspended')),
    override_reason text,
    override_by     text,
    override_until  timestamptz,
    look_again_at   timestamptz,         -- when time alone may change it
    changed_at      timestamptz NOT NULL,
    CONSTRAINT account_standing_override_is_whole
        CHECK (num_nulls(override_state, override_reason, override_by, override_until) IN (0, 4))
) WITH (fillfactor = 70);
CREATE INDEX account_standing_to_look_at ON account_standing (look_again_at) WHERE look_again_at IS NOT NULL;
