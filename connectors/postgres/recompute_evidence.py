"""What the second rater is told, from PostgreSQL: documents, validities and raw usage, all as of one instant.

Statements of its own: none is shared with the first rater's loading (connectors/postgres/rating_config.py).
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import repeatable
from connectors.postgres.raw_usage import PostgresRawUsage
from domain.errors import NotFound
from invoicing.raw_usage_ports import RawUsageReader, Slot, Telling
from invoicing.recompute.evidence import (
    BEGINNING,
    END,
    AccountFacts,
    AliasFacts,
    Booked,
    ChargeFacts,
    MeterFacts,
    PlanFacts,
)
from invoicing.recompute.positions import PositionKey, Running, TotalKey


def _finite(bound: str) -> str:
    return f"CASE WHEN isfinite({bound}) THEN {bound} END"


_SPAN: Final = f"{_finite('lower(validity)')}, {_finite('upper(validity)')}"
_SPAN_OF_CONTRACT: Final = f"{_finite('lower(k.validity)')}, {_finite('upper(k.validity)')}"
_TREES: Final = """
WITH RECURSIVE tree (account_id, tree_id) AS (
    SELECT account_id, account_id FROM account WHERE parent_id IS NULL
    UNION ALL SELECT a.account_id, t.tree_id FROM account a JOIN tree t ON a.parent_id = t.account_id)
"""
_ACCOUNTS: Final = text(f"""
{_TREES} SELECT a.account_id, a.code, t.tree_id, a.currency, a.time_zone, a.created_at
FROM account a JOIN tree t USING (account_id)
WHERE a.wallet_of_account_id IS NULL AND (CAST(:codes AS text[]) IS NULL OR a.code = ANY(:codes))
  AND (CAST(:tree_ids AS bigint[]) IS NULL OR t.tree_id = ANY(:tree_ids)) ORDER BY a.code COLLATE "C"
""")  # noqa: S608 - composed of constants, as all statements here
_ALIASES: Final = text(f"""
SELECT account_id, alias, {_SPAN} FROM alias WHERE account_id = ANY(:account_ids)
""")  # noqa: S608
_SUBSCRIPTIONS: Final = text(f"""
SELECT account_id, plan_version_id, {_SPAN}, began_at, subscription_id, paused FROM subscription
WHERE account_id = ANY(:account_ids)
""")  # noqa: S608
# A contract with a customer is one for all its accounts of the same currency; of equal priority, the account's own wins.
_CONTRACTS: Final = text(f"""
SELECT a.account_id, k.contract_id, {_SPAN_OF_CONTRACT}, k.priority,
       CASE WHEN k.account_id IS NULL THEN 1 ELSE 0 END
FROM contract k JOIN account a ON a.account_id = k.account_id OR a.customer_id = k.customer_id
WHERE a.account_id = ANY(:account_ids) AND a.currency = k.currency
""")  # noqa: S608
_CHARGES: Final = text("""
SELECT c.plan_version_id, c.contract_id, c.charge_id, c.code, c.kind, c.document,
       coalesce(p.code || ' v' || v.version, 'contract ' || k.code)
FROM charge c
LEFT JOIN (plan_version v JOIN plan p USING (plan_id)) USING (plan_version_id)
LEFT JOIN contract k ON k.contract_id = c.contract_id
ORDER BY c.charge_id
""")
_METERS: Final = text("SELECT code, event_type, aggregation, property, filter FROM meter")
_MONTHS: Final = text("SELECT DISTINCT service_month FROM usage_total ORDER BY 1")
_TOTALS: Final = text("""
SELECT c.kind NOT IN ('usage', 'adjustment'), account_id, service_month, charge_id, price_cell, quantity_millionths,
       amount_micros, event_count
FROM usage_total JOIN charge c USING (charge_id) WHERE account_id = ANY(:account_ids) AND service_month = ANY(:months)
""")
_LINES: Final = text("""
SELECT l.account_id, l.service_month, l.charge_id, l.price_cell, sum(l.quantity_millionths)::bigint,
       sum(l.amount_micros)::bigint, sum(l.event_count)::bigint
FROM invoice_line l JOIN invoice i USING (invoice_id) JOIN charge c USING (charge_id)
WHERE i.status IN ('issued', 'draft') AND c.kind IN ('usage', 'adjustment')
  AND l.account_id = ANY(:account_ids) AND l.service_month = ANY(:months)
GROUP BY 1, 2, 3, 4
""")
_POSITIONS: Final = text("""
SELECT owner_account_id, period_start, charge_id, price_cell, quantity_millionths, amount_micros, event_count
FROM price_position WHERE owner_account_id = ANY(:owner_ids)
""")


class PostgresEvidenceRoom:
    """The EvidenceRoom port on the billing database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def open(self) -> Iterator["PostgresEvidence"]:
        """See everything as of now, for as long as the room is open."""
        with repeatable(self._engine) as connection:
            yield PostgresEvidence(connection, PostgresRawUsage(self._engine))


class PostgresEvidence:
    """The Evidence port on one snapshot."""

    def __init__(self, connection: Connection, raw: PostgresRawUsage) -> None:
        self._connection = connection
        self._raw = raw
        self._charges: dict[tuple[str, int], list[ChargeFacts]] | None = None

    def accounts(self, codes: Sequence[str] | None) -> Sequence[AccountFacts]:
        """Accounts by code, or all. Raises NotFound naming one there is not."""
        found = self._accounts(codes=None if codes is None else list(codes), tree_ids=None)
        missing = sorted(set(codes or ()) - {account.code for account in found})
        if missing:
            raise NotFound(f"no account {missing[0]!r}: `billing accounts list` names them")
        return found

    def trees(self, tree_ids: Sequence[int]) -> Sequence[AccountFacts]:
        """Every account of some trees."""
        return self._accounts(codes=None, tree_ids=list(tree_ids))

    def meters(self) -> dict[str, MeterFacts]:
        """All meters by code."""
        return {row[0]: MeterFacts(*row) for row in self._rows(_METERS)}

    def months(self) -> Sequence[date]:
        """The first days of the months that have usage, in order."""
        return [month for (month,) in self._rows(_MONTHS)]

    def charges(self) -> dict[int, ChargeFacts]:
        """Everything that was ever sold, by its id."""
        return {charge.charge_id: charge for charges in self._sold().values() for charge in charges}

    def booked(self, accounts: Sequence[AccountFacts], months: Sequence[date]) -> Booked:
        """Running totals of accounts in months, fees apart, and every position of theirs."""
        ids = [account.account_id for account in accounts]
        owners = sorted({*ids, *(account.tree_id for account in accounts)})
        sums: dict[bool, dict[TotalKey, Running]] = {False: {}, True: {}}
        for is_fee, *row in self._rows(_TOTALS, account_ids=ids, months=list(months)):
            sums[is_fee][TotalKey(*row[:4])] = Running(*row[4:])
        lines = self._rows(_LINES, account_ids=ids, months=list(months))
        positions = self._rows(_POSITIONS, owner_ids=owners)
        return Booked(
            sums[False],
            {PositionKey(*row[:4]): Running(*row[4:]) for row in positions},
            {TotalKey(*row[:4]): Running(*row[4:]) for row in lines},
            sums[True],
        )

    def usage(self, slots: Sequence[Slot], telling: Sequence[Telling]) -> AbstractContextManager[RawUsageReader]:
        """Raw usage."""
        return self._raw.within(self._connection, slots, telling)

    def _accounts(self, **chosen: Any) -> list[AccountFacts]:
        rows = self._rows(_ACCOUNTS, **chosen)
        ids = [row[0] for row in rows]
        aliases: dict[int, list[AliasFacts]] = {}
        for account_id, alias, start, end in self._rows(_ALIASES, account_ids=ids):
            aliases.setdefault(account_id, []).append(AliasFacts(alias, *_span(start, end)))
        charges = self._sold()
        plans: dict[int, list[PlanFacts]] = {}
        for row in self._rows(_SUBSCRIPTIONS, account_ids=ids):
            account_id, plan_version_id, start, end, began_at, subscription, paused = row
            of_plan = charges.get(("plan", plan_version_id), [])
            facts = PlanFacts(*_span(start, end), of_plan, _beginning(began_at), subscription=subscription, paused=paused)
            plans.setdefault(account_id, []).append(facts)
        for account_id, contract_id, start, end, priority, age in self._rows(_CONTRACTS, account_ids=ids):
            of_contract = charges.get(("contract", contract_id), [])
            facts = PlanFacts(*_span(start, end), of_contract, _beginning(start), priority, age)
            plans.setdefault(account_id, []).append(facts)
        return [
            AccountFacts(
                account_id, code, tree_id, currency, zone, aliases.get(account_id, ()), plans.get(account_id, ()), opened_at
            )
            for account_id, code, tree_id, currency, zone, opened_at in rows
        ]

    def _sold(self) -> dict[tuple[str, int], list[ChargeFacts]]:
        """Charges by plan version and by contract."""
        if self._charges is None:
            self._charges = {}
            for plan_version_id, contract_id, *facts in self._rows(_CHARGES):
                owner = ("plan", plan_version_id) if contract_id is None else ("contract", contract_id)
                self._charges.setdefault(owner, []).append(ChargeFacts(*facts))
        return self._charges

    def _rows(self, statement: Any, **facts: Any) -> list[Any]:
        return list(self._connection.execute(statement, facts).all())


def _span(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    return _beginning(start), end or END


def _beginning(moment: datetime | None) -> datetime:
    return moment or BEGINNING
