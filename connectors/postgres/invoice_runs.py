"""Invoice runs in PostgreSQL, one a month."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Engine, text

from connectors.postgres import audit
from connectors.postgres.database import snapshot, transaction
from connectors.postgres.months import first_day
from domain.period import BillingMonth
from invoicing.invoice_ports import InvoiceRun

_GET: Final = text("SELECT certificate, checked_at, approved_by, approved_at FROM invoice_run WHERE month = :month")
_LOCK: Final = text(f"{_GET.text} FOR UPDATE")
_PUT: Final = text("""
INSERT INTO invoice_run (month, certificate, checked_at, approved_by, approved_at)
VALUES (:month, CAST(:certificate AS jsonb), :checked_at, :approved_by, :approved_at)
ON CONFLICT (month) DO UPDATE SET certificate = excluded.certificate, checked_at = excluded.checked_at,
    approved_by = excluded.approved_by, approved_at = excluded.approved_at
""")


@dataclass(frozen=True, slots=True)
class PostgresInvoiceRuns:
    """The InvoiceRuns port on the billing database."""

    engine: Engine

    def get(self, month: BillingMonth) -> InvoiceRun | None:
        """The run of a month, if it was started."""
        with snapshot(self.engine) as connection:
            row = connection.execute(_GET, {"month": first_day(month)}).mappings().one_or_none()
        return None if row is None else InvoiceRun(month, **row)

    def save(self, run: InvoiceRun, *, actor: str, now: datetime, action: str | None = None) -> None:
        """Write a run over what is there, with an audit record: started or approved, unless `action` says what else."""
        after = _columns(run)
        with transaction(self.engine) as connection:
            row = connection.execute(_LOCK, {"month": first_day(run.month)}).mappings().one_or_none()
            before = None if row is None else _columns(InvoiceRun(run.month, **row))
            connection.execute(_PUT, {**after, "month": first_day(run.month), "certificate": json.dumps(run.certificate)})
            what = action or ("invoice_run.started" if run.approved_by is None else "invoice_run.approved")
            audit.record(connection, [audit.Change(str(run.month), before, after)], action=what, actor=actor, at=now)


def _columns(run: InvoiceRun) -> dict[str, Any]:
    return {
        "certificate": run.certificate,
        "checked_at": run.checked_at,
        "approved_by": run.approved_by,
        "approved_at": run.approved_at,
    }
