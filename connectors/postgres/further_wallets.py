"""Further wallets in PostgreSQL: opened, given purposes, closed, and listed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot, storable
from domain.money import Currency, decimal_from_micros
from domain.wallet_purposes import AccountWallets, FurtherWallet

# The account's wallets are locked in the order of their ids, as everybody locks them; what they hold is read afterwards.
_LOCK: Final = text("""
SELECT w.wallet_id FROM wallet w JOIN account a USING (account_id) JOIN account o
    ON o.account_id = coalesce(a.wallet_of_account_id, a.account_id)
WHERE o.code = :account ORDER BY w.wallet_id FOR NO KEY UPDATE OF w
""")
_ACCOUNT: Final = text("""
SELECT a.mode, a.currency, p.code AS pays_from, a.status
FROM account a JOIN account p ON p.account_id = a.pay_from_account_id
WHERE a.code = :account AND a.wallet_of_account_id IS NULL
""")
_FURTHER: Final = text("""
SELECT a.code, a.status, w.balance_micros,
       ARRAY(SELECT m.code FROM wallet_purpose p JOIN meter m USING (meter_id)
             WHERE p.wallet_account_id = a.account_id ORDER BY 1) AS pays_for
FROM account a JOIN account o ON o.account_id = a.wallet_of_account_id JOIN wallet w ON w.account_id = a.account_id
WHERE o.code = :account ORDER BY a.account_id
""")
_OWNER: Final = text("""
SELECT o.code FROM account a JOIN account o ON o.account_id = a.wallet_of_account_id WHERE a.code = :wallet
""")
_ADD: Final = text("""
WITH added AS (
    INSERT INTO account (code, customer_id, mode, currency, time_zone, wallet_of_account_id, created_at)
    SELECT :wallet, customer_id, mode, currency, time_zone, account_id, :at FROM account WHERE code = :account
    RETURNING account_id, currency)
INSERT INTO wallet (account_id, currency) SELECT account_id, currency FROM added
""")
_TAKE_AWAY: Final = text("""
DELETE FROM wallet_purpose p USING account a, meter m
WHERE a.code = :wallet AND p.wallet_account_id = a.account_id AND m.meter_id = p.meter_id AND m.code = ANY(:meters)
""")
_GIVE: Final = text("""
INSERT INTO wallet_purpose (account_id, meter_id, wallet_account_id)
SELECT a.wallet_of_account_id, m.meter_id, a.account_id FROM account a, meter m
WHERE a.code = :wallet AND m.code = ANY(:meters) ORDER BY m.meter_id
""")
_CLOSE: Final = text("""
UPDATE account SET status = 'closed', closed_at = :at, revision = revision + 1 WHERE code = :wallet
""")
_LIST: Final = text("""
SELECT o.code AS account, a.code AS wallet, w.currency, w.balance_micros, coalesce(s.effective, a.status) AS status,
       CASE WHEN a.wallet_of_account_id IS NULL THEN ARRAY['everything else'] ELSE
           ARRAY(SELECT m.code FROM wallet_purpose p JOIN meter m USING (meter_id)
                 WHERE p.wallet_account_id = a.account_id ORDER BY 1) END AS pays_for
FROM account a JOIN wallet w USING (account_id)
JOIN account o ON o.account_id = coalesce(a.wallet_of_account_id, a.account_id)
LEFT JOIN account_standing s ON s.account_id = a.account_id
WHERE CASE WHEN CAST(:account AS text) IS NULL
      THEN EXISTS (SELECT FROM account f WHERE f.wallet_of_account_id = o.account_id) ELSE o.code = :account END
ORDER BY o.code, a.wallet_of_account_id IS NOT NULL, a.code LIMIT 1000
""")


class FurtherWalletRows:
    """The WalletBook port in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, account: str) -> AccountWallets | None:
        """An account with its further wallets, all locked; None when there is none."""
        if not storable([account]):
            return None
        named = {"account": account}
        self._connection.execute(_LOCK, named)
        found = self._connection.execute(_ACCOUNT, named).one_or_none()
        if found is None:
            return None
        further = tuple(
            FurtherWallet(row.code, frozenset(row.pays_for), row.balance_micros, closed=row.status == "closed")
            for row in self._connection.execute(_FURTHER, named)
        )
        currency, prepaid = Currency(found.currency), found.mode == "prepaid"
        return AccountWallets(account, prepaid, currency, found.pays_from, found.status == "closed", further)

    def account_of(self, wallet: str) -> str | None:
        """The account a further wallet is of; None when there is no such wallet."""
        return self._connection.execute(_OWNER, {"wallet": wallet}).scalar() if storable([wallet]) else None

    def add(self, account: str, wallet: str, *, at: datetime) -> None:
        """Keep a new further wallet, empty and without a purpose."""
        self._connection.execute(_ADD, {"account": account, "wallet": wallet, "at": at})

    def change_purposes(self, wallet: str, *, less: Collection[str], more: Collection[str]) -> None:
        """Take purposes from a wallet, then give it others; meters are named by their codes."""
        for statement, meters in ((_TAKE_AWAY, less), (_GIVE, more)):
            if meters:
                self._connection.execute(statement, {"wallet": wallet, "meters": sorted(meters)})

    def close(self, wallet: str, *, at: datetime) -> None:
        """Say that a wallet is closed since then."""
        self._connection.execute(_CLOSE, {"wallet": wallet, "at": at})


class WalletList:
    """Wallets for people to look at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def wallets(self, account: str | None) -> Sequence[Mapping[str, Any]]:
        """The wallets of an account, its own first; without one, those of all accounts that have several."""
        with snapshot(self._engine) as connection:
            rows = [dict(row) for row in connection.execute(_LIST, {"account": account}).mappings()]
        for row in rows:
            row["balance"] = decimal_from_micros(row.pop("balance_micros"))
        return rows
