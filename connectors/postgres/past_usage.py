"""Accounts, plans and usage as a what-if sees them: one snapshot of the billing database, in which nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from typing import Any, Final

from psycopg import Connection as Session
from sqlalchemy import Connection, Engine, text

from connectors.postgres.binary import register
from connectors.postgres.database import repeatable
from connectors.postgres.fee_books import read_fee_accounts
from connectors.postgres.rating_config import load_rating_config
from connectors.postgres.raw_usage import PostgresRawUsage
from domain.catalogue.meters import Meter
from domain.errors import NotFound
from invoicing.fee_ports import FeeAccount
from invoicing.raw_usage_ports import RawUsageReader, Slot, Telling

_PLAN: Final = text("SELECT plan_id FROM plan WHERE code = :code")
_SUBSCRIBED: Final = text("""
SELECT DISTINCT s.account_id FROM subscription s JOIN plan_version v USING (plan_version_id)
WHERE v.plan_id = :plan_id ORDER BY 1
""")
_BOOKED: Final = text("""
SELECT t.account_id, sum(t.amount_micros)::bigint AS micros FROM usage_total t JOIN charge c USING (charge_id)
WHERE t.account_id = ANY(:account_ids) AND t.service_month BETWEEN :first AND :last AND c.kind IN ('usage', 'adjustment')
GROUP BY 1
""")


class PostgresPastRoom:
    """The PastRoom port on the billing database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def open(self) -> Iterator["PostgresPast"]:
        """See everything as of now, for as long as the room is open."""
        with repeatable(self._engine) as connection:
            yield PostgresPast(connection, PostgresRawUsage(self._engine))


class PostgresPast:
    """The Past port on one snapshot."""

    def __init__(self, connection: Connection, raw: PostgresRawUsage) -> None:
        self._connection = connection
        self._raw = raw
        session: Any = connection.connection.driver_connection
        assert isinstance(session, Session)  # noqa: S101 - the engine's driver is psycopg
        register(session)
        loaded = load_rating_config(session)
        self.config = loaded.config
        self._meters = loaded.meters

    def meters(self) -> Mapping[str, Meter]:
        """The published meters by code."""
        return self._meters

    def subscribed(self, plan_code: str) -> Sequence[int]:
        """Ids of accounts that are, or were, on any version of a plan. Raises NotFound for a plan there is not."""
        plan_id = self._connection.execute(_PLAN, {"code": plan_code}).scalar_one_or_none()
        if plan_id is None:
            raise NotFound(f"no plan {plan_code!r}: `billing plans list` names them")
        return self._connection.execute(_SUBSCRIBED, {"plan_id": plan_id}).scalars().all()

    def booked(self, account_ids: Sequence[int], first: date, last: date) -> Mapping[int, int]:
        """What usage and adjustments of the months came to as booked, in micros by account."""
        facts = {"account_ids": list(account_ids), "first": first, "last": last}
        return {row.account_id: row.micros for row in self._connection.execute(_BOOKED, facts)}

    def fees(self, account_ids: Sequence[int]) -> Sequence[FeeAccount]:
        """Some accounts with their terms about fees over time, and their usage if a commitment counts it."""
        return read_fee_accounts(self._connection, account_ids)

    def usage(self, slots: Sequence[Slot], telling: Sequence[Telling]) -> AbstractContextManager[RawUsageReader]:
        """Raw usage."""
        return self._raw.within(self._connection, slots, telling)
