"""A rule of automatic top-ups as a document: read with all its faults at once, and written down again.

{threshold: "500.00", amount: "2000.00", monthly_limit: "9000.00", methods: [upi_mandate], cool_down_minutes: 60}
"""

from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from domain.errors import Faults, Invalid
from domain.fields import Fields, but_is, guess, shown
from domain.money import MINOR_PER_UNIT, decimal_from_micros, decimal_from_minor, micros_from_decimal
from domain.top_up_rules import COOL_DOWN_MAX, Method, TopUpRule

AMOUNT_MAX: Final = Decimal(1_000_000_000)
COOL_DOWN_MINUTES_DEFAULT: Final = 60
_MINUTE: Final = timedelta(minutes=1)
_COOL_DOWN_MINUTES_MAX: Final = COOL_DOWN_MAX // _MINUTE


def read_top_up_rule(document: object, *, path: str = "") -> TopUpRule:
    """A rule. Raises Invalid with every fault; `path` stands before the fields' own."""
    faults = Faults()
    fields = Fields(document, path=path, faults=faults)
    threshold = _amount(fields, "threshold", least=-AMOUNT_MAX)
    amount, limit = _minor(fields, "amount"), _minor(fields, "monthly_limit")
    methods = _methods(fields)
    minutes = fields.whole("cool_down_minutes", least=1, most=_COOL_DOWN_MINUTES_MAX, default=COOL_DOWN_MINUTES_DEFAULT)
    if amount is not None and limit is not None and limit < amount:
        fields.fault("monthly_limit", "must allow one top-up at least: it is below the amount")
    fields.refuse_unknown()
    faults.refuse_if_any()
    if threshold is None or amount is None or limit is None or minutes is None:
        raise Invalid(faults.errors)
    return TopUpRule(micros_from_decimal(threshold), amount, limit, methods, minutes * _MINUTE)


def rule_document(rule: TopUpRule) -> dict[str, Any]:
    """The rule as a document that reads as this rule again: amounts in currency units, in quotes."""
    return {
        "threshold": f"{decimal_from_micros(rule.threshold_micros).normalize():f}",
        "amount": str(decimal_from_minor(rule.amount_minor)),
        "monthly_limit": str(decimal_from_minor(rule.monthly_limit_minor)),
        "methods": [method.value for method in rule.methods],
        "cool_down_minutes": rule.cool_down // _MINUTE,
    }


def _methods(fields: Fields) -> tuple[Method, ...]:
    known, found = [method.value for method in Method], []
    for place, name in enumerate(fields.rows("methods", most=len(known), what="method, the first choice first")):
        at = f"methods[{place}]"
        if not isinstance(name, str) or name not in known:
            reason = f"must be one of {', '.join(known)}" + but_is(name) + guess(name, known, faults=fields.faults)
            fields.fault(at, reason)
        elif Method(name) in found:
            fields.fault(at, f"is {name}, which stands in the list already")
        else:
            found.append(Method(name))
    return tuple(found)


def _minor(fields: Fields, name: str) -> int | None:
    amount = _amount(fields, name, least=Decimal("0.01"))
    if amount is None:
        return None
    minor = amount * MINOR_PER_UNIT
    if minor != int(minor):
        fields.fault(name, f"has more than 2 decimals: {shown(str(amount))}")
        return None
    return int(minor)


def _amount(fields: Fields, name: str, *, least: Decimal) -> Decimal | None:
    value = fields.take(name)
    try:
        amount = Decimal(value) if isinstance(value, str) and len(value) <= 40 else None
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite() or not least <= amount <= AMOUNT_MAX:
        fields.fault(name, f"must be an amount in quotes from {least:,} to {AMOUNT_MAX:,}, e.g. '500.00'" + but_is(value))
        return None
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -6:
        fields.fault(name, f"has more than 6 decimals: {shown(value)}")
        return None
    return amount
