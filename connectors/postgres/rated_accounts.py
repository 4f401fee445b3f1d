"""A few accounts with their plans and contracts, as a worker is told them, within somebody else's transaction."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import Connection as Session
from sqlalchemy import Connection, text

from connectors.postgres import rating_config_sql as sql
from connectors.postgres.binary import register
from connectors.postgres.rating_config import (
    accounts_from,
    contracts_from,
    meters_from,
    plans_from,
    read,
    subscriptions_from,
    terms_from,
)
from domain.attribution import Account
from domain.catalogue import Meter, PlanVersion

_AGREED: Final = text("""
SELECT account_id FROM account a WHERE code = ANY(:codes) AND EXISTS (
    SELECT FROM contract k JOIN charge h USING (contract_id)
    WHERE k.currency = a.currency AND h.kind = 'adjustment'
      AND (k.account_id = a.account_id OR k.customer_id = a.customer_id))
""")


class AgreementRows:
    """The AgreementBook port in one transaction of configuration."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, account_codes: Sequence[str]) -> Mapping[str, Account]:
        """By code, those of some accounts that have a contract which takes something off, as whoever rates sees them."""
        concerned = list(self._connection.execute(_AGREED, {"codes": list(account_codes)}).scalars())
        found = read_accounts(self._connection, concerned) if concerned else {}
        return {account.code: account for account in found.values()}

    def versions(self, plan_version_ids: Sequence[int]) -> Mapping[int, PlanVersion]:
        """Plan versions by id."""
        session = _session(self._connection)
        return _versions(session, plan_version_ids, _meters(session))


def read_accounts(connection: Connection, account_ids: Sequence[int]) -> Mapping[int, Account]:
    """Accounts by id."""
    session = _session(connection)
    meters = _meters(session)
    ids = (list(account_ids),)
    subscribed = read(session, sql.SUBSCRIPTIONS_BY_ACCOUNT, ids)
    agreed = read(session, sql.TERMS_BY_ACCOUNT, (*ids, *ids))
    contract_ids = (sorted({row[1] for row in agreed}),)
    contracts = contracts_from(
        read(session, sql.CONTRACTS_BY_ID, contract_ids), read(session, sql.CHARGES_OF_CONTRACTS, contract_ids), meters
    )
    return accounts_from(
        read(session, sql.ACCOUNTS_BY_ID, ids),
        subscriptions_from(subscribed, _versions(session, sorted({row[1] for row in subscribed}), meters)),
        dict(read(session, sql.ROOTS_BY_ID, ids)),
        terms_from(agreed, contracts),
    )


def _versions(session: Session[Any], plan_version_ids: Sequence[int], meters: Mapping[str, Meter]) -> dict[int, PlanVersion]:
    ids = (list(plan_version_ids),)
    return plans_from(read(session, sql.PLANS_BY_ID, ids), read(session, sql.CHARGES_OF_PLANS, ids), meters)


def _meters(session: Session[Any]) -> dict[str, Meter]:
    return meters_from(read(session, sql.METERS))


def _session(connection: Connection) -> Session[Any]:
    session = connection.connection.driver_connection
    assert isinstance(session, Session)  # noqa: S101 - the engine's driver is psycopg
    register(session)
    return session
