"""Fees in PostgreSQL: what is in force, what was booked, and booking the difference in one transaction.

Locks are taken in the order of the metering transaction: configuration (shared), then wallets by id.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping, text

from connectors.postgres.database import snapshot, transaction
from connectors.postgres.invoice_rows import as_json
from domain.fee_reading import read_fee
from domain.fees import Fee, FeeAmount, FeeKey, FeeSpan, after_trial, in_force
from invoicing.fee_ports import FeeAccount, FeeTransaction, UsageMoney
from invoicing.metering_ports import Balance

_FEES: Final = "('recurring', 'one_time', 'commitment')"

_ACCOUNT_IDS: Final = text(f"""
SELECT account_id FROM account a
WHERE EXISTS (SELECT FROM subscription s JOIN charge h USING (plan_version_id)
              WHERE s.account_id = a.account_id AND h.kind IN {_FEES})
   OR EXISTS (SELECT FROM contract k JOIN charge h USING (contract_id)
              WHERE (k.account_id = a.account_id OR k.customer_id = a.customer_id) AND h.kind IN {_FEES})
   OR EXISTS (SELECT FROM fee_accrual f WHERE f.account_id = a.account_id)
ORDER BY account_id
""")  # noqa: S608 - put together from constants
_HOLD_CONFIG: Final = text("SELECT version FROM config_version FOR SHARE")
_LOCK_WALLETS: Final = text("""
SELECT a.account_id, a.code, a.time_zone, w.wallet_id FROM account a JOIN wallet w ON w.account_id = a.pay_from_account_id
WHERE a.account_id = ANY(:account_ids) ORDER BY w.wallet_id, a.account_id FOR NO KEY UPDATE OF w
""")
# A subscription without a beginning bears fees from the opening of its account.
_SEGMENTS: Final = text("""
SELECT s.account_id, s.subscription_id, coalesce(s.began_at, a.created_at) AS began_at,
       coalesce(lower(s.validity), a.created_at) AS start, upper(s.validity) AS end, s.paused, s.plan_version_id,
       (SELECT (t.document ->> 'days')::int FROM charge t WHERE t.plan_version_id = s.plan_version_id
         AND t.kind = 'adjustment' AND t.document ->> 'kind' = 'trial' LIMIT 1) AS trial_days
FROM subscription s JOIN account a USING (account_id) WHERE s.account_id = ANY(:account_ids)
ORDER BY s.account_id, lower(s.validity) NULLS FIRST
""")
_CONTRACTS: Final = text("""
SELECT a.account_id, k.contract_id, lower(k.validity) AS start, upper(k.validity) AS end, a.created_at
FROM account a JOIN contract k ON k.account_id = a.account_id OR k.customer_id = a.customer_id
WHERE a.account_id = ANY(:account_ids)
ORDER BY a.account_id, k.priority DESC, k.account_id IS NULL, k.contract_id
""")
_CHARGES: Final = text(f"""
SELECT charge_id, kind, document, plan_version_id, contract_id FROM charge
WHERE kind IN {_FEES} AND (plan_version_id = ANY(:plans) OR contract_id = ANY(:contracts)) ORDER BY charge_id
""")  # noqa: S608
_BOOKED: Final = text(f"""
SELECT t.account_id, t.service_month, charge_id, t.price_cell, t.quantity_millionths, t.amount_micros
FROM usage_total t JOIN charge h USING (charge_id) WHERE t.account_id = ANY(:account_ids) AND h.kind IN {_FEES}
""")  # noqa: S608
_USAGE: Final = text("""
SELECT t.account_id, t.service_month, h.kind, h.code, h.document -> 'applies_to' AS applies_to,
       sum(t.amount_micros)::bigint AS micros
FROM usage_total t JOIN charge h USING (charge_id)
WHERE t.account_id = ANY(:account_ids) AND h.kind IN ('usage', 'adjustment') GROUP BY 1, 2, 3, 4, 5
""")
_ACCRUE: Final = text("""
INSERT INTO fee_accrual (account_id, wallet_id, booked_at, amount_micros)
VALUES (:account_id, :wallet_id, :now, :amount_micros) RETURNING accrual_id
""")
_ROWS: Final = """
SELECT r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (account_id bigint, service_month date, charge_id bigint,
    price_cell text, quantity_millionths bigint, amount_micros bigint)
"""
_RECORD: Final = text(f"INSERT INTO fee_booking SELECT :accrual_id, r.* FROM ({_ROWS}) r")  # noqa: S608
_ADD: Final = text(f"""
INSERT INTO usage_total AS t
    (account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
SELECT r.*, 0 FROM ({_ROWS}) r
ON CONFLICT (account_id, service_month, charge_id, price_cell) DO UPDATE SET
    quantity_millionths = t.quantity_millionths + excluded.quantity_millionths,
    amount_micros = t.amount_micros + excluded.amount_micros
""")  # noqa: S608
_DEBIT: Final = text("""
WITH changed AS (
    UPDATE wallet SET balance_micros = balance_micros - :amount_micros, version = version + 1
    WHERE wallet_id = :wallet_id RETURNING wallet_id, account_id, balance_micros, version
), booked AS (
    INSERT INTO wallet_entry (wallet_id, version, amount_micros, balance_after_micros, cause, reference, booked_at)
    SELECT wallet_id, version, -:amount_micros, balance_micros, 'fee', :accrual_id, :now FROM changed
)
SELECT wallet_id, account_id, balance_micros, version FROM changed
""")


class PostgresFeeBooks:
    """The FeeBooks port on the billing database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def account_ids(self) -> Sequence[int]:
        """Accounts that have a fee in force at any time, or had one booked."""
        with snapshot(self._engine) as connection:
            return connection.execute(_ACCOUNT_IDS).scalars().all()

    @contextmanager
    def begin(self, account_ids: Sequence[int], *, now: datetime) -> Iterator[FeeTransaction]:
        """A transaction over some accounts."""
        with transaction(self._engine) as connection:
            yield _FeeTransaction(connection, account_ids, now=now)


class _FeeTransaction:
    def __init__(self, connection: Connection, account_ids: Sequence[int], *, now: datetime) -> None:
        self._connection = connection
        self._now = now
        connection.execute(_HOLD_CONFIG)
        parameters = {"account_ids": list(account_ids)}
        accounts = connection.execute(_LOCK_WALLETS, parameters).mappings().all()
        self._wallets = {row["account_id"]: row["wallet_id"] for row in accounts}
        zones = {row["account_id"]: ZoneInfo(row["time_zone"]) for row in accounts}
        spans = _spans(connection, parameters, zones)
        booked: dict[int, dict[FeeKey, FeeAmount]] = {}
        for account_id, month, charge_id, cell, quantity, micros in connection.execute(_BOOKED, parameters):
            booked.setdefault(account_id, {})[FeeKey(month, charge_id, cell)] = FeeAmount(quantity, micros)
        usage: dict[int, list[UsageMoney]] = {}
        for row in connection.execute(_USAGE, parameters):
            codes = [row.code] if row.kind == "usage" else row.applies_to or ()
            usage.setdefault(row.account_id, []).append(UsageMoney(row.service_month, frozenset(codes), row.micros))
        self.accounts: Sequence[FeeAccount] = [
            FeeAccount(
                row["account_id"],
                row["code"],
                zones[row["account_id"]],
                spans.get(row["account_id"], ()),
                booked.get(row["account_id"], {}),
                usage.get(row["account_id"], ()),
            )
            for row in accounts
        ]

    def book(self, account: FeeAccount, differences: Mapping[FeeKey, FeeAmount]) -> Balance:
        amount_micros = sum(amount.amount_micros for amount in differences.values())
        common = {"wallet_id": self._wallets[account.account_id], "amount_micros": amount_micros, "now": self._now}
        accrual_id = self._connection.execute(_ACCRUE, {**common, "account_id": account.account_id}).scalar_one()
        rows = [
            {"account_id": account.account_id, **key._asdict(), **amount._asdict()} for key, amount in differences.items()
        ]
        self._connection.execute(_RECORD, {"accrual_id": accrual_id, "rows": as_json(rows)})
        self._connection.execute(_ADD, {"rows": as_json(rows)})
        changed = self._connection.execute(_DEBIT, {**common, "accrual_id": str(accrual_id)}).one()
        return Balance(*changed)


def _spans(connection: Connection, parameters: Mapping[str, Any], zones: Mapping[int, ZoneInfo]) -> dict[int, list[FeeSpan]]:
    segments = connection.execute(_SEGMENTS, parameters).mappings().all()
    contracts = connection.execute(_CONTRACTS, parameters).mappings().all()
    owners = {
        "plans": sorted({row["plan_version_id"] for row in segments}),
        "contracts": sorted({row["contract_id"] for row in contracts}),
    }
    of_plan: dict[int, dict[str, Fee]] = {}
    of_contract: dict[int, dict[str, Fee]] = {}
    for charge_id, kind, document, plan_version_id, contract_id in connection.execute(_CHARGES, owners):
        fee = read_fee(charge_id, kind, document)
        fees = of_plan.setdefault(plan_version_id, {}) if contract_id is None else of_contract.setdefault(contract_id, {})
        fees[fee.code] = fee
    terms: dict[int, list[tuple[datetime, datetime | None, Mapping[str, Fee]]]] = {}
    for row in contracts:
        term = (row["start"] or row["created_at"], row["end"], of_contract.get(row["contract_id"], {}))
        terms.setdefault(row["account_id"], []).append(term)
    spans: dict[int, list[FeeSpan]] = {}
    for row in segments:
        segment = _segment(row, of_plan.get(row["plan_version_id"], {}), zones[row["account_id"]])
        if segment is not None:
            spans.setdefault(row["account_id"], []).extend(in_force(segment, terms.get(row["account_id"], ())))
    return spans


def _segment(row: RowMapping, fees: Mapping[str, Fee], time_zone: ZoneInfo) -> FeeSpan | None:
    """None for a segment that is all trial, or over before its account was opened."""
    if row["end"] is not None and row["end"] <= row["start"]:
        return None
    segment = FeeSpan(row["subscription_id"], row["began_at"], row["start"], row["end"], row["paused"], fees)
    return segment if row["trial_days"] is None else after_trial(segment, row["trial_days"], time_zone=time_zone)
