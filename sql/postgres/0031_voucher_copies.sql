-- Printed vouchers: the digest of the one form each has, so that a second form is never given out.
SET lock_timeout = '5s';

CREATE TABLE voucher_copy (
    gstin      char(15) NOT NULL,
    number     text NOT NULL,
    pdf_digest text NOT NULL,
    printed_at timestamptz NOT NULL,
    PRIMARY KEY (gstin, number),
    FOREIGN KEY (gstin, number) REFERENCES voucher
);
CREATE TRIGGER voucher_copy_is_append_only BEFORE UPDATE OR DELETE ON voucher_copy
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER voucher_copy_is_not_truncated BEFORE TRUNCATE ON voucher_copy
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
