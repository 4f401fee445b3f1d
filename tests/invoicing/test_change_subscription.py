"""Subscriptions in the books: segments kept, audited, read by whoever rates next."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from connectors import clock, metering_wiring, wiring
from domain.catalogue import EffectivePlan
from domain.errors import IllegalTransition, Invalid, NotFound
from invoicing import change_subscription as changes
from invoicing.administer import Author
from invoicing.change_subscription import PlanReference
from invoicing.publish_plan import publish_plan
from tests.books import a_plan, open_account, open_shop

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
    change = changes.change(store, "acme", plan=PlanReference(PLAN), at=None, why="upgrade", author=ASHA)
    assert (change.before.plan.label, change.after.plan.label) == ("otp-inr v1", "otp-inr v2")
    assert segments() == [("otp-inr v1", None, NOW, False), ("otp-inr v2", NOW, None, False)]
    assert plan_at(NOW - timedelta(seconds=1)).label == "otp-inr v1"
    assert plan_at(NOW).label == "otp-inr v2"


def test_a_change_is_audited_with_what_was_and_what_is(store, database):
    changes.change(store, "acme", plan=PlanReference(PLAN, 2), at=None, why="upgrade", author=ASHA)
    with database.connect() as connection:
        statement = "SELECT actor, subject, before, after FROM audit_record WHERE action = 'subscription.changed'"
        ((actor, subject, before, after),) = connection.execute(text(statement)).all()
    assert (actor, subject) == ("asha", "acme")
    assert [segment["plan"] for segment in before["segments"]] == ["otp-inr v1"]
    assert [(segment["plan"], segment["why"]) for segment in after["segments"]][1] == ("otp-inr v2", "upgrade")


def test_a_cancelled_account_is_on_nothing_until_it_starts_again(store):
    changes.cancel(store, "acme", at=NOW, author=ASHA)
    assert plan_at(NOW) is None
    later = NOW + timedelta(days=5)
    changes.start(store, "acme", plan=PlanReference(PLAN, 1), at=later, why="came back", author=ASHA)
    assert segments() == [("otp-inr v1", None, NOW, False), ("otp-inr v1", later, None, False)]


def test_a_paused_subscription_still_charges_what_is_used(store):
    changes.pause(store, "acme", at=NOW, why="holidays", author=ASHA)
    assert plan_at(NOW).label == "otp-inr v1"
    changes.resume(store, "acme", at=NOW + timedelta(days=1), why="back", author=ASHA)
    assert [paused for *_, paused in segments()] == [False, True, False]


def test_what_was_planned_for_the_months_end_gives_way(store):
    end = changes.at_period_end(store, "acme", now=NOW)
    assert end == datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
    changes.change(store, "acme", plan=PlanReference(PLAN), at=end, why="later", author=ASHA)
    changes.cancel(store, "acme", at=NOW, author=ASHA)
    assert segments() == [("otp-inr v1", None, NOW, False)]


def test_bad_input_changes_nothing(store):
    before = segments()
    with pytest.raises(NotFound, match="plan otp-inr v9 was never published"):
        changes.change(store, "acme", plan=PlanReference(PLAN, 9), at=None, why="", author=ASHA)
    with pytest.raises(NotFound, match="account 'nobody'"):
        changes.cancel(store, "nobody", at=None, author=ASHA)
    with pytest.raises(Invalid, match="is in USD and account acme in INR"):
        changes.change(store, "acme", plan=PlanReference("otp-usd"), at=None, why="", author=ASHA)
    with pytest.raises(IllegalTransition, match="already"):
        changes.change(store, "acme", plan=PlanReference(PLAN, 1), at=None, why="", author=ASHA)
    assert segments() == before


def test_a_migration_is_previewed_then_done_and_leaves_out_who_cannot_be_moved(store, database):
    open_account("other")
    changes.cancel(store, "other", at=NOW - timedelta(days=1), author=ASHA)
    facts = {"plan": PlanReference(PLAN), "accounts": ["acme", "other"], "period_end": False, "author": ASHA}
    preview = changes.migrate(store, preview=True, **facts)
    assert [change.account for change in preview.moved] == ["acme"]
    assert "has no subscription" in preview.refused["other"]
    assert segments() == [("otp-inr v1", None, None, False)]
    changes.migrate(store, preview=False, **facts)
    assert [plan for plan, *_ in segments()] == ["otp-inr v1", "otp-inr v2"]


def test_without_names_everybody_on_another_version_is_moved_and_nobody_twice(store):
    open_account("newcomer")  # on the newest version already
    facts = {"plan": PlanReference(PLAN), "accounts": None, "period_end": False, "preview": False}
    later = Author("asha", clock.now())
    assert [change.account for change in changes.migrate(store, author=later, **facts).moved] == ["acme"]
    assert changes.migrate(store, author=later, **facts).moved == []
