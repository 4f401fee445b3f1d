-- Invoices: drafts may be made anew, issued ones are frozen, numbers are gapless and taken only at issue (DESIGN §3.6).
SET lock_timeout = '5s';

CREATE TABLE invoice_run (
    month         date PRIMARY KEY CONSTRAINT invoice_run_month_starts_on_first CHECK (extract(day FROM month) = 1),
    certificate   jsonb NOT NULL,      -- the conservation certificate the run started from
    checked_at    timestamptz NOT NULL,
    approved_by   text,
    approved_at   timestamptz
);

CREATE TABLE invoice (
    invoice_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  bigint NOT NULL REFERENCES account,
    month       date NOT NULL,
    status      text NOT NULL CONSTRAINT invoice_status_known CHECK (status IN ('draft', 'issued', 'void')),
    number      text UNIQUE,
    issue_date  date,
    currency    char(3) NOT NULL,
    subtotal_minor bigint NOT NULL,
    tax_minor   bigint NOT NULL,
    total_minor bigint NOT NULL,
    prepaid_minor bigint NOT NULL,
    document    jsonb NOT NULL,        -- the whole document as printed: parties, lines, taxes
    document_digest text NOT NULL,     -- SHA-256 of the canonical document
    pdf_path    text,
    pdf_digest  text,
    drafted_at  timestamptz NOT NULL,
    issued_at   timestamptz,
    CONSTRAINT invoice_adds_up CHECK (total_minor = subtotal_minor + tax_minor),
    CONSTRAINT invoice_number_exactly_when_issued CHECK ((status = 'draft') = (number IS NULL) AND (number IS NULL) = (issue_date IS NULL))
);
CREATE UNIQUE INDEX invoice_once_per_account_and_month ON invoice (account_id, month) WHERE status <> 'void';

CREATE TABLE invoice_line (
    invoice_id  bigint NOT NULL REFERENCES invoice ON DELETE CASCADE,
    line_number integer NOT NULL,
    service_month date NOT NULL,
    charge_id   bigint NOT NULL REFERENCES charge,
    price_cell  text NOT NULL,
    quantity_millionths bigint NOT NULL,
    amount_micros bigint NOT NULL,
    amount_minor  bigint NOT NULL,
    event_count   bigint NOT NULL,
    PRIMARY KEY (invoice_id, line_number)
);

CREATE TABLE invoice_series (
    gstin          char(15) NOT NULL,
    series         text NOT NULL,
    financial_year text NOT NULL CONSTRAINT invoice_series_year_form CHECK (financial_year ~ '^\d\d-\d\d$'),
    next_number    integer NOT NULL CONSTRAINT invoice_series_counts_from_one CHECK (next_number >= 1),
    PRIMARY KEY (gstin, series, financial_year)
);

CREATE FUNCTION refuse_change_of_issued_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'draft' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND (to_jsonb(NEW) - 'pdf_path' - 'pdf_digest') = (to_jsonb(OLD) - 'pdf_path' - 'pdf_digest')
       AND (OLD.pdf_digest IS NULL OR OLD.pdf_digest = NEW.pdf_digest) THEN
        RETURN NEW;                    -- the printed copy is made after issue, and is always the same
    END IF;
    RAISE EXCEPTION 'invoice % is issued and frozen: correct it by a credit or debit note', OLD.number
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER invoice_issued_is_frozen BEFORE UPDATE OR DELETE ON invoice
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_issued_invoice();

CREATE FUNCTION refuse_change_of_issued_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM invoice WHERE invoice_id IN (OLD.invoice_id, NEW.invoice_id) AND status <> 'draft') THEN
        RAISE EXCEPTION 'the lines of an issued invoice are frozen' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER invoice_line_issued_is_frozen BEFORE INSERT OR UPDATE OR DELETE ON invoice_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_issued_lines();
