"""Writing what a re-rating came to: a batch of its own, its parts, totals, positions, what meters remember, and wallets."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import Connection as Session

from connectors.postgres import rerating_sql as sql
from domain.attribution import EPOCH
from domain.rating.places import TotalKey
from domain.rating.rerating import Rerated
from domain.rating.running import Total
from invoicing.metering_ports import Balance


def save_rerated(
    session: Session[Any], rerated: Rerated, *, scope: tuple[Sequence[int], date], version: int, now: datetime
) -> list[Balance]:
    """Write everything; returns the balances that changed. `scope`: the accounts, and the first month looked at."""
    ((batch_id,),) = session.execute(sql.INSERT_BATCH, (version, now)).fetchall()
    _copy(session, sql.COPY_ROWS, _parts(rerated, batch_id))
    with session.cursor() as cursor:
        cursor.executemany(sql.ADD_TOTALS, _sums(rerated.totals))
        cursor.executemany(sql.ADD_POSITIONS, _sums(rerated.positions))
    where = (list(scope[0]), scope[1])
    session.execute(sql.FORGET_STATES, where)
    session.execute(sql.FORGET_VALUES, where)
    states = (
        (*key.position, key.meter_id, state.value_millionths, _instant(state.time_micros), UUID(bytes=state.event_key))
        for key, state in rerated.states.items()
    )
    _copy(session, sql.COPY_STATES, states)
    values = ((*key.position, key.meter_id, UUID(bytes=digest)) for digest, key in rerated.values.items())
    _copy(session, sql.COPY_VALUES, values)
    balances = []
    for wallet_id, amount in sorted(rerated.debits.items()):
        if amount:
            facts = {"wallet": wallet_id, "amount": amount, "reference": str(batch_id), "at": now}
            balances += [Balance(*row) for row in session.execute(sql.DEBIT, facts).fetchall()]
    return balances


def _parts(rerated: Rerated, batch_id: int) -> Iterable[Sequence[Any]]:
    for row in rerated.rows:
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


def _copy(session: Session[Any], statement: str, rows: Iterable[Sequence[Any]]) -> None:
    with session.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for row in rows:
            copy.write_row(row)


def _instant(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)
