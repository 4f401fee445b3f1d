"""Relay the outbox: messages that were saved with the change that caused them go to their topics, in order.

At least once: whoever reads them knows one by its id. Of several who could send, one is in charge, and takes charge before
it reads what is to be sent: so whoever wakes in the middle of sending, when another has sent newer ones, is refused. Another
takes over when something waits for longer than the one in charge would let it. A use case, since it joins two technologies
by their ports.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

_PORTION: Final = 500
_PATIENCE: Final = timedelta(seconds=1)
"""For how long a message waits before another takes charge of sending."""


@dataclass(frozen=True, slots=True)
class SavedMessage:
    """A message as it is kept; `data_json` is a JSON object."""

    message_id: int
    topic: str
    key: str
    type: str
    subject: str
    data_json: str
    created_at: datetime


class MessageStore(Protocol):
    """Where messages are saved."""

    def waits(self, *, longer_than: timedelta) -> bool:
        """Whether the oldest message that is not sent was saved longer ago than this."""

    def unsent(self, *, limit: int) -> AbstractContextManager[Sequence[SavedMessage]]:
        """The oldest that are not sent, none while another sends; left normally, they are marked as sent."""


class MessageSender(Protocol):
    """Where they go."""

    @property
    def in_charge(self) -> bool:
        """Whether it took charge, and has not heard that another did."""

    def take_charge(self) -> None:
        """Be the one that sends: what another still sends after this is refused. Failing means that nobody is."""

    def send(self, messages: Sequence[SavedMessage]) -> None:
        """Send in order and wait for every acknowledgement. Failing means that some may have been sent."""


def relay_outbox(store: MessageStore, sender: MessageSender) -> int:
    """Send what is saved and not sent, one portion; returns how many. Raises EngineUnavailable: they are sent again then."""
    if not sender.in_charge:
        if not store.waits(longer_than=_PATIENCE):
            return 0
        sender.take_charge()
    with store.unsent(limit=_PORTION) as messages:
        if messages:
            sender.send(messages)
    return len(messages)
