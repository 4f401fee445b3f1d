"""Drafts in PostgreSQL: written when they differ, removed when nothing is due, never touching an issued invoice."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, text

from connectors.postgres import audit
from connectors.postgres.database import snapshot, transaction
from connectors.postgres.due_accounts import due_account_ids, load_due_accounts
from connectors.postgres.invoice_rows import as_json, insert_lines, invoice_row, line_rows
from connectors.postgres.months import first_day
from domain.errors import WrongSetup
from domain.invoice.assemble import Seller
from domain.invoice.model import Party
from domain.period import BillingMonth
from domain.tax.place_of_supply import LetterOfUndertaking
from invoicing.invoice_ports import Batch, Draft, DraftChanges, DueAccount

_CHUNK: Final = 100
"""Drafts per transaction: some 50 ms."""
_ACTOR: Final = "invoice_run"

_SELLERS: Final = text("SELECT * FROM seller")

_PRESENT: Final = text("""
SELECT i.account_id, i.invoice_id, i.status, i.document_digest
FROM invoice i JOIN account a USING (account_id)
WHERE i.month = :month AND i.status <> 'void' AND i.account_id = ANY(:account_ids)
ORDER BY a.code COLLATE "C" FOR UPDATE OF i
""")

_DELETE: Final = text("DELETE FROM invoice WHERE invoice_id = ANY(:invoice_ids) AND status = 'draft'")

_INSERT: Final = text("""
INSERT INTO invoice (account_id, month, status, currency, subtotal_minor, tax_minor, total_minor, prepaid_minor,
                     document, document_digest, drafted_at)
SELECT r.account_id, :month, 'draft', r.currency, r.subtotal_minor, r.tax_minor, r.total_minor, r.prepaid_minor,
       r.document, r.document_digest, :now
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
    account_id bigint, currency char(3), subtotal_minor bigint, tax_minor bigint, total_minor bigint, prepaid_minor bigint,
    document jsonb, document_digest text)
RETURNING account_id, invoice_id
""")

_DELETE_OTHERS: Final = text("""
DELETE FROM invoice i USING account a
WHERE a.account_id = i.account_id AND i.month = :month AND i.status = 'draft' AND mod(i.account_id, :of) = :number
  AND NOT i.account_id = ANY(:account_ids)
RETURNING a.code, i.document_digest
""")


@dataclass(frozen=True, slots=True)
class PostgresInvoiceDrafts:
    """The InvoiceDrafts port on the billing database."""

    engine: Engine

    def seller(self) -> Seller:
        """Who invoices. Raises WrongSetup unless there is exactly one."""
        with snapshot(self.engine) as connection:
            rows = connection.execute(_SELLERS).mappings().all()
        if len(rows) != 1:
            raise WrongSetup(f"the database has {len(rows)} sellers and invoices need exactly one: add or remove one")
        return _seller(rows[0])

    def time_zones(self) -> Sequence[str]:
        """The time zones accounts read their months in."""
        with snapshot(self.engine) as connection:
            return connection.execute(text("SELECT DISTINCT time_zone FROM account ORDER BY time_zone")).scalars().all()

    def due(self, month: BillingMonth, batch: Batch) -> Sequence[DueAccount]:
        """The accounts of a batch that can be invoiced for this month, by account code."""
        with snapshot(self.engine) as connection:
            return load_due_accounts(connection, month, due_account_ids(connection, month, batch))

    def undrafted(self, month: BillingMonth) -> Sequence[DueAccount]:
        """Of every account `due` would give, those without a draft."""
        with snapshot(self.engine) as connection:
            account_ids = due_account_ids(connection, month, Batch(0, 1), undrafted=True)
            return load_due_accounts(connection, month, account_ids)

    def replace(self, month: BillingMonth, batch: Batch, drafts: Sequence[Draft], *, now: datetime) -> DraftChanges:
        """Make these the drafts of a batch, some at a time; a repetition goes on where an interrupted call stopped."""
        changes = DraftChanges()
        for start in range(0, len(drafts), _CHUNK):
            with transaction(self.engine) as connection:
                changes.add(_write(connection, month, drafts[start : start + _CHUNK], now=now))
        with transaction(self.engine) as connection:
            changes.removed = _remove_others(connection, month, batch, drafts, now=now)
        return changes


def _seller(row: RowMapping) -> Seller:
    party = Party(
        legal_name=row["legal_name"],
        address_lines=tuple(row["address_lines"]),
        country="IN",
        state_code=row["gstin"][:2],
        gstin=row["gstin"],
        email=row["email"],
        payment_lines=tuple(row["payment_lines"]),
    )
    if row["lut_arn"] is None:
        return Seller(party)
    return Seller(party, LetterOfUndertaking(row["lut_arn"], row["lut_valid_from"], row["lut_valid_to"]))


def _write(connection: Connection, month: BillingMonth, drafts: Sequence[Draft], *, now: datetime) -> DraftChanges:
    parameters = {"month": first_day(month), "account_ids": [draft.account.account_id for draft in drafts]}
    present = {row["account_id"]: row for row in connection.execute(_PRESENT, parameters).mappings()}
    rows = {draft.account.code: invoice_row(draft.account, draft.invoice) for draft in drafts}
    changed = [draft for draft in drafts if _differs(present.get(draft.account.account_id), rows[draft.account.code])]
    replaced = {
        draft.account.code: present[draft.account.account_id] for draft in changed if draft.account.account_id in present
    }
    if changed:
        connection.execute(_DELETE, {"invoice_ids": [row["invoice_id"] for row in replaced.values()]})
        _insert(connection, month, changed, rows, now=now)
        _audit(connection, month, changed, rows, replaced, now=now)
    return DraftChanges(drafted=len(changed) - len(replaced), redrafted=len(replaced), unchanged=len(drafts) - len(changed))


def _differs(present: RowMapping | None, row: Mapping[str, Any]) -> bool:
    if present is None:
        return True
    return bool(present["status"] == "draft" and present["document_digest"] != row["document_digest"])


def _insert(
    connection: Connection,
    month: BillingMonth,
    drafts: Sequence[Draft],
    rows: Mapping[str, dict[str, Any]],
    *,
    now: datetime,
) -> None:
    written = [rows[draft.account.code] for draft in drafts]
    parameters = {"month": first_day(month), "now": now, "rows": as_json(written)}
    invoice_ids: dict[int, int] = dict(connection.execute(_INSERT, parameters).all())
    insert_lines(
        connection,
        [
            line
            for draft in drafts
            for line in line_rows(invoice_ids[draft.account.account_id], draft.account, draft.invoice)
        ],
    )


def _audit(
    connection: Connection,
    month: BillingMonth,
    drafts: Sequence[Draft],
    rows: Mapping[str, dict[str, Any]],
    replaced: Mapping[str, RowMapping],
    *,
    now: datetime,
) -> None:
    before = {code: row["document_digest"] for code, row in replaced.items()}
    after = {draft.account.code: rows[draft.account.code]["document_digest"] for draft in drafts}
    change = audit.Change(str(month), before or None, after)
    audit.record(connection, [change], action="invoices.drafted", actor=_ACTOR, at=now)


def _remove_others(
    connection: Connection, month: BillingMonth, batch: Batch, drafts: Sequence[Draft], *, now: datetime
) -> int:
    parameters = {
        "month": first_day(month),
        "of": batch.of,
        "number": batch.number,
        "account_ids": [draft.account.account_id for draft in drafts],
    }
    removed: dict[str, str] = dict(connection.execute(_DELETE_OTHERS, parameters).all())
    if removed:
        change = audit.Change(str(month), removed, None)
        audit.record(connection, [change], action="invoices.removed", actor=_ACTOR, at=now)
    return len(removed)
