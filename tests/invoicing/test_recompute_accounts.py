"""The second rater on real books: it agrees with the first to the micro, and names what was tampered with."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from connectors import batch_wiring, proof_wiring, wiring
from domain.errors import BooksDoNotBalance, NotFound
from domain.period import BillingMonth
from invoicing.accrue_fees import accrue_fees
from invoicing.publish_plan import publish_plan
from invoicing.recompute_accounts import recompute_accounts, require_agreement
from tests.books import AUTHOR, NOVEMBER_2, an_event, book, open_account
from tests.builders import OCTOBER
from tests.fee_charges import add_charge

pytestmark = pytest.mark.engines


KOLKATA = ZoneInfo("Asia/Kolkata")


def subscribed_from(database, start):
    with database.begin() as connection:
        statement = "UPDATE subscription SET validity = tstzrange(:start, NULL), began_at = :start"
        connection.execute(text(statement), {"start": start})


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


@pytest.mark.parametrize("text", ["s\0ms", "\0", "\\u0000", "\\\0", "\0\0\\"])
def test_a_text_that_postgres_cannot_read_as_json_keeps_nobody_from_being_computed(shop, text):
    open_account("acme")
    book(shop, [an_event("acme", channel=text), an_event("acme", channel="sms", **{f"x{text}": text})])

    assert recomputed().differences == ()


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


def test_fees_are_computed_anew_and_said_beside_usage(shop, cache):
    add_charge(shop, "otp-inr", "recurring", "platform", amount="310.00")
    add_charge(shop, "otp-inr", "commitment", "minimum", minimum="100.00", counts=["otp.delivered", "platform"])
    open_account("acme")
    subscribed_from(shop, datetime(2026, 10, 11, tzinfo=KOLKATA))
    book(shop, [an_event("acme")])
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=NOVEMBER_2)

    found = recomputed("acme")

    # October's share of 210.00, November in advance; with the usage that is more than the minimum.
    assert found.rows() == []
    assert (found.fees, found.fees_micros) == (2, {"INR": 520_000_000})
    assert found.amount_micros == {"INR": 200_000}


def test_a_wrong_fee_is_named(shop, cache):
    add_charge(shop, "otp-inr", "recurring", "platform", amount="310.00")
    open_account("acme")
    subscribed_from(shop, datetime(2026, 10, 1, tzinfo=KOLKATA))
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=NOVEMBER_2)
    with shop.begin() as connection:
        connection.execute(text("UPDATE usage_total SET amount_micros = amount_micros + 1"))

    found = recomputed("acme")

    assert [(row["of"], row["charge"], row["price"], row["recomputed"], row["booked"]) for row in found.rows()] == [
        ("fee", "otp-inr v1, platform", "2026-11-01/2026-12-01", 310_000_000, 310_000_001)
    ]


def test_a_fee_that_is_due_and_not_accrued_is_a_difference_that_says_what_books_it(shop):
    add_charge(shop, "otp-inr", "one_time", "setup", amount="5000.00")
    open_account("acme")
    subscribed_from(shop, datetime(2026, 10, 3, tzinfo=KOLKATA))

    with pytest.raises(BooksDoNotBalance, match="no error, `billing fees accrue` books it"):
        require_agreement(recomputed("acme"))


def test_a_minimum_counts_usage_of_earlier_months_of_its_quarter_as_it_is_booked(shop, cache):
    add_charge(shop, "otp-inr", "commitment", "minimum", minimum="100.00", every="quarter")
    open_account("acme")
    subscribed_from(shop, datetime(2026, 7, 1, tzinfo=KOLKATA))
    events = [an_event("acme", at=datetime(2026, month, 9, tzinfo=UTC), quantity=50) for month in (7, 9)]
    book(shop, events, received_at=datetime(2026, 9, 9, tzinfo=UTC))
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=NOVEMBER_2)

    september = recompute_accounts(BillingMonth(2026, 9), None, room=proof_wiring.evidence_room(), now=NOVEMBER_2)

    assert (september.rows(), september.fees_micros) == ([], {"INR": 80_000_000})


def a_plan_reset_each(reset, code):
    price = {"model": "per_unit", "unit_price": "0.20"}
    charge = {
        "meter": "otp.delivered",
        "description": "OTP",
        "sac": "998319",
        "unit": "message",
        "price": price,
        "reset": reset,
    }
    publish_plan(
        wiring.administration(), {"code": code, "name": code, "currency": "INR", "charges": [charge]}, author=AUTHOR
    )


def subscribed_in_turn(database, *plans):
    """Instead of what the account is on: each plan until an instant, the last without an end."""
    with database.begin() as connection:
        connection.execute(text("DELETE FROM subscription"))
        start = None
        for code, until in plans:
            statement = """
            INSERT INTO subscription (account_id, plan_version_id, validity)
            SELECT 1, plan_version_id, tstzrange(:start, :until)
            FROM plan_version JOIN plan USING (plan_id) WHERE code = :code
            """
            connection.execute(text(statement), {"code": code, "start": start, "until": until})
            start = until


def test_a_month_that_is_reached_over_a_quarter_may_have_a_price_that_reaches_further(shop):
    a_plan_reset_each("never", "lifetime")
    a_plan_reset_each("quarter", "quarterly")
    open_account("acme")
    subscribed_in_turn(shop, ("lifetime", datetime(2026, 10, 15, tzinfo=UTC)), ("quarterly", None))
    for month, day in ((8, 10), (10, 5), (10, 20), (11, 1)):
        at = datetime(2026, month, day, tzinfo=UTC)
        book(shop, [an_event("acme", at=at)], received_at=at)

    november = recompute_accounts(BillingMonth(2026, 11), None, room=proof_wiring.evidence_room(), now=NOVEMBER_2)

    assert (november.rows(), november.events) == ([], 4)


def test_an_account_there_is_not_is_refused(shop):
    with pytest.raises(NotFound, match="nobody"):
        recomputed("nobody")
