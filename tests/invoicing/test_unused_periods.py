"""A price that is due without usage, in the books: booked at the end of the period, once, and right whatever comes late."""

import json
from datetime import UTC, datetime

import pytest
from redis import Redis
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from cli.main import app
from connectors import batch_wiring, proof_wiring
from domain.period import BillingMonth
from invoicing.accrue_fees import accrue_fees
from invoicing.check_books import check_books, require_balance
from invoicing.explain_charge import explain_event, explain_line
from invoicing.recompute_accounts import recompute_accounts
from invoicing.rerate_usage import rerate_usage
from invoicing.simulate_plan import Chosen, simulate_plan
from tests.books import AUTHOR, MID_OCTOBER, NOVEMBER_2, an_event, book, open_account, open_shop
from tests.invoicing import month
from tests.invoicing.selling import a_usage_charge, publish, put_on, write_contract

pytestmark = pytest.mark.engines

OCTOBER = BillingMonth(2026, 10)
OCTOBER_1 = datetime(2026, 9, 30, 18, 30, tzinfo=UTC)
"""In Asia/Kolkata, as the accounts are."""
OCTOBER_16 = datetime(2026, 10, 15, 18, 30, tzinfo=UTC)
OTP = {"code": "otp", "event_type": "otp.delivered"}
VOICE = {"code": "voice", "event_type": "voice.call"}
TIERS = {
    "model": "graduated",
    "flat_at_zero": True,
    "tiers": [{"up_to": 100, "flat_fee": "500.00", "unit_price": "0.20"}, {"unit_price": "0.10"}],
}
"""500 without usage, 520 for 100 messages."""


@pytest.fixture
def shop(database: Engine, warehouse, cache: Redis) -> Engine:
    open_shop()
    return database


def open_on(shop: Engine, account: str, *charges, meters=(OTP,)) -> int:
    plan = publish(shop, "flat", charges or [a_usage_charge("otp", price=TIERS)], meters=meters)
    open_account(account, mode="prepaid")
    with shop.begin() as connection:
        connection.execute(text("DELETE FROM subscription"))
    put_on(shop, account, plan, start=OCTOBER_1)
    return plan


def accrue(now: datetime = NOVEMBER_2) -> list[str]:
    return accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=now).changed


def spent(shop: Engine, account: str = "acme") -> str:
    with shop.connect() as connection:
        statement = "SELECT -balance_micros FROM wallet JOIN account USING (account_id) WHERE code = :code"
        return f"{connection.execute(text(statement), {'code': account}).scalar_one() / 1_000_000:.2f}"


def use(shop: Engine, quantity: int, *, at: datetime = MID_OCTOBER) -> None:
    book(shop, [an_event("acme", quantity=quantity, at=at)])


def agreed(of: BillingMonth = OCTOBER, now: datetime = NOVEMBER_2) -> None:
    """The checks find nothing, and the second rater comes to the same."""
    examined = batch_wiring.books().examine(rows_shown=3)
    assert [(check.name, check.first_rows) for check in examined.checks if check.rows] == []
    assert recompute_accounts(of, None, room=proof_wiring.evidence_room(), now=now).rows() == []


def test_a_period_without_any_event_costs_the_flat_fee_once_it_has_ended(shop):
    open_on(shop, "acme")
    assert accrue(datetime(2026, 10, 31, 18, 29, tzinfo=UTC)) == []
    assert [accrue(datetime(2026, 10, 31, 18, 30, tzinfo=UTC)) for _ in range(3)] == [["acme"], [], []]
    assert spent(shop) == "500.00"
    agreed()


def test_a_price_that_was_published_as_leaving_such_a_month_at_nothing_still_does(shop):
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS, without_usage="nothing"))
    assert (accrue(), spent(shop)) == ([], "0.00")
    agreed()
    use(shop, 100)
    assert (accrue(), spent(shop)) == ([], "520.00")
    agreed()


def test_a_late_event_brings_only_what_its_quantity_costs_more(shop):
    open_on(shop, "acme")
    accrue()
    use(shop, 100)
    assert spent(shop) == "520.00"
    use(shop, 1)
    assert (spent(shop), accrue()) == ("520.10", [])
    agreed()


def test_a_period_with_an_event_is_left_alone(shop):
    open_on(shop, "acme")
    use(shop, 100)
    assert (accrue(), spent(shop)) == ([], "520.00")
    agreed()


def a_discount(**changes):
    return {"code": "launch", "kind": "percentage", "percent": "10", "description": "Launch", "sac": "998319"} | changes


def a_minimum(amount: str, **changes):
    return {"code": "least", "kind": "commitment", "description": "Least", "sac": "998319", "minimum": amount} | changes


def put_segment(shop: Engine, *, end: datetime | None = None, paused: bool = False) -> None:
    statement = "UPDATE subscription SET validity = tstzrange(lower(validity), :end), paused = :paused"
    with shop.begin() as connection:
        connection.execute(text(statement), {"end": end, "paused": paused})


def test_a_discount_is_on_it_and_comes_to_the_same_when_usage_comes_late(shop):
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS), a_discount())
    accrue()
    assert spent(shop) == "450.00"
    use(shop, 100)
    assert (spent(shop), accrue()) == ("468.00", [])
    agreed()


def test_a_free_amount_is_used_up_by_it_and_free_again_when_it_is_given_back(shop):
    free = {"code": "free", "kind": "free_amount", "amount": "700.00", "description": "Free", "sac": "998319"}
    other = a_usage_charge("voice", price={"model": "per_unit", "unit_price": "4"})
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS), other, free, meters=[OTP, VOICE])
    accrue()
    assert spent(shop) == "0.00"
    book(shop, [an_event("acme", meter="voice.call", quantity=100)])
    assert spent(shop) == "200.00"
    put_segment(shop, paused=True)
    accrue()
    assert spent(shop) == "0.00"
    agreed()


def test_a_commitment_counts_it_at_once(shop):
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS), a_minimum("800.00"))
    accrue()
    assert spent(shop) == "800.00"
    with shop.connect() as connection:
        lacking = connection.execute(text("SELECT sum(amount_micros) FROM fee_booking")).scalar_one()
    assert lacking == 300_000_000
    assert accrue() == []
    agreed()


def test_a_back_dated_cancellation_gives_it_back(shop):
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS), a_discount())
    december = datetime(2026, 12, 2, tzinfo=UTC)
    accrue(december)
    assert spent(shop) == "900.00"
    put_segment(shop, end=datetime(2026, 10, 31, 18, 30, tzinfo=UTC))
    assert (accrue(december), spent(shop)) == (["acme"], "450.00")
    agreed()
    agreed(BillingMonth(2026, 11), now=december)


def test_a_pause_of_the_whole_month_leaves_nothing_due(shop):
    open_on(shop, "acme")
    put_segment(shop, paused=True)
    assert accrue() == []
    agreed()


def test_a_contract_with_another_price_is_due_in_its_place(shop):
    open_on(shop, "acme")
    dear = {**TIERS, "tiers": [{"flat_fee": "90.00", "unit_price": "0.10"}]}
    write_contract(shop, "acme", [a_usage_charge("otp", price=dear)], start=OCTOBER_16)
    accrue()
    assert spent(shop) == "90.00"
    agreed()


def test_a_change_of_plan_for_the_past_moves_it_and_what_was_used(shop):
    open_on(shop, "acme")
    accrue()
    use(shop, 100)
    other = {**TIERS, "tiers": [{"flat_fee": "300.00", "unit_price": "0.10"}]}
    with shop.begin() as connection:
        connection.execute(text("DELETE FROM subscription"))
    put_on(shop, "acme", publish(shop, "other", [a_usage_charge("otp", price=other)]), start=OCTOBER_1)
    rerate_usage("acme", OCTOBER_1, store=proof_wiring.rerating(), balances=None, author=AUTHOR, why="agreed late")
    accrue()
    assert (spent(shop), accrue()) == ("310.00", [])
    agreed()


def test_re_rating_without_a_change_leaves_it_where_it_is(shop):
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS), a_discount())
    accrue()
    outcome = rerate_usage("acme", OCTOBER_1, store=proof_wiring.rerating(), balances=None, author=AUTHOR, why="look")
    assert (outcome.difference_micros, spent(shop)) == (0, "450.00")
    use(shop, 100)
    outcome = rerate_usage("acme", OCTOBER_1, store=proof_wiring.rerating(), balances=None, author=AUTHOR, why="look")
    assert (outcome.moved, outcome.difference_micros, accrue()) == (0, 0, [])
    agreed()


def test_the_second_rater_says_what_is_not_accrued_yet_and_the_gate_accrues_it(shop):
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS), a_discount())
    found = recompute_accounts(OCTOBER, None, room=proof_wiring.evidence_room(), now=NOVEMBER_2)
    assert [(row["of"], row["recomputed"], row["booked"]) for row in found.rows() if row["what"] == "amount_micros"] == [
        ("fee", 500_000_000, 0),
        ("total", -50_000_000, 0),
    ]
    month.start()
    assert month.recompute().differences == ()
    assert spent(shop) == "450.00"


def test_an_invoice_has_a_line_of_it_that_explains_itself_and_late_usage_the_rest(shop):
    open_on(shop, "acme")
    accrue()
    month.invoice_month()
    with shop.connect() as connection:
        number = connection.execute(text("SELECT number FROM invoice WHERE status = 'issued'")).scalar_one()
    line = explain_line(proof_wiring.explanations().line(number, 1))
    assert (line.amount_micros, [str(step) for step in line.steps_after], line.note) == (
        500_000_000,
        ["up to 100: flat fee, due without usage = 500.00"],
        "",
    )
    use(shop, 100)
    with shop.connect() as connection:
        event = connection.execute(text("SELECT event_id FROM usage_event")).scalar_one()
    ((part,),) = [explain_event(booked) for booked in proof_wiring.explanations().event(event, source="/tests")]
    assert (part.amount_micros, part.note) == (20_000_000, "")
    assert [str(step) for step in part.steps_before] == ["up to 100: flat fee, due without usage = 500.00"]
    agreed()


def test_a_what_if_has_it_on_both_sides(shop):
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS), a_minimum("800.00"))
    accrue()
    candidate = {"code": "dear", "name": "Dear", "currency": "INR", "meters": [OTP]}
    dear = {**TIERS, "tiers": [{"flat_fee": "600.00", "unit_price": "0.20"}]}
    common = {"sac": "998319", "unit": "message", "description": "OTP"}
    charges = [{"code": "otp", "meters": ["otp"], "price": dear, **common}, a_minimum("800.00")]
    document = {**candidate, "charges": charges, "adjustments": [{**a_discount(), "percent": "50"}]}
    found = simulate_plan(document, Chosen(OCTOBER, OCTOBER, ["acme"]), room=proof_wiring.past_room(), now=NOVEMBER_2)
    (acme,) = found.accounts
    assert (acme.old_micros, acme.old_fees_micros) == (500_000_000, 300_000_000)
    assert (acme.new_micros, acme.new_fees_micros) == (300_000_000, 500_000_000)


def test_the_preview_says_what_would_be_booked_and_the_warehouse_is_not_missed(shop):
    open_on(shop, "acme", a_usage_charge("otp", price=TIERS), a_discount())
    said = CliRunner().invoke(app, ["fees", "accrue", "--preview", "--json"], catch_exceptions=False).stdout
    rows = [row for row in json.loads(said) if row["invoice_month"] == "2026-10"]
    assert [(row["period"], row["amount"]) for row in rows] == [
        ("without usage: *", "500.000000"),
        ("without usage: launch", "-50.000000"),
    ]
    accrue()
    report = check_books(batch_wiring.books(), warehouse=batch_wiring.warehouse(), month=None, now=NOVEMBER_2)
    require_balance(report)
