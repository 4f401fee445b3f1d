"""Plan documents: what product people write, checked as a whole, compared with each other, and quoted."""

from domain.plans.document import PlanDocument, PlanRow
from domain.plans.fees import Commitment, OneTime, Recurring
from domain.plans.reading import read_plan

__all__ = [
    "Commitment",
    "OneTime",
    "PlanDocument",
    "PlanRow",
    "Recurring",
    "read_plan",
]
