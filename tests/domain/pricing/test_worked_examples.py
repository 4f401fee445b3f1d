"""Worked examples of other billing systems' public documentation: their figures, our models.

Each example names its source. Only figures were taken; where a source gives a price and the quantities it was worked out
for, the amount is theirs as well.
"""

from decimal import Decimal

import pytest

from domain.pricing import read_price


def tiers(*rows):
    """Tiers from (up to, unit price, flat fee)."""
    return [
        {
            **({} if up_to is None else {"up_to": up_to}),
            **({} if unit_price is None else {"unit_price": unit_price}),
            **({} if flat_fee is None else {"flat_fee": flat_fee}),
        }
        for up_to, unit_price, flat_fee in rows
    ]


def steps(*rows):
    return tiers(*((up_to, None, flat_fee) for up_to, flat_fee in rows))


STRIPE_FONTS = tiers((5, "7", None), (10, "6.5", None), (None, "6", None))
STRIPE_PER_5_USERS = {"model": "package", "package_size": 5, "package_price": "10"}
STRIPE_CAR_RENTAL = {"model": "package", "package_size": 60, "package_price": "10"}
LAGO_VOLUME = tiers((10_000, "0.0010", "10"), (50_000, "0.0008", "10"), (100_000, "0.0006", "10"), (None, "0.0004", "10"))
LAGO_PACKAGE = {"model": "package", "package_size": 100, "package_price": "5", "free_units": 100}
LAGO_GRADUATED = tiers((10, "10", "2"), (20, "5", "3"), (None, "5", "3"))
LAGO_PERCENTAGE = {"model": "percentage", "percent": "1", "fixed": "1", "minimum": "1.75", "maximum": "12"}
OPENMETER_TIERS = tiers((5, None, "100"), (10, None, "50"), (15, "10", None), (None, "5", None))
OPENMETER_TIERS_2 = tiers((5, "0", "100"), (10, None, "50"), (15, "5", None), (None, "1", None))
CHARGEBEE_TOKENS = {"model": "package", "package_size": 1_000_000, "package_price": "1.25"}
RECURLY_SEATS = steps((10, "50"), (20, "100"), (None, "150"))
ZUORA_OVERAGE = {"model": "per_unit", "unit_price": "2.00", "free_units": 100}
SOLVIMON_STEPS = steps((100, "25"), (1_000, "20"), (None, "15"))
ORACLE_STEPS = steps((250, "10"), (500, "20"), (None, "30"))
ORACLE_UNITS = tiers((250, "1", None), (500, "2", None), (None, "3", None))
ZUPLO_TIERS = tiers((1_000, "0.10", None), (10_000, "0.05", None), (None, "0.01", None))
MONK_PACKAGE = {"model": "package", "package_size": 1_000, "package_price": "50.00"}
FLEXPRICE_MESSAGES = steps((1_000, "50"), (5_000, "200"), (None, "350"))

STRIPE_TIERS = "Stripe, Set up tiered pricing, docs.stripe.com/subscriptions/pricing-models/tiered-pricing"
STRIPE_TRANSFORM = (
    "Stripe, Transform quantities, docs.stripe.com/billing/subscriptions/usage-based/transform-quantities;"
    " Quantity transformation, stripe.com/docs/billing/subscriptions/quantity-transformation"
)
STRIPE_METERS = "Stripe, Configure meters, docs.stripe.com/billing/subscriptions/usage-based/meters/configure"
STRIPE_OVERAGE = (
    "Stripe, Set up a flat fee and overages pricing model,"
    " docs.stripe.com/billing/subscriptions/usage-based-v1/use-cases/flat-fee-and-overages"
)
LAGO = "Lago, charge models, getlago.com/docs/guide/plans/charges/charge-models"
LAGO_TRANSACTIONS = (
    "Lago, lago-api, scenario of percentage charges: 1 % and 1.00, at least 1.75 and at most 12.00 a transaction"
)
LAGO_SPEC = "Lago, lago-api, spec of the graduated charge model: no flat amount at zero"
OPENMETER = "OpenMeter, openmeter, tests of graduated tiered prices: the first flat price is due without usage"
OPENMETER_DOCS = "OpenMeter, Pricing Models, openmeter.io/docs/billing/product-catalog/pricing-models"
CHARGEBEE = "Chargebee, Package Pricing, chargebee.com/docs/billing/2.0/product-catalog/package-pricing"
RECURLY = "Recurly, Billing Models, docs.recurly.com/docs/billing-models; Quantity-based pricing"
ZUORA = "Zuora, RatingDetail schema, Example: Tiered pricing mode; Example: Flat fee pricing model"
SOLVIMON = "Solvimon, Stairstep pricing, docs.solvimon.com/docs/staircase-pricing: the steps passed add up"
ORACLE = "Oracle Banking Liquidity Management, Examples for Tier Based Amount: by slab and variable"
ZUPLO = "Zuplo, Pricing models, zuplo.com/docs/articles/monetization/pricing-models"
AUTUMN = "Autumn, Graduated Pricing, docs.useautumn.com/documentation/modelling-pricing/graduated-pricing"
FLEXPRICE = "Flexprice, Tiered and Package, docs.flexprice.io/docs/product-catalogue/plans/billing-models"
MONK = "Monk, Pricing, docs.monk.com/concepts/pricing"

EXAMPLES = [
    *[
        (STRIPE_TIERS, {"model": "volume", "tiers": STRIPE_FONTS}, quantity, amount)
        for quantity, amount in [("1", "7"), ("5", "35"), ("6", "39"), ("20", "120"), ("25", "150")]
    ],
    *[
        (STRIPE_TIERS, {"model": "graduated", "tiers": STRIPE_FONTS}, quantity, amount)
        for quantity, amount in [("5", "35"), ("6", "41.50"), ("20", "127.50"), ("25", "157.50")]
    ],
    *[
        (STRIPE_TRANSFORM, STRIPE_PER_5_USERS, users, amount)
        for users, amount in [("1", "10"), ("3", "10"), ("5", "10"), ("6", "20"), ("7", "20")]
    ],
    (STRIPE_TRANSFORM, STRIPE_CAR_RENTAL, "150", "30"),
    (STRIPE_METERS, {"model": "per_unit", "unit_price": "0.04", "corrections": "reprice"}, "-25", "0"),
    (STRIPE_OVERAGE, {"model": "graduated", "tiers": tiers((1_000, "0", None), (None, "0.04", None))}, "1000", "0"),
    (LAGO, {"model": "volume", "tiers": LAGO_VOLUME}, "65000", "49"),
    (LAGO, LAGO_PACKAGE, "201", "10"),
    (LAGO_SPEC, {"model": "graduated", "tiers": LAGO_GRADUATED}, "0", "0"),
    *[(LAGO_TRANSACTIONS, LAGO_PERCENTAGE, paid, fee) for paid, fee in [("100", "2"), ("1000", "11"), ("10000", "12")]],
    *[
        (OPENMETER, {"model": "graduated", "tiers": OPENMETER_TIERS, "flat_at_zero": True}, quantity, amount)
        for quantity, amount in [
            ("0", "100"),
            ("3", "100"),
            ("5", "100"),
            ("5.001", "150"),
            ("7", "150"),
            ("12", "170"),
            ("22", "235"),
        ]
    ],
    (OPENMETER, {"model": "graduated", "tiers": OPENMETER_TIERS_2, "flat_at_zero": True}, "12", "160"),
    (OPENMETER, {"model": "graduated", "tiers": OPENMETER_TIERS_2, "flat_at_zero": True}, "22", "182"),
    (OPENMETER_DOCS, {"model": "per_unit", "unit_price": "0.01"}, "10000", "100"),
    (CHARGEBEE, CHARGEBEE_TOKENS, "10", "1.25"),
    (CHARGEBEE, CHARGEBEE_TOKENS, "1000000", "1.25"),
    (CHARGEBEE, CHARGEBEE_TOKENS, "1500000", "2.50"),
    (RECURLY, {"model": "graduated", "tiers": tiers((100, "1", None), (None, "0.50", None))}, "150", "125"),
    *[
        (RECURLY, {"model": "stairstep", "tiers": RECURLY_SEATS}, seats, amount)
        for seats, amount in [("1", "50"), ("10", "50"), ("11", "100"), ("20", "100"), ("21", "150"), ("500", "150")]
    ],
    (RECURLY, {"model": "volume", "tiers": tiers((20, "10", None), (None, "9", None))}, "20", "200"),
    (RECURLY, {"model": "volume", "tiers": tiers((20, "10", None), (None, "9", None))}, "21", "189"),
    (ZUORA, ZUORA_OVERAGE, "130", "60"),
    (ZUORA, {"model": "stairstep", "tiers": steps((None, "99.00"))}, "160", "99"),
    (SOLVIMON, {"model": "stairstep", "tiers": SOLVIMON_STEPS, "steps": "passed"}, "200", "45"),
    (ORACLE, {"model": "stairstep", "tiers": ORACLE_STEPS, "steps": "passed"}, "1000", "60"),
    (ORACLE, {"model": "stairstep", "tiers": ORACLE_STEPS}, "1000", "30"),
    (ORACLE, {"model": "graduated", "tiers": ORACLE_UNITS}, "1000", "2250"),
    (ORACLE, {"model": "volume", "tiers": ORACLE_UNITS}, "1000", "3000"),
    (ZUPLO, {"model": "graduated", "tiers": ZUPLO_TIERS}, "15000", "600"),
    (ZUPLO, {"model": "volume", "tiers": ZUPLO_TIERS}, "15000", "150"),
    (ZUPLO, {"model": "per_unit", "unit_price": "0.001"}, "100000", "100"),
    (
        AUTUMN,
        {"model": "graduated", "tiers": tiers((1_000, "0.01", None), (10_000, "0.008", None), (None, "0.005", None))},
        "15000",
        "107",
    ),
    (FLEXPRICE, {"model": "stairstep", "tiers": FLEXPRICE_MESSAGES}, "4500", "200"),
    (FLEXPRICE, {"model": "stairstep", "tiers": FLEXPRICE_MESSAGES}, "1500", "200"),
    (FLEXPRICE, {"model": "package", "package_size": 1_000, "package_price": "1.00"}, "4500", "5"),
    *[(MONK, MONK_PACKAGE, calls, amount) for calls, amount in [("1000", "50"), ("1001", "100"), ("5500", "300")]],
    (
        MONK,
        {"model": "graduated", "tiers": tiers((1_000, "0.10", None), (10_000, "0.08", None), (None, "0.05", None))},
        "5000",
        "420",
    ),
]


@pytest.mark.parametrize(
    ("source", "document", "quantity", "amount"),
    EXAMPLES,
    ids=[f"{source.split(',')[0]} {document['model']} {quantity}" for source, document, quantity, _ in EXAMPLES],
)
def test_a_documented_example_comes_to_its_documented_amount(source, document, quantity, amount):
    price = read_price(document, path="price")
    assert price.amount_micros(int(Decimal(quantity) * 1_000_000)) == int(Decimal(amount) * 1_000_000), source


def test_lagos_transactions_one_after_the_other_add_up():
    price = read_price(LAGO_PERCENTAGE, path="price")
    running, amounts = 0, []
    for amount in (100, 1_000, 10_000):
        running += price.event_micros(amount * 1_000_000)
        amounts.append(running)
    assert amounts == [2_000_000, 13_000_000, 25_000_000]


def test_openmeters_later_part_of_a_period_costs_the_difference():
    """OpenMeter: 12 units used before, 10 more: 3 at 5 and 7 at 1."""
    price = read_price({"model": "graduated", "tiers": OPENMETER_TIERS_2, "flat_at_zero": True}, path="price")
    assert price.amount_micros(22_000_000) - price.amount_micros(12_000_000) == 22_000_000


def test_examples_of_more_than_four_systems_are_here_and_of_every_model_they_document():
    assert len({source.split(",")[0] for source, *_ in EXAMPLES}) >= 10
    documented_elsewhere = {"per_unit", "package", "graduated", "volume", "stairstep", "percentage"}
    assert {document["model"] for _, document, *_ in EXAMPLES} == documented_elsewhere
