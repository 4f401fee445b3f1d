"""Receive config: what happens to a config event when it is new. Applying it to accounts and plans is not here yet."""

from typing import Final

from domain.config_changes import ConfigChange
from domain.receiving import Received
from invoicing.receiving_ports import ReceivingTransaction

RECEIVED: Final = "received"


class ReceiveConfig:
    """The default: a change is kept as received, and nothing is configured."""

    def handle(self, received: Received[ConfigChange], transaction: ReceivingTransaction) -> str:
        """Says `received`; the event itself is stored with its data by the caller."""
        return RECEIVED
