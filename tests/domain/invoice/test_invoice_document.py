"""The kept document: plain JSON, an exact way back, and a digest that any change changes."""

import hashlib
import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidInput
from domain.invoice.assemble import PaymentMode
from domain.invoice.document import digest, from_document, to_document
from domain.invoice.model import InvoiceStatus
from domain.money import Currency
from domain.tax.place_of_supply import BuyerCategory
from tests.builders import OCTOBER, a_buyer, a_line, an_invoice

INVOICES = [
    an_invoice(),
    an_invoice(issued=False),
    an_invoice(a_line(), a_line(late=True, service_month=OCTOBER.previous()), mode=PaymentMode.PREPAID),
    an_invoice(a_line(), a_line(service_days=(date(2026, 11, 1), date(2026, 11, 30)))),
    an_invoice(buyer=a_buyer(BuyerCategory.OVERSEAS), currency=Currency.USD),
    an_invoice(buyer=a_buyer(BuyerCategory.UNREGISTERED, email=None)),
    replace(an_invoice(issued=False), status=InvoiceStatus.VOID),
]


@pytest.mark.parametrize("invoice", INVOICES)
def test_an_invoice_comes_back_exactly_from_its_document(invoice):
    kept = json.loads(json.dumps(to_document(invoice)))
    assert from_document(kept) == invoice
    assert to_document(from_document(kept)) == to_document(invoice)


@pytest.mark.parametrize("invoice", INVOICES)
def test_a_document_holds_texts_whole_numbers_and_nothing_else(invoice):
    def leaves(value):
        if isinstance(value, dict):
            return [leaf for part in value.values() for leaf in leaves(part)]
        return [leaf for part in value for leaf in leaves(part)] if isinstance(value, list) else [value]

    assert {type(leaf) for leaf in leaves(to_document(invoice))} <= {str, int, bool, type(None)}


@given(st.text(), st.integers(-(2**63), 2**63 - 1))
def test_any_text_and_any_amount_survive(description, quantity):
    invoice = an_invoice(a_line(description=description, quantity_millionths=quantity))
    assert from_document(json.loads(json.dumps(to_document(invoice)))) == invoice


def test_the_digest_does_not_depend_on_the_order_of_keys():
    document = to_document(an_invoice())
    assert digest(dict(reversed(document.items()))) == digest(document)
    assert len(digest(document)) == 64


def test_any_change_changes_the_digest():
    document = to_document(an_invoice())
    for key in document:
        assert digest({**document, key: "changed"}) != digest(document)


def test_a_digest_is_the_sha256_of_canonical_json():
    canonical = b'{"a":1,"b":"\xe2\x82\xb9"}'
    assert digest({"b": "₹", "a": 1}) == hashlib.sha256(canonical).hexdigest()


def test_a_document_of_another_version_is_refused():
    with pytest.raises(InvalidInput, match="version 2 is unknown; this program reads 1"):
        from_document({**to_document(an_invoice()), "version": 2})


def test_a_document_without_a_field_is_refused_by_name():
    document = to_document(an_invoice())
    del document["place_of_supply"]
    with pytest.raises(InvalidInput, match="'place_of_supply' is missing"):
        from_document(document)


def test_a_document_with_a_stranger_in_a_line_is_refused():
    document = to_document(an_invoice())
    document["lines"][0]["colour"] = "red"
    with pytest.raises(InvalidInput, match="colour"):
        from_document(document)


def test_a_tampered_total_is_refused():
    with pytest.raises(InvalidInput, match="total is not subtotal plus tax"):
        from_document({**to_document(an_invoice()), "total_minor": 1})
