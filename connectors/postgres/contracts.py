"""Contracts in PostgreSQL."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot
from domain.contracts import ContractDocument
from domain.errors import NotFound
from domain.money import Currency
from invoicing.subscription_ports import StoredContract

_USAGE_CODES: Final = text("""
SELECT DISTINCT c.code FROM charge c JOIN plan_version v USING (plan_version_id)
WHERE c.kind = 'usage' AND v.currency = :currency
""")
_ACCOUNTS: Final = text("""
SELECT a.code, a.currency FROM account a JOIN customer c USING (customer_id)
WHERE a.wallet_of_account_id IS NULL AND (a.code = :account OR c.code = :customer)
""")
_CUSTOMER: Final = text("SELECT count(*) FROM customer WHERE code = :customer")
_FIND: Final = text("""
SELECT k.code, a.code AS account, c.code AS customer, k.currency, lower(k.validity) AS start, upper(k.validity) AS end,
       k.document,
       EXISTS (SELECT FROM charge h
               WHERE h.contract_id = k.contract_id AND h.kind IN ('usage', 'adjustment')) AS charges_usage
FROM contract k LEFT JOIN account a USING (account_id) LEFT JOIN customer c ON c.customer_id = k.customer_id
WHERE k.code = :code
""")
_OVERLAPPING: Final = text("""
SELECT k.code FROM contract k LEFT JOIN account a USING (account_id) LEFT JOIN customer c ON c.customer_id = k.customer_id
WHERE (a.code = :account OR c.code = :customer) AND k.priority = :priority AND k.validity && tstzrange(:start, :end)
ORDER BY k.code
""")
_ADD: Final = text("""
INSERT INTO contract (code, currency, customer_id, account_id, priority, validity, payment_term_days, document, written_at)
VALUES (:code, :currency, (SELECT customer_id FROM customer WHERE code = :customer),
        (SELECT account_id FROM account WHERE code = :account), :priority, tstzrange(:start, :end), :payment_term_days,
        CAST(:document AS jsonb), :written_at) RETURNING contract_id
""")
# One statement, so that the configuration has one new version.
_ADD_CHARGES: Final = text("""
INSERT INTO charge (contract_id, code, kind, meter, description, sac, unit, price, document)
SELECT :contract_id, row ->> 'code', row ->> 'kind', row ->> 'meter', row ->> 'description', row ->> 'sac',
       row ->> 'unit', nullif(row -> 'price', 'null'), row -> 'document'
FROM jsonb_array_elements(CAST(:rows AS jsonb)) WITH ORDINALITY AS listed (row, number) ORDER BY number
""")
_END: Final = text("UPDATE contract SET validity = tstzrange(lower(validity), :at) WHERE code = :code")
_LIST: Final = text("""
SELECT k.code AS contract, coalesce(a.code, c.code) AS party,
       CASE WHEN k.account_id IS NULL THEN 'customer' ELSE 'account' END AS of, k.currency,
       k.priority, lower(k.validity) AS "from", upper(k.validity) AS "to", k.payment_term_days,
       (SELECT count(*) FROM charge h WHERE h.contract_id = k.contract_id) AS charges,
       CASE WHEN upper_inf(k.validity) THEN '' ELSE coalesce(
           (SELECT n.code FROM contract n
            WHERE (n.account_id = k.account_id OR n.customer_id = coalesce(k.customer_id, a.customer_id))
              AND n.currency = k.currency AND n.validity @> upper(k.validity)
            ORDER BY n.priority DESC, n.account_id IS NULL LIMIT 1), 'the plan') END AS "then"
FROM contract k LEFT JOIN account a USING (account_id) LEFT JOIN customer c ON c.customer_id = k.customer_id
WHERE (CAST(:until AS timestamptz) IS NULL
       OR upper(k.validity) > CAST(:now AS timestamptz) AND upper(k.validity) <= CAST(:until AS timestamptz))
  AND (CAST(:party AS text) IS NULL OR a.code = :party OR c.code = :party)
ORDER BY upper(k.validity) NULLS LAST, k.code COLLATE "C"
""")


class ContractRows:
    """The ContractBook port in one transaction of configuration."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def usage_codes(self, contract: Mapping[str, Any]) -> Collection[str]:
        """Codes of usage charges of any published plan in the contract's currency."""
        currency = contract.get("currency")
        found = self._connection.execute(_USAGE_CODES, {"currency": currency if isinstance(currency, str) else None})
        return set(found.scalars())

    def currencies(self, *, account: str | None, customer: str | None) -> Mapping[str, Currency]:
        """The accounts a contract with a party would hold for, with their currencies. Raises NotFound for the party."""
        rows = self._connection.execute(_ACCOUNTS, {"account": account, "customer": customer})
        found = {code: Currency(currency) for code, currency in rows}
        if account is not None and not found:
            raise NotFound(f"account {account!r} does not exist: `billing accounts list` shows them")
        if customer is not None and not self._connection.execute(_CUSTOMER, {"customer": customer}).scalar_one():
            raise NotFound(f"customer {customer!r} does not exist")
        return found

    def find(self, code: str) -> StoredContract | None:
        """A contract."""
        found = self._connection.execute(_FIND, {"code": code}).mappings().one_or_none()
        return None if found is None else StoredContract(**{**found, "currency": Currency(found["currency"])})

    def overlapping(self, contract: ContractDocument) -> Sequence[str]:
        """Codes of contracts with the same party, of the same priority, that hold at a time this one does."""
        return self._connection.execute(_OVERLAPPING, _facts(contract)).scalars().all()

    def add(self, contract: ContractDocument, document: Mapping[str, Any], *, written_at: datetime) -> None:
        """Store a checked contract with its charges."""
        facts = {**_facts(contract), "document": json.dumps(document, default=str), "written_at": written_at}
        contract_id = self._connection.execute(_ADD, facts).scalar_one()
        rows = json.dumps([row._asdict() for row in contract.prices.rows()])
        self._connection.execute(_ADD_CHARGES, {"contract_id": contract_id, "rows": rows})

    def end(self, code: str, *, at: datetime) -> None:
        """Let a contract end earlier."""
        self._connection.execute(_END, {"code": code, "at": at})


def _facts(contract: ContractDocument) -> dict[str, Any]:
    return {
        "code": contract.code,
        "currency": contract.currency.value,
        "customer": contract.customer,
        "account": contract.account,
        "priority": contract.priority,
        "start": contract.start,
        "end": contract.end,
        "payment_term_days": contract.payment_term_days,
    }


@dataclass(frozen=True, slots=True)
class ContractReader:
    """Contracts for people to look at."""

    engine: Engine

    def contracts(
        self, *, now: datetime, until: datetime | None = None, party: str | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Contracts, those that end first first, each with what holds then; with `until`, those that end by then."""
        with snapshot(self.engine) as connection:
            return [dict(row) for row in connection.execute(_LIST, {"now": now, "until": until, "party": party}).mappings()]

    def contract(self, code: str) -> StoredContract:
        """One contract. Raises NotFound."""
        with snapshot(self.engine) as connection:
            found = ContractRows(connection).find(code)
        if found is None:
            raise NotFound(f"contract {code!r} does not exist: `billing contracts list` shows them")
        return found
