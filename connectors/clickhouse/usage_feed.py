"""Rated usage into ClickHouse, in columns, one insert for many batches."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import msgspec
from clickhouse_driver import Client
from clickhouse_driver.errors import Error as ClickHouseError

from domain.errors import EngineUnavailable
from invoicing.publish_usage import RatedEvent

_INSERT: Final = """
INSERT INTO usage_event (event_time, event_time_ms, event_key, batch_id, account, alias, customer, meter, channel, country,
    operator, currency, plan_version, quantity_millionths, amount_micros, received_at) VALUES
"""


_DIMENSIONS: Final = ("channel", "country", "operator")


class _Key(UUID):
    """A UUID from the text PostgreSQL writes, without the checks that cost more than the rest of its column."""

    def __init__(self, text: str) -> None:
        object.__setattr__(self, "int", int(text.replace("-", ""), 16))


@lru_cache(maxsize=10_000)
def _dimensions(properties: str) -> tuple[str, ...]:
    """The properties that have a column of their own. The same few come again and again."""
    values = msgspec.json.decode(properties)
    return tuple("" if values.get(name) is None else str(values[name]) for name in _DIMENSIONS)


class ClickHouseUsage:
    """The usage_event table of one ClickHouse database."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ping(self) -> None:
        """Raises EngineUnavailable when ClickHouse does not answer."""
        self._guarded(lambda: self._client.execute("SELECT 1"))

    def keys_of(self, batch_ids: Sequence[int]) -> set[tuple[int, str]]:
        """Batch and identity of the events of these batches that are there already."""
        rows = self._guarded(
            lambda: self._client.execute(
                "SELECT DISTINCT batch_id, toString(event_key) FROM usage_event WHERE batch_id IN %(ids)s",
                {"ids": tuple(batch_ids)},
            )
        )
        return {(batch_id, event_key) for batch_id, event_key in rows}

    def insert(self, events: Sequence[RatedEvent]) -> None:
        """Add events. Raises EngineUnavailable; some may have been added then."""
        # Insertion is atomic within one monthly partition, and the reader of `keys_of` mends the rest.
        dimensions = [_dimensions(event.properties) for event in events]
        columns: list[list[Any]] = [
            [event.event_micros // 1_000_000 for event in events],
            [event.event_micros // 1_000 % 1_000 for event in events],
            [_Key(event.event_key) for event in events],
            [event.batch_id for event in events],
            [event.account for event in events],
            [event.alias for event in events],
            [event.customer for event in events],
            [event.meter for event in events],
            *([values[place] for values in dimensions] for place in range(len(_DIMENSIONS))),
            [event.currency for event in events],
            [event.plan_version for event in events],
            [event.quantity_millionths for event in events],
            [event.amount_micros for event in events],
            [event.received_micros // 1_000_000 for event in events],
        ]
        self._guarded(lambda: self._client.execute(_INSERT, columns, columnar=True))

    def _guarded(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ClickHouseError, OSError, EOFError) as error:
            self._client.disconnect()
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise EngineUnavailable(f"ClickHouse does not answer ({reason}): see `make status`") from error
