"""Rated events as rows of PostgreSQL's binary COPY format."""

from collections.abc import Sequence
from struct import Struct
from typing import Final

from connectors.postgres.binary import COPY_HEADER, COPY_TRAILER, POSTGRES_EPOCH_MICROS
from domain.metering import Usage

# Sixteen fields; of fixed size: event_key, event_time, received_at, batch_id, partition, record_offset, account_id,
# charge_id, quantity_millionths, amount_micros. Each is preceded by its length.
_FIXED: Final = Struct("!hi16siqiqiqiiiqiqiqiqiq")
_LENGTH: Final = Struct("!i")


class _Texts(dict[str, bytes]):
    """Texts as they go over the wire; sources, meters, cells and aliases repeat, so each is packed once a batch."""

    def __missing__(self, text: str) -> bytes:
        encoded = text.encode()
        packed = self[text] = _LENGTH.pack(len(encoded)) + encoded
        return packed


def copy_rows(rated: Sequence[Usage], *, batch_id: int) -> bytes:
    """The body of a COPY into usage_event, columns as in metering_sql.COPY_EVENTS."""
    parts = [COPY_HEADER]
    texts = _Texts()
    for usage in rated:
        event = usage.received.event
        origin = usage.received.origin
        event_id = event.id.encode()
        parts += (
            _FIXED.pack(
                16,
                16,
                event.key,
                8,
                event.time_micros - POSTGRES_EPOCH_MICROS,
                8,
                origin.received_micros - POSTGRES_EPOCH_MICROS,
                8,
                batch_id,
                4,
                origin.partition,
                8,
                origin.offset,
                8,
                usage.account.account_id,
                8,
                usage.charge.charge_id,
                8,
                event.quantity_millionths,
                8,
                usage.amount_micros,
            ),
            texts[event.source],
            _LENGTH.pack(len(event_id)),
            event_id,
            texts[event.subject],
            texts[event.meter],
            texts[usage.cell.name],
            texts[event.properties_json],
        )
    parts.append(COPY_TRAILER)
    return b"".join(parts)
