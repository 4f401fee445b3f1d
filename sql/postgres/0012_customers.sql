-- Customers whole: profile, addresses, contacts, tax profile, language and notices; what an account agreed and warns at.
SET lock_timeout = '5s';

-- The billing address stands on the customer's row and is what invoices print; its country and state decide the tax.
-- `revision` counts changes: who changes a customer or an account says which revision they saw, and is refused for another.
ALTER TABLE customer
    ADD COLUMN revision    integer NOT NULL DEFAULT 1 CONSTRAINT customer_revision_counts_from_one CHECK (revision >= 1),
    ADD COLUMN archived_at timestamptz,
    ADD COLUMN trade_name  text,
    ADD COLUMN city        text,
    ADD COLUMN postal_code text,
    ADD COLUMN pan         char(10),     -- only where the GSTIN does not say it
    ADD COLUMN tan         char(10),
    ADD COLUMN export      text NOT NULL DEFAULT 'lut'
        CONSTRAINT customer_export_known CHECK (export IN ('lut', 'igst')),   -- zero rated under the seller's LUT, or with IGST
    -- Of accounts that are opened without saying theirs.
    ADD COLUMN default_currency  char(3)
        CONSTRAINT customer_default_currency_known CHECK (default_currency IN ('INR', 'USD', 'IDR')),
    ADD COLUMN default_time_zone text,
    ADD COLUMN languages   text[] NOT NULL DEFAULT '{}';   -- BCP 47, the preferred first
UPDATE customer c SET
    default_currency = coalesce((SELECT min(a.currency) FROM account a WHERE a.customer_id = c.customer_id
                         HAVING count(DISTINCT a.currency) = 1),
                        CASE c.country WHEN 'IN' THEN 'INR' WHEN 'ID' THEN 'IDR' ELSE 'USD' END),
    default_time_zone = coalesce((SELECT min(a.time_zone) FROM account a WHERE a.customer_id = c.customer_id
                          HAVING count(DISTINCT a.time_zone) = 1),
                         CASE c.country WHEN 'IN' THEN 'Asia/Kolkata' WHEN 'ID' THEN 'Asia/Jakarta' ELSE 'UTC' END);

-- Who adds a customer without saying: by country.
CREATE FUNCTION let_country_choose() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.default_currency := coalesce(NEW.default_currency,
        CASE NEW.country WHEN 'IN' THEN 'INR' WHEN 'ID' THEN 'IDR' ELSE 'USD' END);
    NEW.default_time_zone := coalesce(NEW.default_time_zone,
        CASE NEW.country WHEN 'IN' THEN 'Asia/Kolkata' WHEN 'ID' THEN 'Asia/Jakarta' ELSE 'UTC' END);
    RETURN NEW;
END $$;
CREATE TRIGGER customer_has_currency_and_zone BEFORE INSERT ON customer FOR EACH ROW EXECUTE FUNCTION let_country_choose();
ALTER TABLE customer ALTER COLUMN default_currency SET NOT NULL, ALTER COLUMN default_time_zone SET NOT NULL;

-- Addresses beside the billing address.
CREATE TABLE customer_address (
    customer_id bigint NOT NULL REFERENCES customer,
    kind        text NOT NULL CONSTRAINT customer_address_kind_known
        CHECK (kind IN ('registered', 'shipping', 'correspondence')),
    lines       text[] NOT NULL CONSTRAINT customer_address_has_lines CHECK (cardinality(lines) BETWEEN 1 AND 4),
    city        text,
    postal_code text,
    state_code  char(2),
    country     char(2) NOT NULL,
    PRIMARY KEY (customer_id, kind)
);

CREATE TABLE customer_contact (
    customer_id bigint NOT NULL REFERENCES customer,
    place       integer NOT NULL,        -- 1 for the first named
    name        text NOT NULL,
    email       text NOT NULL,
    phone       text,
    roles       text[] NOT NULL CONSTRAINT customer_contact_roles_known
        CHECK (roles <@ ARRAY['billing', 'technical', 'finance', 'owner'] AND cardinality(roles) >= 1),
    PRIMARY KEY (customer_id, place)
);

-- By which channels a kind of notice goes out; a kind without a row goes by email.
CREATE TABLE customer_notification (
    customer_id bigint NOT NULL REFERENCES customer,
    kind        text NOT NULL,
    channels    text[] NOT NULL CONSTRAINT customer_notification_channels_known
        CHECK (channels <@ ARRAY['email', 'sms', 'whatsapp', 'webhook']),
    PRIMARY KEY (customer_id, kind)
);

ALTER TABLE account
    ADD COLUMN revision          integer NOT NULL DEFAULT 1 CONSTRAINT account_revision_counts_from_one CHECK (revision >= 1),
    ADD COLUMN display_name      text,
    ADD COLUMN payment_term_days integer CONSTRAINT account_payment_term_is_in_range CHECK (payment_term_days BETWEEN 0 AND 365),
    ADD COLUMN closed_at         timestamptz,
    ADD CONSTRAINT account_dated_when_closed CHECK (closed_at IS NULL OR status = 'closed');
CREATE INDEX account_by_customer ON account (customer_id);

-- What an account chose to be warned at; one that chose nothing has the defaults.
CREATE TABLE account_threshold (
    account_id bigint NOT NULL REFERENCES account,
    kind       text NOT NULL CONSTRAINT account_threshold_kind_known
        CHECK (kind IN ('absolute', 'percent_of_last_top_up', 'days_of_runway')),
    value      bigint NOT NULL,          -- micros, percent or days
    PRIMARY KEY (account_id, kind, value)
);
