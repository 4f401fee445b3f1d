"""Rated events and their further parts as rows of PostgreSQL's binary COPY format."""

from collections.abc import Iterable, Mapping, Sequence
from struct import Struct
from typing import Final

from connectors.postgres.binary import COPY_HEADER, COPY_TRAILER, POSTGRES_EPOCH_MICROS
from domain.metering import Usage

# Sixteen fields, or one more, each preceded by its length. First those that are known last: batch_id, amount_micros; then,
# of fixed size, event_key, event_time, received_at, partition, record_offset, account_id, charge_id, quantity_millionths.
_LATE: Final = Struct("!hiqiq")
_FIXED: Final = Struct("!i16siqiqiiiqiqiqiq")
_FIELDS: Final = 16
# Ten fields; of fixed size: event_key, event_time, batch_id, account_id, charge_id, quantity_millionths, amount_micros,
# metered_millionths, event_count.
_FURTHER: Final = Struct("!hi16siqiqiqiqiqiqiqih")
_FURTHER_FIELDS: Final = 10
_LENGTH: Final = Struct("!i")
_METERED: Final = Struct("!iq")
_NULL: Final = _LENGTH.pack(-1)


class _Texts(dict[str, bytes]):
    """Texts as they go over the wire; sources, meters, cells and aliases repeat, so each is packed once a batch."""

    def __missing__(self, text: str) -> bytes:
        encoded = text.encode()
        packed = self[text] = _LENGTH.pack(len(encoded)) + encoded
        return packed


def pack_events(usages: Iterable[Usage]) -> dict[bytes, bytes]:
    """Of each event, by its key, what its row says besides batch and amount: that can be packed before they are known."""
    packed: dict[bytes, bytes] = {}
    texts = _Texts()
    pack, length = _FIXED.pack, _LENGTH.pack
    for usage in usages:
        received = usage.received
        event = received.event
        _, partition, offset, received_micros = received.origin
        account_id, _, charge_id, cell = usage.place.total_key
        event_id = event.id.encode()
        # fmt: off
        fixed = pack(
            16, event.key, 8, event.time_micros - POSTGRES_EPOCH_MICROS, 8, received_micros - POSTGRES_EPOCH_MICROS,
            4, partition, 8, offset, 8, account_id, 8, charge_id, 8, event.quantity_millionths,
        )
        # fmt: on
        packed[event.key] = b"".join(
            (
                fixed,
                texts[event.source],
                length(len(event_id)),
                event_id,
                texts[event.subject],
                texts[event.meter],
                texts[cell],
                texts[event.properties_json],
            )
        )
    return packed


def copy_rows(rated: Sequence[Usage], packed: Mapping[bytes, bytes], *, batch_id: int, metered: bool = False) -> bytes:
    """The body of a COPY into usage_event of packed events, columns as in metering_sql.COPY_EVENTS.

    With `metered`, as in COPY_METERED_EVENTS: for batches in which a running total gained something else than the
    reported quantity.
    """
    parts = [COPY_HEADER]
    pack = _LATE.pack
    fields = _FIELDS + 1 if metered else _FIELDS
    for usage in rated:
        parts += (pack(fields, 8, batch_id, 8, usage.amount_micros), packed[usage.received.event.key])
        if metered:
            gained = usage.metered_millionths
            parts.append(_NULL if gained is None else _METERED.pack(8, gained))
    parts.append(COPY_TRAILER)
    return b"".join(parts)


def copy_further_rows(rated: Sequence[Usage], *, batch_id: int) -> bytes:
    """The body of a COPY into further_charge, columns as in metering_sql.COPY_FURTHER."""
    parts = [COPY_HEADER]
    texts = _Texts()
    for usage in rated:
        event = usage.received.event
        time = event.time_micros - POSTGRES_EPOCH_MICROS
        for place, metered, amount in usage.further:
            account_id, _, charge_id, cell = place.total_key
            # fmt: off
            fixed = _FURTHER.pack(
                _FURTHER_FIELDS, 16, event.key, 8, time, 8, batch_id, 8, account_id, 8, charge_id,
                8, event.quantity_millionths, 8, amount, 8, metered, 2, place.event_count,
            )
            # fmt: on
            parts += (fixed, texts[cell])
    parts.append(COPY_TRAILER)
    return b"".join(parts)
