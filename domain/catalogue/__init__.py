"""The catalogue: meters, charges with their price cells, adjustments, plan versions, contracts, and the plan in effect."""

from domain.catalogue.adjustments import Adjustment, AdjustmentKind, read_adjustment
from domain.catalogue.charges import ANY, Cell, Charge, Reset, Sharing, read_charge
from domain.catalogue.effective_plan import AdjustmentRate, EffectivePlan, Rate, Rates
from domain.catalogue.meters import Aggregation, Meter
from domain.catalogue.plan_spans import ContractTerm, PlanSpan, Subscription, plan_spans
from domain.catalogue.price_list import ChargeRow, Contract, PlanVersion, PriceList

__all__ = [
    "ANY",
    "Adjustment",
    "AdjustmentKind",
    "AdjustmentRate",
    "Aggregation",
    "Cell",
    "Charge",
    "ChargeRow",
    "Contract",
    "ContractTerm",
    "EffectivePlan",
    "Meter",
    "PlanSpan",
    "PlanVersion",
    "PriceList",
    "Rate",
    "Rates",
    "Reset",
    "Sharing",
    "Subscription",
    "plan_spans",
    "read_adjustment",
    "read_charge",
]
