"""What became of a configuration event: applied, unchanged because it was so already, or refused with every fault."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from domain.errors import BillingError, FieldError
from domain.refusals import faults_of


class ConfigOutcome(StrEnum):
    """How a configuration event ended."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    """It is as the event says already: nothing was written."""
    REFUSED = "refused"
    """Nothing of it was written; the errors say why."""


@dataclass(frozen=True, slots=True)
class ConfigAnswer:
    """The answer to one event."""

    outcome: ConfigOutcome
    code: str | None = None
    """Of the refusal (domain/errors.py); None when it was not refused."""
    errors: tuple[FieldError, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was made of it, e.g. the version a customer is at."""


def refused(error: BillingError) -> ConfigAnswer:
    """The answer that tells a refusal; fields are those of the event, so most of them begin with `data`."""
    return ConfigAnswer(ConfigOutcome.REFUSED, error.code, faults_of(error, path="data"))
