"""Re-rating in PostgreSQL: one transaction a portion, which holds what workers wait for only at its end.

Events are read in a snapshot of another session, while nothing is held; rows are written meanwhile, where nobody sees them.
Then locks are taken in the workers' order (configuration, wallets by id, positions by key), and what was booked since the
snapshot is read. Whoever booked before is seen then, and whoever books afterwards waits. Whether anything was missed shows
in the numbers of events the totals count.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from psycopg import Connection as Session
from sqlalchemy import Connection, Engine

from connectors.postgres import rerating_sql as sql
from connectors.postgres.binary import register
from connectors.postgres.database import snapshot, transaction
from connectors.postgres.rerating_books import ReratedBatch
from connectors.postgres.rerating_view import PostgresReratingView, books_of, further_parts, rows
from domain.errors import NotFound
from domain.rating.rerating import BookedEvent, Books, Rerated, Row
from invoicing.metering_ports import Balance


class PostgresRerating:
    """The ReratingStore port on the billing database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def look(self, code: str, since: datetime) -> Iterator[PostgresReratingView]:
        """See everything of an account from an instant on."""
        with snapshot(self._engine) as connection:
            yield PostgresReratingView(_session(connection), code, since)

    @contextmanager
    def begin(self, code: str, since: datetime, *, now: datetime) -> Iterator["PostgresReratingDesk"]:
        """Open a desk for an account from an instant on."""
        with transaction(self._engine) as connection:
            session = _session(connection)
            rows(session, sql.WAIT_LONG)
            if not rows(session, sql.TAKE_TURN, (code,)):
                raise NotFound(f"no account {code!r}: `billing accounts list` names them")
            rows(session, sql.WAIT_SHORTLY)
            yield PostgresReratingDesk(self._engine, session, (code, since), now=now)


class PostgresReratingDesk:
    """The ReratingDesk port: one transaction, and a snapshot beside it for each look."""

    def __init__(self, engine: Engine, session: Session[Any], asked: tuple[str, datetime], *, now: datetime) -> None:
        self._engine = engine
        self._session = session
        self._asked = asked
        self._batch = ReratedBatch(session, now=now)
        self._view: PostgresReratingView
        self._after: tuple[int, list[int]] = (0, [])
        """The greatest number of a batch when it was looked at last, and those below that were under way."""
        self._given: set[bytes] = set()

    @contextmanager
    def look(self) -> Iterator[PostgresReratingView]:
        """See everything as of now."""
        with snapshot(self._engine) as connection:
            session = _session(connection)
            self._view = PostgresReratingView(session, *self._asked)
            self._after = _reached(session)
            self._given = set()
            yield self._view

    def write(self, written: Iterable[Row]) -> None:
        """Write parts of events into the desk's batch."""
        self._batch.write(written, version=self._view.config.version)

    def later(self) -> Sequence[BookedEvent]:
        """The events of the scope that were booked since the last look, and that this has not given before."""
        after, self._after = self._after, _reached(self._session)
        found = rows(self._session, sql.LATER_EVENTS, (*self._view.selected, *after))
        new = [row for row in found if row[0].bytes not in self._given]
        keys = [row[0] for row in new]
        further = rows(self._session, sql.FURTHER_OF, (*self._view.selected, keys, *after)) if keys else []
        self._given.update(key.bytes for key in keys)
        return list(self._view.booked(iter(new), further_parts(further)))

    def hold(self) -> bool:
        """Hold the truth, the wallets and the positions until the end."""
        ((version,),) = rows(self._session, sql.LOCK_CONFIG)
        rows(self._session, sql.LOCK_WALLETS, (self._view.wallets,))
        rows(self._session, sql.LOCK_POSITIONS, (self._view.account_ids, self._view.first))
        return bool(version == self._view.config.version)

    def books(self) -> Books:
        """The running totals and positions of the scope, as of now."""
        return books_of(self._session, self._view.account_ids, self._view.first)

    def invoiced(self) -> frozenset[tuple[int, date]]:
        """Accounts and months that an issued invoice has taken from, as of now."""
        return frozenset(rows(self._session, sql.INVOICED, (self._view.account_ids,)))

    def save(self, rerated: Rerated, *, actor: str, audited: Mapping[str, object]) -> None:
        """Book it with the rows that were written, with an audit record."""
        scope = (self._view.account_ids, self._view.first)
        self._batch.save(rerated, scope=scope, version=self._view.config.version)
        self._batch.audit(actor, self._asked[0], audited)

    def balances(self) -> Sequence[Balance]:
        """The balances of the scope's wallets."""
        return [Balance(*row) for row in rows(self._session, sql.BALANCES, (self._view.wallets,))]


def _reached(session: Session[Any]) -> tuple[int, list[int]]:
    ((reached,),) = rows(session, sql.REACHED)
    return reached, [number for (number,) in rows(session, sql.UNDER_WAY, {"reached": reached})]


def _session(connection: Connection) -> Session[Any]:
    session = connection.connection.driver_connection
    assert isinstance(session, Session)  # noqa: S101 - the engine's driver is psycopg
    register(session)
    return session
