"""Raw usage, summed up by PostgreSQL for whoever prices it anew: the second rater and the what-if.

Two sessions share one snapshot and take half of the owners each, so that two cores work on one answer; the events of an
owner are always summed on one side, and no sum has to be put together afterwards. All they write is temporary.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any, Final

from psycopg import Connection as Session
from psycopg import sql
from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import repeatable
from connectors.postgres.readable_properties import READABLE
from invoicing.raw_usage_ports import Group, Measure, Measured, Place, Slot, Telling

_SIDES: Final = 2
_QUANTITY: Final = "quantity"
_INLINE_MAX: Final = 3
"""So few properties are read by expressions of their own: each reads the JSON again, but only of the types it matters for.
The other way reads it once, at the price of a function call for every event."""
_COLUMN_BYTES_MAX: Final = 63
"""PostgreSQL cuts longer names of columns, so a property of such a name is read by an expression of its own."""

_SET_UP: Final = """
SET LOCAL work_mem = '128MB'; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL enable_mergejoin = off;
CREATE TEMP TABLE slot (number int, alias text, start_at timestamptz, end_at timestamptz) ON COMMIT DROP;
CREATE TEMP TABLE place (number int, type text, facts text[], key int) ON COMMIT DROP
"""
_FILL_SLOTS: Final = "INSERT INTO slot SELECT * FROM unnest(%s::int[], %s::text[], %s::timestamptz[], %s::timestamptz[])"
_COPY_PLACES: Final = "COPY place (number, type, facts, key) FROM STDIN"
_EVENTS: Final = sql.SQL("""
FROM usage_event u JOIN slot s ON u.subject = s.alias AND u.event_time >= s.start_at AND u.event_time < s.end_at {properties}
""")
_SPAN: Final = sql.SQL("WHERE u.event_time >= {start} AND u.event_time < {end}")
_GROUPS: Final = sql.SQL("""
SELECT s.number, u.meter, ARRAY[{facts}]::text[], sum(u.quantity_millionths)::bigint, count(*),
       count(*) FILTER (WHERE u.quantity_millionths < 0)
{events} {span} GROUP BY {by}
""")
_AT_PLACES: Final = sql.SQL("""
SELECT l.key, u.event_time, u.event_key, {value} AS value
{events} JOIN place l ON l.number = s.number AND l.type = u.meter AND l.facts = ARRAY[{facts}]::text[] {span}
""")
_ANSWERS: Final = {
    # In two steps, because count(DISTINCT) sorts and DISTINCT hashes.
    Measure.DISTINCT: "SELECT key, count(*), 0 FROM (SELECT DISTINCT key, value FROM valued) AS different GROUP BY key",
    Measure.GREATEST: "SELECT key, max(value)::bigint, 0 FROM valued GROUP BY key",
    Measure.SUM: "SELECT key, sum(value)::bigint, 0 FROM valued GROUP BY key",
    Measure.LATEST: """
        SELECT DISTINCT ON (key) key, value::bigint, 0 FROM valued ORDER BY key, event_time DESC, event_key DESC""",
    Measure.EACH: "SELECT key, value::bigint, count(*) FROM valued GROUP BY key, value",
}
_MEASURE: Final = sql.SQL("WITH valued AS ({at_places}) {answer}")


class PostgresRawUsage:
    """The RawUsage port on the billing database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def reading(self, slots: Sequence[Slot], telling: Sequence[Telling]) -> Iterator["PostgresRawUsageReader"]:
        """Open the events of some slots in a snapshot of their own."""
        with repeatable(self._engine) as connection, self.within(connection, slots, telling) as reader:
            yield reader

    @contextmanager
    def within(
        self, connection: Connection, slots: Sequence[Slot], telling: Sequence[Telling]
    ) -> Iterator["PostgresRawUsageReader"]:
        """Open the events of some slots, seen as a repeatable-read transaction sees them."""
        name = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        with ExitStack() as stack:
            sides = []
            for side in range(_SIDES):
                mine = [slot for slot in slots if slot.owner % _SIDES == side]
                if mine:
                    session: Session[Any] = stack.enter_context(_session(self._engine, name))
                    sides.append(_Side(session, mine, telling))
            yield PostgresRawUsageReader(sides)


class PostgresRawUsageReader:
    """The events of some slots."""

    def __init__(self, sides: Sequence["_Side"]) -> None:
        self._sides = sides

    def groups(self) -> Iterable[Group]:
        """Every group that has an event."""
        return [Group(number, kind, tuple(facts), *sums) for number, kind, facts, *sums in self._ask(_Side.groups)]

    def measure(self, measure: Measure, of: str, places: Sequence[Place]) -> Iterable[Measured]:
        """A measure of a property at some places."""
        return [Measured(*row) for row in self._ask(lambda side: side.measure(measure, of, places))]

    def _ask(self, question: Callable[["_Side"], list[tuple[Any, ...]]]) -> Iterator[tuple[Any, ...]]:
        with ThreadPoolExecutor(_SIDES) as threads:
            for rows in threads.map(question, self._sides):
                yield from rows


class _Side:
    """Half of the slots in a session of their own."""

    def __init__(self, session: Session[Any], slots: Sequence[Slot], telling: Sequence[Telling]) -> None:
        self._session = session
        self._numbers = frozenset(slot.number for slot in slots)
        self._telling = telling
        self._span = _SPAN.format(start=min(slot.start for slot in slots), end=max(slot.end for slot in slots))
        session.execute(_SET_UP)
        columns = [[getattr(slot, name) for slot in slots] for name in ("number", "alias", "start", "end")]
        session.execute(_FILL_SLOTS, columns)
        session.execute("ANALYZE slot")  # without it the planner hashes the events and not the slots

    def groups(self) -> list[tuple[Any, ...]]:
        inline = len(self._telling) <= _INLINE_MAX
        facts = _facts(self._telling, inline=inline)
        statement = _GROUPS.format(
            facts=_listed(facts),
            events=_events([] if inline else self._telling, None),
            span=self._span,
            by=_listed([sql.SQL("s.number"), sql.SQL("u.meter"), *facts]),
        )
        return self._session.execute(statement).fetchall()

    def measure(self, measure: Measure, of: str, places: Sequence[Place]) -> list[tuple[Any, ...]]:
        self._session.execute("TRUNCATE place")
        with self._session.cursor() as cursor, cursor.copy(_COPY_PLACES) as copy:
            for place in places:
                if place.slot in self._numbers:
                    copy.write_row((place.slot, place.event_type, list(place.facts), place.key))
        self._session.execute("ANALYZE place")
        value: sql.Composable = sql.SQL("u.quantity_millionths")
        if of != _QUANTITY:
            # As jsonb, 1 and 1.0 are one value, and 1 and "1" are two.
            value = sql.SQL("({})::jsonb").format(_as_text(of)) if measure is Measure.DISTINCT else _as_millionths(of)
        at_places = _AT_PLACES.format(
            value=value,
            events=_events(self._telling, None if of == _QUANTITY else of),
            facts=_listed(_facts(self._telling)),
            span=self._span,
        )
        return self._session.execute(_MEASURE.format(at_places=at_places, answer=sql.SQL(_ANSWERS[measure]))).fetchall()


def _listed(expressions: Sequence[sql.Composable]) -> sql.Composed:
    return sql.SQL(", ").join(expressions)


def _facts(telling: Sequence[Telling], *, inline: bool = False) -> list[sql.Composable]:
    """What tells events apart, property by property; `inline` when the events come without columns of their properties."""
    return [
        sql.SQL("CASE WHEN u.meter = ANY({}) THEN coalesce({}, '') ELSE '' END").format(
            sorted(told.event_types), _inline(told.property) if inline else _as_text(told.property)
        )
        for told in telling
    ]


def _events(telling: Sequence[Telling], measured: str | None) -> sql.Composed:
    """The events with their properties: a JSON is read once for all of them, and not at all where none is wanted."""
    names = [name for name in dict.fromkeys([*(told.property for told in telling), measured or ""]) if name]
    with_column = [name for name in names if _has_column(name)]
    if not with_column:
        return _EVENTS.format(properties=sql.SQL(""))
    columns = _listed([sql.SQL("{} json").format(sql.Identifier(name)) for name in with_column])
    document: sql.Composable = sql.SQL(READABLE)
    if measured is None:
        types = sorted({event_type for told in telling for event_type in told.event_types})
        document = sql.SQL("CASE WHEN u.meter = ANY({}) THEN {} ELSE '{{}}' END").format(types, document)
    record = sql.SQL("CROSS JOIN LATERAL json_to_record(({})::json) AS p({})").format(document, columns)
    return _EVENTS.format(properties=record)


def _has_column(name: str) -> bool:
    return len(name.encode()) <= _COLUMN_BYTES_MAX


def _as_text(name: str) -> sql.Composed:
    """A property's JSON text; NULL for one that is missing or null."""
    if _has_column(name):
        return sql.SQL("p.{}::text").format(sql.Identifier(name))
    return _inline(name)


def _inline(name: str) -> sql.Composed:
    return sql.SQL("nullif((({})::json -> {})::text, 'null')").format(sql.SQL(READABLE), name)


def _as_millionths(name: str) -> sql.Composed:
    """A property's number in millionths; NULL for one that has none."""
    return sql.SQL("CASE WHEN {0} ~ '^-?[0-9]' THEN {0}::numeric * 1000000 END").format(_as_text(name))


@contextmanager
def _session(engine: Engine, snapshot_name: str) -> Iterator[Session[Any]]:
    """A session that sees an exported snapshot; what it writes is rolled back."""
    with repeatable(engine) as connection:
        connection.execute(text(f"SET TRANSACTION SNAPSHOT '{snapshot_name}'"))
        session = connection.connection.driver_connection
        assert isinstance(session, Session)  # noqa: S101 - the engine's driver is psycopg
        yield session
