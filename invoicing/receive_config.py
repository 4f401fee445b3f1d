"""Receive config: a new config event is applied in the transaction that stores it, in the order of its partition, once.

One that is refused changes nothing, is answered with every fault, and holds up nobody. One that fails for a reason nobody
foresaw becomes a dead letter, so its identity is not used up and it can be sent again when the fault is mended.
"""

from collections.abc import Sequence

from domain.config_changes import ConfigChange
from domain.config_results import ConfigAnswer, ConfigOutcome, refused
from domain.errors import BillingError, EngineUnavailable, WrongSetup
from domain.receiving import Received
from invoicing.administer import Author
from invoicing.apply_config import apply_change
from invoicing.config_ports import ConfigTransaction
from invoicing.receiving_ports import Unbookable


class ReceiveConfig:
    """The use case of the family."""

    def prepare(self, events: Sequence[Received[ConfigChange]], transaction: ConfigTransaction) -> None:
        """Several events are applied with the workers held from the first on, so that locks are taken in one order.

        A single one holds them itself, if it must and when it must: looking for booked events goes on beside them.
        """
        if len(events) > 1:
            transaction.hold_configuration()

    def handle(self, received: Received[ConfigChange], transaction: ConfigTransaction) -> str:
        """Apply one change and keep the answer; says `applied`, `unchanged` or `refused`. Raises Unbookable."""
        author = Author(received.event.source, transaction.decided_at)
        try:
            with transaction.applying() as store:
                applied = apply_change(store, received.fact, author=author)
            outcome = ConfigOutcome.APPLIED if applied.changed else ConfigOutcome.UNCHANGED
            answer = ConfigAnswer(outcome, facts=applied.facts)
            transaction.tell(applied.balances)
        except (EngineUnavailable, WrongSetup):
            raise  # says nothing about the event: it is tried again
        except BillingError as error:
            answer = refused(error)
        except Exception as error:
            raise Unbookable(error) from error
        transaction.answer(received.event.key, answer)
        return answer.outcome.value
