"""Writing what a re-rating came to: a batch of its own, its parts, totals, positions, what meters remember, and wallets."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any
from uuid import UUID

from psycopg import Connection as Session

from connectors.postgres import rerating_sql as sql
from domain.attribution import EPOCH
from domain.rating.places import TotalKey
from domain.rating.rerating import Rerated, Row
from domain.rating.running import Total


class ReratedBatch:
    """One batch, begun with its first row."""

    def __init__(self, session: Session[Any], *, now: datetime) -> None:
        self._session = session
        self._now = now
        self._batch_id: int | None = None

    def write(self, written: Iterable[Row], *, version: int) -> None:
        """Add parts of events."""
        rest = iter(written)
        first = next(rest, None)
        if first is not None:
            self._copy(sql.COPY_ROWS, _parts(chain([first], rest), self._begun(version)))

    def save(self, rerated: Rerated, *, scope: tuple[Sequence[int], date], version: int) -> None:
        """Add everything else. `scope`: the accounts, and the first month looked at."""
        self.write(rerated.repricings, version=version)
        batch_id = self._begun(version)
        with self._session.cursor() as cursor:
            cursor.executemany(sql.ADD_TOTALS, _sums(rerated.totals))
            cursor.executemany(sql.ADD_POSITIONS, _sums(rerated.positions))
        where = (list(scope[0]), scope[1])
        self._session.execute(sql.FORGET_STATES, where)
        self._session.execute(sql.FORGET_VALUES, where)
        states = (
            (*key.position, key.meter_id, state.value_millionths, _instant(state.time_micros), UUID(bytes=state.event_key))
            for key, state in rerated.states.items()
        )
        self._copy(sql.COPY_STATES, states)
        values = ((*key.position, key.meter_id, UUID(bytes=digest)) for digest, key in rerated.values.items())
        self._copy(sql.COPY_VALUES, values)
        for wallet_id, amount in sorted(rerated.debits.items()):
            if amount:
                facts = {"wallet": wallet_id, "amount": amount, "reference": str(batch_id), "at": self._now}
                self._session.execute(sql.DEBIT, facts)

    def audit(self, actor: str, account: str, after: Mapping[str, object]) -> None:
        """Leave an audit record."""
        self._session.execute(sql.AUDIT, (self._now, actor, account, json.dumps(after)))

    def _begun(self, version: int) -> int:
        if self._batch_id is None:
            ((self._batch_id,),) = self._session.execute(sql.INSERT_BATCH, (version, self._now)).fetchall()
        assert self._batch_id is not None  # noqa: S101 - an identity is never null
        return self._batch_id

    def _copy(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._session.cursor() as cursor, cursor.copy(statement.encode()) as copy:
            for row in rows:
                copy.write_row(row)


def _parts(rows: Iterable[Row], batch_id: int) -> Iterator[Sequence[Any]]:
    for row in rows:
        event = row.event.event
        account_id, _, charge_id, cell = row.total_key
        sums = (row.quantity_millionths, row.amount_micros, row.metered_millionths, row.event_count)
        where = (UUID(bytes=event.key), _instant(event.time_micros), batch_id, account_id, charge_id)
        yield (*where, *sums, str(row.kind), cell)


def _sums(added: dict[TotalKey, Total]) -> list[Sequence[Any]]:
    # In the order of their keys, so that two of these never wait for each other in a circle.
    return [
        (*key, total.quantity_millionths, total.amount_micros, total.event_count) for key, total in sorted(added.items())
    ]


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
