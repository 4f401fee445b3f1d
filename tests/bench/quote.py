"""A quote in process: a plan with 50 charges read, checked and applied to 100 entries of usage, in CPU time."""

import time
from statistics import median
from zoneinfo import ZoneInfo

from domain.plans import read_plan
from domain.plans.quote_lines import quote
from domain.plans.quoted_usage import read_usage
from tests.bench.figures import Figure, at_most
from tests.builders_plans import a_charge, a_discount, a_fee, a_matrix, a_plan, per_unit

CHARGES = 50
REPEATS = 50
_INDIA = ZoneInfo("Asia/Kolkata")


def a_large_plan():
    """40 usage charges, of which 10 have a matrix of 20 rows and 15 have tiers; 10 recurring fees; two adjustments."""
    tiers = {"model": "graduated", "tiers": [{"up_to": 100, "unit_price": "1"}, {"unit_price": "0.5"}]}
    rows = [({"channel": channel, "country": f"C{n}"}, "0.1234") for channel in ("sms", "email") for n in range(10)]
    prices = [a_matrix(*rows), tiers, per_unit("0.1450"), tiers]
    usage = [a_charge(f"meter.{number}", price=prices[number % 4]) for number in range(CHARGES - 10)]
    fees = [a_fee(code=f"fee.{number}") for number in range(10)]
    adjustments = [a_discount(), {"code": "cap", "kind": "maximum", "amount": "5000", "description": "Spend cap"}]
    return a_plan(*usage, *fees, adjustments=adjustments)


def measure(portion: float = 1) -> list[Figure]:
    """Milliseconds of CPU a quote."""
    document = a_large_plan()
    entries = [
        {"type": f"meter.{number % 40}", "quantity": number, "properties": {"channel": "sms", "country": f"C{number % 10}"}}
        for number in range(100)
    ]
    took = []
    for _ in range(max(3, int(REPEATS * portion))):
        started = time.process_time()
        said = quote(read_plan(document), read_usage(entries, measured=()), time_zone=_INDIA).document()
        took.append((time.process_time() - started) * 1_000)
        if len(said["lines"]) < CHARGES or said["unpriced"]:
            raise AssertionError(f"the quote has {len(said['lines'])} lines")
    conditions = f"median of {len(took)}: document to JSON-ready answer, {CHARGES} charges, {len(entries)} events; CPU time"
    return [at_most("quote_50_charges", median(took), "ms", 10, conditions=conditions)]
