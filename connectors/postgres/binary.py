"""PostgreSQL's binary wire format for arrays and COPY rows, packed in bulk: the event path's way in.

Source: PostgreSQL 17 documentation, COPY "Binary Format" and array_send. psycopg's own list adapters convert element by
element in Python; these cost a fraction of that.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from struct import Struct, pack
from typing import Any, Final

from psycopg import Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

POSTGRES_EPOCH_MICROS: Final = 946_684_800_000_000
"""2000-01-01T00:00:00Z, from which PostgreSQL counts, in microseconds since the Unix epoch."""
_POSTGRES_EPOCH_ORDINAL: Final = date(2000, 1, 1).toordinal()

COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER: Final = b"\xff\xff"

_INT8_OID, _INT4_OID, _TEXT_OID, _UUID_OID, _DATE_OID, _TIMESTAMPTZ_OID, _BYTEA_OID = (
    20,
    23,
    25,
    2950,
    1082,
    1184,
    17,
)


class BinaryArray(bytes):
    """A one-dimensional array without nulls, ready for the wire."""


class Int8Array(BinaryArray):
    """bigint[]."""


class Int4Array(BinaryArray):
    """integer[]."""


class TextArray(BinaryArray):
    """text[]."""


class UuidArray(BinaryArray):
    """uuid[]."""


class DateArray(BinaryArray):
    """date[]."""


class TimestampArray(BinaryArray):
    """timestamptz[]."""


class ByteaArray(BinaryArray):
    """bytea[]."""


def _header(element_oid: int, length: int) -> bytes:
    return pack("!iiIii", 1, 0, element_oid, length, 1) if length else pack("!iiI", 0, 0, element_oid)


def _fixed(oid: int, code: str, values: Sequence[int]) -> bytes:
    size = Struct("!" + code).size
    interleaved: list[int] = [size] * (2 * len(values))
    interleaved[1::2] = values
    return _header(oid, len(values)) + pack("!" + ("i" + code) * len(values), *interleaved)


def _variable(oid: int, values: Iterable[bytes]) -> bytes:
    parts = [part for value in values for part in (pack("!i", len(value)), value)]
    return _header(oid, len(parts) // 2) + b"".join(parts)


def int8_array(values: Sequence[int]) -> Int8Array:
    """bigint[] from whole numbers."""
    return Int8Array(_fixed(_INT8_OID, "q", values))


def int4_array(values: Sequence[int]) -> Int4Array:
    """integer[] from whole numbers."""
    return Int4Array(_fixed(_INT4_OID, "i", values))


def date_array(values: Sequence[date]) -> DateArray:
    """date[]."""
    return DateArray(_fixed(_DATE_OID, "i", [value.toordinal() - _POSTGRES_EPOCH_ORDINAL for value in values]))


def timestamp_array(values_micros: Sequence[int]) -> TimestampArray:
    """timestamptz[] from microseconds since the Unix epoch."""
    return TimestampArray(_fixed(_TIMESTAMPTZ_OID, "q", [value - POSTGRES_EPOCH_MICROS for value in values_micros]))


def text_array(values: Iterable[str]) -> TextArray:
    """text[]."""
    return TextArray(_variable(_TEXT_OID, [value.encode() for value in values]))


def bytea_array(values: Iterable[bytes]) -> ByteaArray:
    """bytea[]."""
    return ByteaArray(_variable(_BYTEA_OID, values))


def uuid_array(values: Sequence[bytes]) -> UuidArray:
    """uuid[] from 16-byte strings."""
    separator = b"\0\0\0\x10"
    body = separator + separator.join(values) if values else b""
    return UuidArray(_header(_UUID_OID, len(values)) + body)


def _dumper(array_oid: int) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = array_oid

        def dump(self, obj: Any) -> Buffer:
            return bytes(obj)

    return ArrayDumper


def register(connection: Connection[Any]) -> None:
    """Teach a connection to send these arrays."""
    for kind, oid in (
        (Int8Array, 1016),
        (Int4Array, 1007),
        (TextArray, 1009),
        (UuidArray, 2951),
        (DateArray, 1182),
        (TimestampArray, 1185),
        (ByteaArray, 1001),
    ):
        connection.adapters.register_dumper(kind, _dumper(oid))
