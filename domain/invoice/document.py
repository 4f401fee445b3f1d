"""The invoice as kept: a plain JSON object of texts and whole numbers, read back exactly, with a digest."""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from domain.errors import InvalidInput
from domain.invoice.model import Invoice, InvoiceLine, InvoiceStatus, Party, TaxLine
from domain.money import Currency
from domain.period import BillingMonth

_VERSION: Final = 1


def to_document(invoice: Invoice) -> dict[str, Any]:
    """The whole invoice as JSON-able values; `from_document` gives the same invoice back."""
    return {
        "version": _VERSION,
        "account_code": invoice.account_code,
        "month": str(invoice.month),
        "currency": str(invoice.currency),
        "seller": _party_document(invoice.seller),
        "buyer": _party_document(invoice.buyer),
        "place_of_supply": invoice.place_of_supply,
        "supply_type": str(invoice.supply_type),
        "legend": invoice.legend,
        "lines": [_line_document(line) for line in invoice.lines],
        "taxes": [_tax_document(tax) for tax in invoice.taxes],
        "subtotal_minor": invoice.subtotal_minor,
        "tax_minor": invoice.tax_minor,
        "total_minor": invoice.total_minor,
        "prepaid_minor": invoice.prepaid_minor,
        "status": str(invoice.status),
        "number": invoice.number,
        "issue_date": _day_text(invoice.issue_date),
        "due_date": _day_text(invoice.due_date),
    }


def from_document(document: Mapping[str, Any]) -> Invoice:
    """The invoice of a document. Raises InvalidInput when it is of another version, or not whole."""
    if document.get("version") != _VERSION:
        raise InvalidInput(
            f"invoice document: version {document.get('version')!r} is unknown; this program reads {_VERSION}"
        )
    try:
        return Invoice(
            account_code=document["account_code"],
            month=BillingMonth.parse(document["month"]),
            currency=Currency(document["currency"]),
            seller=_read_party(document["seller"]),
            buyer=_read_party(document["buyer"]),
            place_of_supply=document["place_of_supply"],
            supply_type=document["supply_type"],
            legend=document["legend"],
            lines=tuple(_read_line(line) for line in document["lines"]),
            taxes=tuple(TaxLine(**tax) for tax in document["taxes"]),
            subtotal_minor=document["subtotal_minor"],
            tax_minor=document["tax_minor"],
            total_minor=document["total_minor"],
            prepaid_minor=document["prepaid_minor"],
            status=InvoiceStatus(document["status"]),
            number=document["number"],
            issue_date=_read_day(document["issue_date"]),
            due_date=_read_day(document["due_date"]),
        )
    except KeyError as error:
        raise InvalidInput(f"invoice document: the field {error.args[0]!r} is missing") from error
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"invoice document: {error}") from error


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical JSON (sorted keys, no spaces, UTF-8), 64 hexadecimal digits."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _party_document(party: Party) -> dict[str, Any]:
    return {
        "legal_name": party.legal_name,
        "address_lines": list(party.address_lines),
        "country": party.country,
        "state_code": party.state_code,
        "gstin": party.gstin,
        "email": party.email,
        "payment_lines": list(party.payment_lines),
    }


def _read_party(document: Mapping[str, Any]) -> Party:
    lists = {name: tuple(document[name]) for name in ("address_lines", "payment_lines")}
    return Party(**{**document, **lists})


def _line_document(line: InvoiceLine) -> dict[str, Any]:
    # Documents of lines without days of their own stay what they were, with their digests.
    days = {} if line.service_days is None else {"service_days": [day.isoformat() for day in line.service_days]}
    return days | {
        "line_number": line.line_number,
        "description": line.description,
        "sac": line.sac,
        "quantity_millionths": line.quantity_millionths,
        "unit": line.unit,
        "unit_price_text": line.unit_price_text,
        "amount_micros": line.amount_micros,
        "amount_minor": line.amount_minor,
        "event_count": line.event_count,
        "plan_version": line.plan_version,
        "service_month": str(line.service_month),
        "late": line.late,
    }


def _read_line(document: Mapping[str, Any]) -> InvoiceLine:
    days = document.get("service_days")
    return InvoiceLine(
        **{
            **document,
            "service_month": BillingMonth.parse(document["service_month"]),
            "service_days": None if days is None else (date.fromisoformat(days[0]), date.fromisoformat(days[1])),
        }
    )


def _tax_document(tax: TaxLine) -> dict[str, Any]:
    return {
        "head": str(tax.head),
        "rate_basis_points": tax.rate_basis_points,
        "taxable_minor": tax.taxable_minor,
        "tax_minor": tax.tax_minor,
    }


def _day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _read_day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
