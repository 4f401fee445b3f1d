"""Re-rating: the books after a back-dated change are those they would be, had the change been there from the start."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from connectors import batch_wiring, metering_wiring, proof_wiring, wiring
from domain.errors import IllegalTransition, NotFound
from invoicing.arrange_accounts import set_parent
from invoicing.recompute_accounts import recompute_accounts
from invoicing.rerate_usage import preview_rerating, rerate_usage
from tests.books import AUTHOR, NOVEMBER_2, an_event, book, open_account
from tests.builders import OCTOBER
from tests.invoicing.selling import a_usage_charge, publish, put_on, write_contract

pytestmark = pytest.mark.engines

OCTOBER_1 = datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
OCTOBER_10 = datetime(2026, 10, 10, tzinfo=UTC)
EARLY, LATER = datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC)
VOLUME = {"model": "volume", "tiers": [{"up_to": 3, "unit_price": "1"}, {"unit_price": "0.5"}]}
NUMBERS = {"code": "numbers", "event_type": "otp.delivered", "aggregation": "unique", "property": "number"}
PEAK = {"code": "peak", "event_type": "otp.delivered", "aggregation": "max", "property": "load"}
LATEST = {"code": "level", "event_type": "otp.delivered", "aggregation": "latest", "property": "load"}


@pytest.fixture(name="acme")
def _acme(shop):
    """A postpaid account on SMS at 0.20 and WhatsApp at 0.1450."""
    open_account("acme")
    return shop


def rerated(since=OCTOBER_1, code="acme"):
    outcome = rerate_usage(code, since, store=proof_wiring.rerating(), balances=None, author=AUTHOR, why="agreed late")
    assert recompute_accounts(OCTOBER, None, room=proof_wiring.evidence_room(), now=NOVEMBER_2).rows() == []
    assert [check.name for check in batch_wiring.books().examine(rows_shown=3).checks if check.rows] == []
    return outcome


def balance(database, code="acme"):
    statement = "SELECT balance_micros FROM wallet JOIN account USING (account_id) WHERE code = :code"
    with database.connect() as connection:
        return connection.execute(text(statement), {"code": code}).scalar_one()


def batches(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM batch")).scalar_one()


def test_usage_since_the_change_is_charged_by_the_new_plan_and_the_wallet_pays_the_difference(acme):
    book(acme, [an_event("acme", at=EARLY, quantity=10), an_event("acme", at=LATER, quantity=5)])
    put_on(acme, "acme", publish(acme, "dear", [a_usage_charge("otp.delivered", price=VOLUME)]), start=OCTOBER_10)

    outcome = rerated(OCTOBER_10)

    assert (outcome.events, outcome.moved, outcome.difference_micros) == (2, 1, 2_500_000 - 1_000_000)
    assert balance(acme) == -(2_000_000 + 2_500_000)


def test_a_second_time_nothing_is_booked(acme):
    book(acme, [an_event("acme", at=LATER, quantity=5)])
    put_on(acme, "acme", publish(acme, "dear", [a_usage_charge("otp.delivered", price=VOLUME)]), start=OCTOBER_10)
    rerated(OCTOBER_10)
    before = batches(acme)

    again = rerated(OCTOBER_10)

    assert (again.moved, again.difference_micros, again.changes) == (0, 0, ())
    assert batches(acme) == before


def test_a_preview_books_nothing(acme):
    book(acme, [an_event("acme", at=LATER, quantity=5)])
    put_on(acme, "acme", publish(acme, "dear", [a_usage_charge("otp.delivered", price=VOLUME)]), start=OCTOBER_10)

    outcome = preview_rerating("acme", OCTOBER_10, store=proof_wiring.rerating())

    assert (outcome.moved, outcome.difference_micros) == (1, 1_500_000)
    assert (balance(acme), batches(acme)) == (-1_000_000, 1)
    assert [(change.charge, change.amount_micros_before, change.amount_micros_after) for change in outcome.changes] == [
        ("otp-inr v1, otp.delivered", 1_000_000, 0),
        ("dear v1, otp.delivered", 0, 2_500_000),
    ]


def test_what_stays_in_a_total_is_priced_as_if_the_rest_had_never_been_there(acme):
    put_on(acme, "acme", publish(acme, "volume", [a_usage_charge("otp.delivered", price=VOLUME)]), start=OCTOBER_1)
    book(acme, [an_event("acme", at=LATER, quantity=2), an_event("acme", at=EARLY, quantity=2)])
    cheap = publish(acme, "cheap", [a_usage_charge("otp.delivered", price={"model": "per_unit", "unit_price": "0.01"})])
    put_on(acme, "acme", cheap, start=OCTOBER_10)

    outcome = rerated(OCTOBER_10)

    # Four at 0.5 were 2.00; now two at 1.00 and two at 0.01.
    assert (outcome.moved, outcome.difference_micros) == (1, 20_000)
    assert balance(acme) == -2_020_000


@pytest.mark.parametrize("meter", [NUMBERS, PEAK, LATEST], ids=lambda meter: meter["aggregation"])
def test_distinct_highest_and_latest_values_are_those_of_the_events_that_stay(acme, meter):
    charges = [a_usage_charge("otp", meter["code"], price=VOLUME)]
    put_on(acme, "acme", publish(acme, "measured", charges, meters=[meter]), start=OCTOBER_1)
    events = [("a", 3, EARLY), ("b", 9, LATER), ("a", 7, LATER), ("c", 2, EARLY)]
    book(acme, [an_event("acme", at=at, number=number, load=load, channel="sms") for number, load, at in events])
    put_on(acme, "acme", publish(acme, "other", charges), start=OCTOBER_10)

    assert rerated(OCTOBER_10).moved == 2
    book(acme, [an_event("acme", at=at, number="d", load=8, channel="sms") for at in (EARLY, LATER)])
    assert rerated(OCTOBER_10).moved == 0


def test_adjustments_follow_the_money_they_are_made_on(acme):
    off = {"code": "off", "kind": "percentage", "description": "Off", "percent": "10"}
    plan = publish(acme, "adjusted", [a_usage_charge("otp.delivered", price=VOLUME), off])
    put_on(acme, "acme", plan, start=OCTOBER_1)
    book(acme, [an_event("acme", at=EARLY, quantity=4), an_event("acme", at=LATER, quantity=4)])
    free = {"code": "off", "kind": "percentage", "description": "Free", "percent": "100"}
    charge = a_usage_charge("otp.delivered", price=VOLUME)
    put_on(acme, "acme", publish(acme, "free", [charge, free]), start=OCTOBER_10)

    outcome = rerated(OCTOBER_10)

    assert (outcome.moved, balance(acme)) == (1, -1_800_000)  # what stays: four at 0.5, less a tenth


def test_an_adjustment_that_comes_to_nothing_needs_no_total(acme):
    charge = a_usage_charge("otp.delivered", price={**VOLUME, "corrections": "reprice"})
    put_on(acme, "acme", publish(acme, "plain", [charge]), start=OCTOBER_1)
    book(acme, [an_event("acme", at=LATER, quantity=quantity) for quantity in (4, -4)])
    off = {"code": "off", "kind": "percentage", "description": "Off", "percent": "10"}
    put_on(acme, "acme", publish(acme, "adjusted", [charge, off]), start=OCTOBER_10)

    outcome = rerated()

    assert (outcome.moved, balance(acme)) == (2, 0)


def test_a_price_over_a_quarter_goes_on_with_what_is_left_in_it(acme):
    charge = a_usage_charge("otp.delivered", price=VOLUME, reset="quarter")
    put_on(acme, "acme", publish(acme, "quarterly", [charge]), start=OCTOBER_1)
    book(acme, [an_event("acme", at=at, quantity=2) for at in (EARLY, LATER, LATER)])
    put_on(acme, "acme", publish(acme, "other", [charge]), start=OCTOBER_10)

    assert rerated(OCTOBER_10).moved == 2
    assert balance(acme) == -(2_000_000 + 2_000_000)


def test_usage_under_no_subscription_any_more_costs_nothing(acme):
    book(acme, [an_event("acme", at=at) for at in (EARLY, LATER)])
    with acme.begin() as connection:
        connection.execute(text("UPDATE subscription SET validity = tstzrange(NULL, :at)"), {"at": OCTOBER_10})

    outcome = rerated(OCTOBER_10)

    assert (outcome.moved, outcome.unpriced, balance(acme)) == (1, 1, -200_000)


def test_an_event_the_new_plan_has_no_price_for_is_refused_and_nothing_is_booked(acme):
    book(acme, [an_event("acme", at=LATER)])
    put_on(acme, "acme", publish(acme, "voice", [a_usage_charge("voice.minutes", price=VOLUME)]), start=OCTOBER_10)

    with pytest.raises(IllegalTransition, match=r"has no price in voice v1: it needs a charge for 'otp.delivered'"):
        rerated(OCTOBER_10)
    assert batches(acme) == 1


def test_an_invoiced_month_is_final(acme):
    book(acme, [an_event("acme", at=LATER)])
    put_on(acme, "acme", publish(acme, "dear", [a_usage_charge("otp.delivered", price=VOLUME)]), start=OCTOBER_10)
    with acme.begin() as connection:
        connection.execute(text("UPDATE usage_total SET invoiced_event_count = 1"))

    with pytest.raises(IllegalTransition, match="2026-10 of account acme is invoiced"):
        preview_rerating("acme", OCTOBER_10, store=proof_wiring.rerating())


def test_an_account_there_is_not_is_refused(shop):
    with pytest.raises(NotFound, match="nobody"):
        preview_rerating("nobody", OCTOBER_1, store=proof_wiring.rerating())


def test_what_was_booked_is_audited_and_sent_on(acme):
    book(acme, [an_event("acme", at=LATER)])
    put_on(acme, "acme", publish(acme, "dear", [a_usage_charge("otp.delivered", price=VOLUME)]), start=OCTOBER_10)
    rerated(OCTOBER_10)

    with acme.connect() as connection:
        (audited,) = connection.execute(text("SELECT after FROM audit_record WHERE action = 'usage.rerated'")).scalars()
    assert (audited["why"], audited["moved"], audited["difference_micros"]) == ("agreed late", 1, 800_000)
    assert metering_wiring.outbox() is not None


def test_a_change_in_one_month_of_a_yearly_price_moves_the_price_of_the_months_whose_usage_stays(acme):
    """A back-dated contract of the first days of October takes usage out of the year: November's reaches an earlier tier."""
    charge = a_usage_charge("otp.delivered", price=VOLUME, reset="year")
    put_on(acme, "acme", publish(acme, "yearly", [charge]), start=OCTOBER_1)
    november = datetime(2026, 11, 2, tzinfo=UTC)
    book(acme, [an_event("acme", at=EARLY, quantity=3), an_event("acme", at=november, quantity=3)])
    assert balance(acme) == -3_000_000

    agreed = a_usage_charge("otp.delivered", price={"model": "per_unit", "unit_price": "0.10"})
    write_contract(acme, "acme", [agreed], start=OCTOBER_1, end=OCTOBER_10)
    outcome = rerated()

    assert (outcome.moved, balance(acme)) == (1, -(300_000 + 3_000_000))
    assert rerated().moved == 0


def test_what_an_account_shares_with_a_tree_reaches_prices_of_the_others_that_count_for_longer(acme):
    """A price of the year, below one who shares prices of the month: its year is rated anew, too, when that one's are."""
    open_account("branch")
    set_parent(wiring.administration(), "branch", parent="acme", author=AUTHOR)
    yearly = a_usage_charge("otp.delivered", price=VOLUME, reset="year")
    put_on(acme, "branch", publish(acme, "yearly", [yearly]), start=OCTOBER_1)
    book(acme, [an_event("branch", at=EARLY, quantity=4)])
    shared = a_usage_charge("otp.delivered", price=VOLUME, shared="account_tree")
    for code in ("acme", "branch"):
        put_on(acme, code, publish(acme, "shared", [shared]), start=OCTOBER_1)

    assert rerated(code="acme").moved == 1
    assert rerated(code="branch").moved == 0
