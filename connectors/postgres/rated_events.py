"""Reading rated events as others take them: each batch once for both destinations, names from memory instead of joins."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg.types.string import TextLoader

from connectors.rated_forms import FurtherText, Names, RatedForms, RatedText
from invoicing.publish_usage import RatedBatch

# The columns of RatedText.
_COLUMNS: Final = """
SELECT batch_id, event_key, (date_part('epoch', event_time) * 1000000)::bigint,
       (date_part('epoch', received_at) * 1000000)::bigint, source, event_id, subject, meter, price_cell,
       quantity_millionths, amount_micros, properties, account_id, charge_id
FROM usage_event WHERE batch_id = ANY(%s)
"""
_OF_A_DAY: Final = _COLUMNS + " AND event_time >= %s AND event_time < %s"
_ACCOUNTS: Final = "SELECT a.account_id, a.code, c.code FROM account a JOIN customer c USING (customer_id)"
# Further parts, beginning like RatedText: what the event itself says is mostly in the batch that is read with them.
_FURTHER: Final = """
SELECT batch_id, event_key, (date_part('epoch', event_time) * 1000000)::bigint, price_cell,
       coalesce(metered_millionths, quantity_millionths), amount_micros, kind, event_count::text, account_id, charge_id
FROM further_charge WHERE batch_id = ANY(%s)
"""
_FURTHER_OF_A_DAY: Final = _FURTHER + " AND event_time >= %s AND event_time < %s"
_RATED_EARLIER: Final = """
SELECT u.batch_id, u.event_key, (date_part('epoch', u.event_time) * 1000000)::bigint,
       (date_part('epoch', u.received_at) * 1000000)::bigint, u.source, u.event_id, u.subject, u.meter, u.price_cell,
       u.quantity_millionths, u.amount_micros, u.properties, u.account_id, u.charge_id
FROM unnest(%s::uuid[], %s::bigint[]) AS wanted (event_key, micros)
JOIN usage_event u ON u.event_key = wanted.event_key
     AND u.event_time = timestamptz 'epoch' + wanted.micros * interval '1 microsecond'
"""
_CHARGES: Final = """
SELECT h.charge_id, coalesce(p.code || ' v' || v.version, k.code), coalesce(v.currency, k.currency), h.code
FROM charge h LEFT JOIN (plan_version v JOIN plan p USING (plan_id)) USING (plan_version_id)
LEFT JOIN contract k USING (contract_id)
"""
_KEPT_EVENTS_MAX: Final = 50_000
# As many as the processor's cache holds: with twenty thousand at a time an event costs a third more.
_READ_EVENTS: Final = 3_000
_TYPES: Final = ("bigint", "uuid", "text")

Connection = psycopg.Connection[tuple[Any, ...]]


class BookedBatch(NamedTuple):
    """A batch to be sent on: how many events it rated, and with which configuration."""

    batch_id: int
    rated: int
    config_version: int


class RatedEventReader:
    """Reads events by batch. Those of a batch are kept until they are asked for a second time, as far as memory is given.

    May be shared by threads, each with a connection of its own. `partitions`: see RatedForms.
    """

    def __init__(self, *, partitions: int) -> None:
        self._partitions = partitions
        self._lock = Lock()
        self._kept: dict[int, RatedBatch] = {}
        self._kept_events = 0
        self._forms = RatedForms(Names({}, {}), partitions=partitions)
        self._config_version = 0

    def batches(self, connection: Connection, wanted: Sequence[BookedBatch]) -> list[RatedBatch]:
        """Some batches in their order, with names as new as the configuration they were rated with."""
        newest = max((batch.config_version for batch in wanted), default=0)
        if newest > self._config_version:
            self._read_names(connection)
            self._config_version = newest
        found = self._taken(wanted)
        for some in _portions([batch for batch in wanted if batch.batch_id not in found]):
            batch_ids = [batch.batch_id for batch in some]
            read = self._read(connection, batch_ids, (_COLUMNS, _FURTHER), (batch_ids,))
            self._keep(read)
            found |= read
        return [found[batch.batch_id] for batch in wanted]

    def rows_between(self, connection: Connection, batch_ids: Sequence[int], start: datetime, end: datetime) -> list[str]:
        """Rows of some batches with an event time from `start` up to but not including `end`."""
        wanted = list(batch_ids)
        found = self._read(connection, wanted, (_OF_A_DAY, _FURTHER_OF_A_DAY), (wanted, start, end))
        return [row for batch in found.values() for row in batch.rows]

    def _read(
        self,
        connection: Connection,
        batch_ids: Sequence[int],
        statements: tuple[LiteralString, LiteralString],
        parameters: Sequence[Any],
    ) -> dict[int, RatedBatch]:
        """Events and further parts of some batches, each of which is there although nothing of it may be found."""
        with connection.cursor() as cursor:
            for name in _TYPES:
                cursor.adapters.register_loader(name, TextLoader)
            texts: list[RatedText] = cursor.execute(statements[0], parameters).fetchall()
            parts: list[RatedText] = cursor.execute(statements[1], parameters).fetchall()
            further = _with_their_events(cursor, texts, parts) if parts else []
        if not (self._forms.know(texts) and self._forms.know(further)):
            self._read_names(connection)
        found = self._forms.batches(texts)
        found |= {batch_id: RatedBatch(batch_id, {}, []) for batch_id in batch_ids if batch_id not in found}
        self._forms.add_further(found, further)
        return found

    def _read_names(self, connection: Connection) -> None:
        accounts = {str(account_id): (code, customer) for account_id, code, customer in connection.execute(_ACCOUNTS)}
        charges = {str(charge_id): tuple(names) for charge_id, *names in connection.execute(_CHARGES)}
        self._forms = RatedForms(Names(accounts, charges), partitions=self._partitions)

    def _taken(self, wanted: Sequence[BookedBatch]) -> dict[int, RatedBatch]:
        with self._lock:
            taken = {batch.batch_id: self._kept.pop(batch.batch_id) for batch in wanted if batch.batch_id in self._kept}
            self._kept_events -= sum(len(batch.rows) for batch in taken.values())
        return taken

    def _keep(self, read: Mapping[int, RatedBatch]) -> None:
        """Keep what fits. What is there stays: the other destination comes to it first."""
        with self._lock:
            for batch_id, batch in read.items():
                if batch_id not in self._kept and self._kept_events + len(batch.rows) <= _KEPT_EVENTS_MAX:
                    self._kept[batch_id] = batch
                    self._kept_events += len(batch.rows)


def _with_their_events(
    cursor: psycopg.Cursor[RatedText], texts: Sequence[RatedText], parts: Sequence[RatedText]
) -> list[FurtherText]:
    """Further parts with what their events say. Those of re-rating are of events that other batches rated."""
    events = {text[1:3]: text for text in texts}
    earlier = list(dict.fromkeys(part[1:3] for part in parts if part[1:3] not in events))
    if earlier:
        wanted = ([key for key, _ in earlier], [int(micros) for _, micros in earlier])
        events |= {text[1:3]: text for text in cursor.execute(_RATED_EARLIER, wanted).fetchall()}
    further: list[FurtherText] = []
    for batch, key, micros, cell, metered, amount, kind, count, account, charge in parts:
        _, _, _, received, source, event_id, alias, meter, *_, properties, _, _ = events[key, micros]
        said = (source, event_id, alias, meter, cell, metered, amount, properties)
        further.append((batch, key, micros, received, *said, kind, count, account, charge))
    return further


def _portions(batches: Sequence[BookedBatch]) -> Iterator[list[BookedBatch]]:
    """Batches that are read together."""
    portion: list[BookedBatch] = []
    events = 0
    for batch in batches:
        if portion and events + batch.rated > _READ_EVENTS:
            yield portion
            portion, events = [], 0
        portion.append(batch)
        events += batch.rated
    if portion:
        yield portion
