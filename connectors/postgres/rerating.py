"""Re-rating in PostgreSQL: one transaction a portion, which holds the configuration and the wallets of its accounts.

Locks are taken in the workers' order (configuration, wallets by id, positions by key). Whoever booked before is seen,
because everything is read after the locks are held; whoever books afterwards waits for them.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from psycopg import Connection as Session
from sqlalchemy import Engine

from connectors.postgres import rerating_sql as sql
from connectors.postgres.binary import register
from connectors.postgres.database import transaction
from connectors.postgres.rating_config import load_rating_config
from connectors.postgres.rerating_books import save_rerated
from domain.attribution import RatingConfig
from domain.catalogue.charges import Reset, Sharing
from domain.errors import NotFound
from domain.money import Currency
from domain.period import BillingMonth
from domain.rating.places import EVER, TotalKey, period_start
from domain.rating.rerating import BookedEvent, Books, Rerated
from domain.rating.running import Total
from domain.received_event import Origin, ReceivedEvent
from domain.usage import UsageEvent
from invoicing.metering_ports import Balance
from invoicing.rerating_ports import Scope

_FETCHED: Final = 5_000


class PostgresRerating:
    """The ReratingStore port on the billing database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def begin(self, code: str, since: datetime) -> Iterator["PostgresReratingDesk"]:
        """Open a desk for an account from an instant on."""
        with transaction(self._engine) as connection:
            session = connection.connection.driver_connection
            assert isinstance(session, Session)  # noqa: S101 - the engine's driver is psycopg
            register(session)
            yield PostgresReratingDesk(session, code, since)


class PostgresReratingDesk:
    """The ReratingDesk port on one transaction."""

    def __init__(self, session: Session[Any], code: str, since: datetime) -> None:
        self._session = session
        ((self._version,),) = self._rows(sql.LOCK_CONFIG)
        self.config: RatingConfig = load_rating_config(session).config
        mine = next((account for account in self.config.accounts.values() if account.code == code), None)
        if mine is None:
            raise NotFound(f"no account {code!r} with a wallet: `billing accounts list` names them")
        self._account = mine
        self._account_ids, self._first = self._reach(BillingMonth.of(since, mine.time_zone))
        wallets = {self.config.accounts[account_id].wallet_id for account_id in self._account_ids}
        self._rows(sql.LOCK_WALLETS, (sorted(wallets),))
        self._rows(sql.LOCK_POSITIONS, (self._account_ids, self._first))

    def _reach(self, month: BillingMonth) -> tuple[list[int], date]:
        """The accounts whose usage moves the same prices, and the first month of the longest period among those."""
        first = date(month.year, month.month, 1)
        plans = [span.plan for span in self._account.spans()]
        options = {(str(charge.reset), str(charge.shared)) for plan in plans for charge in plan.charges.values()}
        options |= {(str(one.reset), str(one.shared)) for plan in plans for one in plan.adjustments}
        options.update(self._rows(sql.OPTIONS, (self._account.account_id,)))
        first = min(period_start(first, Reset(reset)) for reset, _ in {*options, ("month", "account")})
        if all(shared == Sharing.ACCOUNT for _, shared in options):
            return [self._account.account_id], first
        root = self._account.root_id
        return sorted(account.account_id for account in self.config.accounts.values() if account.root_id == root), first

    @cached_property
    def scope(self) -> Scope:
        """What it is about."""
        ((events,),) = self._rows(sql.COUNT, self._selected)
        return Scope(
            codes={account_id: self.config.accounts[account_id].code for account_id in self._account_ids},
            currency=Currency(self._account.currency),
            first_month=self._first,
            events=events,
            invoiced=frozenset(self._rows(sql.INVOICED, (self._account_ids,))),
            labels=dict(self._rows(sql.LABELS, (self._account_ids, self._account_ids))),
        )

    def books(self) -> Books:
        """The running totals and positions of the scope."""
        where = (self._account_ids, self._first)
        return Books(
            {TotalKey(*row[:4]): Total(*row[4:]) for row in self._rows(sql.TOTALS, where)},
            {TotalKey(*row[:4]): Total(*row[4:]) for row in self._rows(sql.POSITIONS, where)},
        )

    def events(self) -> Iterator[BookedEvent]:
        """The events of the scope with their parts as they stand, in the order they were booked in."""
        further: dict[tuple[bytes, int], dict[tuple[int, str], Total]] = {}
        for key, at, charge_id, cell, *sums in self._rows(sql.FURTHER, self._selected):
            further.setdefault((key.bytes, at), {})[charge_id, cell] = Total(*sums)
        with self._session.cursor(name="rerated_events") as cursor:
            cursor.itersize = _FETCHED
            cursor.execute(sql.EVENTS.encode(), self._selected)
            for row in cursor:
                if self.config.accounts[row[2]].service_month(row[1]) < self._first:
                    continue  # in its own time zone it is of the month before
                yield _booked(row, further.get((row[0].bytes, row[1]), {}))

    def save(self, rerated: Rerated, *, actor: str, why: str, now: datetime) -> list[Balance]:
        """Book it as a batch, with an audit record; returns the balances that changed."""
        audited = {
            "account": self._account.code,
            "from": f"{self._first:%Y-%m}",
            "why": why,
            "events": rerated.events,
            "moved": rerated.moved,
            "difference_micros": sum(rerated.debits.values()),
        }
        scope = (self._account_ids, self._first)
        changed = save_rerated(self._session, rerated, scope=scope, version=self._version, now=now)
        self._rows(sql.AUDIT, (now, actor, self._account.code, json.dumps(audited)), fetch=False)
        return changed

    @property
    def _selected(self) -> tuple[list[int], datetime]:
        """The accounts, and the first instant of the first month in any of their time zones."""
        if self._first == EVER:
            return self._account_ids, datetime(1, 1, 2, tzinfo=UTC)
        month = BillingMonth(self._first.year, self._first.month)
        zones = {self.config.accounts[account_id].time_zone for account_id in self._account_ids}
        return self._account_ids, min(month.span(zone).start for zone in zones)

    def _rows(self, statement: str, parameters: Sequence[Any] = (), *, fetch: bool = True) -> list[Any]:
        cursor = self._session.execute(statement.encode(), parameters)
        return cursor.fetchall() if fetch else []


def _booked(row: Sequence[Any], further: dict[tuple[int, str], Total]) -> BookedEvent:
    key, at, account_id, charge_id, cell, metered, amount, source, event_id, subject, kind, quantity, text = row
    event = UsageEvent(
        source=source,
        id=event_id,
        subject=subject,
        meter=kind,
        time_micros=at,
        quantity_millionths=quantity,
        properties=json.loads(text, parse_float=Decimal),
        properties_json=text,
        key=key.bytes,
        body_digest=b"",
    )
    parts = {(charge_id, cell): Total(metered, amount, 1)}
    for name, part in further.items():
        parts[name] = parts.get(name, Total()) + part
    standing = {name: part for name, part in parts.items() if part != Total()}
    return BookedEvent(ReceivedEvent(event, Origin("", 0, 0, 0), 0, b""), account_id, standing)
