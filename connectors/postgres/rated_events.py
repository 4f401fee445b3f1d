"""Reading rated events as others see them: each batch once for both destinations, names from memory instead of joins."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Final, LiteralString

import psycopg

from invoicing.publish_usage import RatedEvent

# The first twelve columns are those of RatedEvent; the two numbers at the end stand for the names that follow them there.
_COLUMNS: Final = """
SELECT batch_id, event_key::text, (date_part('epoch', event_time) * 1000000)::bigint,
       (date_part('epoch', received_at) * 1000000)::bigint, source, event_id, subject, meter, price_cell,
       quantity_millionths, amount_micros, properties, account_id, charge_id
FROM usage_event WHERE batch_id = ANY(%s)
"""
_OF_A_DAY: Final = _COLUMNS + " AND event_time >= %s AND event_time < %s"
_ACCOUNTS: Final = "SELECT a.account_id, a.code, c.code FROM account a JOIN customer c USING (customer_id)"
_CHARGES: Final = """
SELECT h.charge_id, p.code || ' v' || v.version, v.currency
FROM charge h JOIN plan_version v USING (plan_version_id) JOIN plan p USING (plan_id)
"""
_OWN_COLUMNS: Final = 12
_KEPT_EVENTS_MAX: Final = 20_000

Connection = psycopg.Connection[tuple[Any, ...]]


class RatedEventReader:
    """Reads events by batch. Those of a batch are kept until they are asked for a second time, as far as memory is given.

    May be shared by threads, each with a connection of its own.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[int, list[RatedEvent]] = {}
        self._kept_events = 0
        self._accounts: Mapping[int, tuple[str, ...]] = {}
        self._charges: Mapping[int, tuple[str, ...]] = {}
        self._config_version = 0

    def events(self, connection: Connection, batch_ids: Sequence[int], *, config_version: int) -> list[RatedEvent]:
        """Events of some batches; `config_version` is the newest they were rated with, so that names are as new."""
        if config_version > self._config_version:
            self._read_names(connection)
            self._config_version = config_version
        found = self._taken(batch_ids)
        wanted = [batch_id for batch_id in batch_ids if batch_id not in found]
        if wanted:
            read: dict[int, list[RatedEvent]] = {batch_id: [] for batch_id in wanted}
            for event in self._read(connection, _COLUMNS, (wanted,)):
                read[event.batch_id].append(event)
            self._keep(read)
            found |= read
        return [event for batch_id in batch_ids for event in found[batch_id]]

    def events_between(
        self, connection: Connection, batch_ids: Sequence[int], start: datetime, end: datetime
    ) -> list[RatedEvent]:
        """Events of some batches with an event time from `start` up to but not including `end`."""
        return list(self._read(connection, _OF_A_DAY, (list(batch_ids), start, end)))

    def _read(self, connection: Connection, statement: LiteralString, parameters: Sequence[Any]) -> Iterator[RatedEvent]:
        with connection.cursor(binary=True) as cursor:
            rows = cursor.execute(statement, parameters).fetchall()
        if any(row[12] not in self._accounts or row[13] not in self._charges for row in rows):
            self._read_names(connection)
        accounts, charges = self._accounts, self._charges
        return (
            RatedEvent._make(row[:_OWN_COLUMNS] + accounts[row[_OWN_COLUMNS]] + charges[row[_OWN_COLUMNS + 1]])
            for row in rows
        )

    def _read_names(self, connection: Connection) -> None:
        self._accounts = {row[0]: row[1:] for row in connection.execute(_ACCOUNTS)}
        self._charges = {row[0]: row[1:] for row in connection.execute(_CHARGES)}

    def _taken(self, batch_ids: Sequence[int]) -> dict[int, list[RatedEvent]]:
        with self._lock:
            taken = {batch_id: self._kept.pop(batch_id) for batch_id in batch_ids if batch_id in self._kept}
            self._kept_events -= sum(map(len, taken.values()))
        return taken

    def _keep(self, read: Mapping[int, list[RatedEvent]]) -> None:
        with self._lock:
            for batch_id, events in read.items():
                replaced = self._kept.pop(batch_id, ())
                self._kept[batch_id] = events
                self._kept_events += len(events) - len(replaced)
            while self._kept_events > _KEPT_EVENTS_MAX:
                # The oldest first: whoever still needs it is far behind and reads it again.
                self._kept_events -= len(self._kept.pop(next(iter(self._kept))))
