-- Overdue invoices of postpaid accounts: what of an invoice was paid, and whether an account is suspended for what was not.
SET lock_timeout = '5s';

-- Only where it was agreed: an account is suspended for an overdue invoice when its payments are recorded here.
ALTER TABLE account_terms ADD COLUMN suspend_overdue boolean NOT NULL DEFAULT false;

CREATE TABLE invoice_settlement (
    invoice_id   bigint NOT NULL REFERENCES invoice,
    reference    text NOT NULL,          -- the bank's or the gateway's
    account_id   bigint NOT NULL REFERENCES account,
    amount_minor bigint NOT NULL CONSTRAINT invoice_settlement_is_positive CHECK (amount_minor > 0),
    settled_by   text NOT NULL,
    settled_at   timestamptz NOT NULL,
    PRIMARY KEY (invoice_id, reference)
);
CREATE TRIGGER invoice_settlement_is_append_only BEFORE UPDATE OR DELETE ON invoice_settlement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER invoice_settlement_is_not_truncated BEFORE TRUNCATE ON invoice_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- Issuing an invoice credits the wallet, which is looked at for that already.
CREATE TRIGGER invoice_settlement_asks_for_look AFTER INSERT ON invoice_settlement
    FOR EACH ROW EXECUTE FUNCTION ask_for_look();

-- What of an invoice is not paid, in minor units.
CREATE FUNCTION invoice_open_minor(of_invoice bigint) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT CASE i.status WHEN 'issued' THEN i.total_minor - i.prepaid_minor
        - coalesce((SELECT sum(s.amount_minor) FROM invoice_settlement s WHERE s.invoice_id = i.invoice_id), 0)::bigint
        ELSE 0 END
    FROM invoice i WHERE i.invoice_id = of_invoice
$$;

-- When an account's oldest unpaid invoice falls, or fell, overdue: at the end of its due day in India.
CREATE FUNCTION overdue_since(of_account bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT min(((i.document ->> 'due_date')::date + 1)::timestamp AT TIME ZONE 'Asia/Kolkata')
    FROM invoice i WHERE i.account_id = of_account AND i.status = 'issued' AND invoice_open_minor(i.invoice_id) > 0
$$;
