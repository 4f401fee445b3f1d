-- Everything that is sold is a charge, measured by meters; an event may feed several, and is then rated in parts.
SET lock_timeout = '5s';

-- What is counted: events of one type, with these values of their properties, put together by one aggregation.
CREATE TABLE meter (
    meter_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code        text NOT NULL CONSTRAINT meter_code_unique UNIQUE,
    event_type  text NOT NULL,
    aggregation text NOT NULL DEFAULT 'sum'
        CONSTRAINT meter_aggregation_known CHECK (aggregation IN ('sum', 'count', 'max', 'unique', 'latest')),
    property    text NOT NULL DEFAULT 'quantity',    -- what is put together: the event's quantity, or a property's name
    filter      jsonb NOT NULL DEFAULT '{}'          -- {"channel": ["sms", "whatsapp"]}
        CONSTRAINT meter_filter_is_object CHECK (jsonb_typeof(filter) = 'object')
);
CREATE TRIGGER meter_is_immutable BEFORE UPDATE OR DELETE ON meter FOR EACH ROW EXECUTE FUNCTION refuse_change();
INSERT INTO meter (code, event_type) SELECT DISTINCT meter, meter FROM charge ORDER BY meter;

-- Prices agreed with one customer. What a contract says beyond its prices stands in later columns.
CREATE TABLE contract (
    contract_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code        text NOT NULL CONSTRAINT contract_code_unique UNIQUE,
    currency    char(3) NOT NULL CONSTRAINT contract_currency_known CHECK (currency IN ('INR', 'USD', 'IDR'))
);

-- A charge belongs to a plan version or to a contract. `document` is all of it as published; the columns say what lines and
-- reports need of it. `meter` is the first meter of a usage charge.
ALTER TABLE charge
    ADD COLUMN contract_id bigint REFERENCES contract,
    ADD COLUMN code        text,
    ADD COLUMN kind        text NOT NULL DEFAULT 'usage'
        CONSTRAINT charge_kind_known CHECK (kind IN ('usage', 'adjustment', 'recurring', 'one_time', 'commitment')),
    ADD COLUMN document    jsonb,
    ALTER COLUMN plan_version_id DROP NOT NULL,
    ALTER COLUMN meter DROP NOT NULL,
    ALTER COLUMN price DROP NOT NULL,
    DROP CONSTRAINT charge_one_per_meter;
ALTER TABLE charge DISABLE TRIGGER charge_is_immutable;
UPDATE charge SET code = meter, document = jsonb_build_object('code', meter, 'kind', 'usage', 'meters', jsonb_build_array(meter),
    'description', description, 'sac', sac, 'unit', unit, 'price', price);
ALTER TABLE charge ENABLE TRIGGER charge_is_immutable;
ALTER TABLE charge
    ALTER COLUMN code SET NOT NULL,
    ALTER COLUMN document SET NOT NULL,
    ADD CONSTRAINT charge_of_plan_or_contract CHECK (num_nonnulls(plan_version_id, contract_id) = 1),
    ADD CONSTRAINT charge_of_usage_has_meter_and_price CHECK (kind <> 'usage' OR num_nulls(meter, price) = 0),
    ADD CONSTRAINT charge_code_unique_in_plan UNIQUE (plan_version_id, code),
    ADD CONSTRAINT charge_code_unique_in_contract UNIQUE (contract_id, code);

-- Which meters a usage charge prices; made from its document, so the two cannot differ.
CREATE TABLE charge_meter (
    charge_id bigint NOT NULL REFERENCES charge,
    meter_id  bigint NOT NULL REFERENCES meter,
    PRIMARY KEY (charge_id, meter_id)
);
INSERT INTO charge_meter SELECT c.charge_id, m.meter_id FROM charge c JOIN meter m ON m.code = c.meter;
CREATE TRIGGER charge_meter_is_immutable BEFORE UPDATE OR DELETE ON charge_meter
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- The short form names one meter and has no document: the meter sums up the quantities of the event type of that name.
CREATE FUNCTION complete_charge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.document IS NULL THEN
        NEW.code := coalesce(NEW.code, NEW.meter);
        NEW.document := jsonb_build_object('code', NEW.code, 'kind', 'usage', 'meters', jsonb_build_array(NEW.meter),
            'description', NEW.description, 'sac', NEW.sac, 'unit', NEW.unit, 'price', NEW.price);
        INSERT INTO meter (code, event_type)
        SELECT NEW.meter, NEW.meter WHERE NOT EXISTS (SELECT FROM meter WHERE code = NEW.meter) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charge_is_completed BEFORE INSERT ON charge FOR EACH ROW EXECUTE FUNCTION complete_charge();

CREATE FUNCTION link_charge_to_meters() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    unknown text;
BEGIN
    SELECT named INTO unknown
    FROM jsonb_array_elements_text(coalesce(NEW.document -> 'meters', jsonb_build_array(NEW.meter))) AS named
    WHERE NOT EXISTS (SELECT FROM meter WHERE code = named);
    IF unknown IS NOT NULL THEN
        RAISE EXCEPTION 'charge % prices meter %, which does not exist: publish the meter first', NEW.code, unknown
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'charge_prices_known_meters';
    END IF;
    INSERT INTO charge_meter
    SELECT DISTINCT NEW.charge_id, meter_id
    FROM jsonb_array_elements_text(coalesce(NEW.document -> 'meters', jsonb_build_array(NEW.meter))) AS named
    JOIN meter ON code = named;
    RETURN NULL;
END $$;
CREATE TRIGGER charge_has_its_meters AFTER INSERT ON charge FOR EACH ROW WHEN (NEW.kind = 'usage')
    EXECUTE FUNCTION link_charge_to_meters();

-- An event's first part stands with the event; metered_millionths is what its running total gained, when that is not the
-- reported quantity.
ALTER TABLE usage_event ADD COLUMN metered_millionths bigint;

-- The further parts, and what re-rating takes back (event_count -1) and puts in its place. For an adjustment, metered is
-- the money it is a function of, in micros, and event_count is 0.
CREATE TABLE further_charge (
    event_key           uuid NOT NULL,
    event_time          timestamptz NOT NULL,
    batch_id            bigint NOT NULL,
    account_id          bigint NOT NULL,
    charge_id           bigint NOT NULL,
    quantity_millionths bigint NOT NULL,
    amount_micros       bigint NOT NULL,
    metered_millionths  bigint,
    event_count         smallint NOT NULL DEFAULT 1,
    kind                text NOT NULL DEFAULT 'part'
        CONSTRAINT further_charge_kind_known CHECK (kind IN ('part', 'reversal', 'replacement')),
    price_cell          text NOT NULL
);
SELECT create_hypertable('further_charge', by_range('event_time', INTERVAL '1 day'), create_default_indexes => false);
CREATE INDEX further_charge_of_event ON further_charge (event_time, event_key);
CREATE INDEX further_charge_of_batch ON further_charge (batch_id);
CREATE TRIGGER further_charge_is_append_only BEFORE UPDATE OR DELETE ON further_charge
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE VIEW rated_charge AS
SELECT event_key, event_time, batch_id, account_id, charge_id, price_cell, quantity_millionths, amount_micros,
       coalesce(metered_millionths, quantity_millionths) AS metered_millionths, 1::smallint AS event_count, 'part' AS kind
FROM usage_event
UNION ALL
SELECT event_key, event_time, batch_id, account_id, charge_id, price_cell, quantity_millionths, amount_micros,
       coalesce(metered_millionths, quantity_millionths), event_count, kind
FROM further_charge;

-- What a price is a function of, where that is not the month's running total of the account: totals of a quarter, a year or
-- for ever (period_start 0001-01-01), of one account or, on its topmost account, of a whole tree.
CREATE TABLE price_position (
    owner_account_id bigint NOT NULL REFERENCES account,
    period_start     date NOT NULL,
    charge_id        bigint NOT NULL REFERENCES charge,
    price_cell       text NOT NULL,
    quantity_millionths bigint NOT NULL DEFAULT 0,
    amount_micros    bigint NOT NULL DEFAULT 0,
    event_count      bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (owner_account_id, period_start, charge_id, price_cell)
) WITH (fillfactor = 50);

-- What the aggregations remember of a running total (of the position, or of the month's total where they are the same).
CREATE TABLE meter_state (
    owner_account_id bigint NOT NULL REFERENCES account,
    period_start     date NOT NULL,
    charge_id        bigint NOT NULL REFERENCES charge,
    price_cell       text NOT NULL,
    meter_id         bigint NOT NULL REFERENCES meter,
    value_millionths bigint NOT NULL,    -- max: the highest value; latest: that of the latest event
    event_time       timestamptz NOT NULL,
    event_key        uuid NOT NULL,      -- between events of the same time, the greater identity is the later
    PRIMARY KEY (owner_account_id, period_start, charge_id, price_cell, meter_id)
) WITH (fillfactor = 50);

CREATE TABLE unique_value (       -- millions of rows, written only with their charge at hand: no foreign keys
    owner_account_id bigint NOT NULL,
    period_start     date NOT NULL,
    charge_id        bigint NOT NULL,
    price_cell       text NOT NULL,
    meter_id         bigint NOT NULL,
    value_digest     uuid NOT NULL,      -- the value itself may be a person's number, and is not needed
    PRIMARY KEY (owner_account_id, period_start, charge_id, price_cell, meter_id, value_digest)
);

-- What a version changed, so that a running worker reads that and not everything. A kind of change that is not recorded
-- here makes workers read everything.
CREATE TABLE config_touch (
    version bigint NOT NULL,
    kind    text NOT NULL,               -- account, subscription, alias, plan_version, contract or meter
    key     text NOT NULL                -- account_id (also of a subscription), alias, plan_version_id, contract_id, meter_id
);
CREATE INDEX config_touch_of_version ON config_touch (version);

CREATE FUNCTION touch_config() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed text;
BEGIN
    -- The statement's own trigger has made the version before: these run in the order of their names.
    FOREACH changed IN ARRAY CASE TG_OP WHEN 'INSERT' THEN '{new_rows}' WHEN 'DELETE' THEN '{old_rows}'
                             ELSE '{old_rows,new_rows}' END::text[] LOOP
        EXECUTE format('INSERT INTO config_touch SELECT DISTINCT version, %L, %I::text FROM %I, config_version
            WHERE %2$I IS NOT NULL', TG_ARGV[0], TG_ARGV[1], changed);
    END LOOP;
    RETURN NULL;
END $$;

CREATE TRIGGER meter_changes_config AFTER INSERT ON meter FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER meter_touches_insert AFTER INSERT ON meter REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION touch_config('meter', 'meter_id');
CREATE TRIGGER contract_changes_config AFTER INSERT OR UPDATE OR DELETE ON contract
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER charge_touches_plan_version AFTER INSERT ON charge REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION touch_config('plan_version', 'plan_version_id');
CREATE TRIGGER charge_touches_contract AFTER INSERT ON charge REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION touch_config('contract', 'contract_id');
DO $$
DECLARE
    watched text[];
BEGIN
    FOREACH watched SLICE 1 IN ARRAY ARRAY[['account', 'account_id'], ['alias', 'alias'], ['subscription', 'account_id'],
                                           ['contract', 'contract_id']] LOOP
        EXECUTE format('CREATE TRIGGER %I AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION touch_config(%L, %L)', watched[1] || '_touches_insert', watched[1], watched[1], watched[2]);
        EXECUTE format('CREATE TRIGGER %I AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
            FOR EACH STATEMENT EXECUTE FUNCTION touch_config(%L, %L)', watched[1] || '_touches_update', watched[1], watched[1], watched[2]);
        EXECUTE format('CREATE TRIGGER %I AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
            FOR EACH STATEMENT EXECUTE FUNCTION touch_config(%L, %L)', watched[1] || '_touches_delete', watched[1], watched[1], watched[2]);
    END LOOP;
END $$;

CREATE INDEX alias_of_account ON alias (account_id);
CREATE INDEX subscription_of_plan_version ON subscription (plan_version_id);
