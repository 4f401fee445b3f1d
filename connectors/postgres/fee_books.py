"""Fees in PostgreSQL: what is in force, what was booked, and booking the difference in one transaction.

Locks are taken in the order of the metering transaction: configuration (shared), then wallets by id.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping, TextClause, text

from connectors.postgres.database import snapshot, transaction
from connectors.postgres.invoice_rows import as_json
from connectors.postgres.unused_periods import COSTS_WITHOUT_USAGE, book_unused, read_unused
from domain.errors import NotFound
from domain.fee_reading import read_terms
from domain.fee_terms import NO_TERMS, Commitment, FeeSegment, FeeTerms, TermOfContract
from domain.fees import FeeAmount, FeeKey
from invoicing.fee_ports import FeeAccount, FeeDifference, FeeTransaction, UsageMoney
from invoicing.metering_ports import Balance

_FEES: Final = "('recurring', 'one_time', 'commitment')"
_ACCRUES: Final = f"(h.kind IN {_FEES} OR {COSTS_WITHOUT_USAGE})"

_ACCOUNT_IDS: Final = text(f"""
SELECT account_id FROM account a
WHERE wallet_of_account_id IS NULL AND (EXISTS (SELECT FROM subscription s JOIN charge h USING (plan_version_id)
              WHERE s.account_id = a.account_id AND {_ACCRUES})
   OR EXISTS (SELECT FROM contract k JOIN charge h USING (contract_id)
              WHERE (k.account_id = a.account_id OR k.customer_id = a.customer_id) AND {_ACCRUES})
   OR EXISTS (SELECT FROM fee_accrual f WHERE f.account_id = a.account_id))
ORDER BY account_id
""")  # noqa: S608 - put together from constants
_HOLD_CONFIG: Final = text("SELECT version FROM config_version FOR SHARE")
_ACCOUNTS: Final = text(
    "SELECT account_id, code, time_zone FROM account WHERE account_id = ANY(:account_ids) ORDER BY account_id"
)
_IDS: Final = text(
    "SELECT account_id, code FROM account WHERE code = ANY(:codes) AND wallet_of_account_id IS NULL ORDER BY account_id"
)
_LOCK_WALLETS: Final = text("""
SELECT a.account_id, a.code, a.time_zone, w.wallet_id FROM account a JOIN wallet w ON w.account_id = a.pay_from_account_id
WHERE a.account_id = ANY(:account_ids) ORDER BY w.wallet_id, a.account_id FOR NO KEY UPDATE OF w
""")
# A subscription without a beginning bears fees from the opening of its account.
_SEGMENTS: Final = text("""
SELECT s.account_id, s.subscription_id, coalesce(s.began_at, a.created_at) AS began_at, s.began_at IS NULL AS since_ever,
       coalesce(lower(s.validity), a.created_at) AS start, upper(s.validity) AS end, s.paused, s.plan_version_id
FROM subscription s JOIN account a USING (account_id) WHERE s.account_id = ANY(:account_ids)
ORDER BY s.account_id, lower(s.validity) NULLS FIRST
""")
# A customer's contract is with those of its accounts that have its currency.
_CONTRACTS: Final = text("""
SELECT a.account_id, k.contract_id, coalesce(lower(k.validity), a.created_at) AS start, upper(k.validity) AS end
FROM account a JOIN contract k ON (k.account_id = a.account_id OR k.customer_id = a.customer_id) AND k.currency = a.currency
WHERE a.account_id = ANY(:account_ids)
ORDER BY a.account_id, k.priority DESC, k.account_id IS NULL, k.contract_id
""")
_CHARGES: Final = text(f"""
SELECT charge_id, kind, document, plan_version_id, contract_id FROM charge
WHERE (plan_version_id = ANY(:plans) OR contract_id = ANY(:contracts))
  AND (kind IN {_FEES} OR kind = 'adjustment' AND document ->> 'kind' = 'trial') ORDER BY charge_id
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
SELECT account_id, wallet_id, :now, amount_micros
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (account_id bigint, wallet_id bigint, amount_micros bigint)
RETURNING account_id, accrual_id
""")
_ROWS: Final = """
SELECT r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (accrual_id bigint, account_id bigint, service_month date,
    charge_id bigint, price_cell text, quantity_millionths bigint, amount_micros bigint)
"""
_RECORD: Final = text(f"INSERT INTO fee_booking {_ROWS}")
_ADD: Final = text(f"""
INSERT INTO usage_total AS t
    (account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
SELECT account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, 0 FROM ({_ROWS}) r
ON CONFLICT (account_id, service_month, charge_id, price_cell) DO UPDATE SET
    quantity_millionths = t.quantity_millionths + excluded.quantity_millionths,
    amount_micros = t.amount_micros + excluded.amount_micros
""")  # noqa: S608
# A wallet may pay the fees of several accounts: an entry for each.
_DEBIT: Final = text("""
WITH due AS (
    SELECT wallet_id, amount_micros, accrual_id, sum(amount_micros) OVER upwards AS running_micros,
           row_number() OVER upwards AS place
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (wallet_id bigint, amount_micros bigint, accrual_id bigint)
    WINDOW upwards AS (PARTITION BY wallet_id ORDER BY accrual_id)
), changed AS (
    UPDATE wallet w SET balance_micros = w.balance_micros - d.amount_micros, version = w.version + d.entries
    FROM (SELECT wallet_id, sum(amount_micros)::bigint AS amount_micros, count(*) AS entries FROM due GROUP BY wallet_id) d
    WHERE w.wallet_id = d.wallet_id
    RETURNING w.wallet_id, w.account_id, w.balance_micros, w.version, w.balance_micros + d.amount_micros AS balance_before,
              w.version - d.entries AS version_before
), booked AS (
    INSERT INTO wallet_entry (wallet_id, version, amount_micros, balance_after_micros, cause, reference, booked_at)
    SELECT wallet_id, version_before + place, -amount_micros, balance_before - running_micros, 'fee', accrual_id::text, :now
    FROM due JOIN changed USING (wallet_id)
)
SELECT wallet_id, account_id, balance_micros, version FROM changed ORDER BY wallet_id
""")


class PostgresFeeBooks:
    """The FeeBooks port on the billing database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def account_ids(self) -> Sequence[int]:
        """Accounts that have, at any time, a fee or a price that costs something without usage, or had one booked."""
        with snapshot(self._engine) as connection:
            return connection.execute(_ACCOUNT_IDS).scalars().all()

    def ids_of(self, codes: Sequence[str]) -> Sequence[int]:
        """Accounts by their codes. Raises NotFound for the first that does not exist."""
        with snapshot(self._engine) as connection:
            found = {code: account_id for account_id, code in connection.execute(_IDS, {"codes": list(codes)})}
        missing = [code for code in codes if code not in found]
        if missing:
            raise NotFound(f"account {missing[0]!r} does not exist: `billing accounts list` shows them")
        return list(found.values())

    def read(self, account_ids: Sequence[int]) -> Sequence[FeeAccount]:
        """Some accounts as they are at one moment."""
        with snapshot(self._engine) as connection:
            return read_fee_accounts(connection, account_ids)

    def terms(self, plan_version_id: int) -> FeeTerms:
        """What a plan version says about fees."""
        with snapshot(self._engine) as connection:
            return _terms(connection, [plan_version_id], [])[0].get(plan_version_id, NO_TERMS)

    @contextmanager
    def begin(self, account_ids: Sequence[int], *, now: datetime) -> Iterator[FeeTransaction]:
        """A transaction over some accounts."""
        with transaction(self._engine) as connection:
            connection.execute(_HOLD_CONFIG)
            held = connection.execute(_LOCK_WALLETS, {"account_ids": list(account_ids)}).mappings().all()
            yield _FeeTransaction(connection, held, now=now)


def read_fee_accounts(connection: Connection, account_ids: Sequence[int]) -> list[FeeAccount]:
    """Some accounts as a transaction sees them."""
    return _read(connection, connection.execute(_ACCOUNTS, {"account_ids": list(account_ids)}).mappings().all())


class _FeeTransaction:
    def __init__(self, connection: Connection, held: Sequence[RowMapping], *, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._wallets = {row["account_id"]: row["wallet_id"] for row in held}
        self.accounts: Sequence[FeeAccount] = _read(connection, held)

    def book(self, differences: Sequence[FeeDifference]) -> Sequence[Balance]:
        debits: list[dict[str, Any]] = [
            {
                "account_id": one.account.account_id,
                "wallet_id": self._wallets[one.account.account_id],
                "amount_micros": one.amount_micros,
            }
            for one in differences
        ]
        accruals = dict(self._apply(_ACCRUE, debits))
        bookings = [
            {"accrual_id": accruals[one.account.account_id], "account_id": one.account.account_id}
            | key._asdict()
            | amount._asdict()
            for one in differences
            for key, amount in one.amounts.items()
        ]
        self._connection.execute(_RECORD, {"rows": as_json(bookings)})
        self._connection.execute(_ADD, {"rows": as_json(bookings)})
        parts = [(accruals[one.account.account_id], part) for one in differences for part in one.unused]
        book_unused(self._connection, parts)
        # What was moved between periods and comes to nothing in all moves no wallet.
        moved = [debit | {"accrual_id": accruals[debit["account_id"]]} for debit in debits if debit["amount_micros"]]
        return [Balance(*row) for row in self._apply(_DEBIT, moved)]

    def _apply(self, statement: TextClause, rows: Sequence[dict[str, Any]]) -> Sequence[Any]:
        return self._connection.execute(statement, {"rows": as_json(rows), "now": self._now}).all()


def _read(connection: Connection, accounts: Sequence[RowMapping]) -> list[FeeAccount]:
    parameters = {"account_ids": [row["account_id"] for row in accounts]}
    segments, contracts = _in_force(connection, parameters)
    booked: dict[int, dict[FeeKey, FeeAmount]] = {}
    for account_id, month, charge_id, cell, quantity, micros in connection.execute(_BOOKED, parameters):
        booked.setdefault(account_id, {})[FeeKey(month, charge_id, cell)] = FeeAmount(quantity, micros)
    unused = read_unused(connection, parameters["account_ids"])
    usage: dict[int, list[UsageMoney]] = {}
    # Only a commitment asks what usage came to.
    committed = [account_id for account_id in segments if _commits(segments[account_id], contracts.get(account_id, ()))]
    for row in connection.execute(_USAGE, {"account_ids": committed}) if committed else ():
        codes = [row.code] if row.kind == "usage" else row.applies_to or ()
        usage.setdefault(row.account_id, []).append(UsageMoney(row.service_month, frozenset(codes), row.micros))
    return [
        FeeAccount(
            row["account_id"],
            row["code"],
            ZoneInfo(row["time_zone"]),
            segments.get(row["account_id"], ()),
            contracts.get(row["account_id"], ()),
            booked.get(row["account_id"], {}),
            usage.get(row["account_id"], ()),
            unused.get(row["account_id"]),
        )
        for row in accounts
    ]


def _in_force(
    connection: Connection, parameters: Mapping[str, Any]
) -> tuple[dict[int, list[FeeSegment]], dict[int, list[TermOfContract]]]:
    segment_rows = connection.execute(_SEGMENTS, parameters).mappings().all()
    contract_rows = connection.execute(_CONTRACTS, parameters).mappings().all()
    of_plan, of_contract = _terms(
        connection,
        sorted({row["plan_version_id"] for row in segment_rows}),
        sorted({row["contract_id"] for row in contract_rows}),
    )
    contracts: dict[int, list[TermOfContract]] = {}
    for row in contract_rows:
        term = TermOfContract(row["start"], row["end"], of_contract.get(row["contract_id"], NO_TERMS))
        contracts.setdefault(row["account_id"], []).append(term)
    segments: dict[int, list[FeeSegment]] = {}
    for row in segment_rows:
        # One that was over before its account was opened bore no fees.
        if row["end"] is None or row["end"] > row["start"]:
            segment = _segment(row, of_plan.get(row["plan_version_id"], NO_TERMS))
            segments.setdefault(row["account_id"], []).append(segment)
    return segments, contracts


def _commits(segments: Sequence[FeeSegment], contracts: Sequence[TermOfContract]) -> bool:
    terms = [*(segment.terms for segment in segments), *(contract.terms for contract in contracts)]
    return any(isinstance(fee, Commitment) for one in terms for fee in one.fees.values())


def _segment(row: RowMapping, terms: FeeTerms) -> FeeSegment:
    # The trial of a subscription nobody knows the beginning of has long ended, as for its usage.
    known = replace(terms, trials={}) if row["since_ever"] else terms
    return FeeSegment(row["subscription_id"], row["began_at"], row["start"], row["end"], row["paused"], known)


def _terms(
    connection: Connection, plans: Sequence[int], contracts: Sequence[int]
) -> tuple[dict[int, FeeTerms], dict[int, FeeTerms]]:
    """What plan versions and contracts say about fees, by their ids."""
    of_plan: dict[int, list[tuple[int, str, Mapping[str, Any]]]] = {}
    of_contract: dict[int, list[tuple[int, str, Mapping[str, Any]]]] = {}
    rows = connection.execute(_CHARGES, {"plans": list(plans), "contracts": list(contracts)})
    for charge_id, kind, document, plan_version_id, contract_id in rows:
        charges = of_plan.setdefault(plan_version_id, []) if contract_id is None else of_contract.setdefault(contract_id, [])
        charges.append((charge_id, kind, document))
    return (
        {plan_version_id: read_terms(charges) for plan_version_id, charges in of_plan.items()},
        {contract_id: read_terms(charges) for contract_id, charges in of_contract.items()},
    )
