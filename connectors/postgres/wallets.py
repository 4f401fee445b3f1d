"""Wallets in PostgreSQL: credits with their lots, and expiry. Which lots are used the database says, under its lock."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres import audit
from connectors.postgres.database import transaction
from domain.credit_lots import LotKind
from domain.errors import InvalidInput, NotFound
from domain.ledger import Cause
from invoicing.metering_ports import Balance
from invoicing.wallet_ports import ExpiringLot, HeldLot, NewLot, WalletFacts

_WALLET: Final = text("""
SELECT w.wallet_id, a.code, p.code AS payer, w.currency, a.mode FROM account a
JOIN account p ON p.account_id = a.pay_from_account_id
JOIN wallet w ON w.account_id = a.account_id
WHERE a.code = :code FOR NO KEY UPDATE OF w
""")
_ENTRY: Final = text("""
SELECT amount_micros FROM wallet_entry WHERE wallet_id = :wallet_id AND cause = :cause AND reference = :reference
""")
# Both in the order of their ids, as everybody locks them.
_PAIR: Final = text("""
SELECT w.wallet_id, a.code, coalesce(a.wallet_of_account_id, a.account_id) AS owner_id, w.currency, a.mode, a.status
FROM wallet w JOIN account a USING (account_id)
WHERE a.code IN (:first, :second) ORDER BY w.wallet_id FOR NO KEY UPDATE OF w
""")
_BALANCE: Final = text("SELECT balance_micros FROM wallet WHERE wallet_id = :wallet_id")
_HELD: Final = text("""
SELECT lot_id, kind::text AS kind, priority, expires_at, amount_micros, cost_micros, remaining_micros FROM lot_balance
WHERE wallet_id = :wallet_id AND remaining_micros > 0 AND (expires_at IS NULL OR :at < expires_at)
ORDER BY priority, expires_at NULLS LAST, lot_balance.kind, lot_id
""")
_PREPARE: Final = text("""
INSERT INTO credit_lot (wallet_id, kind, priority, expires_at, amount_micros, cost_micros, cause, reference,
    remaining_micros, created_at)
VALUES (:wallet_id, CAST(:kind AS lot_kind), :priority, :expires_at, :amount_micros, :cost_micros, :cause, :reference,
    0, :booked_at)
""")
_MOVE: Final = text("""
SELECT m.wallet_id, w.account_id, m.balance_after_micros, m.version
FROM move_wallet(:wallet_id, :amount_micros, :cause, :reference, :booked_at) m JOIN wallet w USING (wallet_id)
""")
# In the order of wallets, as everybody locks them; those that are worked on are for the next run. What a lot has left is
# read by the next statement, which sees what was committed before the lock was given.
_LOCK_EXPIRING: Final = text("""
SELECT w.wallet_id FROM wallet w WHERE EXISTS (
    SELECT FROM credit_lot c WHERE c.wallet_id = w.wallet_id AND c.remaining_micros > 0 AND c.expires_at <= :at
    AND (w.lot_id IS DISTINCT FROM c.lot_id OR w.lot_remaining_micros > 0))
ORDER BY w.wallet_id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED
""")
_EXPIRING: Final = text("""
SELECT l.lot_id, l.wallet_id, a.code, l.remaining_micros
FROM lot_balance l JOIN wallet w USING (wallet_id) JOIN account a USING (account_id)
WHERE l.wallet_id = ANY(:wallet_ids) AND l.remaining_micros > 0 AND l.expires_at <= :at
ORDER BY l.wallet_id, l.expires_at, l.lot_id
""")
_TAKE: Final = text("SELECT take_from_lot(:lot_id, :micros, :booked_at)")


class PostgresWallets:
    """The truth about wallets, through an engine's connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def begin(self) -> Iterator["PostgresWalletTransaction"]:
        """A transaction: commits when left normally, rolls back when left by an exception."""
        with transaction(self._engine) as connection:
            yield PostgresWalletTransaction(connection)


class PostgresWalletTransaction:
    """One transaction on wallets."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def wallet(self, account: str) -> WalletFacts:
        """The wallet an account pays from itself, locked. Raises NotFound, or InvalidInput when another pays."""
        row = self._connection.execute(_WALLET, {"code": account}).one_or_none()
        if row is None:
            raise NotFound(f"account {account!r} does not exist: `billing accounts list` shows them")
        if row.payer != account:
            raise InvalidInput(f"account {account} pays from {row.payer}: name {row.payer}")
        return WalletFacts(row.wallet_id, row.code, row.currency, row.mode == "prepaid")

    def entry_micros(self, wallet_id: int, cause: Cause, reference: str) -> int | None:
        """The amount booked under a cause and reference before; None when there is none."""
        entry = {"wallet_id": wallet_id, "cause": cause.value, "reference": reference}
        micros = self._connection.execute(_ENTRY, entry).scalar()
        return None if micros is None else int(micros)

    def wallets_of_one_account(self, first: str, second: str) -> tuple[WalletFacts, WalletFacts]:
        """Two open wallets of one prepaid account, locked. Raises NotFound, and InvalidInput when they are not."""
        rows = {row.code: row for row in self._connection.execute(_PAIR, {"first": first, "second": second})}
        for code in (first, second):
            if code not in rows:
                raise NotFound(f"wallet {code!r} does not exist: `billing wallets list` shows an account's")
            if rows[code].status == "closed":
                raise InvalidInput(f"wallet {code} is closed: choose one that is not")
            if rows[code].mode != "prepaid":
                raise InvalidInput(f"wallet {code} is postpaid and holds no credit")
        if rows[first].owner_id != rows[second].owner_id:
            raise InvalidInput(f"{first} and {second} are not wallets of one account: credit stays with its account")
        found = [WalletFacts(row.wallet_id, row.code, row.currency, prepaid=True) for row in (rows[first], rows[second])]
        return found[0], found[1]

    def balance_micros(self, wallet_id: int) -> int:
        """What a locked wallet holds."""
        return int(self._connection.execute(_BALANCE, {"wallet_id": wallet_id}).scalar_one())

    def held_lots(self, wallet_id: int, *, at: datetime) -> Sequence[HeldLot]:
        """The lots of a locked wallet that may be used, in the order they are used in."""
        rows = self._connection.execute(_HELD, {"wallet_id": wallet_id, "at": at}).mappings()
        return [HeldLot(**{**row, "kind": LotKind(row["kind"])}) for row in rows]

    def take(
        self, wallet_id: int, parts: Sequence[tuple[int, int]], *, cause: Cause, reference: str, booked_at: datetime
    ) -> Balance:
        """Take micros of lots out of a wallet, with one entry for all of them."""
        for lot_id, micros in parts:
            self._connection.execute(_TAKE, {"lot_id": lot_id, "micros": micros, "booked_at": booked_at})
        facts = {"wallet_id": wallet_id, "cause": cause.value, "reference": reference, "booked_at": booked_at}
        return self._move({**facts, "amount_micros": -sum(micros for _, micros in parts)})

    def add_lot(self, wallet_id: int, lot: NewLot, *, booked_at: datetime) -> Balance:
        """Credit a wallet with a lot; debt is repaid first."""
        facts = {
            "wallet_id": wallet_id,
            "kind": lot.kind.value,
            "priority": lot.priority,
            "expires_at": lot.expires_at,
            "amount_micros": lot.amount_micros,
            "cost_micros": lot.cost_micros,
            "cause": lot.cause.value,
            "reference": lot.reference,
            "booked_at": booked_at,
        }
        self._connection.execute(_PREPARE, facts)
        return self._move(facts)

    def expiring(self, *, at: datetime, limit: int) -> Sequence[ExpiringLot]:
        """Lots of up to `limit` wallets whose day has come, the wallets locked; those others work on are passed over."""
        wallets = self._connection.execute(_LOCK_EXPIRING, {"at": at, "limit": limit}).scalars().all()
        rows = self._connection.execute(_EXPIRING, {"at": at, "wallet_ids": list(wallets)})
        return [ExpiringLot(row.lot_id, row.wallet_id, row.code, row.remaining_micros) for row in rows]

    def expire(self, lot: ExpiringLot, *, booked_at: datetime) -> Balance:
        """Take what is left of a lot out of its wallet."""
        taken = {"lot_id": lot.lot_id, "micros": lot.remaining_micros, "booked_at": booked_at}
        self._connection.execute(_TAKE, taken)
        return self._move(
            {
                "wallet_id": lot.wallet_id,
                "amount_micros": -lot.remaining_micros,
                "cause": Cause.EXPIRY.value,
                "reference": f"lot {lot.lot_id}",
                "booked_at": booked_at,
            }
        )

    def audit(self, *, action: str, subject: str, actor: str, after: Mapping[str, Any], at: datetime) -> None:
        """A record of the change."""
        audit.record(self._connection, [audit.Change(subject, None, after)], action=action, actor=actor, at=at)

    def _move(self, facts: Mapping[str, Any]) -> Balance:
        row = self._connection.execute(_MOVE, facts).one()
        return Balance(row.wallet_id, row.account_id, row.balance_after_micros, row.version)
