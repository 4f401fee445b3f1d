"""What a config event says: something was configured elsewhere, with its particulars in a JSON object."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.event_data import check_nested
from domain.receiving import Event
from domain.usage import RefusalReason, Refused


class ConfigType(StrEnum):
    """What was configured."""

    ALIAS_MAPPED = "alias.mapped"
    ACCOUNT_OPENED = "account.opened"
    ACCOUNT_CHANGED = "account.changed"
    PLAN_PUBLISHED = "plan.published"


@dataclass(frozen=True, slots=True)
class ConfigChange:
    """One change. `subject` names what was configured: an alias, the code of an account or of a plan."""

    type: ConfigType
    subject: str
    data: dict[str, Any]


def read_config_change(event: Event) -> ConfigChange:
    """What an event says. Raises Refused naming the field."""
    if event.type not in set(ConfigType):
        known = ", ".join(ConfigType)
        raise Refused(RefusalReason.UNKNOWN_TYPE, f"type {event.type[:80]!r} is not known here: send one of {known}")
    if not event.data:
        raise Refused(RefusalReason.FIELD, "data is empty: send what was configured as a JSON object")
    check_nested(event.data)
    return ConfigChange(ConfigType(event.type), event.subject, event.data)
