"""Sellers, plans, customers, accounts, aliases and top-ups in PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, text

from connectors.postgres import audit
from connectors.postgres.account_rows import AccountRows
from connectors.postgres.account_tree import TreeRows
from connectors.postgres.aliases import AliasRows
from connectors.postgres.contracts import ContractRows
from connectors.postgres.customers import CustomerRows
from connectors.postgres.database import transaction
from connectors.postgres.further_wallets import FurtherWalletRows
from connectors.postgres.plans import PlanRows
from connectors.postgres.rated_accounts import AgreementRows
from connectors.postgres.subscriptions import SubscriptionRows
from connectors.postgres.top_up_rules import TopUpRuleRows
from domain.alias_spans import map_alias
from domain.errors import InvalidInput, NotFound
from invoicing.administration_ports import Administration, AdministrationStore, NewSeller

_ADD_SELLER = text("""
INSERT INTO seller (gstin, legal_name, address_lines, email, payment_lines, invoice_series,
    lut_arn, lut_valid_from, lut_valid_to)
VALUES (:gstin, :legal_name, :address_lines, :email, :payment_lines, :invoice_series,
    :lut_arn, :lut_valid_from, :lut_valid_to)
ON CONFLICT (gstin) DO NOTHING
""")
_ACCOUNT = text("""
INSERT INTO account (code, customer_id, mode, currency, time_zone, created_at)
SELECT :code, customer_id, :mode, :currency, :time_zone, :created_at FROM customer WHERE code = :customer_code
ON CONFLICT (code) DO NOTHING RETURNING account_id
""")
_ACCOUNT = text("SELECT account_id, currency FROM account WHERE code = :code")
_STATUS = text("SELECT status, wallet_of_account_id IS NOT NULL AS is_wallet FROM account WHERE code = :code")
_PAYER = text("""
SELECT p.code FROM account a JOIN account p ON p.account_id = a.pay_from_account_id WHERE a.account_id = :account_id
""")
# The table and not its row: batches that begin later wait behind this, however many are running.
_HOLD = text("LOCK TABLE config_version IN EXCLUSIVE MODE")
_LOCK_WALLET = text("SELECT wallet_id FROM wallet WHERE account_id = :account_id FOR NO KEY UPDATE")
_CREDITED = text(
    "SELECT amount_micros FROM wallet_entry WHERE wallet_id = :wallet_id AND cause = 'top_up' AND reference = :reference"
)
_CREDIT = text("SELECT version FROM move_wallet(:wallet_id, :amount_micros, 'top_up', :reference, :booked_at)")


class KeptBack(NamedTuple):
    """An audit record that is written later, by whoever the transaction belongs to."""

    change: audit.Change
    action: str
    actor: str
    at: datetime


def record_kept_back(connection: Connection, kept_back: Sequence[KeptBack]) -> None:
    """Write the audit records of what was done, in its order."""
    for kept in kept_back:
        audit.record(connection, [kept.change], action=kept.action, actor=kept.actor, at=kept.at)


class JoinedAdministrationStore:
    """Configuration as part of a transaction that goes on afterwards, which writes the audit records last."""

    def __init__(self, connection: Connection, kept_back: list[KeptBack]) -> None:
        self._connection = connection
        self._kept_back = kept_back

    @contextmanager
    def begin(self) -> Iterator[Administration]:
        """A part of the transaction: undone when left by an exception."""
        kept_back: list[KeptBack] = []
        with self._connection.begin_nested():
            yield _Administration(self._connection, kept_back)
        self._kept_back += kept_back


class PostgresAdministrationStore:
    """Configuration in one PostgreSQL database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def together(self) -> Iterator[AdministrationStore]:
        """A store whose transactions commit as one, when left normally: for many changes that belong together."""
        kept_back: list[KeptBack] = []
        with transaction(self._engine) as connection:
            yield JoinedAdministrationStore(connection, kept_back)
            record_kept_back(connection, kept_back)

    @contextmanager
    def begin(self) -> Iterator[Administration]:
        """A transaction: commits when left normally, rolls back when left by an exception."""
        with transaction(self._engine) as connection:
            yield _Administration(connection)


class _Administration:
    def __init__(self, connection: Connection, kept_back: list[KeptBack] | None = None) -> None:
        self._connection = connection
        self.plans = PlanRows(connection)
        self._kept_back = kept_back
        self.customers = CustomerRows(connection)
        self.accounts = AccountRows(connection)
        self.aliases = AliasRows(connection)
        self.tree = TreeRows(connection)
        self.subscriptions = SubscriptionRows(connection)
        self.contracts = ContractRows(connection)
        self.agreements = AgreementRows(connection)
        self.top_up_rules = TopUpRuleRows(connection)
        self.wallets = FurtherWalletRows(connection)

    def add_seller(self, seller: NewSeller) -> bool:
        facts = asdict(seller) | {
            "address_lines": list(seller.address_lines),
            "payment_lines": list(seller.payment_lines),
        }
        return self._connection.execute(_ADD_SELLER, facts).rowcount == 1

    def map_alias(self, alias: str, *, account_code: str, start: datetime | None = None) -> bool:
        self.require_open(account_code)
        span = map_alias(alias, self.aliases.spans(alias), account=account_code, start=start)
        if span is not None:
            self.aliases.add(alias, span)
        return span is not None

    def require_open(self, account_code: str) -> None:
        account = self._connection.execute(_STATUS, {"code": account_code}).one_or_none()
        if account is None:
            raise NotFound(f"account {account_code!r} does not exist: `billing accounts list` shows them")
        if account.is_wallet:
            raise InvalidInput(f"{account_code} is a wallet, which uses nothing itself: name its account")
        if account.status == "closed":
            raise InvalidInput(f"account {account_code} is closed: choose one that is not")

    def hold_configuration(self) -> None:
        self._connection.execute(_HOLD)

    def top_up(self, *, account_code: str, amount_micros: int, reference: str, booked_at: datetime) -> bool:
        account = self._connection.execute(_ACCOUNT, {"code": account_code}).one_or_none()
        if account is None:
            raise NotFound(f"account {account_code!r} does not exist: `billing accounts list` shows them")
        payer = self._connection.execute(_PAYER, {"account_id": account.account_id}).scalar_one()
        if payer != account_code:
            raise InvalidInput(f"account {account_code} pays from {payer}: top up {payer}")
        wallet_id = self._connection.execute(_LOCK_WALLET, {"account_id": account.account_id}).scalar_one()
        entry = {"wallet_id": wallet_id, "reference": reference}
        credited = self._connection.execute(_CREDITED, entry).scalar()
        if credited is not None:
            if credited != amount_micros:
                raise InvalidInput(f"reference {reference!r} was credited before with another amount: use a new reference")
            return False
        self._connection.execute(_CREDIT, {**entry, "amount_micros": amount_micros, "booked_at": booked_at})
        return True

    def audit(
        self,
        *,
        action: str,
        subject: str,
        actor: str,
        after: Mapping[str, Any],
        at: datetime,
        before: Mapping[str, Any] | None = None,
    ) -> None:
        change = audit.Change(subject, before, after)
        if self._kept_back is None:
            audit.record(self._connection, [change], action=action, actor=actor, at=at)
        else:
            self._kept_back.append(KeptBack(change, action, actor, at))
