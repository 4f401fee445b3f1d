"""What applying configuration events needs from the world, beside receiving them."""

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from domain.config_results import ConfigAnswer
from invoicing.administration_ports import AdministrationStore
from invoicing.receiving_ports import ReceivingTransaction


class ConfigTransaction(ReceivingTransaction, Protocol):
    """The transaction that stores configuration events, applies them and keeps the answers."""

    @property
    def decided_at(self) -> datetime:
        """The time of the transaction's decisions."""

    def hold_configuration(self) -> None:
        """Wait for the running batches, and let others wait: nothing is rated until this transaction ends."""

    def applying(self) -> AbstractContextManager[AdministrationStore]:
        """A part of the transaction for one event: when left by an exception, nothing of it is written.

        The store it gives begins its transactions inside this one. Audit records are kept back until the end of the whole,
        because everybody locks the audit trail last. Raises InvalidInput for what the database's own rules refuse.
        """

    def answer(self, event_key: bytes, answer: ConfigAnswer) -> None:
        """Keep the answer to an event, to be published after the commit."""
