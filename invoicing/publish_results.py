"""Publish results: what became of config events goes on its topic after the commit that decided it, in its order.

At-least-once: a crash between sending and forgetting sends again. A result's id is the identity of the event it answers, so
whoever reads the topic knows a repetition.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """An answer with what it answers."""

    result_id: int
    event_key: str
    """The identity of the event, a UUID's text."""
    source: str
    event_id: str
    type: str
    subject: str
    outcome: str
    code: str | None
    errors: Sequence[Mapping[str, str]]
    facts: Mapping[str, Any]
    config_version: int
    decided_at: datetime


class ResultsToSend(Protocol):
    """Answers that are not on their topic yet."""

    def oldest(self, *, results_max: int) -> Sequence[ConfigResult]:
        """The first of them, in the order they were decided."""

    def forget(self, results: Sequence[ConfigResult]) -> None:
        """These are on their topic. May be called twice."""


class ResultsTopic(Protocol):
    """The topic producers of config events read."""

    def send(self, results: Sequence[ConfigResult]) -> None:
        """Send and wait until every record is acknowledged. Failing means some may have been sent."""


def publish_next(waiting: ResultsToSend, topic: ResultsTopic, *, results_max: int) -> int | None:
    """Send the oldest answers. Returns how many, None when all are sent."""
    results = waiting.oldest(results_max=results_max)
    if not results:
        return None
    topic.send(results)
    waiting.forget(results)
    return len(results)
