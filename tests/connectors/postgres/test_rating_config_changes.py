"""A configuration brought up to date is the one that is read anew, and only what was touched is read again."""

import psycopg
import pytest
from sqlalchemy import text

from connectors import wiring
from connectors.postgres import rating_config_changes
from connectors.postgres.rating_config import LoadedConfig, load_rating_config, one_moment
from connectors.postgres.rating_config_changes import bring_up_to_date
from connectors.settings import settings
from domain.catalogue import EffectivePlan
from invoicing.administer import map_aliases
from tests.books import AUTHOR, open_account, open_shop
from tests.builders_usage import HAPPENED_AT, micros_of
from tests.rich_plan import publish_rich_plan, put_on_rich_plan

pytestmark = pytest.mark.engines

NOON = micros_of(HAPPENED_AT)


@pytest.fixture
def server(database):
    open_shop()
    for code in ("acme", "bolt", "cato"):
        open_account(code)
    with psycopg.connect(settings().postgres_dsn, autocommit=True) as connection:
        yield connection


def loaded(server) -> LoadedConfig:
    with server.transaction():
        one_moment(server)
        return load_rating_config(server)


def updated(server, known) -> LoadedConfig | None:
    with server.transaction():
        one_moment(server)
        return bring_up_to_date(server, known)


def change(database, *statements):
    with database.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def said(found: LoadedConfig):
    """Everything a configuration says, in values that can be compared."""
    config = found.config
    return (
        config.version,
        config.meters,
        config.accepted_late,
        config.rejected,
        {alias: [(s.account.code, s.start_micros, s.end_micros) for s in spans] for alias, spans in config.aliases.items()},
        {number: _account(account) for number, account in config.accounts.items()},
        {number: [charge.charge_id for charge in plan.charges.values()] for number, plan in found.plans.items()},
    )


def _account(account):
    plan = account.plan_at(NOON)
    voice = account.wallet_for("voice.minutes", {})
    return (account.code, account.wallets, voice, account.root_id, str(account.time_zone), _plan(plan))


def _plan(plan: EffectivePlan | None):
    return plan and (
        plan.label,
        [charge.charge_id for charge in plan.charges.values()],
        [one.code for one in plan.adjustments],
    )


def _id(code):
    return f"(SELECT account_id FROM account WHERE code = '{code}')"


CHANGES = {
    "a new alias": [f"INSERT INTO alias (alias, account_id) VALUES ('shop', {_id('acme')})"],
    "an alias that moves": [f"UPDATE alias SET account_id = {_id('bolt')} WHERE alias = 'acme'"],
    "an alias that ends": ["DELETE FROM alias WHERE alias = 'acme'"],
    "another name of an account": ["UPDATE account SET code = 'acme-2' WHERE code = 'acme'"],
    "another place in the tree": [
        f"UPDATE account SET parent_id = {_id('acme')} WHERE code = 'bolt'",
        f"UPDATE account SET parent_id = {_id('bolt')} WHERE code = 'cato'",
    ],
    "another payer": [
        f"UPDATE account SET parent_id = {_id('acme')} WHERE code = 'bolt'",
        f"UPDATE account SET pay_from_account_id = {_id('acme')} WHERE code = 'bolt'",
    ],
    "the end of a subscription": [f"UPDATE subscription SET validity = '(,2026-10-01)' WHERE account_id = {_id('acme')}"],
    "no subscription any more": [f"DELETE FROM subscription WHERE account_id = {_id('acme')}"],
    "a further wallet, of whom another pays from": [
        "UPDATE account SET mode = 'prepaid'",
        f"UPDATE account SET parent_id = {_id('acme')} WHERE code = 'bolt'",
        f"UPDATE account SET pay_from_account_id = {_id('acme')} WHERE code = 'bolt'",
        "INSERT INTO account (code, customer_id, mode, currency, time_zone, wallet_of_account_id, created_at)"
        " SELECT 'acme/voice', customer_id, mode, currency, time_zone, account_id, created_at"
        " FROM account WHERE code = 'acme'",
        f"INSERT INTO wallet (account_id, currency) VALUES ({_id('acme/voice')}, 'INR')",
        f"INSERT INTO wallet_purpose SELECT {_id('acme')}, meter_id, {_id('acme/voice')}"
        " FROM meter WHERE code = 'voice.minutes'",
    ],
    "nothing at all": ["UPDATE account SET code = code WHERE false"],
}


@pytest.mark.parametrize("statements", CHANGES.values(), ids=CHANGES)
def test_what_changed_is_taken_over(server, database, statements):
    before = loaded(server)
    change(database, *statements)
    after = updated(server, before)
    assert said(after) == said(loaded(server))
    assert after.config.version > before.config.version


def test_a_purpose_reaches_whoever_pays_from_the_account_and_nobody_else(server, database):
    """The wallets themselves are there before; only the purpose comes, and goes."""
    *before, purpose = CHANGES["a further wallet, of whom another pays from"]
    change(database, *before)
    known = loaded(server)
    for statement, payers in ((purpose, {"acme", "bolt"}), ("DELETE FROM wallet_purpose", {"acme", "bolt"})):
        change(database, statement)
        after = updated(server, known)
        assert said(after) == said(loaded(server))
        objects = known.config.accounts
        assert {
            account.code for number, account in after.config.accounts.items() if objects[number] is not account
        } == payers
        known = after


def test_accounts_that_were_not_touched_are_the_same_objects(server, database):
    before = loaded(server)
    change(database, *CHANGES["another name of an account"])
    after = updated(server, before)
    same = {account.code for number, account in after.config.accounts.items() if before.config.accounts[number] is account}
    assert same == {"bolt", "cato"}
    assert before.config.account_at("acme", NOON).code == "acme"


def test_a_new_plan_and_its_meters_are_taken_over(server, database):
    before = loaded(server)
    put_on_rich_plan(database, "bolt")
    after = updated(server, before)
    assert said(after) == said(loaded(server))
    assert [one.code for one in after.config.account_at("bolt", NOON).plan_at(NOON).adjustments] == ["launch", "cap"]


def test_a_charge_added_to_a_plan_in_use_reaches_the_accounts_on_it(server, database):
    before = loaded(server)
    assert before.config.account_at("acme", NOON).plan_at(NOON).charges.keys() == {"otp.delivered", "voice.minutes"}
    added = (
        "INSERT INTO charge (plan_version_id, meter, description, sac, unit, price) SELECT plan_version_id, 'email.sent',"
    )
    change(database, f"{added} description, sac, unit, price FROM charge WHERE meter = 'voice.minutes'")
    after = updated(server, before)
    assert said(after) == said(loaded(server))
    assert "email.sent" in after.config.account_at("acme", NOON).plan_at(NOON).charges


def test_several_changes_one_after_the_other(server, database):
    known = loaded(server)
    for what in ("a new alias", "another payer", "the end of a subscription", "an alias that ends", "nothing at all"):
        change(database, *CHANGES[what])
        known = updated(server, known)
    assert said(known) == said(loaded(server))


def test_without_a_change_it_is_the_same(server):
    known = loaded(server)
    assert updated(server, known) is known


def test_a_change_nobody_recorded_or_too_many_mean_reading_everything(server, database, monkeypatch):
    known = loaded(server)
    map_aliases(wiring.administration(), {"shop": "acme"}, author=AUTHOR)
    monkeypatch.setattr(rating_config_changes, "_TOUCHES_MAX", 0)
    assert updated(server, known) is None
    monkeypatch.undo()
    monkeypatch.setattr(rating_config_changes, "_RECORDED", frozenset({"account insert"}))
    assert updated(server, known) is None


def test_meters_and_charges_are_not_edited(server, database):
    with database.begin() as connection:
        publish_rich_plan(connection)
    for statement in ("UPDATE meter SET property = 'x'", "DELETE FROM meter", "DELETE FROM charge_meter"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            server.execute(statement)


def test_a_charge_of_a_meter_nobody_published_is_refused_with_the_way_out(server, database):
    unknown = """
        INSERT INTO charge (plan_version_id, code, meter, description, sac, unit, price, document)
        VALUES (1, 'x', 'x', 'X', '998319', 'message', '{}', '{"code": "x", "meters": ["nobody"]}')"""
    with pytest.raises(psycopg.errors.ForeignKeyViolation, match="meter nobody, which does not exist: publish"):
        server.execute(unknown)
