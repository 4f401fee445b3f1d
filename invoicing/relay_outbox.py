"""Relay the outbox: messages that were saved with the change that caused them go to their topics, in order.

At least once: whoever reads them knows one by its id. A use case, since it joins two technologies by their ports.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

_PORTION: Final = 500


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

    def unsent(self, *, limit: int) -> AbstractContextManager[Sequence[SavedMessage]]:
        """The oldest that are not sent, none while another sends; left normally, they are marked as sent."""


class MessageSender(Protocol):
    """Where they go."""

    def send(self, messages: Sequence[SavedMessage]) -> None:
        """Send in order and wait for every acknowledgement. Failing means that some may have been sent."""


def relay_outbox(store: MessageStore, sender: MessageSender) -> int:
    """Send what is saved and not sent, one portion; returns how many. Raises EngineUnavailable: they are sent again then."""
    with store.unsent(limit=_PORTION) as messages:
        if messages:
            sender.send(messages)
    return len(messages)
