"""Builders of customers and accounts as documents: right as they are, changes are merged in and None removes."""

from typing import Any

from domain.customers.merge_patch import merge
from tests.builders import MAHARASHTRA_GSTIN


def a_customer_document(**changes: Any) -> dict[str, Any]:
    """A registered company in Maharashtra; changes are merged in, None removes."""
    document = {
        "code": "acme",
        "legal_name": "Acme Private Limited",
        "email": "accounts@acme.example",
        "addresses": {
            "billing": {
                "lines": ["14 Marine Lines"],
                "city": "Mumbai",
                "postal_code": "400020",
                "state_code": "27",
                "country": "IN",
            }
        },
        "tax": {"category": "registered", "gstin": MAHARASHTRA_GSTIN},
    }
    return merge(document, changes)


def a_customer_abroad(**changes: Any) -> dict[str, Any]:
    """A company in Philadelphia."""
    document = {
        "code": "walnut",
        "legal_name": "Walnut Street Inc.",
        "email": "finance@walnut.example",
        "addresses": {
            "billing": {"lines": ["500 Walnut Street"], "city": "Philadelphia PA", "postal_code": "19106", "country": "US"}
        },
        "tax": {"category": "overseas"},
        "time_zone": "America/New_York",
    }
    return merge(document, changes)


def an_account_document(**changes: Any) -> dict[str, Any]:
    """A prepaid account of acme in rupees."""
    document = {
        "code": "acme-live",
        "customer": "acme",
        "mode": "prepaid",
        "currency": "INR",
        "time_zone": "Asia/Kolkata",
    }
    return merge(document, changes)
