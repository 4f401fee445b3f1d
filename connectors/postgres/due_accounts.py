"""Accounts with what is due from them: running totals less what issued invoices took, ready to be put on lines.

An account is invoiced for every account that is billed to it; one billed to another has nothing due from itself.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from sqlalchemy import Connection, RowMapping, text

from connectors.postgres.months import first_day, month_from
from domain.customers.address import printed_lines
from domain.customers.tax_profile import Export
from domain.invoice.assemble import Buyer, PaymentMode
from domain.invoice.due_usage import Billed, DueUsage, read_billed
from domain.invoice.model import Party
from domain.money import Currency
from domain.period import BillingMonth
from domain.tax.place_of_supply import BuyerCategory
from invoicing.invoice_ports import Batch, DueAccount

_IS_DUE: Final = """
t.service_month <= :month
AND (t.quantity_millionths, t.amount_micros, t.event_count)
 <> (t.invoiced_quantity_millionths, t.invoiced_amount_micros, t.invoiced_event_count)
"""

# What is due once this month's invoice is issued goes on the next one (DESIGN §3.7).
_ACCOUNTS: Final = text(f"""
SELECT a.account_id FROM account a
WHERE mod(a.account_id, :of) = :number
  AND EXISTS (SELECT FROM account u JOIN usage_total t USING (account_id)
              WHERE u.bill_to_account_id = a.account_id AND {_IS_DUE})
  AND NOT EXISTS (SELECT FROM invoice i WHERE i.account_id = a.account_id AND i.month = :month
                  AND (i.status = 'issued' OR (i.status = 'draft' AND :undrafted)))
""")  # noqa: S608 - a constant put together from constants

# By account code as bytes, so that the order of numbers is the same on every server; lines: the account's own before those
# of accounts billed to it, this month's before late ones, usage before what is taken off it; fees last, each by its periods,
# whatever month they fell due in. The payment term is that of the strongest contract that states one at the end of the
# month, else the account's.
_DUE: Final = text(f"""
SELECT a.account_id, a.code, a.mode, a.currency, coalesce(k.payment_term_days, a.payment_term_days) AS payment_term_days,
       c.legal_name, c.address_lines, c.city, c.postal_code,
       c.country, c.state_code, c.gstin, c.email, c.tax_category, c.export,
       u.account_id AS used_by_id, u.code AS used_by, w.wallet_id, t.service_month, charge_id,
       t.price_cell,
       t.quantity_millionths - t.invoiced_quantity_millionths AS quantity_millionths,
       t.amount_micros - t.invoiced_amount_micros AS amount_micros,
       t.event_count - t.invoiced_event_count AS event_count
FROM account a
JOIN customer c USING (customer_id)
LEFT JOIN (account u JOIN wallet w ON w.account_id = u.pay_from_account_id
           JOIN usage_total t ON t.account_id = u.account_id AND {_IS_DUE}
           JOIN charge h USING (charge_id)) ON u.bill_to_account_id = a.account_id
LEFT JOIN LATERAL (
    SELECT t.payment_term_days FROM contract t
    WHERE (t.account_id = a.account_id OR t.customer_id = a.customer_id) AND t.currency = a.currency
      AND t.payment_term_days IS NOT NULL
      AND t.validity @> (CAST(:month AS date) + interval '1 month' - interval '1 microsecond') AT TIME ZONE a.time_zone
    ORDER BY t.priority DESC, t.account_id IS NULL LIMIT 1) k ON true
WHERE a.account_id = ANY(:account_ids)
ORDER BY a.code COLLATE "C", u.account_id <> a.account_id, u.code COLLATE "C",
         h.kind NOT IN ('usage', 'adjustment'), CASE WHEN h.kind IN ('usage', 'adjustment') THEN t.service_month END DESC,
         array_position(ARRAY['usage', 'adjustment', 'recurring', 'one_time', 'commitment'], h.kind),
         charge_id, t.price_cell COLLATE "C"
""")  # noqa: S608

_CHARGES: Final = text("""
SELECT c.charge_id, c.kind, jsonb_build_object('sac', c.sac) || c.document AS document,
       coalesce(p.code || ' v' || v.version, k.code) AS plan_version
FROM charge c LEFT JOIN (plan_version v JOIN plan p USING (plan_id)) USING (plan_version_id)
              LEFT JOIN contract k USING (contract_id)
WHERE c.charge_id = ANY(:charge_ids)
""")


def due_account_ids(connection: Connection, month: BillingMonth, batch: Batch, *, undrafted: bool = False) -> Sequence[int]:
    """Accounts of a batch with something due and no issued invoice of the month; with `undrafted`, no draft either."""
    parameters = {"month": first_day(month), "of": batch.of, "number": batch.number, "undrafted": undrafted}
    return connection.execute(_ACCOUNTS, parameters).scalars().all()


def load_due_accounts(connection: Connection, month: BillingMonth, account_ids: Sequence[int]) -> list[DueAccount]:
    """These accounts by code, each with what is due up to the month; an account with nothing due has no usage."""
    parameters = {"month": first_day(month), "account_ids": list(account_ids)}
    rows = connection.execute(_DUE, parameters).mappings().all()
    charges = _load_charges(connection, {row["charge_id"] for row in rows} - {None})
    by_account: dict[int, list[RowMapping]] = {}
    for row in rows:
        by_account.setdefault(row["account_id"], []).append(row)
    return [_account(found, charges) for found in by_account.values()]


def _load_charges(connection: Connection, charge_ids: set[int]) -> dict[int, tuple[Billed, str]]:
    rows = connection.execute(_CHARGES, {"charge_ids": sorted(charge_ids)}).mappings()
    return {
        row["charge_id"]: (
            read_billed(
                row["charge_id"], row["kind"], row["document"], path=f"{row['plan_version']}, charge {row['charge_id']}"
            ),
            row["plan_version"],
        )
        for row in rows
    }


def _account(rows: Sequence[RowMapping], charges: dict[int, tuple[Billed, str]]) -> DueAccount:
    first = rows[0]
    usage = [_usage(row, charges) for row in rows if row["charge_id"] is not None]
    return DueAccount(
        account_id=first["account_id"],
        code=first["code"],
        mode=PaymentMode(first["mode"]),
        currency=Currency(first["currency"]),
        buyer=Buyer(
            _party(first), BuyerCategory(first["tax_category"]), export_with_tax=first["export"] == Export.IGST.value
        ),
        payment_term_days=first["payment_term_days"],
        usage=tuple(sorted(usage, key=lambda due: due.takes_nothing)),
    )


def _party(row: RowMapping) -> Party:
    return Party(
        legal_name=row["legal_name"],
        address_lines=printed_lines(
            tuple(row["address_lines"]), city=row["city"], postal_code=row["postal_code"], state_code=row["state_code"]
        ),
        country=row["country"],
        state_code=row["state_code"],
        gstin=row["gstin"],
        email=row["email"],
    )


def _usage(row: RowMapping, charges: dict[int, tuple[Billed, str]]) -> DueUsage:
    charge, plan_version = charges[row["charge_id"]]
    service_month: date = row["service_month"]
    return DueUsage(
        account_id=row["used_by_id"],
        account_code=row["used_by"],
        wallet_id=row["wallet_id"],
        service_month=month_from(service_month),
        charge=charge,
        price_cell=row["price_cell"],
        plan_version=plan_version,
        quantity_millionths=row["quantity_millionths"],
        amount_micros=row["amount_micros"],
        event_count=row["event_count"],
    )
