-- Every change leaves a record (DESIGN §3.8): who, when, before and after, chained by hash.
-- The chain is made here and not by the writers: no record can be inserted beside it, and none can be forged by number.
SET lock_timeout = '5s';

CREATE TABLE audit_record (
    audit_id    bigint PRIMARY KEY,     -- 1, 2, 3, ... without a gap: set by the trigger, under its lock
    at          timestamptz NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    subject     text NOT NULL,
    before      jsonb,
    after       jsonb,
    previous_digest text NOT NULL,      -- of the record before; empty for the first
    digest      text NOT NULL UNIQUE    -- audit_digest() of this record
);

CREATE FUNCTION audit_digest(record audit_record) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT encode(sha256(convert_to(jsonb_build_array(record.audit_id, (extract(epoch FROM record.at) * 1000000)::bigint,
        record.actor, record.action, record.subject, record.before, record.after, record.previous_digest)::text, 'UTF8')), 'hex')
$$;

CREATE FUNCTION chain_audit_record() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last audit_record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('audit_record'));   -- one writer at a time, until it commits
    SELECT * INTO last FROM audit_record ORDER BY audit_id DESC LIMIT 1;
    NEW.audit_id := coalesce(last.audit_id, 0) + 1;
    NEW.previous_digest := coalesce(last.digest, '');
    NEW.digest := audit_digest(NEW);
    RETURN NEW;
END $$;

CREATE TRIGGER audit_record_is_chained BEFORE INSERT ON audit_record FOR EACH ROW EXECUTE FUNCTION chain_audit_record();
CREATE TRIGGER audit_record_is_append_only BEFORE UPDATE OR DELETE ON audit_record FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_record_is_not_truncated BEFORE TRUNCATE ON audit_record FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
