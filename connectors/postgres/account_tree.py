"""The account tree in PostgreSQL, and the transfers that a new payer makes necessary."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot, storable
from domain.account_tree import AccountTree, TreeAccount
from invoicing.metering_ports import Balance

# The top of each account's tree first, then everything below those.
_AROUND: Final = text("""
WITH RECURSIVE above (account_id, parent_id) AS (
    SELECT account_id, parent_id FROM account WHERE code = ANY(:codes)
    UNION SELECT p.account_id, p.parent_id FROM account p JOIN above a ON p.account_id = a.parent_id
), below (account_id) AS (
    SELECT account_id FROM above WHERE parent_id IS NULL
    UNION SELECT c.account_id FROM account c JOIN below b ON c.parent_id = b.account_id
)
SELECT account_id FROM below
""")
_READ_ALL: Final = """
SELECT a.code, c.legal_name, a.currency, a.mode, a.status, u.code, b.code, p.code
FROM account a JOIN customer c USING (customer_id)
JOIN account b ON b.account_id = a.bill_to_account_id
JOIN account p ON p.account_id = a.pay_from_account_id
LEFT JOIN account u ON u.account_id = a.parent_id
WHERE a.wallet_of_account_id IS NULL
"""
_READ: Final = text(_READ_ALL)
_READ_SOME: Final = text(f"{_READ_ALL} AND a.account_id = ANY(:account_ids)")
_WRITE: Final = text("""
UPDATE account a SET parent_id = u.account_id, bill_to_account_id = b.account_id, pay_from_account_id = p.account_id,
    revision = a.revision + 1
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (code text, parent text, bill_to text, pay_from text)
JOIN account b ON b.code = r.bill_to JOIN account p ON p.code = r.pay_from LEFT JOIN account u ON u.code = r.parent
WHERE a.code = r.code
""")
# In the order of wallet ids, as everybody locks them. The totals are read by a statement of its own, after the lock.
_LOCK_WALLETS: Final = text("""
SELECT count(*) FROM (
    SELECT wallet_id FROM wallet JOIN account USING (account_id)
    WHERE code IN (:payer, (SELECT p.code FROM account a JOIN account p ON p.account_id = a.pay_from_account_id
                            WHERE a.code = :code))
    ORDER BY wallet_id FOR NO KEY UPDATE OF wallet) AS locked
""")
_DUE: Final = text("""
SELECT coalesce(sum(amount_micros - invoiced_amount_micros), 0)::bigint
FROM usage_total JOIN account USING (account_id) WHERE code = :code AND mode = 'postpaid'
""")
_TRANSFER: Final = text("""
WITH moved AS (
    UPDATE wallet w SET balance_micros = w.balance_micros + m.amount_micros, version = w.version + 1
    FROM (SELECT account_id, CAST(:due_micros AS bigint) AS amount_micros FROM account WHERE code = :payer
          UNION ALL
          SELECT a.pay_from_account_id, -CAST(:due_micros AS bigint) FROM account a WHERE a.code = :code) m
    WHERE w.account_id = m.account_id
    RETURNING w.wallet_id, w.version, m.amount_micros, w.balance_micros)
INSERT INTO wallet_entry (wallet_id, version, amount_micros, balance_after_micros, cause, reference, booked_at)
SELECT wallet_id, version, amount_micros, balance_micros, 'transfer',
       :reference || ', version ' || (SELECT version FROM config_version), :booked_at FROM moved
""")
_BALANCES: Final = text("""
SELECT w.wallet_id, w.account_id, w.balance_micros, w.version FROM wallet w JOIN account USING (account_id)
WHERE code = ANY(:codes) AND w.version > 0 ORDER BY w.wallet_id
""")


class TreeRows:
    """The Tree port in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, codes: Sequence[str] | None = None) -> AccountTree:
        """Every account; with codes, only the trees that these stand in, as far as the accounts exist."""
        if codes is None:
            rows = self._connection.execute(_READ)
        else:
            around = self._connection.execute(_AROUND, {"codes": storable(codes)}).scalars().all()
            rows = self._connection.execute(_READ_SOME, {"account_ids": list(around)})
        return AccountTree({row[0]: TreeAccount(*row) for row in rows})

    def write(self, accounts: Sequence[TreeAccount]) -> None:
        """Write parents, bill-to and pay-from of accounts."""
        names = ("code", "parent", "bill_to", "pay_from")
        rows = [{name: getattr(account, name) for name in names} for account in accounts]
        if rows:
            self._connection.execute(_WRITE, {"rows": json.dumps(rows)})

    def move_what_is_due(self, code: str, *, payer: str, reference: str, booked_at: datetime) -> int:
        """Move what a postpaid account used and was not invoiced for to the wallet it pays from now."""
        wallets = {"code": code, "payer": payer}
        self._connection.execute(_LOCK_WALLETS, wallets)
        due_micros = int(self._connection.execute(_DUE, {"code": code}).scalar_one())
        if due_micros:
            transfer: dict[str, Any] = {**wallets, "due_micros": due_micros, "reference": reference, "booked_at": booked_at}
            self._connection.execute(_TRANSFER, transfer)
        return due_micros

    def balances(self, codes: Sequence[str]) -> list[Balance]:
        """The balances of accounts' own wallets, as this transaction sees them."""
        return [Balance(*row) for row in self._connection.execute(_BALANCES, {"codes": list(codes)})]


class AccountTreeReader:
    """The tree for people to look at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def tree(self) -> AccountTree:
        """Every account."""
        with snapshot(self._engine) as connection:
            return TreeRows(connection).read()
