"""Accounts in PostgreSQL, one at a time: opened, changed, closed, with what they chose to be warned at."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot, storable
from domain.alias_spans import NamedSpan
from domain.customers.account import Account
from domain.customers.thresholds import ChosenThreshold, ThresholdKind
from domain.invoice.assemble import PaymentMode
from domain.money import Currency, decimal_from_micros
from invoicing.customer_ports import StoredAccount

_GET: Final = """
SELECT a.code, c.code AS customer, a.mode, a.currency, a.time_zone, b.code AS bill_to, p.code AS pay_from, u.code AS parent,
       a.display_name, a.payment_term_days, a.revision, a.status, a.created_at, a.closed_at, o.code AS wallet_of
FROM account a JOIN customer c USING (customer_id)
JOIN account b ON b.account_id = a.bill_to_account_id JOIN account p ON p.account_id = a.pay_from_account_id
LEFT JOIN account u ON u.account_id = a.parent_id LEFT JOIN account o ON o.account_id = a.wallet_of_account_id
WHERE a.code = :code
"""
_READ: Final = text(_GET)
_LOCK: Final = text(_GET + "FOR NO KEY UPDATE OF a")
_ADD: Final = text("""
WITH added AS (
    INSERT INTO account (code, customer_id, mode, currency, time_zone, display_name, payment_term_days, created_at)
    SELECT :code, customer_id, :mode, :currency, :time_zone, :name, :payment_term_days, :created_at
    FROM customer WHERE code = :customer RETURNING account_id, currency)
INSERT INTO wallet (account_id, currency) SELECT account_id, currency FROM added
""")
_SAVE: Final = text("""
UPDATE account SET display_name = :name, time_zone = :time_zone, payment_term_days = :payment_term_days,
    revision = revision + 1
WHERE code = :code
""")
_CLOSE: Final = text("""
UPDATE account a SET status = 'closed', closed_at = :at, revision = a.revision + 1
FROM account o WHERE o.code = :code AND o.account_id IN (a.account_id, a.wallet_of_account_id) AND a.status <> 'closed'
""")
_REVISION: Final = text("SELECT revision FROM account WHERE code = :code")
_HAS_USAGE: Final = text("""
SELECT EXISTS (SELECT FROM usage_total JOIN account USING (account_id) WHERE code = :code)
""")
_ALIASES_AFTER: Final = text("""
SELECT s.alias, lower(s.validity), upper(s.validity) FROM alias s JOIN account a USING (account_id)
WHERE a.code = :code AND (upper(s.validity) > :at OR upper_inf(s.validity)) ORDER BY s.alias, s.validity
""")
_THRESHOLDS: Final = text("""
SELECT kind, value FROM account_threshold JOIN account USING (account_id) WHERE code = :code
""")
_FORGET_THRESHOLDS: Final = text("""
DELETE FROM account_threshold t USING account a WHERE a.account_id = t.account_id AND a.code = :code
""")
_ADD_THRESHOLD: Final = text("""
INSERT INTO account_threshold (account_id, kind, value) SELECT account_id, :kind, :value FROM account WHERE code = :code
""")
_ALIASES_NOW: Final = text("""
SELECT s.alias FROM alias s JOIN account a USING (account_id) WHERE a.code = :code AND s.validity @> now() ORDER BY s.alias
""")
_BALANCE: Final = text("SELECT balance_micros FROM wallet JOIN account USING (account_id) WHERE code = :code")


class AccountRows:
    """The Accounts port in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, code: str) -> StoredAccount | None:
        """An account, which nobody else can change until the transaction ends; None when there is none."""
        return self._read(_LOCK, code)

    def look(self, code: str) -> StoredAccount | None:
        """An account as it is now; None when there is none."""
        return self._read(_READ, code)

    def add(self, account: Account, *, created_at: datetime) -> None:
        """Keep a new account with its wallet, standing for itself and below none."""
        facts = {
            "code": account.code,
            "customer": account.customer,
            "mode": account.mode.value,
            "currency": account.currency.value,
            "created_at": created_at,
        }
        self._connection.execute(_ADD, {**facts, **_terms(account)})

    def save(self, account: Account) -> None:
        """Write name, time zone and payment term."""
        self._connection.execute(_SAVE, {"code": account.code, **_terms(account)})

    def close(self, code: str, *, at: datetime) -> None:
        """Say that an account is closed since then, and its wallets with it."""
        self._connection.execute(_CLOSE, {"code": code, "at": at})

    def revision(self, code: str) -> int:
        """How often an account was changed, from 1."""
        return int(self._connection.execute(_REVISION, {"code": code}).scalar_one())

    def has_usage(self, code: str) -> bool:
        """Whether anything was ever booked for an account."""
        return bool(self._connection.execute(_HAS_USAGE, {"code": code}).scalar_one())

    def aliases_after(self, code: str, *, at: datetime) -> list[tuple[str, NamedSpan]]:
        """Aliases that name an account at or after an instant, with each such span."""
        if not storable([code]):
            return []
        rows = self._connection.execute(_ALIASES_AFTER, {"code": code, "at": at})
        return [(alias, NamedSpan(code, start, end)) for alias, start, end in rows]

    def thresholds(self, code: str) -> list[ChosenThreshold]:
        """What an account chose to be warned at, in order."""
        rows = self._connection.execute(_THRESHOLDS, {"code": code})
        return sorted(ChosenThreshold(ThresholdKind(kind), value) for kind, value in rows)

    def choose_thresholds(self, code: str, thresholds: Sequence[ChosenThreshold]) -> None:
        """Replace what an account chose."""
        self._connection.execute(_FORGET_THRESHOLDS, {"code": code})
        rows = [{"code": code, "kind": one.kind.value, "value": one.value} for one in thresholds]
        if rows:
            self._connection.execute(_ADD_THRESHOLD, rows)

    def _read(self, statement: Any, code: str) -> StoredAccount | None:
        row = self._connection.execute(statement, {"code": code}).mappings().one_or_none() if storable([code]) else None
        if row is None:
            return None
        account = Account(
            code=row["code"],
            customer=row["customer"],
            mode=PaymentMode(row["mode"]),
            currency=Currency(row["currency"]),
            time_zone=row["time_zone"],
            bill_to=row["bill_to"],
            pay_from=row["pay_from"],
            parent=row["parent"],
            name=row["display_name"],
            payment_term_days=row["payment_term_days"],
        )
        return StoredAccount(account, row["revision"], row["status"], row["created_at"], row["closed_at"], row["wallet_of"])


class AccountDetails:
    """One account for people to look at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def account(self, code: str) -> tuple[StoredAccount, dict[str, Any]] | None:
        """An account, with its aliases now, its thresholds and the balance of its own wallet; None when there is none."""
        with snapshot(self._engine) as connection:
            rows = AccountRows(connection)
            found = rows.look(code)
            if found is None or found.wallet_of is not None:
                return None
            balance = connection.execute(_BALANCE, {"code": code}).scalar_one()
            return found, {
                "aliases": list(connection.execute(_ALIASES_NOW, {"code": code}).scalars()),
                "thresholds": [one.document() for one in rows.thresholds(code)],
                "balance": str(decimal_from_micros(balance)),
            }


def _terms(account: Account) -> dict[str, Any]:
    return {"name": account.name, "time_zone": account.time_zone, "payment_term_days": account.payment_term_days}
