"""What is due: the part of a running total no issued invoice has taken yet, as a line a customer can read."""

from dataclasses import dataclass

from domain.catalogue import ANY, Charge
from domain.errors import InvalidInput
from domain.invoice.assemble import ChargedUsage
from domain.money import Currency
from domain.period import BillingMonth
from domain.pricing import Tariff


@dataclass(frozen=True, slots=True)
class DueUsage:
    """What one running total has gained since invoices last took from it: the total less what they took."""

    account_id: int
    account_code: str
    """The account that used it; the invoice may be that of one above it."""
    wallet_id: int
    """The wallet that carries it: the account's own, or that of the one it pays from."""
    service_month: BillingMonth
    charge: Charge
    price_cell: str
    plan_version: str
    """As printed: "otp-india v1"."""
    quantity_millionths: int
    amount_micros: int
    event_count: int


def as_line(due: DueUsage, *, billed_to: str, month: BillingMonth, currency: Currency) -> ChargedUsage:
    """The line of what is due on the invoice of `billed_to`; what another account used says whose it is.

    Usage of a month before the invoice's own is late (DESIGN §3.7).

    Raises InvalidInput when the charge has no such price cell any more.
    """
    charge = due.charge
    description = _describe(charge, due.price_cell)
    return ChargedUsage(
        description=description if due.account_code == billed_to else f"{description}, {due.account_code}",
        sac=charge.sac,
        unit=charge.unit,
        unit_price_text=_tariff(charge, due.price_cell).printed(currency),
        quantity_millionths=due.quantity_millionths,
        amount_micros=due.amount_micros,
        event_count=due.event_count,
        plan_version=due.plan_version,
        service_month=due.service_month,
        late=due.service_month < month,
    )


def _tariff(charge: Charge, cell_name: str) -> Tariff:
    for cell in charge.cells.values():
        if cell.name == cell_name:
            return cell.tariff
    raise InvalidInput(f"charge {charge.charge_id} ({charge.meter}) has no price {cell_name!r} but usage was rated with it")


def _describe(charge: Charge, cell_name: str) -> str:
    """ "OTP delivered (whatsapp, IN)"; the row for everything else is "other", a price without rows needs no addition."""
    if not charge.dimensions:
        return charge.description
    named = [value for value in cell_name.split("/") if value != ANY]
    return f"{charge.description} ({', '.join(named) or 'other'})"
