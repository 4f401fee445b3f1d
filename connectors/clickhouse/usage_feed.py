"""Rated usage into ClickHouse: lines of text, one insert for many batches."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from clickhouse_driver import Client
from clickhouse_driver.errors import Error as ClickHouseError

from connectors.clickhouse.insert_endpoint import InsertEndpoint
from connectors.rated_forms import FURTHER_COLUMNS, ROW_COLUMNS, FurtherRow, batch_and_key
from domain.errors import EngineUnavailable

_FURTHER_KEYS: Final = """
SELECT DISTINCT batch_id, concat(toString(event_key), '/', toString(charge_id), '/', price_cell, '/', kind)
FROM further_charge WHERE batch_id IN %(ids)s
"""


class ClickHouseUsage:
    """Rated events and their further parts in one ClickHouse database, each in a table of its own."""

    def __init__(self, client: Client, endpoint: InsertEndpoint) -> None:
        self._client = client
        self._endpoint = endpoint

    def ping(self) -> None:
        """Raises EngineUnavailable when ClickHouse does not answer."""
        self._guarded(lambda: self._client.execute("SELECT 1"))

    def keys_of(self, batch_ids: Sequence[int]) -> set[tuple[int, str]]:
        """Batch and identity of the events of these batches that are there already; one identity may be in two batches."""
        rows = self._guarded(
            lambda: self._client.execute(
                "SELECT DISTINCT batch_id, toString(event_key) FROM usage_event WHERE batch_id IN %(ids)s",
                {"ids": tuple(batch_ids)},
            )
        )
        return {(batch_id, event_key) for batch_id, event_key in rows}

    def missing(self, batch_ids: Sequence[int], rows: Sequence[str]) -> Sequence[str]:
        """Those of the rows of these batches that are not there yet."""
        there = self.keys_of(batch_ids)
        if any(type(row) is FurtherRow for row in rows):
            parameters = {"ids": tuple(batch_ids)}
            there |= set(self._guarded(lambda: self._client.execute(_FURTHER_KEYS, parameters)))
        return [row for row in rows if batch_and_key(row) not in there]

    def insert(self, rows: Sequence[str]) -> None:
        """Add rows (connectors/rated_forms.py). Raises EngineUnavailable; some may have been added then."""
        # Insertion is atomic within one monthly partition, and who asks for `missing` mends the rest.
        further = [row for row in rows if type(row) is FurtherRow]
        events = [row for row in rows if type(row) is not FurtherRow] if further else rows
        if events:
            self._endpoint.insert("usage_event", ROW_COLUMNS, events)
        if further:
            self._endpoint.insert("further_charge", FURTHER_COLUMNS, further)

    def _guarded(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except (ClickHouseError, OSError, EOFError) as error:
            self._client.disconnect()
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise EngineUnavailable(f"ClickHouse does not answer ({reason}): see `make status`") from error
