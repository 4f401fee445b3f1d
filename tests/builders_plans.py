"""Plan documents with good defaults."""

from copy import deepcopy


def per_unit(unit_price="0.20", **more):
    return {"model": "per_unit", "unit_price": unit_price, **more}


def a_matrix(*rows, dimensions=("channel", "country")):
    """Rows are (when, unit price)."""
    documents = [{"when": when, **per_unit(price)} if when else per_unit(price) for when, price in rows]
    return {"model": "matrix", "dimensions": list(dimensions), "rows": documents}


def a_charge(meter="otp.delivered", **changes):
    charge = {
        "meter": meter,
        "description": "One-time password",
        "sac": "998319",
        "unit": "message",
        "price": per_unit(),
    }
    return {name: value for name, value in {**charge, **changes}.items() if value is not ...}


def a_discount(**changes):
    discount = {"code": "launch", "kind": "percentage", "percent": "10", "description": "Launch offer", **changes}
    return {name: value for name, value in discount.items() if value is not ...}


def a_fee(**changes):
    return {
        "code": "platform",
        "kind": "recurring",
        "description": "Platform fee",
        "sac": "998319",
        "amount": "999.00",
        **changes,
    }


def a_setup(**changes):
    return a_fee(code="setup", kind="one_time", description="Set-up", **changes)


def a_commitment(**changes):
    return {
        "code": "least",
        "kind": "commitment",
        "description": "Minimum",
        "sac": "998319",
        "minimum": "10000.00",
        **changes,
    }


def a_plan(*charges, **changes):
    plan = {
        "code": "otp-india",
        "name": "OTP India",
        "currency": "INR",
        "charges": list(charges) or [a_charge()],
    }
    return deepcopy({**plan, **changes})


def a_meter(code="numbers", **changes):
    return {
        "code": code,
        "event_type": "otp.delivered",
        "aggregation": "unique",
        "property": "recipient_hash",
        **changes,
    }
