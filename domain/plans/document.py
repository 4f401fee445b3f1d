"""A checked plan document: its meters, usage charges, fees and adjustments, and the rows they are stored as."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.catalogue.adjustments import Adjustment
from domain.catalogue.charges import Charge
from domain.catalogue.meters import Meter
from domain.catalogue.price_list import PlanVersion
from domain.money import Currency
from domain.plans.adjustments import adjustment_document
from domain.plans.fees import Commitment, Fee, OneTime, Recurring
from domain.plans.meters import meter_document
from domain.plans.usage_charges import price_document, usage_document


class PlanRow(NamedTuple):
    """A charge as it is stored: what lines and reports need of it, and all of it as a document."""

    code: str
    kind: str
    meter: str | None
    """The first meter of a usage charge."""
    description: str
    sac: str
    unit: str
    price: Mapping[str, Any] | None
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A plan document that was checked as a whole. Charges and adjustments are numbered from 1 as listed."""

    code: str
    name: str
    currency: Currency
    trial_days: int
    meters: tuple[Meter, ...]
    """Those the document defines."""
    implied: tuple[Meter, ...]
    """Those its charges name that are neither defined nor known to be published: each sums up the events of its name."""
    usage: tuple[Charge, ...]
    fees: tuple[Fee, ...]
    adjustments: tuple[Adjustment, ...]
    """As listed, the trial of `trial_days` first."""

    def version(self, label: str | None = None) -> PlanVersion:
        """As what the worker rates with, before there is a stored version."""
        charges = {charge.code: charge for charge in self.usage}
        return PlanVersion(0, label or self.code, self.currency, charges, adjustments=self.adjustments)

    @property
    def new_meters(self) -> tuple[Meter, ...]:
        """The meters it defines or implies."""
        return (*self.meters, *self.implied)

    def periodic_fees(self) -> tuple[Recurring | Commitment, ...]:
        """Its fees that come again."""
        return tuple(fee for fee in self.fees if not isinstance(fee, OneTime))

    def rows(self) -> Iterator[PlanRow]:
        """What is stored: a row for each charge and adjustment, in their order."""
        for charge in self.usage:
            yield PlanRow(
                charge.code,
                "usage",
                charge.meter,
                charge.description,
                charge.sac,
                charge.unit,
                price_document(charge),
                usage_document(charge),
            )
        for fee in self.fees:
            document = fee.document()
            unit = "fee" if isinstance(fee, OneTime) else str(fee.every)
            yield PlanRow(fee.code, document["kind"], None, fee.description, fee.sac, unit, None, document)
        for one in self.adjustments:
            yield PlanRow(
                one.code, "adjustment", None, one.description, one.sac, "adjustment", None, adjustment_document(one)
            )

    def normal_form(self) -> dict[str, Any]:
        """The same for documents that mean the same, however they are written."""
        lists = {
            "meters": [meter_document(meter) for meter in self.meters],
            "charges": [row.document for row in self.rows() if row.kind != "adjustment"],
            "adjustments": [row.document for row in self.rows() if row.kind == "adjustment"],
        }
        named = {"code": self.code, "name": self.name, "currency": str(self.currency)}
        return named | {name: parts for name, parts in lists.items() if parts}
