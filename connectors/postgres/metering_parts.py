"""What prices are functions of beside the month's running totals: positions, highest and latest values, distinct values.

Read and written inside the metering transaction. A position may be shared by accounts with different wallets, so its row is
locked, after the wallets and in the order of its key; states and distinct values belong to a position that is locked, or to
an account whose wallet is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import Connection, Cursor

from connectors.postgres.binary import BinaryArray, date_array, int8_array, text_array, timestamp_array, uuid_array
from domain.attribution import EPOCH
from domain.metering import Settled, Total, TotalKey
from domain.rating.places import StateKey
from domain.rating.running import Remembered, State
from domain.rating.touched import Touched

# A row that is not there cannot be locked: two workers that meet in a new position would both begin it.
_ADD_POSITIONS: Final = """
INSERT INTO price_position (owner_account_id, period_start, charge_id, price_cell)
SELECT * FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[]) AS p ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
"""
_LOCK_POSITIONS: Final = """
SELECT wanted.ordinal, p.quantity_millionths, p.amount_micros, p.event_count
FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[])
     WITH ORDINALITY AS wanted (owner_account_id, period_start, charge_id, price_cell, ordinal)
JOIN price_position p USING (owner_account_id, period_start, charge_id, price_cell)
ORDER BY p.owner_account_id, p.period_start, p.charge_id, p.price_cell FOR UPDATE OF p
"""
_STATES: Final = """
SELECT wanted.ordinal, s.value_millionths, s.event_time, s.event_key
FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[], %b::bigint[])
     WITH ORDINALITY AS wanted (owner_account_id, period_start, charge_id, price_cell, meter_id, ordinal)
JOIN meter_state s USING (owner_account_id, period_start, charge_id, price_cell, meter_id)
"""
_VALUES: Final = """
SELECT value_digest
FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[], %b::bigint[], %b::uuid[])
     AS wanted (owner_account_id, period_start, charge_id, price_cell, meter_id, value_digest)
JOIN unique_value v USING (owner_account_id, period_start, charge_id, price_cell, meter_id, value_digest)
"""
_CHANGE_POSITIONS: Final = """
UPDATE price_position p SET
    quantity_millionths = p.quantity_millionths + added.quantity_millionths,
    amount_micros = p.amount_micros + added.amount_micros,
    event_count = p.event_count + added.event_count
FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::bigint[])
     AS added (owner_account_id, period_start, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
WHERE (p.owner_account_id, p.period_start, p.charge_id, p.price_cell)
    = (added.owner_account_id, added.period_start, added.charge_id, added.price_cell)
"""
_PUT_STATES: Final = """
INSERT INTO meter_state
    (owner_account_id, period_start, charge_id, price_cell, meter_id, value_millionths, event_time, event_key)
SELECT * FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[], %b::bigint[], %b::bigint[], %b::timestamptz[],
    %b::uuid[])
ON CONFLICT (owner_account_id, period_start, charge_id, price_cell, meter_id) DO UPDATE SET
    value_millionths = excluded.value_millionths, event_time = excluded.event_time, event_key = excluded.event_key
"""
_ADD_VALUES: Final = """
INSERT INTO unique_value (owner_account_id, period_start, charge_id, price_cell, meter_id, value_digest)
SELECT * FROM unnest(%b::bigint[], %b::date[], %b::bigint[], %b::text[], %b::bigint[], %b::uuid[])
"""

_Cursor = Cursor[tuple[Any, ...]]
_Connection = Connection[tuple[Any, ...]]


class RememberedParts:
    """One batch's look at what is remembered: asked for in the pipeline that takes the locks, read when it has ended."""

    def __init__(self, touched: Touched) -> None:
        self._positions = list(touched.positions)
        self._states = list(touched.states)
        self._values = touched.values
        self._asked: dict[str, _Cursor] = {}

    def ask(self, connection: _Connection) -> None:
        """Lock and read; nothing is sent for a batch that touches none of it."""
        if self._positions:
            keys = total_key_arrays(self._positions)
            connection.execute(_ADD_POSITIONS, keys)
            self._asked["positions"] = connection.execute(_LOCK_POSITIONS, keys)
        if self._states:
            self._asked["states"] = connection.execute(_STATES, _state_arrays(self._states))
        if self._values:
            self._asked["values"] = connection.execute(_VALUES, _value_arrays(self._values))

    def answer(self) -> Remembered:
        """What the books remember."""
        return Remembered(
            {self._positions[ordinal - 1]: Total(*total) for ordinal, *total in self._rows("positions")},
            {
                self._states[ordinal - 1]: State(value, _micros(at), key.bytes)
                for ordinal, value, at, key in self._rows("states")
            },
            {digest.bytes for (digest,) in self._rows("values")},
        )

    def _rows(self, what: str) -> list[tuple[Any, ...]]:
        cursor = self._asked.get(what)
        return cursor.fetchall() if cursor is not None else []


def save_parts(connection: _Connection, settled: Settled) -> None:
    """Write what a batch changed of it, in the pipeline that writes the rest."""
    running = settled.running
    if running.positions:
        keys, sums = total_key_arrays(list(running.positions)), sum_arrays(list(running.positions.values()))
        connection.execute(_CHANGE_POSITIONS, (*keys, *sums))
    if running.states:
        connection.execute(_PUT_STATES, _states_to_put(running.states))
    if running.values:
        connection.execute(_ADD_VALUES, _value_arrays(running.values))


def total_key_arrays(keys: Sequence[TotalKey]) -> tuple[BinaryArray, ...]:
    """Keys of running totals or positions, column by column."""
    return (
        int8_array([key.account_id for key in keys]),
        date_array([key.service_month for key in keys]),
        int8_array([key.charge_id for key in keys]),
        text_array(key.cell for key in keys),
    )


def sum_arrays(totals: Sequence[Total]) -> tuple[BinaryArray, ...]:
    """Running totals or what is added to them, column by column."""
    return (
        int8_array([total.quantity_millionths for total in totals]),
        int8_array([total.amount_micros for total in totals]),
        int8_array([total.event_count for total in totals]),
    )


def _state_arrays(keys: Sequence[StateKey]) -> tuple[BinaryArray, ...]:
    return (*total_key_arrays([key.position for key in keys]), int8_array([key.meter_id for key in keys]))


def _states_to_put(states: Mapping[StateKey, State]) -> tuple[BinaryArray, ...]:
    values = states.values()
    return (
        *_state_arrays(list(states)),
        int8_array([state.value_millionths for state in values]),
        timestamp_array([state.time_micros for state in values]),
        uuid_array([state.event_key for state in values]),
    )


def _value_arrays(values: Mapping[bytes, StateKey]) -> tuple[BinaryArray, ...]:
    return (*_state_arrays(list(values.values())), uuid_array(list(values)))


def _micros(moment: Any) -> int:
    delta = moment - EPOCH
    return int((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds)
