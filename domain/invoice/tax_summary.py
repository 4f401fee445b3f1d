"""The tax summary of an invoice: taxable value and tax of each service code, adding up to the heads."""

from dataclasses import dataclass

from domain.invoice.model import Invoice
from domain.tax.gst import split_tax_minor


@dataclass(frozen=True, slots=True)
class SacSummary:
    """One service code: its taxable value and its part of each head of tax, in minor units."""

    sac: str
    taxable_minor: int
    tax_minor: tuple[int, ...]
    """In the order of the invoice's taxes."""


def summarise_by_sac(invoice: Invoice) -> tuple[SacSummary, ...]:
    """The service codes in the order they first appear; each head's parts add up to the document's tax."""
    taxable_by_sac: dict[str, int] = {}
    for line in invoice.lines:
        taxable_by_sac[line.sac] = taxable_by_sac.get(line.sac, 0) + line.amount_minor
    taxables = tuple(taxable_by_sac.values())
    parts_by_head = [split_tax_minor(taxables, rate_basis_points=t.rate_basis_points) for t in invoice.taxes]
    return tuple(
        SacSummary(sac, taxable, tuple(parts[index] for parts in parts_by_head))
        for index, (sac, taxable) in enumerate(taxable_by_sac.items())
    )
