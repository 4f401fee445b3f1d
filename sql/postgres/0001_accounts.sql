-- Who is billed: the seller, customers, their accounts, and the aliases events name them by.
-- Every change to what the worker rates with bumps config_version, so running workers notice at their next batch.
SET lock_timeout = '5s';

CREATE TABLE config_version (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT config_version_has_one_row CHECK (singleton),
    version   bigint  NOT NULL
);
INSERT INTO config_version (version) VALUES (1);

CREATE FUNCTION bump_config_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE config_version SET version = version + 1;
    RETURN NULL;
END $$;

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused; write a correcting row instead', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TABLE seller (
    gstin         text PRIMARY KEY CONSTRAINT seller_gstin_has_15_characters CHECK (length(gstin) = 15),
    legal_name    text NOT NULL,
    address_lines text[] NOT NULL,
    email         text NOT NULL,
    payment_lines text[] NOT NULL,       -- where to pay, as printed
    invoice_series text NOT NULL CONSTRAINT seller_series_is_upper_case CHECK (invoice_series ~ '^[A-Z1-9][A-Z0-9-]{0,3}$'),
    lut_arn       text,
    lut_valid_from date,
    lut_valid_to  date,
    CONSTRAINT seller_lut_is_whole CHECK ((lut_arn IS NULL) = (lut_valid_from IS NULL) AND (lut_arn IS NULL) = (lut_valid_to IS NULL))
);

CREATE TABLE customer (
    customer_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code          text NOT NULL UNIQUE,
    legal_name    text NOT NULL,
    email         text NOT NULL,
    phone         text,
    address_lines text[] NOT NULL,
    country       char(2) NOT NULL,
    state_code    char(2),
    gstin         char(15),
    tax_category  text NOT NULL CONSTRAINT customer_tax_category_known
        CHECK (tax_category IN ('registered', 'unregistered', 'sez', 'overseas')),
    created_at    timestamptz NOT NULL,
    CONSTRAINT customer_in_india_has_state CHECK (country <> 'IN' OR state_code IS NOT NULL),
    CONSTRAINT customer_registered_has_gstin CHECK (tax_category NOT IN ('registered', 'sez') OR gstin IS NOT NULL)
);

CREATE TABLE account (
    account_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code         text NOT NULL UNIQUE CONSTRAINT account_code_is_short CHECK (length(code) BETWEEN 1 AND 64),
    customer_id  bigint NOT NULL REFERENCES customer,
    mode         text NOT NULL CONSTRAINT account_mode_known CHECK (mode IN ('prepaid', 'postpaid')),
    currency     char(3) NOT NULL CONSTRAINT account_currency_known CHECK (currency IN ('INR', 'USD', 'IDR')),
    time_zone    text NOT NULL,
    status       text NOT NULL DEFAULT 'active' CONSTRAINT account_status_known CHECK (status IN ('active', 'suspended', 'closed')),
    created_at   timestamptz NOT NULL
);

CREATE EXTENSION IF NOT EXISTS btree_gist;

-- An alias names one account at a time and may move; events are attributed by event time.
CREATE TABLE alias (
    alias      text NOT NULL CONSTRAINT alias_is_short CHECK (length(alias) BETWEEN 1 AND 128),
    account_id bigint NOT NULL REFERENCES account,
    validity   tstzrange NOT NULL DEFAULT tstzrange(NULL, NULL),
    CONSTRAINT alias_names_one_account_at_a_time EXCLUDE USING gist (alias WITH =, validity WITH &&)
);

CREATE TRIGGER account_changes_config AFTER INSERT OR UPDATE OR DELETE ON account
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER alias_changes_config AFTER INSERT OR UPDATE OR DELETE ON alias
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
