"""Sellers, plans, customers, accounts, aliases and top-ups in PostgreSQL."""

from collections.abc import Iterator, Mapping
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
from connectors.postgres.plans import PlanRows
from connectors.postgres.subscriptions import SubscriptionRows
from connectors.postgres.top_up_rules import TopUpRuleRows
from domain.alias_spans import map_alias
from domain.errors import InvalidInput, NotFound
from invoicing.administration_ports import Administration, NewAccount, NewCustomer, NewSeller

_ADD_SELLER = text("""
INSERT INTO seller (gstin, legal_name, address_lines, email, payment_lines, invoice_series,
    lut_arn, lut_valid_from, lut_valid_to)
VALUES (:gstin, :legal_name, :address_lines, :email, :payment_lines, :invoice_series,
    :lut_arn, :lut_valid_from, :lut_valid_to)
ON CONFLICT (gstin) DO NOTHING
""")
_ADD_CUSTOMER = text("""
INSERT INTO customer (code, legal_name, email, phone, address_lines, country, state_code, gstin, tax_category, created_at)
VALUES (:code, :legal_name, :email, :phone, :address_lines, :country, :state_code, :gstin, :tax_category, :created_at)
ON CONFLICT (code) DO NOTHING
""")
_ADD_ACCOUNT = text("""
INSERT INTO account (code, customer_id, mode, currency, time_zone, created_at)
SELECT :code, customer_id, :mode, :currency, :time_zone, :created_at FROM customer WHERE code = :customer_code
ON CONFLICT (code) DO NOTHING RETURNING account_id
""")
_ACCOUNT = text("SELECT account_id, currency FROM account WHERE code = :code")
_ADD_WALLET = text("INSERT INTO wallet (account_id, currency) VALUES (:account_id, :currency)")
_SUBSCRIBE = text("""
INSERT INTO subscription (account_id, plan_version_id, validity)
SELECT :account_id, plan_version_id, tstzrange(CAST(:subscribed_from AS timestamptz), NULL)
FROM plan_version JOIN plan USING (plan_id)
WHERE code = :plan_code AND currency = :currency ORDER BY version DESC LIMIT 1
""")
_STATUS = text("SELECT status FROM account WHERE code = :code")
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


def administration_within(connection: Connection, kept_back: list[KeptBack]) -> Administration:
    """Configuration as a part of somebody else's transaction, who writes the audit records last."""
    return _Administration(connection, kept_back)


class PostgresAdministrationStore:
    """Configuration in one PostgreSQL database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
        self.top_up_rules = TopUpRuleRows(connection)

    def add_seller(self, seller: NewSeller) -> bool:
        facts = asdict(seller) | {
            "address_lines": list(seller.address_lines),
            "payment_lines": list(seller.payment_lines),
        }
        return self._connection.execute(_ADD_SELLER, facts).rowcount == 1

    def add_customer(self, customer: NewCustomer, *, created_at: datetime) -> bool:
        facts = {**asdict(customer), "address_lines": list(customer.address_lines), "created_at": created_at}
        return self._connection.execute(_ADD_CUSTOMER, facts).rowcount == 1

    def open_account(self, account: NewAccount, *, created_at: datetime) -> bool:
        facts = {
            "code": account.code,
            "customer_code": account.customer_code,
            "mode": account.mode,
            "currency": account.currency.value,
            "time_zone": account.time_zone,
            "created_at": created_at,
        }
        account_id = self._connection.execute(_ADD_ACCOUNT, facts).scalar()
        if account_id is None:
            if self._connection.execute(_ACCOUNT, {"code": account.code}).one_or_none() is not None:
                return False
            raise NotFound(f"customer {account.customer_code!r} of account {account.code!r} does not exist: add it first")
        self._connection.execute(_ADD_WALLET, {"account_id": account_id, "currency": account.currency.value})
        plan = {
            "account_id": account_id,
            "plan_code": account.plan_code,
            "currency": account.currency.value,
            "subscribed_from": account.subscribed_from,
        }
        if self._connection.execute(_SUBSCRIBE, plan).rowcount != 1:
            raise NotFound(f"plan {account.plan_code!r} has no version in {account.currency}: publish it first")
        for alias in account.aliases:
            self.map_alias(alias, account_code=account.code)
        return True

    def map_alias(self, alias: str, *, account_code: str, start: datetime | None = None) -> bool:
        self.require_open(account_code)
        span = map_alias(alias, self.aliases.spans(alias), account=account_code, start=start)
        if span is not None:
            self.aliases.add(alias, span)
        return span is not None

    def require_open(self, account_code: str) -> None:
        status = self._connection.execute(_STATUS, {"code": account_code}).scalar()
        if status is None:
            raise NotFound(f"account {account_code!r} does not exist: `billing accounts list` shows them")
        if status == "closed":
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
