"""Moving accounts to another version of their plan: who, when, and what it does to their money."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from connectors import batch_wiring, clock, wiring
from domain.errors import NotFound
from invoicing import change_subscription as changes
from invoicing.administer import Author
from invoicing.change_subscription import PlanReference, Timing
from invoicing.migrate_subscriptions import Effect, MigrationOrder, migrate_subscriptions, preview_migration
from invoicing.publish_plan import publish_plan
from tests.books import a_plan, open_account, open_shop
from tests.fee_charges import add_charge

pytestmark = pytest.mark.engines

NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
ASHA = Author("asha", NOW)
PLAN = "otp-inr"
MILLION = 1_000_000


@pytest.fixture
def store(database: Engine):
    """The plan costs 100.00 a month in its first version and 150.00 in its second; acme and other are on the first."""
    open_shop()
    add_charge(database, PLAN, "recurring", "platform", amount="100.00")
    for account in ("acme", "other"):
        open_account(account)
    document = a_plan()
    document["charges"][1]["price"] = {"model": "per_unit", "unit_price": "0.90"}
    publish_plan(wiring.administration(), document, author=ASHA)
    add_charge(database, PLAN, "recurring", "platform", amount="150.00")
    return wiring.administration()


def plans():
    rows = wiring.subscription_reader().segments(account=None, plan=None, past=True, limit=100, now=NOW)
    return [(row["account"], row["plan"], row["to"]) for row in rows]


def order(*accounts, **timing):
    return MigrationOrder(PlanReference(PLAN), accounts or None, Timing(**timing))


def preview(store, ordered, **more):
    return preview_migration(store, batch_wiring.fee_books(), ordered, author=ASHA, **more)


def test_a_preview_says_what_fees_become_and_moves_nobody(store, database):
    found = preview(store, order(at_period_end=True))
    assert [(move.account, move.plan_before) for move in found.moves] == [("acme", "otp-inr v1"), ("other", "otp-inr v1")]
    # Twelve months from November on.
    assert {move.effect for move in found.moves} == {Effect(12 * 100 * MILLION, 12 * 150 * MILLION)}
    assert found.totals() == {"INR": (2, Effect(24 * 100 * MILLION, 24 * 150 * MILLION))}
    assert plans() == [("acme", "otp-inr v1", None), ("other", "otp-inr v1", None)]
    assert found.refused == {}


def test_a_preview_of_a_move_in_mid_month_counts_what_the_present_version_gives_back(store):
    (move,) = preview(store, order("acme", at=datetime(2026, 10, 16, 6, 30, tzinfo=UTC))).moves
    rest = (31 * 24 - 15 * 24 - 12) * 50 * MILLION // (31 * 24)
    assert move.effect.fees_after - move.effect.fees_before == pytest.approx(12 * 50 * MILLION + rest, abs=1)


def test_a_preview_takes_over_what_past_usage_would_have_come_to(store):
    asked = []

    def what_if(plan, accounts):
        asked.append((plan.label, list(accounts)))
        return {"acme": (5, 7)}

    found = preview(store, order("acme", "other"), what_if=what_if)
    assert asked == [("otp-inr v2", ["acme", "other"])]
    assert [(move.effect.usage_before, move.effect.usage_after) for move in found.moves] == [(5, 7), (None, None)]


def test_who_cannot_be_moved_stays_with_the_reason(store):
    changes.cancel(store, "other", timing=Timing(NOW - timedelta(days=1)), author=ASHA)
    moved = migrate_subscriptions(store, order("acme", "other", "nobody", at_period_end=True), author=ASHA)
    assert [move.account for move in moved.moves] == ["acme"]
    assert "has no subscription" in moved.refused["other"]
    assert "does not exist" in moved.refused["nobody"]
    month_end = datetime(2026, 10, 31, 18, 30, tzinfo=UTC)
    assert [row for row in plans() if row[0] == "acme"] == [("acme", "otp-inr v1", month_end), ("acme", "otp-inr v2", None)]


def test_without_names_everybody_on_another_version_is_moved_and_nobody_twice(store):
    open_account("newcomer")  # on the newest version already
    later = Author("asha", clock.now())
    assert [move.account for move in migrate_subscriptions(store, order(), author=later).moves] == ["acme", "other"]
    again = migrate_subscriptions(store, order(), author=later)
    assert (again.moves, again.refused) == ([], {})


def test_who_is_not_moved_keeps_the_version_it_has(store):
    migrate_subscriptions(store, order("acme"), author=ASHA)
    assert ("other", "otp-inr v1", None) in plans()


def test_many_are_moved_in_portions_and_an_interruption_leaves_whole_accounts(store, monkeypatch):
    monkeypatch.setattr("invoicing.migrate_subscriptions._MOVED", 1)
    begin, begun = type(store).begin, itertools.count(1)

    def dying(self):
        if next(begun) == 3:  # after who is meant, and the first portion
            raise RuntimeError("killed")
        return begin(self)

    monkeypatch.setattr(type(store), "begin", dying)
    with pytest.raises(RuntimeError, match="killed"):
        migrate_subscriptions(store, order(at_period_end=True), author=ASHA)
    monkeypatch.undo()
    assert [account for account, _, _ in plans()] == ["acme", "acme", "other"]
    again = migrate_subscriptions(store, order(at_period_end=True), author=ASHA)
    assert [move.account for move in again.moves] == ["other"]
    assert "already" in again.refused["acme"]


def test_a_migration_is_audited_account_by_account(store, database):
    migrate_subscriptions(store, order(why="the new prices"), author=ASHA)
    statement = "SELECT subject, after ->> 'why' FROM audit_record WHERE action = 'subscription.migrated' ORDER BY audit_id"
    with database.connect() as connection:
        assert connection.execute(text(statement)).all() == [("acme", "the new prices"), ("other", "the new prices")]


def test_a_plan_there_is_not_is_refused(store):
    with pytest.raises(NotFound, match="plan otp-inr v7 was never published"):
        preview(store, MigrationOrder(PlanReference(PLAN, 7)))
