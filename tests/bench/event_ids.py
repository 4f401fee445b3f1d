"""Ids as producers make them: without any order (UUIDv4), or in the order of time (UUIDv7)."""

import random
import time
import uuid
from collections.abc import Iterator

EVENTS_PER_SECOND = 1_000
_VERSION_7, _VARIANT = 0x7, 0b10


def random_ids() -> Iterator[str]:
    """UUIDv4s."""
    numbers = random.Random(random.SystemRandom().getrandbits(64))
    while True:
        yield str(uuid.UUID(int=numbers.getrandbits(128), version=4))


def time_ordered_ids() -> Iterator[str]:
    """UUIDv7s (RFC 9562 §5.7) of EVENTS_PER_SECOND from now on, however fast they are asked for."""
    numbers = random.Random(random.SystemRandom().getrandbits(64))
    began_millis, made = time.time_ns() // 1_000_000, 0
    while True:
        millis = began_millis + made * 1000 // EVENTS_PER_SECOND
        made += 1
        low = numbers.getrandbits(74)
        value = millis << 80 | _VERSION_7 << 76 | (low >> 62) << 64 | _VARIANT << 62 | low & (1 << 62) - 1
        yield str(uuid.UUID(int=value))
