"""What is due: the part of a running total no issued invoice has taken yet, as a line a customer can read."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from domain.catalogue import ANY, Adjustment, Charge, read_adjustment, read_charge
from domain.errors import InvalidInput
from domain.invoice.assemble import ChargedUsage
from domain.money import Currency, micros_from_decimal, minor_from_micros
from domain.period import BillingMonth
from domain.pricing.step import printed_price


@dataclass(frozen=True, slots=True)
class BilledFee:
    """A recurring charge, a one-time charge or a commitment, as far as a line of it goes."""

    charge_id: int
    description: str
    sac: str
    amount_micros: int
    """For a whole period; the minimum of a commitment."""
    unit: str
    """ "month", "quarter" or "year"; "fee" for one that is paid once."""
    is_minimum: bool = False


Billed = Charge | Adjustment | BilledFee


@dataclass(frozen=True, slots=True)
class DueUsage:
    """What one running total has gained since invoices last took from it: the total less what they took."""

    account_id: int
    account_code: str
    """The account that used it; the invoice may be that of one above it."""
    wallet_id: int
    """The wallet that carries it: the account's own, or that of the one it pays from."""
    service_month: BillingMonth
    charge: Billed
    price_cell: str
    plan_version: str
    """As printed: "otp-india v1"."""
    quantity_millionths: int
    amount_micros: int
    event_count: int

    @property
    def takes_nothing(self) -> bool:
        """Whether it is an adjustment that took nothing off: it stands last, for it is not printed."""
        return isinstance(self.charge, Adjustment) and minor_from_micros(self.amount_micros) == 0


def read_billed(charge_id: int, kind: str, document: dict[str, Any], *, path: str) -> Billed:
    """What a line is of, from a stored charge. Raises InvalidInput naming the path and what is wrong."""
    if kind == "usage":
        return read_charge(charge_id, document, path=path)
    if kind == "adjustment":
        return read_adjustment(charge_id, document, path=path)
    is_minimum = kind == "commitment"
    amount = Decimal(document["minimum" if is_minimum else "amount"])
    unit = "fee" if kind == "one_time" else document.get("every", "month")
    return BilledFee(charge_id, document["description"], document["sac"], micros_from_decimal(amount), unit, is_minimum)


def as_line(due: DueUsage, *, billed_to: str, month: BillingMonth, currency: Currency) -> ChargedUsage:
    """The line of what is due on the invoice of `billed_to`; what another account used says whose it is.

    Usage of a month before the invoice's own is late (DESIGN §3.7).

    Raises InvalidInput when the charge has no such price cell any more.
    """
    charge = due.charge
    description, unit, price = _worded(charge, due.price_cell, currency)
    days = _days(due.price_cell) if isinstance(charge, BilledFee) else None
    return ChargedUsage(
        description=description if due.account_code == billed_to else f"{description}, {due.account_code}",
        sac=charge.sac,
        unit=unit,
        unit_price_text=price,
        quantity_millionths=due.quantity_millionths,
        amount_micros=due.amount_micros,
        event_count=due.event_count,
        plan_version=due.plan_version,
        service_month=due.service_month,
        late=due.service_month < month and not isinstance(charge, BilledFee),
        service_days=days,
    )


def _worded(charge: Billed, price_cell: str, currency: Currency) -> tuple[str, str, str]:
    """Description, unit and price of a line. The quantity of an adjustment is the money it is on."""
    if isinstance(charge, BilledFee):
        price = printed_price(charge.amount_micros, currency, decimals_min=2)
        return charge.description, charge.unit, f"min. {price}" if charge.is_minimum else price
    if isinstance(charge, Adjustment):
        return charge.description, str(currency), charge.printed(currency)
    found = charge.cell_named(price_cell)
    if found is None:
        raise InvalidInput(
            f"charge {charge.charge_id} ({charge.meter}) has no price {price_cell!r} but usage was rated with it"
        )
    cell, _ = found
    return _describe(charge, cell.name), charge.unit, cell.tariff.printed(currency)


def _describe(charge: Charge, cell_name: str) -> str:
    """ "OTP delivered (whatsapp, IN)"; the row for everything else is "other", a price without rows needs no addition."""
    if not charge.dimensions:
        return charge.description
    named = [value for value in cell_name.split("/") if value != ANY]
    return f"{charge.description} ({', '.join(named) or 'other'})"


def _days(price_cell: str) -> tuple[date, date] | None:
    """The first and the last day of the period a fee is for, "2026-11-01/2026-12-01"; None for one that is paid once."""
    first, _, after = price_cell.partition("/")
    return (date.fromisoformat(first), date.fromisoformat(after) - timedelta(days=1)) if after else None
