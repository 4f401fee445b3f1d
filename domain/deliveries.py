"""Deliveries of notices: how often and after which pauses one is tried again, and when it is given up."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

PAUSES: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""Between a failure and the next try, as the Standard Webhooks specification suggests: ten tries within some three days."""
LEASE: Final = timedelta(minutes=2)
"""For how long a delivery is its sender's alone: longer than sending takes. A sender that died is followed by another."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    WAITING = "waiting"
    SENT = "sent"
    EXHAUSTED = "exhausted"
    """Given up, with a reason; a person may have it sent again."""


def next_try(failures: int, *, permanent: bool, now: datetime) -> datetime | None:
    """When to try again after so many failures, the latest included; None when it is given up.

    `permanent`: trying again cannot help, such as an address that does not exist.
    """
    if permanent or failures > len(PAUSES):
        return None
    return now + PAUSES[failures - 1]
