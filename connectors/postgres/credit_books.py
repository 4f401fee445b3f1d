"""What holds are answered from when the cache does not know: wallets, standings and running totals in PostgreSQL."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from sqlalchemy import Engine, Row, text

from connectors.postgres.database import transaction
from domain.errors import NotFound
from invoicing.hold_ports import CachedStanding, Credit, WalletOwner
from invoicing.metering_ports import Balance

# An account that was never looked at is active; prepaid it may use its balance, postpaid there is no end.
_CREDIT: Final = """
SELECT w.wallet_id, w.account_id, w.balance_micros, w.version, coalesce(s.version, 0) AS standing_version,
       coalesce(s.effective, a.status) AS status,
       CASE WHEN s.account_id IS NOT NULL THEN s.floor_micros WHEN a.mode = 'prepaid' THEN 0 END AS floor_micros
FROM wallet w JOIN account a USING (account_id) LEFT JOIN account_standing s USING (account_id)
"""
_OF_SOME: Final = text(f"{_CREDIT} WHERE w.account_id = ANY(:account_ids)")
_OF_ALL: Final = text(_CREDIT)
_OWNER: Final = text("SELECT account_id, code FROM wallet JOIN account USING (account_id) WHERE wallet_id = :wallet_id")
_USED: Final = text("""
SELECT charge_id, price_cell, quantity_millionths FROM usage_total
WHERE account_id = :account_id AND service_month = :month
""")


class PostgresCreditBooks:
    """The truth about credit, through an engine's connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def credit(self, account_ids: Sequence[int]) -> Mapping[int, Credit]:
        """Wallets with their owners' standings, by the owner's account id. Raises EngineUnavailable."""
        with transaction(self._engine) as connection:
            rows = connection.execute(_OF_SOME, {"account_ids": list(account_ids)}).all()
        return {row.account_id: _credit(row) for row in rows}

    def all_credit(self) -> Sequence[Credit]:
        """Every wallet with its owner's standing. Raises EngineUnavailable."""
        with transaction(self._engine) as connection:
            return [_credit(row) for row in connection.execute(_OF_ALL)]

    def owner(self, wallet_id: int) -> WalletOwner:
        """Whose a wallet is, which never changes. Raises NotFound."""
        with transaction(self._engine) as connection:
            row = connection.execute(_OWNER, {"wallet_id": wallet_id}).one_or_none()
        if row is None:
            raise NotFound(f"wallet {wallet_id} does not exist")
        return WalletOwner(row.account_id, row.code)

    def used_millionths(self, account_id: int, month: date) -> Mapping[tuple[int, str], int]:
        """Running totals of an account's month, by charge and price cell. Raises EngineUnavailable."""
        with transaction(self._engine) as connection:
            rows = connection.execute(_USED, {"account_id": account_id, "month": month})
            return {(row.charge_id, row.price_cell): row.quantity_millionths for row in rows}


def _credit(row: Row[tuple[object, ...]]) -> Credit:
    return Credit(
        Balance(row.wallet_id, row.account_id, row.balance_micros, row.version),
        CachedStanding(row.account_id, row.status, row.floor_micros, row.standing_version),
    )
