"""PostgreSQL's binary format: what is packed here is what the server reads."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.postgres import binary, metering_sql
from connectors.postgres.usage_rows import copy_rows, pack_events
from domain.metering import prepare, settle
from tests.builders_usage import (
    HAPPENED_AT,
    RECEIVED_AT,
    WINDOW,
    a_config,
    a_received_event,
    an_event,
    an_origin,
    micros_of,
)
from tests.law_examples import examples

pytestmark = pytest.mark.engines

MOMENTS = [
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2126, 1, 1, 12, tzinfo=UTC),
]
KEYS = [bytes(16), bytes(range(16)), b"\xff" * 16]


@pytest.fixture(scope="module", name="server")
def _server(postgres_database):
    with psycopg.connect(postgres_database) as connection:
        binary.register(connection)
        connection.execute("SET timezone = 'UTC'")
        yield connection


def echoed(server, array, kind):
    ((value,),) = server.execute(f"SELECT %b::{kind}[]", (array,)).fetchall()
    return value


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (binary.int8_array([0, -1, 2**63 - 1, -(2**63)]), "bigint", [0, -1, 2**63 - 1, -(2**63)]),
        (binary.int4_array([0, -1, 2**31 - 1, -(2**31)]), "int", [0, -1, 2**31 - 1, -(2**31)]),
        (binary.date_array([date(1999, 12, 31), date(2026, 10, 1)]), "date", [date(1999, 12, 31), date(2026, 10, 1)]),
        (binary.timestamp_array([micros_of(moment) for moment in MOMENTS]), "timestamptz", MOMENTS),
        (binary.text_array(["", "a,b", '"{}"', "NULL", "संदेश 😀"]), "text", ["", "a,b", '"{}"', "NULL", "संदेश 😀"]),
        (binary.bytea_array([b"", b"\0\xff", b"x" * 70_000]), "bytea", [b"", b"\0\xff", b"x" * 70_000]),
        (binary.uuid_array(KEYS), "uuid", [UUID(bytes=key) for key in KEYS]),
    ],
    ids=["int8", "int4", "date", "timestamp", "text", "bytea", "uuid"],
)
def test_an_array_is_read_back_as_it_was_packed(server, array, kind, expected):
    assert echoed(server, array, kind) == expected


@pytest.mark.parametrize(
    ("pack", "kind"),
    [
        (binary.int8_array, "bigint"),
        (binary.int4_array, "int"),
        (binary.date_array, "date"),
        (binary.timestamp_array, "timestamptz"),
        (binary.text_array, "text"),
        (binary.bytea_array, "bytea"),
        (binary.uuid_array, "uuid"),
    ],
)
def test_an_empty_array_is_an_empty_array(server, pack, kind):
    assert echoed(server, pack([]), kind) == []


@settings(max_examples=examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1), st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30)
        )
    )
)
def test_arrays_beside_each_other_stay_in_step(server, pairs):
    numbers, texts = [number for number, _ in pairs], [text for _, text in pairs]
    rows = server.execute(
        "SELECT * FROM unnest(%b::bigint[], %b::text[])", (binary.int8_array(numbers), binary.text_array(texts))
    ).fetchall()
    assert rows == pairs


def test_a_copied_event_has_every_column_where_it_belongs(server, database):
    first = an_event("संदेश-1", at=HAPPENED_AT + timedelta(microseconds=1), quantity=3, channel="sms", note="“quoted” \\ \n")
    second = an_event("event-2", meter="voice.minutes", at=datetime(1999, 1, 1, tzinfo=UTC), quantity=0)
    items = [
        a_received_event(first, origin=an_origin(2**40, partition=7)),
        a_received_event(second, origin=an_origin(0, received_at=datetime(1999, 1, 2, tzinfo=UTC))),
    ]
    rated = settle(prepare(items, a_config(), WINDOW), {}, {}).rated
    with server.cursor() as cursor, cursor.copy(metering_sql.COPY_EVENTS) as copy:
        copy.write(copy_rows(rated, pack_events(rated), batch_id=2**35))
    rows = server.execute("SELECT * FROM usage_event ORDER BY event_time DESC").fetchall()
    server.rollback()
    assert rows == [
        (UUID(bytes=first.key), HAPPENED_AT + timedelta(microseconds=1), RECEIVED_AT, 2**35, 7, 2**40, 1, 1, 3_000_000,
         600_000, "/otpless/core", "संदेश-1", "acme", "otp.delivered", "sms/*", first.properties_json, None),
        (UUID(bytes=second.key), datetime(1999, 1, 1, tzinfo=UTC), datetime(1999, 1, 2, tzinfo=UTC), 2**35, 0, 0, 1, 2, 0, 0,
         "/otpless/core", "event-2", "acme", "voice.minutes", "*", second.properties_json, None),
    ]  # fmt: skip


def test_no_events_are_an_empty_copy(server, database):
    with server.cursor() as cursor, cursor.copy(metering_sql.COPY_EVENTS) as copy:
        copy.write(copy_rows([], {}, batch_id=1))
    assert server.execute("SELECT count(*) FROM usage_event").fetchall() == [(0,)]
    server.rollback()
