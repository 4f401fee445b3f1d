"""The second rater on real books: it agrees with the first to the micro, and names what was tampered with."""

import pytest
from sqlalchemy import text

from connectors import proof_wiring
from domain.errors import BooksDoNotBalance, NotFound
from invoicing.recompute_accounts import recompute_accounts, require_agreement
from tests.books import NOVEMBER_2, an_event, book, open_account
from tests.builders import OCTOBER

pytestmark = pytest.mark.engines


def recomputed(*codes):
    return recompute_accounts(OCTOBER, codes or None, room=proof_wiring.evidence_room(), now=NOVEMBER_2)


def test_books_kept_by_the_first_rater_are_those_the_second_comes_to(shop):
    open_account("acme")
    open_account("bolt", mode="prepaid")
    book(shop, [an_event("acme"), an_event("acme", channel="whatsapp", quantity=3), an_event("bolt", channel="voice")])
    book(shop, [an_event("acme", meter="voice.minutes", quantity=150), an_event("acme", meter="voice.minutes")])

    found = recomputed()

    assert found.differences == ()
    assert (found.accounts, found.events, found.totals) == (2, 5, 4)
    assert found.amount_micros == {"INR": 1_000_000 * 140 + 800_000 + 3 * 145_000 + 200_000 + 500_000}


def test_only_the_accounts_asked_for_are_computed(shop):
    for code in ("acme", "bolt"):
        open_account(code)
        book(shop, [an_event(code)])

    assert (recomputed("acme").accounts, recomputed("acme").events) == (1, 1)


def test_a_wrong_total_is_named(shop):
    open_account("acme")
    book(shop, [an_event("acme")])
    with shop.begin() as connection:
        connection.execute(text("UPDATE usage_total SET amount_micros = amount_micros + 1"))

    found = recomputed("acme")

    assert [(row["of"], row["charge"], row["price"], row["what"]) for row in found.rows()] == [
        ("total", "otp-inr v1, otp.delivered", "sms", "amount_micros")
    ]
    with pytest.raises(BooksDoNotBalance, match=r"otp.delivered, price 'sms': amount_micros 200000 .* 200001 booked"):
        require_agreement(found)


def test_a_total_without_events_is_named(shop):
    open_account("acme")
    book(shop, [an_event("acme")])
    with shop.begin() as connection:
        connection.execute(text("UPDATE usage_total SET price_cell = 'whatsapp'"))

    assert [(row["price"], row["what"], row["recomputed"], row["booked"]) for row in recomputed("acme").rows()][:1] == [
        ("sms", "events", 1, 0)
    ]


def test_an_account_there_is_not_is_refused(shop):
    with pytest.raises(NotFound, match="nobody"):
        recomputed("nobody")
