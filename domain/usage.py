"""Usage events: their identity, when they happened, what was used, and why one is refused.

An event is a CloudEvents 1.0 object. Identity is the producer's (source, id) and holds nothing a server may fill in
(DESIGN §3.2); the body digest tells a retry from another event under the same id.
"""

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final
from zlib import crc32

QUANTITY_SCALE: Final = 1_000_000
QUANTITY_MAX: Final = 1_000_000
"""Units one event may report, or take back: beyond it the producer is mistaken."""
PROPERTIES_MAX: Final = 32
EVENTS_PER_RECORD_MAX: Final = 500
RECORD_BYTES_MAX: Final = 1_048_576
EVENT_BYTES_MAX: Final = 65_536
NAMES_MAX: Final = 100
"""Names an event may hold, with those of attributes this system does not read: what bounds the time one record can take."""
SEPARATORS_MAX: Final = 28 * EVENTS_PER_RECORD_MAX
"""Commas and opening brackets in an array: as many as 500 events with 20 properties have, or 340 with all 32."""
_BEGINNING: Final = 8
"""Characters of an id that name its time: a minute in a UUIDv7, a quarter of a second in a ULID."""
_MILLIONTH: Final = Decimal("0.000001")


class RefusalReason(StrEnum):
    """Why an event went to the dead-letter topic: stable codes, never renamed."""

    NOT_JSON = "not_json"
    NOT_AN_EVENT = "not_an_event"
    RECORD_TOO_LARGE = "record_too_large"
    BATCH_SIZE = "batch_size"
    DUPLICATE_JSON_KEY = "duplicate_json_key"
    FIELD = "field"
    QUANTITY = "quantity"
    PROPERTY = "property"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    UNKNOWN_TYPE = "unknown_type"
    UNBOOKABLE = "unbookable"
    """Well-formed, and yet the books refuse it for a reason nobody foresaw."""


class WaitReason(StrEnum):
    """Why an event waits in quarantine: a person can make it ratable."""

    UNKNOWN_ALIAS = "unknown_alias"
    NO_SUBSCRIPTION = "no_subscription"
    NO_PRICE = "no_price"
    TOO_LATE = "too_late"
    REJECTED = "rejected"
    """A person closed it for good: it comes again as a retry of what waits, never as something new."""


class Refused(Exception):
    """One event or record cannot be read; `str()` is the sentence its producer gets."""

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        # The detail may quote the producer's own text, and the books cannot hold the character U+0000.
        super().__init__(detail.replace("\0", "\\0"))
        self.reason = reason


@dataclass(slots=True)
class UsageEvent:
    """One well-formed event. `time_micros` is microseconds since the Unix epoch, UTC."""

    source: str
    id: str
    subject: str
    meter: str
    time_micros: int
    quantity_millionths: int
    properties: dict[str, object]
    properties_json: str
    key: bytes
    body_digest: bytes


def event_key(source: str, event_id: str) -> bytes:
    """The 128-bit identity of an event: 96 bits of digest of source and id behind a checksum of the id's beginning.

    Source and id are separated so that no two pairs run together. Ids made in order of time (UUIDv7, ULID, snowflakes)
    begin alike when they were made close together, so their keys lie close together in an index of millions.
    """
    beginning = crc32(event_id[:_BEGINNING].encode("utf-8", "surrogatepass"))
    identity = f"{source}\0{event_id}".encode("utf-8", "surrogatepass")
    return beginning.to_bytes(4, "big") + hashlib.blake2b(identity, digest_size=12).digest()


def body_digest(meter: str, subject: str, quantity_millionths: int, properties_json: str) -> bytes:
    """128 bits of what the event says happened. Time is left out: a retry may carry another one (DESIGN §3.2)."""
    body = f"{meter}\0{subject}\0{quantity_millionths}\0{properties_json}"
    return hashlib.blake2b(body.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def quantity_millionths(quantity: object) -> int:
    """A quantity from the wire as whole millionths of a unit.

    A negative one is a correction: whether it is taken, the price decides. Raises Refused unless it is a JSON number within
    1,000,000 either way, with at most 6 decimals.
    """
    if type(quantity) is int:
        if -QUANTITY_MAX <= quantity <= QUANTITY_MAX:
            return quantity * QUANTITY_SCALE
    elif type(quantity) is Decimal:
        if quantity.is_finite() and -QUANTITY_MAX <= quantity <= QUANTITY_MAX:
            # Rounding to six places and comparing is exact for any number of digits; scaling first would round unseen.
            whole_millionths = quantity.quantize(_MILLIONTH)
            if whole_millionths == quantity:
                return int(whole_millionths.scaleb(6))
            raise Refused(RefusalReason.QUANTITY, "data.quantity has more than 6 decimals; send at most 6")
    else:
        raise Refused(RefusalReason.QUANTITY, "data.quantity must be a JSON number; leave it out for 1")
    raise Refused(RefusalReason.QUANTITY, "data.quantity must be between -1,000,000 and 1,000,000 units")


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """What event times are taken: later is refused, older waits for a person, centuries away is refused."""

    late_limit_micros: int
    future_tolerance_micros: int

    def verdict(self, time_micros: int, *, received_micros: int) -> WaitReason | None:
        """None when the event can be rated now. Raises Refused when the time cannot be meant."""
        age_micros = received_micros - time_micros
        if age_micros < -self.future_tolerance_micros:
            hours = self.future_tolerance_micros / 3_600_000_000
            raise Refused(
                RefusalReason.TIME_OUT_OF_RANGE,
                f"time is more than {hours:g} h after the record arrived: check the producer's clock and time zone",
            )
        if age_micros <= self.late_limit_micros:
            return None
        if age_micros > _DECADE_MICROS:
            raise Refused(RefusalReason.TIME_OUT_OF_RANGE, "time is more than ten years ago: check its year")
        return WaitReason.TOO_LATE


_DECADE_MICROS: Final = 3_653 * 86_400_000_000
