"""Rated usage into ClickHouse, in columns, one insert for many batches."""

from collections.abc import Callable, Sequence
from datetime import UTC
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


class ClickHouseUsage:
    """The usage_event table of one ClickHouse database."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def ping(self) -> None:
        """Raises EngineUnavailable when ClickHouse does not answer."""
        self._guarded(lambda: self._client.execute("SELECT 1"))

    def keys_of(self, batch_ids: Sequence[int]) -> set[tuple[int, UUID]]:
        """Batch and identity of the events of these batches that are there already."""
        rows = self._guarded(
            lambda: self._client.execute(
                "SELECT DISTINCT batch_id, event_key FROM usage_event WHERE batch_id IN %(ids)s",
                {"ids": tuple(batch_ids)},
            )
        )
        return {(batch_id, event_key) for batch_id, event_key in rows}

    def insert(self, events: Sequence[RatedEvent]) -> None:
        """Add events. Raises EngineUnavailable; some may have been added then."""
        # Insertion is atomic within one monthly partition, and the reader of `keys_of` mends the rest.
        properties = [msgspec.json.decode(event.properties) for event in events]
        columns: list[list[Any]] = [
            [event.event_time for event in events],
            [event.event_time.microsecond // 1000 for event in events],
            [event.event_key for event in events],
            [event.batch_id for event in events],
            [event.account for event in events],
            [event.alias for event in events],
            [event.customer for event in events],
            [event.meter for event in events],
            *(
                ["" if values.get(name) is None else str(values[name]) for values in properties]
                for name in ("channel", "country", "operator")
            ),
            [event.currency for event in events],
            [event.plan_version for event in events],
            [event.quantity_millionths for event in events],
            [event.amount_micros for event in events],
            [event.received_at.astimezone(UTC) for event in events],
        ]
        self._guarded(lambda: self._client.execute(_INSERT, columns, columnar=True))

    def _guarded(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ClickHouseError, OSError, EOFError) as error:
            self._client.disconnect()
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise EngineUnavailable(f"ClickHouse does not answer ({reason}): see `make status`") from error
