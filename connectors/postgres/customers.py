"""Customers in PostgreSQL: the billing address and the profile on their row, what there may be several of beside it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, text

from connectors.postgres.database import snapshot, storable
from domain.customers.address import Address, AddressKind
from domain.customers.contacts import Channel, Contact, NoticeKind, Role
from domain.customers.customer import Customer
from domain.customers.tax_profile import Export, TaxProfile
from domain.money import Currency
from domain.tax.place_of_supply import BuyerCategory
from invoicing.customer_ports import AccountMoney, StoredCustomer

_COLUMNS: Final = (
    "legal_name", "trade_name", "email", "phone", "address_lines", "city", "postal_code", "state_code", "country", "gstin",
    "pan", "tan", "tax_category", "export", "default_currency", "default_time_zone", "languages",
)  # fmt: skip
_GET: Final = f"""
SELECT customer_id, code, revision, created_at, archived_at, {", ".join(_COLUMNS)} FROM customer WHERE code = :code
"""  # noqa: S608 - a constant put together from constants
_READ: Final = text(_GET)
_LOCK: Final = text(_GET + "FOR NO KEY UPDATE")
_ADD: Final = text(f"""
INSERT INTO customer (code, created_at, {", ".join(_COLUMNS)})
VALUES (:code, :created_at, {", ".join(f":{name}" for name in _COLUMNS)}) RETURNING customer_id
""")  # noqa: S608
_SAVE: Final = text(f"""
UPDATE customer SET revision = revision + 1, {", ".join(f"{name} = :{name}" for name in _COLUMNS)}
WHERE code = :code RETURNING customer_id, revision
""")  # noqa: S608
_ARCHIVE: Final = text("UPDATE customer SET revision = revision + 1, archived_at = :at WHERE code = :code")

_ADDRESSES: Final = text("""
SELECT kind, lines, city, postal_code, state_code, country FROM customer_address WHERE customer_id = :customer_id
""")
_CONTACTS: Final = text("""
SELECT name, email, phone, roles FROM customer_contact WHERE customer_id = :customer_id ORDER BY place
""")
_NOTIFICATIONS: Final = text("SELECT kind, channels FROM customer_notification WHERE customer_id = :customer_id")
_FORGET: Final = tuple(
    text(f"DELETE FROM {table} WHERE customer_id = :customer_id")  # noqa: S608
    for table in ("customer_address", "customer_contact", "customer_notification")
)
_ADD_ADDRESS: Final = text("""
INSERT INTO customer_address (customer_id, kind, lines, city, postal_code, state_code, country)
VALUES (:customer_id, :kind, :lines, :city, :postal_code, :state_code, :country)
""")
_ADD_CONTACT: Final = text("""
INSERT INTO customer_contact (customer_id, place, name, email, phone, roles)
VALUES (:customer_id, :place, :name, :email, :phone, :roles)
""")
_ADD_NOTIFICATION: Final = text("""
INSERT INTO customer_notification (customer_id, kind, channels) VALUES (:customer_id, :kind, :channels)
""")
_MONEY: Final = text("""
SELECT a.code, a.currency, a.status <> 'closed' AS open, w.balance_micros,
       (SELECT coalesce(sum(t.amount_micros - t.invoiced_amount_micros), 0)::bigint FROM usage_total t
        WHERE t.account_id = a.account_id) AS uninvoiced_micros,
       (SELECT count(*) FROM invoice i WHERE i.account_id = a.account_id AND i.status = 'draft') AS drafts
FROM account a JOIN customer c USING (customer_id) JOIN wallet w USING (account_id)
WHERE c.code = :code ORDER BY a.code
""")
_LISTING: Final = text("""
SELECT c.code AS customer, c.legal_name, c.tax_category AS category, c.gstin, c.country, c.state_code, c.email,
       (SELECT count(*) FROM account a WHERE a.customer_id = c.customer_id AND a.status <> 'closed'
        AND a.wallet_of_account_id IS NULL) AS open_accounts,
       CASE WHEN c.archived_at IS NULL THEN 'active' ELSE 'archived' END AS status, c.revision AS version
FROM customer c
WHERE (c.archived_at IS NULL OR :archived)
  AND (CAST(:words AS text) IS NULL OR c.code ILIKE :words OR c.legal_name ILIKE :words OR c.trade_name ILIKE :words
       OR c.email ILIKE :words OR c.gstin ILIKE :words)
ORDER BY c.code LIMIT :limit
""")
_ACCOUNTS: Final = text("""
SELECT a.code AS account, a.mode, a.currency, a.status FROM account a JOIN customer c USING (customer_id)
WHERE c.code = :code AND a.wallet_of_account_id IS NULL ORDER BY a.code
""")


class CustomerRows:
    """The Customers port in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, code: str) -> StoredCustomer | None:
        """A customer, which nobody else can change until the transaction ends; None when there is none."""
        return self._read(_LOCK, code)

    def look(self, code: str) -> StoredCustomer | None:
        """A customer as it is now; None when there is none."""
        return self._read(_READ, code)

    def add(self, customer: Customer, *, created_at: datetime) -> None:
        """Keep a new customer, at revision 1."""
        row = self._connection.execute(_ADD, {**_row_of(customer), "created_at": created_at})
        self._write_several(customer, customer_id=row.scalar_one())

    def save(self, customer: Customer) -> int:
        """Write a customer that was read by `get` anew; returns its new revision."""
        row = self._connection.execute(_SAVE, _row_of(customer)).one()
        for statement in _FORGET:
            self._connection.execute(statement, {"customer_id": row.customer_id})
        self._write_several(customer, customer_id=row.customer_id)
        return int(row.revision)

    def archive(self, code: str, *, at: datetime) -> None:
        """Say that a customer is no more; everything about it stays readable."""
        self._connection.execute(_ARCHIVE, {"code": code, "at": at})

    def money(self, code: str) -> list[AccountMoney]:
        """What each account of a customer has not settled, by account."""
        return [
            AccountMoney(
                account=row["code"],
                currency=Currency(row["currency"]),
                open=row["open"],
                uninvoiced_micros=row["uninvoiced_micros"],
                balance_micros=row["balance_micros"],
                drafts=row["drafts"],
            )
            for row in self._connection.execute(_MONEY, {"code": code}).mappings()
        ]

    def _read(self, statement: Any, code: str) -> StoredCustomer | None:
        if not storable([code]):
            return None
        row = self._connection.execute(statement, {"code": code}).mappings().one_or_none()
        if row is None:
            return None
        of_customer = {"customer_id": row["customer_id"]}
        addresses = {AddressKind.BILLING: _address(row, row["address_lines"])}
        for one in self._connection.execute(_ADDRESSES, of_customer).mappings():
            addresses[AddressKind(one["kind"])] = _address(one, one["lines"])
        contacts = tuple(
            Contact(one["name"], one["email"], one["phone"], tuple(map(Role, one["roles"])))
            for one in self._connection.execute(_CONTACTS, of_customer).mappings()
        )
        chosen = {
            NoticeKind(one["kind"]): tuple(map(Channel, one["channels"]))
            for one in self._connection.execute(_NOTIFICATIONS, of_customer).mappings()
        }
        customer = _customer(row, addresses, contacts=contacts, chosen=chosen)
        return StoredCustomer(customer, row["revision"], row["created_at"], row["archived_at"])

    def _write_several(self, customer: Customer, *, customer_id: int) -> None:
        others = {kind: address for kind, address in customer.addresses.items() if kind is not AddressKind.BILLING}
        rows: list[tuple[Any, list[dict[str, Any]]]] = [
            (_ADD_ADDRESS, [{"kind": kind.value, **_address_row(address)} for kind, address in others.items()]),
            (
                _ADD_CONTACT,
                [
                    {"place": place, "name": one.name, "email": one.email, "phone": one.phone, "roles": list(one.roles)}
                    for place, one in enumerate(customer.contacts, 1)
                ],
            ),
            (
                _ADD_NOTIFICATION,
                [{"kind": kind.value, "channels": list(channels)} for kind, channels in customer.notifications.items()],
            ),
        ]
        for statement, facts in rows:
            if facts:
                self._connection.execute(statement, [{**fact, "customer_id": customer_id} for fact in facts])


class CustomerReader:
    """Customers for people to look at."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def customers(self, *, words: str | None, archived: bool, limit: int) -> list[dict[str, Any]]:
        """Customers by code; `words` stand in code, names, email or GSTIN."""
        pattern = None if words is None else f"%{_literally(words)}%"
        if pattern is not None and not storable([pattern]):
            return []
        parameters = {"words": pattern, "archived": archived, "limit": limit}
        with snapshot(self._engine) as connection:
            return [dict(row) for row in connection.execute(_LISTING, parameters).mappings()]

    def customer(self, code: str) -> tuple[StoredCustomer, list[dict[str, Any]]] | None:
        """A customer with its accounts; None when there is none."""
        with snapshot(self._engine) as connection:
            found = CustomerRows(connection).look(code)
            if found is None:
                return None
            return found, [dict(row) for row in connection.execute(_ACCOUNTS, {"code": code}).mappings()]


def _customer(
    row: RowMapping,
    addresses: Mapping[AddressKind, Address],
    *,
    contacts: tuple[Contact, ...],
    chosen: Mapping[NoticeKind, tuple[Channel, ...]],
) -> Customer:
    return Customer(
        code=row["code"],
        legal_name=row["legal_name"],
        email=row["email"],
        addresses=addresses,
        tax=TaxProfile(BuyerCategory(row["tax_category"]), row["gstin"], row["pan"], row["tan"], Export(row["export"])),
        currency=Currency(row["default_currency"]),
        time_zone=row["default_time_zone"],
        trade_name=row["trade_name"],
        phone=row["phone"],
        contacts=contacts,
        languages=tuple(row["languages"]),
        notifications=chosen,
    )


def _row_of(customer: Customer) -> dict[str, Any]:
    """The columns of a customer's own row. The state decides the tax, so it is the place of supply in India."""
    billing = _address_row(customer.billing)
    tax = customer.tax
    return {
        "code": customer.code,
        "legal_name": customer.legal_name,
        "trade_name": customer.trade_name,
        "email": customer.email,
        "phone": customer.phone,
        "address_lines": billing.pop("lines"),
        **billing,
        "gstin": tax.gstin,
        "pan": tax.pan,
        "tan": tax.tan,
        "tax_category": tax.category.value,
        "export": tax.export.value,
        "default_currency": customer.currency.value,
        "default_time_zone": customer.time_zone,
        "languages": list(customer.languages),
    }


def _address(row: RowMapping, lines: list[str]) -> Address:
    return Address(tuple(lines), row["city"], row["postal_code"], row["state_code"], row["country"])


def _address_row(address: Address) -> dict[str, Any]:
    return {
        "lines": list(address.lines),
        "city": address.city,
        "postal_code": address.postal_code,
        "state_code": address.state_code,
        "country": address.country,
    }


def _literally(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
