"""Receive payments: a payment event is kept as it came; what it means for a wallet is applied after it is stored.

Applying is a use case of its own (invoicing/apply_payments.py): events that cannot be applied yet wait and are tried again.
"""

from typing import Final

from domain.payments import Payment
from domain.receiving import Received
from invoicing.receiving_ports import ReceivingTransaction

RECEIVED: Final = "received"


class ReceivePayments:
    """Payments are kept as received."""

    def handle(self, received: Received[Payment], transaction: ReceivingTransaction) -> str:
        """Says `received`; the event itself is stored with its gateway, reference, amount and account by the caller."""
        return RECEIVED
