"""Invoices as rows: one JSON array carries a whole chunk into one statement."""

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from connectors.postgres.months import first_day
from domain.invoice.document import digest, to_document
from domain.invoice.model import Invoice
from invoicing.invoice_ports import DueAccount

_INSERT_LINES: Final = text("""
INSERT INTO invoice_line (invoice_id, line_number, service_month, charge_id, price_cell, quantity_millionths,
                          amount_micros, amount_minor, event_count, account_id)
SELECT r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
    invoice_id bigint, line_number int, service_month date, charge_id bigint, price_cell text,
    quantity_millionths bigint, amount_micros bigint, amount_minor bigint, event_count bigint,
    account_id bigint)
""")


def invoice_row(account: DueAccount, invoice: Invoice) -> dict[str, Any]:
    """The columns of an invoice, with its document and digest."""
    document = to_document(invoice)
    return {
        "account_id": account.account_id,
        "status": invoice.status,
        "number": invoice.number,
        "issue_date": invoice.issue_date,
        "currency": invoice.currency,
        "subtotal_minor": invoice.subtotal_minor,
        "tax_minor": invoice.tax_minor,
        "total_minor": invoice.total_minor,
        "prepaid_minor": invoice.prepaid_minor,
        "document": document,
        "document_digest": digest(document),
    }


def line_rows(invoice_id: int, account: DueAccount, invoice: Invoice) -> list[dict[str, Any]]:
    """The lines of an invoice, each with the running total it takes from."""
    return [
        {
            "invoice_id": invoice_id,
            "line_number": line.line_number,
            "service_month": first_day(due.service_month),
            "charge_id": due.charge.charge_id,
            "price_cell": due.price_cell,
            "quantity_millionths": line.quantity_millionths,
            "amount_micros": line.amount_micros,
            "amount_minor": line.amount_minor,
            "event_count": line.event_count,
            "account_id": due.account_id,
        }
        for line, due in zip(invoice.lines, account.usage, strict=True)
    ]


def insert_lines(connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Write lines; their invoices are still drafts."""
    connection.execute(_INSERT_LINES, {"rows": as_json(rows)})


def as_json(rows: Sequence[dict[str, Any]]) -> str:
    """Rows as one JSON array; dates become ISO texts."""
    return json.dumps(rows, default=str)
