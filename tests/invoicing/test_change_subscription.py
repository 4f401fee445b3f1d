"""Subscriptions in the books: segments kept, audited, read by whoever rates next."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from connectors import metering_wiring, wiring
from domain.catalogue import EffectivePlan
from domain.errors import IllegalTransition, Invalid, NotFound
from invoicing import change_subscription as changes
from invoicing.administer import Author
from invoicing.change_subscription import PlanReference, Timing
from invoicing.publish_plan import publish_plan
from tests.books import a_plan, an_event, book, open_account, open_shop

pytestmark = pytest.mark.engines

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
ASHA = Author("asha", NOW)
PLAN = "otp-inr"


@pytest.fixture
def store(database: Engine):
    open_shop()
    open_account("acme")
    document = a_plan()
    document["charges"][1]["price"] = {"model": "per_unit", "unit_price": "0.90"}
    publish_plan(wiring.administration(), document, author=ASHA)
    return wiring.administration()


def segments(account="acme"):
    rows = wiring.subscription_reader().segments(account=account, plan=None, past=True, limit=100, now=NOW)
    return [(row["plan"], row["from"], row["to"], row["paused"]) for row in rows]


def plan_at(moment) -> EffectivePlan | None:
    """What a worker that reads the configuration now rates an event of an instant with."""
    metering = metering_wiring.metering_store("tests")
    try:
        config = metering.config()
    finally:
        metering.close()
    (account,) = [one for one in config.accounts.values() if one.code == "acme"]
    return account.plan_at(int(moment.timestamp()) * 1_000_000)


def test_a_change_keeps_the_past_and_workers_rate_with_it(store):
    change = changes.change(store, "acme", plan=PlanReference(PLAN), timing=Timing(why="upgrade"), author=ASHA)
    assert (change.before.plan.label, change.after.plan.label) == ("otp-inr v1", "otp-inr v2")
    assert segments() == [("otp-inr v1", None, NOW, False), ("otp-inr v2", NOW, None, False)]
    assert plan_at(NOW - timedelta(seconds=1)).label == "otp-inr v1"
    assert plan_at(NOW).label == "otp-inr v2"


def test_a_change_is_audited_with_what_was_and_what_is(store, database):
    changes.change(store, "acme", plan=PlanReference(PLAN, 2), timing=Timing(why="upgrade"), author=ASHA)
    with database.connect() as connection:
        statement = "SELECT actor, subject, before, after FROM audit_record WHERE action = 'subscription.changed'"
        ((actor, subject, before, after),) = connection.execute(text(statement)).all()
    assert (actor, subject) == ("asha", "acme")
    assert [segment["plan"] for segment in before["segments"]] == ["otp-inr v1"]
    assert [(segment["plan"], segment["why"]) for segment in after["segments"]][1] == ("otp-inr v2", "upgrade")


def test_a_cancelled_account_is_on_nothing_until_it_starts_again(store):
    changes.cancel(store, "acme", author=ASHA)
    assert plan_at(NOW) is None
    later = NOW + timedelta(days=5)
    changes.start(store, "acme", plan=PlanReference(PLAN, 1), timing=Timing(later, why="came back"), author=ASHA)
    assert segments() == [("otp-inr v1", None, NOW, False), ("otp-inr v1", later, None, False)]


def test_a_paused_subscription_still_charges_what_is_used(store):
    changes.pause(store, "acme", timing=Timing(why="holidays"), author=ASHA)
    assert plan_at(NOW).label == "otp-inr v1"
    changes.resume(store, "acme", timing=Timing(NOW + timedelta(days=1), why="back"), author=ASHA)
    assert [paused for *_, paused in segments()] == [False, True, False]


def test_what_was_planned_for_the_months_end_gives_way(store):
    planned = changes.change(store, "acme", plan=PlanReference(PLAN), timing=Timing(at_period_end=True), author=ASHA)
    assert planned.at == datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
    changes.cancel(store, "acme", author=ASHA)
    assert segments() == [("otp-inr v1", None, NOW, False)]


def test_bad_input_changes_nothing(store):
    before = segments()
    with pytest.raises(NotFound, match="plan otp-inr v9 was never published"):
        changes.change(store, "acme", plan=PlanReference(PLAN, 9), author=ASHA)
    with pytest.raises(NotFound, match="account 'nobody'"):
        changes.cancel(store, "nobody", author=ASHA)
    with pytest.raises(Invalid, match="is in USD and account acme in INR"):
        changes.change(store, "acme", plan=PlanReference("otp-usd"), author=ASHA)
    with pytest.raises(IllegalTransition, match="already"):
        changes.change(store, "acme", plan=PlanReference(PLAN, 1), author=ASHA)
    assert segments() == before


def test_only_what_charges_usage_otherwise_asks_for_rating_anew(store, database):
    book(database, [an_event("acme", at=NOW - timedelta(days=2)), an_event("acme", at=NOW - timedelta(days=9))])
    past = Timing(NOW - timedelta(days=5))
    assert changes.pause(store, "acme", timing=past, author=ASHA).events_to_rerate == 0
    assert changes.change(store, "acme", plan=PlanReference(PLAN), timing=past, author=ASHA).events_to_rerate == 1


def test_what_began_meanwhile_gives_way_only_when_that_is_said(store):
    changes.change(store, "acme", plan=PlanReference(PLAN), timing=Timing(NOW - timedelta(days=5)), author=ASHA)
    earlier = NOW - timedelta(days=9)
    with pytest.raises(Invalid, match="at: account acme is on otp-inr v2 since 2026-10-15"):
        changes.cancel(store, "acme", timing=Timing(earlier), author=ASHA)
    done = changes.cancel(store, "acme", timing=Timing(earlier, replacing=True), author=ASHA)
    assert [segment.plan.label for segment in done.gave_way] == ["otp-inr v2"]
    assert segments() == [("otp-inr v1", None, earlier, False)]


def test_segments_that_gave_way_are_kept_with_the_versions_they_were_the_truth_in(store, database):
    changes.change(store, "acme", plan=PlanReference(PLAN), timing=Timing(at_period_end=True, why="more"), author=ASHA)
    changes.cancel(store, "acme", author=ASHA)
    statement = text("""
        SELECT plan_version_id, why, until_version IS NULL FROM subscription_history h JOIN account USING (account_id)
        WHERE code = 'acme' ORDER BY since_version, lower(validity) NULLS FIRST
    """)
    with database.connect() as connection:
        kept = connection.execute(statement).all()
    assert [row[1:] for row in kept] == [(None, False), (None, False), ("more", False), (None, True)]


def test_a_cancellation_can_be_taken_back(store):
    changes.cancel(store, "acme", timing=Timing(at_period_end=True), author=ASHA)
    changes.reactivate(store, "acme", why="stays", author=ASHA)
    assert segments() == [("otp-inr v1", None, None, False)]


def test_an_instant_and_the_end_of_the_period_are_not_both_said():
    with pytest.raises(Invalid, match="not both"):
        Timing(NOW, at_period_end=True)
