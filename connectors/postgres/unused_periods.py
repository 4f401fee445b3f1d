"""Prices of periods without usage in PostgreSQL: what they depend on, and booking them within an accrual."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, text

from connectors.postgres.invoice_rows import as_json
from connectors.postgres.rated_accounts import read_accounts
from domain.catalogue import Adjustment, Charge, read_adjustment, read_charge
from domain.rating.places import TotalKey
from domain.rating.running import Total
from domain.rating.unused_books import Booked, BookedUnused, UnusedBooks, UnusedPart
from invoicing.fee_ports import UnusedFacts

COSTS_WITHOUT_USAGE: Final = (
    "h.kind = 'usage' AND h.document -> 'price' ->> 'flat_at_zero' = 'true' AND h.document -> 'without_usage' IS NULL"
)
"""Of a charge `h`: those that may be due without usage."""
_CONCERNED: Final = text(f"""
SELECT account_id FROM account a WHERE account_id = ANY(:account_ids) AND (
       EXISTS (SELECT FROM subscription s JOIN charge h USING (plan_version_id)
               WHERE s.account_id = a.account_id AND {COSTS_WITHOUT_USAGE})
    OR EXISTS (SELECT FROM contract k JOIN charge h USING (contract_id)
               WHERE (k.account_id = a.account_id OR k.customer_id = a.customer_id) AND {COSTS_WITHOUT_USAGE})
    OR EXISTS (SELECT FROM unused_booking b WHERE b.account_id = a.account_id))
""")  # noqa: S608 - put together from constants
_TOTALS: Final = text("""
SELECT account_id, service_month, charge_id, price_cell, t.quantity_millionths, t.amount_micros, t.event_count
FROM usage_total t JOIN charge c USING (charge_id) WHERE account_id = ANY(:account_ids) AND c.kind IN ('usage', 'adjustment')
""")
BOOKED: Final = """
SELECT account_id, service_month, charge_id, price_cell, of_charge_id, of_price_cell, b.amount_micros, c.kind,
       jsonb_build_object('sac', c.sac) || c.document AS document
FROM (SELECT account_id, service_month, charge_id, price_cell, of_charge_id, of_price_cell, max(part) AS part,
             sum(amount_micros)::bigint AS amount_micros
      FROM unused_booking WHERE account_id = ANY({accounts}) GROUP BY 1, 2, 3, 4, 5, 6) b
JOIN charge c USING (charge_id) ORDER BY account_id, service_month, of_charge_id, of_price_cell, part
"""
"""What is booked of some accounts, for `booked_from`; "{accounts}" is the parameter."""
_BOOKED: Final = text(BOOKED.format(accounts=":account_ids"))
_ROWS: Final = """
SELECT r.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (accrual_id bigint, account_id bigint, service_month date,
    charge_id bigint, price_cell text, of_charge_id bigint, of_price_cell text, part smallint, metered_millionths bigint,
    amount_micros bigint)
"""
_RECORD: Final = text(f"INSERT INTO unused_booking {_ROWS}")
_ADD: Final = text(f"""
INSERT INTO usage_total AS t
    (account_id, service_month, charge_id, price_cell, quantity_millionths, amount_micros, event_count)
SELECT account_id, service_month, charge_id, price_cell, sum(metered_millionths), sum(amount_micros), 0
FROM ({_ROWS}) r GROUP BY 1, 2, 3, 4
ON CONFLICT (account_id, service_month, charge_id, price_cell) DO UPDATE SET
    quantity_millionths = t.quantity_millionths + excluded.quantity_millionths,
    amount_micros = t.amount_micros + excluded.amount_micros
""")  # noqa: S608


def read_unused(connection: Connection, account_ids: Sequence[int]) -> dict[int, UnusedFacts]:
    """What is known of accounts whose prices may cost something without usage, or did; by account id."""
    concerned = list(connection.execute(_CONCERNED, {"account_ids": list(account_ids)}).scalars())
    if not concerned:
        return {}
    accounts = read_accounts(connection, concerned)
    booked = booked_from(tuple(row) for row in connection.execute(_BOOKED, {"account_ids": concerned}))
    totals: dict[int, dict[TotalKey, Total]] = {}
    for row in connection.execute(_TOTALS, {"account_ids": concerned}):
        totals.setdefault(row[0], {})[TotalKey(*row[:4])] = Total(*row[4:])
    return {
        account_id: UnusedFacts(
            account,
            UnusedBooks(
                totals.get(account_id, {}),
                {key: one for key, one in booked.items() if key.account_id == account_id},
            ),
        )
        for account_id, account in accounts.items()
    }


def booked_from(rows: Iterable[Sequence[Any]]) -> Booked:
    """What is booked of periods without usage, from the rows of `BOOKED`; what was given back is left out."""
    prices: dict[TotalKey, tuple[Charge, int]] = {}
    made: dict[TotalKey, list[tuple[Adjustment, TotalKey]]] = {}
    for account_id, month, charge_id, cell, of_charge_id, of_cell, amount, kind, document in rows:
        of, path = TotalKey(account_id, month, of_charge_id, of_cell), f"charge {charge_id}"
        if kind == "usage":
            prices[of] = read_charge(charge_id, document, path=path), amount
        else:
            key = TotalKey(account_id, month, charge_id, cell)
            made.setdefault(of, []).append((read_adjustment(charge_id, document, path=path), key))
    return {key: BookedUnused(charge, amount, made.get(key, [])) for key, (charge, amount) in prices.items() if amount != 0}


def book_unused(connection: Connection, parts: Sequence[tuple[int, UnusedPart]]) -> None:
    """Book parts, each with the number of its accrual. Call it with the wallets of their accounts held."""
    if not parts:
        return
    rows = [
        {
            "accrual_id": accrual_id,
            "account_id": one.of.account_id,
            "service_month": key.service_month,
            "charge_id": key.charge_id,
            "price_cell": key.cell,
            "of_charge_id": one.of.charge_id,
            "of_price_cell": one.of.cell,
            "part": one.number,
            "metered_millionths": one.part.metered_millionths,
            "amount_micros": one.part.amount_micros,
        }
        for accrual_id, one in parts
        for key in [one.part.place.total_key]
    ]
    connection.execute(_RECORD, {"rows": as_json(rows)})
    connection.execute(_ADD, {"rows": as_json(rows)})
