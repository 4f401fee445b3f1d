"""Looking at invoices in PostgreSQL, and keeping where their printed copies lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, RowMapping, text

from connectors.postgres import audit
from connectors.postgres.database import snapshot, transaction
from connectors.postgres.due_accounts import due_account_ids
from connectors.postgres.invoice_rows import as_json
from connectors.postgres.months import first_day
from domain.errors import NotFound
from domain.invoice.document import from_document
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.invoice_ports import Amounts, Batch, IssuedInvoice, MonthOfInvoices, PrintedCopy

_ACTOR: Final = "invoice_run"

_AMOUNTS: Final = text("""
SELECT status, currency, count(*) AS invoices, sum(subtotal_minor)::bigint AS subtotal_minor,
       sum(tax_minor)::bigint AS tax_minor, sum(total_minor)::bigint AS total_minor,
       sum(prepaid_minor)::bigint AS prepaid_minor
FROM invoice WHERE month = :month AND status <> 'void' GROUP BY status, currency ORDER BY currency
""")
_PROGRESS: Final = text("""
SELECT min(number), max(number), count(pdf_digest),
       (SELECT count(*) FROM invoice_line l JOIN invoice USING (invoice_id) WHERE month = :month AND l.service_month < month)
FROM invoice WHERE month = :month AND status = 'issued'
""")
_ISSUED: Final = "SELECT number, document, pdf_path, pdf_digest FROM invoice WHERE status = 'issued'"
_OF_BATCH: Final = text(f"{_ISSUED} AND month = :month AND mod(account_id, :of) = :number ORDER BY number")
_BY_NUMBER: Final = text(f"{_ISSUED} AND number = :number")
_LISTING: Final = text("""
SELECT coalesce(i.number, '') AS number, a.code AS account, i.status, i.currency, i.total_minor, i.prepaid_minor,
       i.issue_date, coalesce(i.pdf_path, '') AS pdf
FROM invoice i JOIN account a USING (account_id) WHERE i.month = :month AND i.status <> 'void'
ORDER BY i.number NULLS LAST, a.code COLLATE "C"
""")
_KEEP_COPIES: Final = text("""
UPDATE invoice i SET pdf_path = r.path, pdf_digest = r.digest
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (number text, path text, digest text)
WHERE i.number = r.number AND (i.pdf_path, i.pdf_digest) IS DISTINCT FROM (r.path, r.digest)
""")


@dataclass(frozen=True, slots=True)
class PostgresInvoices:
    """The Invoices port on the billing database."""

    engine: Engine

    def month(self, month: BillingMonth) -> MonthOfInvoices:
        """Where a month stands."""
        parameters = {"month": first_day(month)}
        with snapshot(self.engine) as connection:
            rows = connection.execute(_AMOUNTS, parameters).mappings().all()
            first, last, printed, late_lines = connection.execute(_PROGRESS, parameters).one()
            left_out = len(due_account_ids(connection, month, Batch(0, 1), undrafted=True))
        return MonthOfInvoices(
            drafts=[_amounts(row) for row in rows if row["status"] == "draft"],
            issued=[_amounts(row) for row in rows if row["status"] == "issued"],
            first_number=first,
            last_number=last,
            printed=printed,
            late_lines=late_lines,
            left_out=left_out,
        )

    def issued(self, month: BillingMonth, batch: Batch) -> Sequence[IssuedInvoice]:
        """The final invoices of a batch of accounts, by number."""
        parameters = {"month": first_day(month), "of": batch.of, "number": batch.number}
        with snapshot(self.engine) as connection:
            return [_issued(row) for row in connection.execute(_OF_BATCH, parameters).mappings()]

    def get(self, number: str) -> IssuedInvoice:
        """A final invoice. Raises NotFound."""
        with snapshot(self.engine) as connection:
            row = connection.execute(_BY_NUMBER, {"number": number}).mappings().one_or_none()
        if row is None:
            raise NotFound(f"no invoice is {number!r}: `billing invoices list --month YYYY-MM` shows the numbers")
        return _issued(row)

    def listing(self, month: BillingMonth) -> Sequence[Mapping[str, Any]]:
        """One row for each invoice, drafts included."""
        with snapshot(self.engine) as connection:
            return [dict(row) for row in connection.execute(_LISTING, {"month": first_day(month)}).mappings()]

    def record_copies(self, copies: Mapping[str, PrintedCopy], *, now: datetime) -> None:
        """Keep where the copies of some numbers lie; the database refuses a different copy of one it has."""
        if not copies:
            return
        rows = [{"number": number, "path": copy.path, "digest": copy.digest} for number, copy in copies.items()]
        with transaction(self.engine) as connection:
            if connection.execute(_KEEP_COPIES, {"rows": as_json(rows)}).rowcount:
                changes = [audit.Change(row["number"], None, {"path": row["path"], "digest": row["digest"]}) for row in rows]
                audit.record(connection, changes, action="invoice.printed", actor=_ACTOR, at=now)


def _amounts(row: RowMapping) -> Amounts:
    return Amounts(Currency(row["currency"]), *(row[name] for name in _SUMS))


_SUMS: Final = ("invoices", "subtotal_minor", "tax_minor", "total_minor", "prepaid_minor")


def _issued(row: RowMapping) -> IssuedInvoice:
    copy = None if row["pdf_digest"] is None else PrintedCopy(row["pdf_path"], row["pdf_digest"])
    return IssuedInvoice(row["number"], from_document(row["document"]), copy)
