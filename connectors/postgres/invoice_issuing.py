"""Issuing in PostgreSQL: one transaction numbers, freezes, takes from the running totals and settles wallets.

Locks are taken in one order: the configuration, the number series, then wallets by id, then drafts. The metering worker
locks a wallet before it reads or adds to the running totals of an account that pays from it, so what is due cannot change
while its wallet is held here; and which wallet that is cannot change while the configuration is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, TextClause, text

from connectors.postgres import audit
from connectors.postgres.database import snapshot, transaction
from connectors.postgres.due_accounts import load_due_accounts
from connectors.postgres.invoice_rows import as_json, insert_lines, invoice_row, line_rows
from connectors.postgres.months import first_day
from domain.errors import WrongSetup
from domain.invoice.assemble import PaymentMode
from domain.period import BillingMonth
from invoicing.invoice_ports import Issue, IssueDesk, WaitingDraft
from invoicing.metering_ports import Balance

_ACTOR: Final = "invoice_run"

_OPEN_SERIES: Final = text("""
INSERT INTO invoice_series (gstin, series, financial_year, next_number)
SELECT gstin, invoice_series, :financial_year, 1 FROM seller ON CONFLICT DO NOTHING
""")
_LOCK_SERIES: Final = text("""
SELECT s.series, s.next_number FROM invoice_series s JOIN seller r ON r.gstin = s.gstin AND r.invoice_series = s.series
WHERE s.financial_year = :financial_year FOR UPDATE OF s
""")
_HOLD_CONFIG: Final = text("SELECT version FROM config_version FOR SHARE")
_NEXT_DRAFTS: Final = text("""
SELECT i.account_id FROM invoice i JOIN account a USING (account_id)
WHERE i.month = :month AND i.status = 'draft' AND a.code COLLATE "C" > :after
ORDER BY a.code COLLATE "C" LIMIT :size
""")
_LOCK_WALLETS: Final = text("""
SELECT count(*) FROM (
    SELECT wallet_id FROM wallet
    WHERE account_id IN (SELECT pay_from_account_id FROM account WHERE bill_to_account_id = ANY(:account_ids))
    ORDER BY wallet_id FOR NO KEY UPDATE) AS locked
""")
_LOCK_DRAFTS: Final = text("""
SELECT i.account_id, i.invoice_id, i.document_digest FROM invoice i JOIN account a USING (account_id)
WHERE i.month = :month AND i.status = 'draft' AND i.account_id = ANY(:account_ids)
ORDER BY a.code COLLATE "C" FOR UPDATE OF i
""")

_DELETE_DRAFTS: Final = text("DELETE FROM invoice WHERE invoice_id = ANY(:invoice_ids) AND status = 'draft'")
_DELETE_LINES: Final = text("DELETE FROM invoice_line WHERE invoice_id = ANY(:invoice_ids)")
_FREEZE: Final = text("""
UPDATE invoice i SET status = 'issued', number = r.number, issue_date = r.issue_date, subtotal_minor = r.subtotal_minor,
    tax_minor = r.tax_minor, total_minor = r.total_minor, prepaid_minor = r.prepaid_minor, document = r.document,
    document_digest = r.document_digest, issued_at = :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
    invoice_id bigint, number text, issue_date date, subtotal_minor bigint, tax_minor bigint, total_minor bigint,
    prepaid_minor bigint, document jsonb, document_digest text)
WHERE i.invoice_id = r.invoice_id
""")
_TAKE: Final = text("""
UPDATE usage_total t SET invoiced_quantity_millionths = t.invoiced_quantity_millionths + r.quantity_millionths,
    invoiced_amount_micros = t.invoiced_amount_micros + r.amount_micros,
    invoiced_event_count = t.invoiced_event_count + r.event_count
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
    account_id bigint, service_month date, charge_id bigint, price_cell text,
    quantity_millionths bigint, amount_micros bigint, event_count bigint)
WHERE (t.account_id, t.service_month, t.charge_id, t.price_cell) = (r.account_id, r.service_month, r.charge_id, r.price_cell)
""")
# A wallet may carry the usage of several of these invoices: an entry for each, in the order of their numbers.
_SETTLE: Final = text("""
WITH due AS (
    SELECT wallet_id, amount_micros, number, sum(amount_micros) OVER upwards AS running_micros,
           row_number() OVER upwards AS place
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (wallet_id bigint, amount_micros bigint, number text)
    WINDOW upwards AS (PARTITION BY wallet_id ORDER BY number)
), settled AS (
    UPDATE wallet w SET balance_micros = w.balance_micros + d.amount_micros, version = w.version + d.entries
    FROM (SELECT wallet_id, sum(amount_micros)::bigint AS amount_micros, count(*) AS entries FROM due GROUP BY wallet_id) d
    WHERE w.wallet_id = d.wallet_id
    RETURNING w.wallet_id, w.version - d.entries AS version, w.balance_micros - d.amount_micros AS balance_micros)
INSERT INTO wallet_entry (wallet_id, version, amount_micros, balance_after_micros, cause, reference, booked_at)
SELECT wallet_id, version + place, amount_micros, balance_micros + running_micros, 'invoice', number, :now
FROM due JOIN settled USING (wallet_id)
""")
_ADVANCE: Final = text("""
UPDATE invoice_series s SET next_number = s.next_number + :taken FROM seller r
WHERE r.gstin = s.gstin AND r.invoice_series = s.series AND s.financial_year = :financial_year
""")
_BALANCES: Final = text("""
SELECT w.wallet_id, w.account_id, w.balance_micros, w.version FROM wallet w
WHERE w.account_id IN (
    SELECT a.pay_from_account_id FROM invoice i JOIN invoice_line l USING (invoice_id)
    JOIN account a ON a.account_id = l.account_id WHERE i.month = :month AND i.status = 'issued')
ORDER BY w.wallet_id
""")


@dataclass(frozen=True, slots=True)
class PostgresInvoiceIssuing:
    """The InvoiceIssuing port on the billing database."""

    engine: Engine

    @contextmanager
    def desk(self, month: BillingMonth, *, financial_year: str, after: str, size: int, now: datetime) -> Iterator[IssueDesk]:
        """Open a desk on the next drafts; what was put on it is saved when the block ends."""
        with transaction(self.engine) as connection:
            desk = _open(connection, month, financial_year=financial_year, after=after, size=size)
            yield desk
            _save(connection, desk, financial_year=financial_year, now=now)

    def balances(self, month: BillingMonth) -> Sequence[Balance]:
        """The wallets that issued invoices of a month have settled."""
        with snapshot(self.engine) as connection:
            return [Balance(*row) for row in connection.execute(_BALANCES, {"month": first_day(month)})]


def _open(connection: Connection, month: BillingMonth, *, financial_year: str, after: str, size: int) -> IssueDesk:
    connection.execute(_HOLD_CONFIG)
    connection.execute(_OPEN_SERIES, {"financial_year": financial_year})
    series = connection.execute(_LOCK_SERIES, {"financial_year": financial_year}).all()
    if len(series) != 1:
        raise WrongSetup(f"the database has {len(series)} sellers and invoices need exactly one: add or remove one")
    following = {"month": first_day(month), "after": after, "size": size}
    account_ids = list(connection.execute(_NEXT_DRAFTS, following).scalars())
    connection.execute(_LOCK_WALLETS, {"account_ids": account_ids})
    locked = connection.execute(_LOCK_DRAFTS, {"month": first_day(month), "account_ids": account_ids})
    drafts = {account_id: (invoice_id, digest) for account_id, invoice_id, digest in locked}
    accounts = load_due_accounts(connection, month, list(drafts))
    ((name, next_number),) = series
    return IssueDesk(
        drafts=[WaitingDraft(*drafts[account.account_id], account) for account in accounts],
        series=name,
        next_number=next_number,
    )


def _save(connection: Connection, desk: IssueDesk, *, financial_year: str, now: datetime) -> None:
    if desk.removals:
        connection.execute(_DELETE_DRAFTS, {"invoice_ids": desk.removals})
    if not desk.issues:
        return
    invoice_ids = [issue.invoice_id for issue in desk.issues]
    rows = [{"invoice_id": issue.invoice_id, **invoice_row(issue.account, issue.invoice)} for issue in desk.issues]
    connection.execute(_DELETE_LINES, {"invoice_ids": invoice_ids})
    insert_lines(connection, [line for issue in desk.issues for line in _lines(issue)])
    _apply(connection, _FREEZE, rows, now=now)
    _apply(connection, _TAKE, [line for issue in desk.issues for line in _lines(issue)])
    _apply(connection, _SETTLE, [row for issue in desk.issues for row in _settlements(issue)], now=now)
    connection.execute(_ADVANCE, {"taken": len(desk.issues), "financial_year": financial_year})
    _audit(connection, desk, rows, now=now)


def _apply(connection: Connection, statement: TextClause, rows: Sequence[dict[str, Any]], **more: Any) -> None:
    """Raises RuntimeError, undoing the transaction, unless the statement found the row each of these is for."""
    found = connection.execute(statement, {"rows": as_json(rows), **more}).rowcount
    if found != len(rows):
        raise RuntimeError(f"issuing changed {found} rows where {len(rows)} were meant; nothing was saved")


def _lines(issue: Issue) -> list[dict[str, Any]]:
    return line_rows(issue.invoice_id, issue.account, issue.invoice)


def _settlements(issue: Issue) -> list[dict[str, Any]]:
    """Postpaid usage was accrued below zero as it happened; its invoice takes it over from the wallets that carry it."""
    if issue.account.mode is not PaymentMode.POSTPAID:
        return []
    amounts: dict[int, int] = {}
    for line, due in zip(issue.invoice.lines, issue.account.usage, strict=True):
        amounts[due.wallet_id] = amounts.get(due.wallet_id, 0) + line.amount_micros
    return [
        {"wallet_id": wallet_id, "amount_micros": amount_micros, "number": issue.invoice.number}
        for wallet_id, amount_micros in amounts.items()
        if amount_micros
    ]


def _audit(connection: Connection, desk: IssueDesk, rows: Sequence[dict[str, Any]], *, now: datetime) -> None:
    drafts = {draft.invoice_id: draft.digest for draft in desk.drafts}
    kept = ("number", "issue_date", "currency", "total_minor", "document_digest")
    changes = [
        audit.Change(
            subject=str(row["number"]),
            before={"status": "draft", "document_digest": drafts[row["invoice_id"]]},
            after={"status": "issued", **{name: row[name] for name in kept}},
        )
        for row in rows
    ]
    audit.record(connection, changes, action="invoice.issued", actor=_ACTOR, at=now)
