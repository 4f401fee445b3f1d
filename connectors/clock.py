"""The only reader of the clock; everything else takes `now` as an argument."""

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def epoch_micros() -> int:
    """The present instant as microseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1000


def monotonic_seconds() -> float:
    """Seconds on a clock that never steps: for waiting and measuring, never for booking."""
    return time.monotonic()
