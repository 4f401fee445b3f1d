"""What a re-rating looks at: an account, those whose usage moves the same prices, and their events, as of one instant."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final

from psycopg import Connection as Session

from connectors.postgres import rerating_sql as sql
from connectors.postgres.rating_config import load_rating_config
from connectors.postgres.unused_periods import BOOKED, booked_from
from domain.attribution import RatingConfig
from domain.catalogue.charges import Reset, Sharing
from domain.errors import NotFound
from domain.money import Currency
from domain.period import BillingMonth
from domain.rating.places import EVER, TotalKey, period_start
from domain.rating.rerating import BookedEvent, Books
from domain.rating.running import Total
from domain.received_event import Origin, ReceivedEvent
from domain.usage import UsageEvent
from invoicing.rerating_ports import Scope

Further = Mapping[tuple[bytes, int], Mapping[tuple[int, str], Total]]
"""Further parts by event: by charge and price cell."""
_FETCHED: Final = 5_000


class PostgresReratingView:
    """The ReratingView port on one session that sees one instant."""

    def __init__(self, session: Session[Any], code: str, since: datetime) -> None:
        self._session = session
        self.config: RatingConfig = load_rating_config(session).config
        mine = next((account for account in self.config.accounts.values() if account.code == code), None)
        if mine is None:
            raise NotFound(f"no account {code!r} with a wallet: `billing accounts list` names them")
        self._account = mine
        self.account_ids, self.first = self._reach(BillingMonth.of(since, mine.time_zone))

    def _reach(self, month: BillingMonth) -> tuple[list[int], date]:
        """The accounts whose usage moves the same prices, and the first month of the longest period among those."""
        account_ids = [self._account.account_id]
        options = self._options(account_ids)
        if any(shared != Sharing.ACCOUNT for _, shared in options):
            # What the others are rated by may count over longer than what they share.
            root = self._account.root_id
            account_ids = sorted(one.account_id for one in self.config.accounts.values() if one.root_id == root)
            options = self._options(account_ids)
        first = date(month.year, month.month, 1)
        return account_ids, min(period_start(first, Reset(reset)) for reset, _ in {*options, ("month", "account")})

    def _options(self, account_ids: Sequence[int]) -> set[tuple[str, str]]:
        """Over which period, and of whom, the prices of some accounts count: those in force and those booked."""
        plans = [span.plan for account_id in account_ids for span in self.config.accounts[account_id].spans()]
        options = {(str(charge.reset), str(charge.shared)) for plan in plans for charge in plan.charges.values()}
        options |= {(str(one.reset), str(one.shared)) for plan in plans for one in plan.adjustments}
        return options.union(rows(self._session, sql.OPTIONS, (account_ids,)))

    @property
    def wallets(self) -> list[int]:
        """Ids of the wallets the accounts pay from."""
        return sorted({wallet for account_id in self.account_ids for wallet in self.config.accounts[account_id].wallets})

    @cached_property
    def scope(self) -> Scope:
        """What it is about."""
        return Scope(
            code=self._account.code,
            codes={account_id: self.config.accounts[account_id].code for account_id in self.account_ids},
            currency=Currency(self._account.currency),
            first_month=self.first,
            labels=dict(rows(self._session, sql.LABELS, (self.account_ids, self.account_ids))),
        )

    def books(self) -> Books:
        """The running totals and positions of the scope."""
        return books_of(self._session, self.account_ids, self.first)

    def invoiced(self) -> frozenset[tuple[int, date]]:
        """Accounts and months that an issued invoice has taken from."""
        return frozenset(rows(self._session, sql.INVOICED, (self.account_ids,)))

    def events(self) -> Iterator[BookedEvent]:
        """The events of the scope with their parts as they stand, in the order they were booked in."""
        further = further_parts(rows(self._session, sql.FURTHER, self.selected))
        with self._session.cursor(name="rerated_events") as cursor:
            cursor.itersize = _FETCHED
            cursor.execute(sql.EVENTS.encode(), self.selected)
            yield from self.booked(cursor, further)

    def booked(self, events: Iterator[Sequence[Any]], further: Further) -> Iterator[BookedEvent]:
        """Rows of events as what they are, without those that are of an earlier month in their account's time zone."""
        for row in events:
            if self.config.accounts[row[2]].service_month(row[1]) >= self.first:
                yield _booked(row, further.get((row[0].bytes, row[1]), {}))

    @property
    def selected(self) -> tuple[list[int], datetime]:
        """The accounts, and the first instant of the first month in any of their time zones."""
        if self.first == EVER:
            return self.account_ids, datetime(1, 1, 2, tzinfo=UTC)
        month = BillingMonth(self.first.year, self.first.month)
        zones = {self.config.accounts[account_id].time_zone for account_id in self.account_ids}
        return self.account_ids, min(month.span(zone).start for zone in zones)


def books_of(session: Session[Any], account_ids: Sequence[int], first: date) -> Books:
    """The running totals and positions of some accounts from a month on."""
    where = (account_ids, first)
    unused = booked_from(rows(session, BOOKED.format(accounts="%s"), (account_ids,)))
    return Books(
        {TotalKey(*row[:4]): Total(*row[4:]) for row in rows(session, sql.TOTALS, where)},
        {TotalKey(*row[:4]): Total(*row[4:]) for row in rows(session, sql.POSITIONS, where)},
        {key: booked for key, booked in unused.items() if key.service_month >= first},
    )


def further_parts(found: Sequence[Sequence[Any]]) -> Further:
    """Sums of further parts, by event."""
    further: dict[tuple[bytes, int], dict[tuple[int, str], Total]] = {}
    for key, at, charge_id, cell, *sums in found:
        further.setdefault((key.bytes, at), {})[charge_id, cell] = Total(*sums)
    return further


def rows(session: Session[Any], statement: str, parameters: Any = ()) -> list[Any]:
    """What a statement answers."""
    return session.execute(statement.encode(), parameters).fetchall()


def _booked(row: Sequence[Any], further: Mapping[tuple[int, str], Total]) -> BookedEvent:
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
