"""Statements and lots of wallets, for people to look at."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot
from domain.errors import NotFound
from domain.money import decimal_from_micros
from invoicing.wallet_ports import Statement, StatementLine

_WALLET: Final = text("""
SELECT w.wallet_id, w.currency, o.time_zone FROM wallet w JOIN account a USING (account_id)
JOIN account o ON o.account_id = coalesce(a.wallet_of_account_id, a.account_id) WHERE a.code = :code
""")
# A wallet's versions are its order; the last entry before a moment has the balance at it.
_BALANCE: Final = text("""
SELECT coalesce((SELECT balance_after_micros FROM wallet_entry
                 WHERE wallet_id = :wallet_id AND booked_at < :at ORDER BY version DESC LIMIT 1), 0)
""")
_LINES: Final = text("""
SELECT max(booked_at) AS booked_at, cause, CASE cause WHEN 'usage' THEN day::text ELSE reference END AS reference,
       count(*) AS entries, sum(amount_micros)::bigint AS amount_micros,
       (array_agg(balance_after_micros ORDER BY version DESC))[1] AS balance_after_micros
FROM (SELECT e.*, (booked_at AT TIME ZONE :time_zone)::date AS day FROM wallet_entry e
      WHERE wallet_id = :wallet_id AND booked_at >= :start AND booked_at < :end) e
GROUP BY cause, CASE cause WHEN 'usage' THEN day::text ELSE reference END ORDER BY max(version)
""")
_LOTS: Final = text("""
SELECT l.lot_id, l.kind::text AS kind, l.priority, l.expires_at, l.amount_micros, l.remaining_micros, l.cost_micros, l.cause,
       l.reference, l.lot_id = w.lot_id AS in_use
FROM lot_balance l JOIN wallet w USING (wallet_id)
WHERE wallet_id = :wallet_id AND (:all OR l.remaining_micros > 0)
ORDER BY l.remaining_micros = 0, l.priority, l.expires_at NULLS LAST, l.kind, l.lot_id
""")


class WalletStatements:
    """Reads wallets."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def statement(self, account: str, *, start: datetime, end: datetime) -> Statement:
        """Movements booked from `start` up to but not including `end`, as of one instant. Raises NotFound."""
        with snapshot(self._engine) as connection:
            wallet = self._wallet(connection, account)
            span = {"wallet_id": wallet.wallet_id, "start": start, "end": end, "time_zone": wallet.time_zone}
            opening, closing = (
                connection.execute(_BALANCE, {"wallet_id": wallet.wallet_id, "at": at}).scalar_one() for at in (start, end)
            )
            lines = [StatementLine(**row._mapping) for row in connection.execute(_LINES, span)]
        return Statement(account, wallet.currency, start, end, opening, closing, lines)

    def lots(self, account: str, *, also_used_up: bool) -> Sequence[Mapping[str, Any]]:
        """A wallet's lots in the order they are used in, amounts in currency units. Raises NotFound."""
        with snapshot(self._engine) as connection:
            wallet = self._wallet(connection, account)
            rows = connection.execute(_LOTS, {"wallet_id": wallet.wallet_id, "all": also_used_up})
            return [
                {
                    name.removesuffix("_micros"): decimal_from_micros(value) if name.endswith("_micros") else value
                    for name, value in row._mapping.items()
                }
                for row in rows
            ]

    def _wallet(self, connection: Connection, account: str) -> Any:
        wallet = connection.execute(_WALLET, {"code": account}).one_or_none()
        if wallet is None:
            raise NotFound(f"account {account!r} does not exist: `billing accounts list` shows them")
        return wallet
