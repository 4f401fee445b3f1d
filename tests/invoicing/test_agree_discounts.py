"""Discounts of plans and contracts: whatever brings two together that could exceed is refused, and changes nothing."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from connectors import batch_wiring, proof_wiring, wiring
from domain.config_changes import ConfigType
from domain.errors import Invalid
from domain.period import BillingMonth
from invoicing import change_subscription as changes
from invoicing.administer import Author
from invoicing.change_subscription import PlanReference, Timing
from invoicing.keep_accounts import change_account
from invoicing.keep_accounts import open_account as open_one
from invoicing.migrate_subscriptions import MigrationOrder, migrate_subscriptions, preview_migration
from invoicing.publish_plan import publish_plan
from invoicing.simulate_plan import Chosen, simulate_plan
from invoicing.write_contract import end_contract, write_contract
from tests.books import a_plan, open_account, open_shop
from tests.builders_config import Configuring, a_change

pytestmark = pytest.mark.engines

NOW = datetime(2026, 10, 5, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
ASHA = Author("asha", NOW)
CAP = {
    "code": "cap",
    "kind": "maximum",
    "amount": "10",
    "description": "Cap",
    "sac": "998319",
    "applies_to": ["otp.delivered"],
}
LOYAL = {"code": "loyal", "kind": "percentage", "percent": "50", "description": "Loyalty", "sac": "998319"}
SENTENCE = (
    "'cap' of otp-inr v2 could take off of 'otp.delivered' once more what 'loyal' of contract acme-2026 takes off,"
    " which is made before it and on more than it"
)


@pytest.fixture
def store(database: Engine):
    """Two accounts on the first version of a plan; its second has a cap."""
    open_shop()
    open_account("acme")
    open_account("other")
    store = wiring.administration()
    publish_plan(store, {**a_plan(), "adjustments": [CAP]}, author=ASHA)
    return store


def contract(**more):
    document = {
        "code": "acme-2026",
        "account": "acme",
        "currency": "INR",
        "from": "2026-10-01T00:00:00Z",
        "adjustments": [LOYAL],
    }
    return {name: value for name, value in {**document, **more}.items() if value is not None}


def refused(act):
    with pytest.raises(Invalid) as refusal:
        act()
    return [(error.path, error.reason.split(": ")[0]) for error in refusal.value.errors]


def change_to(store, version, **timing):
    timing = Timing(**timing)
    return changes.change(store, "acme", plan=PlanReference("otp-inr", version), timing=timing, author=ASHA)


def state(database):
    """Who is on what, and under which contracts."""
    with database.connect() as connection:
        return [
            connection.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all() for table in ("subscription", "contract")
        ]


def test_a_contract_over_a_plan_it_would_exceed_with_is_refused_where_it_says_so(store, database):
    change_to(store, 2)
    before = state(database)
    (fault,) = refused(lambda: write_contract(store, contract(), author=ASHA))
    assert fault == ("adjustments[0].applies_to", SENTENCE)
    with pytest.raises(Invalid, match="let it apply to no more than 'cap' does, or give it the code 'cap' to stand in its"):
        write_contract(store, contract(), author=ASHA)
    assert state(database) == before


@pytest.mark.parametrize("way_out", [{"applies_to": ["otp.delivered"]}, {"code": "cap"}])
def test_either_way_out_that_the_refusal_names_is_one(store, way_out):
    change_to(store, 2)
    assert write_contract(store, contract(adjustments=[{**LOYAL, **way_out}]), author=ASHA).is_new


def test_a_change_to_a_plan_that_would_exceed_with_a_contract_is_refused(store, database):
    write_contract(store, contract(), author=ASHA)
    before = state(database)
    assert refused(lambda: change_to(store, 2)) == [("plan", f"{SENTENCE}, from 2026-10-05 00:00 UTC on")]
    assert refused(lambda: change_to(store, 2, at_period_end=True)) == [
        ("plan", f"{SENTENCE}, from 2026-10-31 18:30 UTC on")
    ]
    assert state(database) == before


def test_a_contract_that_comes_later_is_looked_at_too(store):
    change_to(store, 2)
    later = contract(**{"from": "2027-01-01T00:00:00Z"})
    assert refused(lambda: write_contract(store, later, author=ASHA)) == [("adjustments[0].applies_to", SENTENCE)]
    change_to(store, 1, at=datetime(2026, 12, 1, tzinfo=UTC))
    assert write_contract(store, later, author=ASHA).is_new


def test_a_migration_leaves_out_who_has_such_a_contract_and_its_preview_says_so(store, database):
    write_contract(store, contract(), author=ASHA)
    order = MigrationOrder(PlanReference("otp-inr", 2))
    preview = preview_migration(store, batch_wiring.fee_books(), order, author=ASHA)
    moved = migrate_subscriptions(store, order, author=ASHA)
    for found in (preview, moved):
        assert [move.account for move in found.moves] == ["other"]
        assert found.refused["acme"].startswith(SENTENCE)


def test_a_what_if_leaves_out_who_could_not_be_on_the_plan(store):
    write_contract(store, contract(), author=ASHA)
    month = BillingMonth(2026, 10)
    candidate = {**a_plan(), "adjustments": [CAP]}
    said = simulate_plan(candidate, Chosen(month, month), room=proof_wiring.past_room(), now=NOVEMBER)
    assert [account.account for account in said.accounts] == ["other"]
    assert said.left_out["acme"].startswith("'cap' of otp-inr (candidate) could take off of 'otp.delivered' once more")


def test_an_account_is_not_opened_on_a_plan_that_would_exceed_with_its_customers_contract(store):
    write_contract(store, contract(account=None, customer="customer-acme"), author=ASHA)
    document = {"code": "acme-2", "customer": "customer-acme", "mode": "postpaid", "currency": "INR", "plan": "otp-inr"}
    assert refused(lambda: open_one(store, document, author=ASHA)) == [("plan", f"{SENTENCE}, from 2026-10-05 00:00 UTC on")]


def test_the_end_of_a_contract_that_keeps_two_apart_is_refused(store):
    write_contract(store, contract(), author=ASHA)
    keeps_apart = contract(code="strong", priority=5, adjustments=[{**CAP, "applies_to": None}])
    keeps_apart["adjustments"] = [{name: value for name, value in CAP.items() if name != "applies_to"}]
    write_contract(store, keeps_apart, author=ASHA)
    change_to(store, 2)
    assert refused(lambda: end_contract(store, "strong", at=NOVEMBER, author=ASHA)) == [
        ("at", f"{SENTENCE}, from 2026-11-01 00:00 UTC on")
    ]
    end_contract(store, "acme-2026", at=NOVEMBER, author=ASHA)
    end_contract(store, "strong", at=NOVEMBER, author=ASHA)


def test_a_cancellation_is_not_taken_back_into_a_contract_that_would_exceed(store):
    change_to(store, 2)
    changes.cancel(store, "acme", timing=Timing(NOVEMBER), author=ASHA)
    write_contract(store, contract(**{"from": "2026-12-01T00:00:00Z"}), author=ASHA)
    assert refused(lambda: changes.reactivate(store, "acme", author=ASHA)) == [
        ("plan", f"{SENTENCE}, from 2026-12-01 00:00 UTC on")
    ]


def test_a_time_zone_that_lets_an_offer_last_into_a_contract_is_refused(store):
    launch = {**CAP, "code": "launch", "kind": "free_amount", "periods": 1}
    launch = {name: value for name, value in launch.items() if name != "applies_to"}
    publish_plan(store, {**a_plan(), "adjustments": [launch]}, author=ASHA)
    changes.cancel(store, "acme", author=ASHA)
    changes.start(store, "acme", plan=PlanReference("otp-inr"), author=ASHA)
    half = {**LOYAL, "applies_to": ["otp.delivered"]}
    write_contract(store, contract(adjustments=[half], **{"from": "2026-11-01T00:00:00+05:30"}), author=ASHA)
    ((path, reason),) = refused(lambda: change_account(store, "acme", {"time_zone": "UTC"}, author=ASHA))
    assert path == "time_zone"
    assert reason.startswith("'loyal' of contract acme-2026 could take off of 'otp.delivered' once more what 'launch'")


def test_a_config_event_is_answered_with_the_same(store, database):
    write_contract(store, contract(), author=ASHA)
    config = Configuring()
    config.apply(a_change(ConfigType.SUBSCRIPTION_CHANGED, "acme", {"plan": "otp-inr", "at": "2026-10-06T00:00:00Z"}))
    config.store.close()
    with database.connect() as connection:
        ((outcome, errors),) = connection.execute(text("SELECT outcome, errors FROM config_result")).all()
    assert outcome == "refused"
    ((field, reason),) = [(error["field"], error["reason"]) for error in errors]
    assert field == "data.plan"
    assert reason.startswith(SENTENCE)


def test_what_was_together_before_this_was_refused_stays_and_does_not_stand_in_the_way(store, database):
    write_contract(store, contract(), author=ASHA)
    with database.begin() as connection:
        connection.execute(
            text("UPDATE subscription SET plan_version_id = (SELECT max(plan_version_id) FROM plan_version v JOIN plan p"
                 " USING (plan_id) WHERE p.code = 'otp-inr') FROM account a WHERE a.code = 'acme' AND a.account_id ="
                 " subscription.account_id")
        )  # fmt: skip
    changes.pause(store, "acme", author=ASHA)
    assert write_contract(
        store, contract(code="fee", priority=1, adjustments=None, payment_term_days=30), author=ASHA
    ).is_new
    end_contract(store, "acme-2026", at=NOVEMBER, author=ASHA)
