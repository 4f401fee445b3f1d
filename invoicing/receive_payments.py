"""Receive payments: what happens to a payment event when it is new. Its meaning for wallets and invoices is not here yet."""

from typing import Final

from domain.payments import Payment
from domain.receiving import Received
from invoicing.receiving_ports import ReceivingTransaction

RECEIVED: Final = "received"


class ReceivePayments:
    """The default: a payment is kept as received, and no money moves."""

    def handle(self, received: Received[Payment], transaction: ReceivingTransaction) -> str:
        """Says `received`; the event itself is stored with its gateway, reference, amount and account by the caller."""
        return RECEIVED
