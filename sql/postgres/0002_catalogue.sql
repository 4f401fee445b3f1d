-- What is sold: plans, their versions (never edited once they have billed) and who is on which.
SET lock_timeout = '5s';

CREATE TABLE plan (
    plan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    code    text NOT NULL UNIQUE,
    name    text NOT NULL
);

CREATE TABLE plan_version (
    plan_version_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id      bigint NOT NULL REFERENCES plan,
    version      integer NOT NULL CONSTRAINT plan_version_counts_from_one CHECK (version >= 1),
    currency     char(3) NOT NULL,
    published_at timestamptz NOT NULL,
    document     jsonb NOT NULL,   -- the plan file as published: the evidence behind every price
    CONSTRAINT plan_version_unique UNIQUE (plan_id, version)
);

-- One price for one meter; `price` is one of the models in domain/pricing/, `charge_id` is what counters and lines refer to.
CREATE TABLE charge (
    charge_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_version_id bigint NOT NULL REFERENCES plan_version,
    meter           text NOT NULL,
    description     text NOT NULL,
    sac             text NOT NULL,
    unit            text NOT NULL,
    price           jsonb NOT NULL,
    CONSTRAINT charge_one_per_meter UNIQUE (plan_version_id, meter)
);

CREATE TABLE subscription (
    account_id      bigint NOT NULL REFERENCES account,
    plan_version_id bigint NOT NULL REFERENCES plan_version,
    validity        tstzrange NOT NULL DEFAULT tstzrange(NULL, NULL),
    CONSTRAINT subscription_one_plan_at_a_time EXCLUDE USING gist (account_id WITH =, validity WITH &&)
);

CREATE TRIGGER plan_version_is_immutable BEFORE UPDATE OR DELETE ON plan_version FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER charge_is_immutable BEFORE UPDATE OR DELETE ON charge FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER charge_changes_config AFTER INSERT ON charge FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
CREATE TRIGGER subscription_changes_config AFTER INSERT OR UPDATE OR DELETE ON subscription
    FOR EACH STATEMENT EXECUTE FUNCTION bump_config_version();
