"""What comes off a topic, before anybody has looked inside."""

from dataclasses import dataclass

from domain.metering import Origin


@dataclass(frozen=True, slots=True)
class Record:
    """One Kafka record: where it came from and its bytes."""

    origin: Origin
    value: bytes
