"""Accounts put straight into the books, past the rules: thousands in a moment, and such as older versions let in."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import text

from domain.money import Currency
from invoicing.administration_ports import AdministrationStore, Author

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
_ADD_WALLET = text("INSERT INTO wallet (account_id, currency) VALUES (:account_id, :currency)")
_SUBSCRIBE = text("""
INSERT INTO subscription (account_id, plan_version_id, validity)
SELECT :account_id, plan_version_id, tstzrange(CAST(:subscribed_from AS timestamptz), NULL)
FROM plan_version JOIN plan USING (plan_id) WHERE code = :plan_code AND currency = :currency ORDER BY version DESC LIMIT 1
""")


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Who pays: profile and tax profile."""

    code: str
    legal_name: str
    email: str
    phone: str | None
    address_lines: tuple[str, ...]
    country: str
    state_code: str | None
    gstin: str | None
    tax_category: str


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account of a customer, with the aliases its events will carry and the plan it is on."""

    code: str
    customer_code: str
    mode: str
    currency: Currency
    time_zone: str
    aliases: tuple[str, ...]
    plan_code: str
    subscribed_from: datetime | None = None
    """None: its subscription has no beginning, and bears fees from the opening of the account."""


def open_accounts(
    store: AdministrationStore, customers: Sequence[NewCustomer], accounts: Sequence[NewAccount], *, author: Author
) -> None:
    """Add customers and their accounts; what is there already is left alone."""
    with store.begin() as transaction:
        connection = transaction._connection
        for customer in customers:
            facts = {**asdict(customer), "address_lines": list(customer.address_lines), "created_at": author.at}
            connection.execute(_ADD_CUSTOMER, facts)
        for account in accounts:
            facts = {**asdict(account), "currency": account.currency.value, "created_at": author.at}
            account_id = connection.execute(_ADD_ACCOUNT, facts).scalar()
            if account_id is None:
                continue
            connection.execute(_ADD_WALLET, {"account_id": account_id, "currency": account.currency.value})
            assert connection.execute(_SUBSCRIBE, {**facts, "account_id": account_id}).rowcount == 1, account
            for alias in account.aliases:
                transaction.map_alias(alias, account_code=account.code)
