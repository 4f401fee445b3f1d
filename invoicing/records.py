"""What comes off a topic, before anybody has looked inside."""

from typing import NamedTuple

from domain.metering import Origin


class Record(NamedTuple):
    """One Kafka record: where it came from and its bytes."""

    origin: Origin
    value: bytes
