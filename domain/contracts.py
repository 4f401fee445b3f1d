"""Contracts: what one customer, or one account, agreed on beside the plan: prices, discounts, fees, commitments, terms.

A contract's charge stands in the place of the plan's charge of the same code, or is added; so do its adjustments. The
strongest contract in force wins; of equally strong ones that of the account over that of the customer, and two with the
same party may not overlap. When a contract ends, the plan holds again.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from domain.catalogue import Meter
from domain.errors import Faults
from domain.fields import Fields, shown
from domain.instants import read_instant
from domain.money import Currency
from domain.plans import PlanDocument
from domain.plans.plan_fields import read_code
from domain.plans.reading import read_prices

PRIORITY_MAX: Final = 1_000
PAYMENT_TERM_DAYS_MAX: Final = 365
_PARTIES: Final = ("customer", "account")
_TERM: Final = "payment_term_days"
_TERMS: Final = (*_PARTIES, "from", "to", "priority", _TERM)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""Stands for a beginning that was refused."""


@dataclass(frozen=True, slots=True)
class ContractDocument:
    """A contract document that was checked as a whole."""

    code: str
    customer: str | None
    """The customer's code, for a contract that holds for all accounts of a customer; else `account` is given."""
    account: str | None
    start: datetime
    end: datetime | None
    priority: int
    currency: Currency
    payment_term_days: int | None
    prices: PlanDocument
    """Charges and adjustments."""

    @property
    def party(self) -> str:
        """The code of whom it is with."""
        return self.account or self.customer or ""


def read_contract(
    document: object, *, published: Mapping[str, Meter] | None = None, priced: Collection[str] = ()
) -> ContractDocument:
    """Check a contract document. `published` are the meters there are; `priced` the codes of usage charges of its plans.

    Raises Invalid with every fault, each with its path and the way out.
    """
    faults = Faults()
    contract = document if isinstance(document, Mapping) else {}
    if contract is not document:
        faults.add("", f"must be an object with named fields, not {shown(document)}")
        faults.refuse_if_any()
    fields = Fields({name: contract[name] for name in _TERMS if name in contract}, path="", faults=faults)
    parties = {name: read_code(fields, name) for name in _PARTIES if fields.has(name)}
    if len(parties) != 1:
        fields.fault("account", "say whom the contract is with: a customer, for all its accounts, or one account")
    start, end = read_instant(fields, "from", required=True), read_instant(fields, "to")
    if start is not None and end is not None and end <= start:
        fields.fault("to", f"the contract would end before it begins: {end} is not after {start}")
    priority = fields.whole("priority", least=0, most=PRIORITY_MAX, default=0) or 0
    days = fields.whole(_TERM, least=0, most=PAYMENT_TERM_DAYS_MAX) if fields.has(_TERM) else None
    prices = {name: value for name, value in contract.items() if name not in _TERMS}
    # A contract has a code and no name of its own.
    plan = Fields({"name": prices.get("code"), **prices}, path="", faults=faults)
    plan.lacks(frozenset(_TERMS))  # read above, and known where an unknown field is answered with those there are
    if "trial_days" in prices:
        plan.fault("trial_days", "a contract has none: list an adjustment of kind trial with its days instead")
    read = read_prices(plan, published=published, elsewhere=priced)
    for number, adjustment in enumerate(read.adjustments):
        if not adjustment.sac:
            faults.add(f"adjustments[{number}].sac", "the charges it applies to stand elsewhere: say which SAC its line has")
    faults.refuse_if_any()
    return ContractDocument(
        read.code, parties.get("customer"), parties.get("account"), start or _NEVER, end, priority, read.currency, days, read
    )
