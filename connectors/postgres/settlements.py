"""What of invoices was paid, in PostgreSQL: recorded by people, each payment once."""

from datetime import datetime
from typing import Final

from sqlalchemy import Engine, text

from connectors.postgres import audit
from connectors.postgres.database import transaction
from domain.errors import IllegalTransition, InvalidInput, NotFound

_INVOICE: Final = text("""
SELECT i.invoice_id, i.account_id, i.status, i.currency, a.code FROM invoice i JOIN account a USING (account_id)
WHERE i.number = :number FOR NO KEY UPDATE OF i
""")
_OPEN: Final = text("SELECT invoice_open_minor(:invoice_id)")
_SAME: Final = text("SELECT amount_minor FROM invoice_settlement WHERE invoice_id = :invoice_id AND reference = :reference")
_ADD: Final = text("""
INSERT INTO invoice_settlement (invoice_id, reference, account_id, amount_minor, settled_by, settled_at)
VALUES (:invoice_id, :reference, :account_id, :amount_minor, :by, :at)
""")


class Settlements:
    """Payments of invoices, through an engine's connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def record(self, number: str, *, amount_minor: int, reference: str, by: str, at: datetime) -> int:
        """Record a payment of an invoice, once for each reference; returns what is left open, in minor units.

        Raises NotFound, IllegalTransition for an invoice that is not to be paid, InvalidInput for a wrong amount.
        """
        with transaction(self._engine) as connection:
            invoice = connection.execute(_INVOICE, {"number": number}).one_or_none()
            if invoice is None:
                raise NotFound(f"invoice {number!r} does not exist: `billing invoices list` shows them")
            if invoice.status != "issued":
                raise IllegalTransition(f"invoice {number} is {invoice.status}: only an issued one is paid")
            facts = {"invoice_id": invoice.invoice_id, "reference": reference}
            left = int(connection.execute(_OPEN, facts).scalar_one())
            before = connection.execute(_SAME, facts).scalar()
            if before == amount_minor:
                return left
            if before is not None:
                raise InvalidInput(f"reference: {reference!r} was recorded with another amount: nothing was changed")
            if not 0 < amount_minor <= left:
                raise InvalidInput(f"amount: must be above 0 and at most what is open, {left:,} minor units")
            added = {"account_id": invoice.account_id, "amount_minor": amount_minor, "by": by, "at": at}
            connection.execute(_ADD, facts | added)
            after = {"invoice": number, "reference": reference, "amount_minor": amount_minor}
            change = audit.Change(invoice.code, None, after)
            audit.record(connection, [change], action="invoice.payment_recorded", actor=by, at=at)
        return left - amount_minor
