"""Reading accounts for people."""

from typing import Any

from sqlalchemy import Engine, text

from connectors.postgres.database import snapshot
from domain.money import decimal_from_micros

_ACCOUNTS = text("""
SELECT a.code AS account, c.legal_name AS customer, a.mode, a.currency, a.status, w.balance_micros,
       (SELECT count(*) FROM alias WHERE alias.account_id = a.account_id) AS aliases
FROM account a JOIN customer c USING (customer_id) JOIN wallet w USING (account_id)
WHERE a.wallet_of_account_id IS NULL ORDER BY a.code LIMIT :limit
""")


class AccountReader:
    """Accounts of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def accounts(self, *, limit: int) -> list[dict[str, Any]]:
        """The first accounts by code, with their balances in currency units."""
        with snapshot(self._engine) as connection:
            rows = [dict(row) for row in connection.execute(_ACCOUNTS, {"limit": limit}).mappings()]
        for row in rows:
            row["balance"] = decimal_from_micros(row.pop("balance_micros"))
        return rows
