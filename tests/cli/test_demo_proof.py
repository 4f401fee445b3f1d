"""The proof finds a planted difference in each equality, and says which one it is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from cli.demonstration.books import Books, Standing
from cli.demonstration.expectation import Expectation, UsageKey, Used
from cli.demonstration.proof import Evidence, prove
from cli.demonstration.summary import event_rows
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.books_ports import CachedBalance, CheckResult, Revenue
from invoicing.check_books import BooksReport, RevenuePair, StaleBalance
from tests.cli.demo_traffic import a_story

OCTOBER = BillingMonth(2026, 10)
SMS = UsageKey("post", "2026-10", "otp.delivered", "*")
PREPAID_SMS = SMS._replace(account="pre")
PLAN = {"charges": [{"meter": "otp.delivered", "price": {"model": "per_unit", "unit_price": "0.20"}}]}
AUGUST = UsageKey("other", "2026-08", "otp.delivered", "*")


def an_expectation() -> Expectation:
    """Two accounts: three events of one, two of the other, one of which waits first; a retry, a conflict, a mistake."""
    expectation = Expectation({"plan": PLAN}, "2026-10")
    event = {"type": "otp.delivered", "data": {}}
    for _ in range(3):
        expectation.good("post", "plan", event, quantity_millionths=1_000_000, known=True)
    expectation.good("pre", "plan", event, quantity_millionths=1_000_000, known=True)
    expectation.good("pre", "plan", event, quantity_millionths=1_000_000, known=False)
    expectation.again("duplicate")
    expectation.again("conflict")
    expectation.bad("quantity")
    return expectation


def outcomes(received=0, rated=0, duplicate=0, conflict=0, dead_lettered=0, quarantined=0) -> dict[str, int]:
    """Counts since the beginning."""
    return {
        "received": received,
        "rated": rated,
        "duplicate": duplicate,
        "conflict": conflict,
        "dead_lettered": dead_lettered,
        "quarantined": quarantined,
    }


def a_standing(**changes) -> Standing:
    """A postpaid account in rupees with nothing used."""
    return replace(Standing("postpaid", "INR", 0, 0, None, None, None), **changes)


BEFORE = Books(
    outcomes=outcomes(received=10, rated=10),
    dead_letters={"field": 4},
    waiting=0,
    usage={AUGUST: Used(10_000_000, 10, 2_000_000)},
    accounts={"post": a_standing(), "pre": a_standing(mode="prepaid", balance_micros=100)},
)
AFTER = Books(
    outcomes=outcomes(received=19, rated=15, duplicate=1, conflict=1, dead_lettered=1, quarantined=1),
    dead_letters={"field": 4, "quantity": 1},
    waiting=0,
    usage={
        AUGUST: Used(10_000_000, 10, 2_000_000),
        SMS: Used(3_000_000, 3, 600_000),
        PREPAID_SMS: Used(2_000_000, 2, 400_000),
    },
    accounts={
        "post": a_standing(issued="OTP/26-27/000001", pdf_path="2026-10/1.pdf", pdf_digest="aa"),
        "pre": a_standing(
            mode="prepaid",
            balance_micros=100 + 5_000_000 - 400_000,
            issued="OTP/26-27/000002",
            pdf_path="2026-10/2.pdf",
            pdf_digest="bb",
        ),
    },
)
REPORT = BooksReport(
    as_of=datetime(2026, 11, 2, tzinfo=UTC),
    checks=[CheckResult("wallets_match_ledger", "a rule", 0, []), CheckResult("invoices_add_up", "a rule", 0, [])],
    partitions=[],
    revenue=[RevenuePair(Currency.INR, None, Revenue(3_000_000, 15), Revenue(3_000_000, 15))],
    batches_to_warehouse=0,
    wallets=2,
)


def evidence(**changes) -> Evidence:
    """Evidence of a run in which everything is right."""
    whole = Evidence(
        expectation=an_expectation(),
        accounts=["post", "pre"],
        before=BEFORE,
        after=AFTER,
        top_ups={"pre": 5_000_000},
        report=REPORT,
        rejected=False,
        invoice_fault=None,
        copies={"2026-10/1.pdf": "aa", "2026-10/2.pdf": "bb"},
        story=a_story(),
    )
    return replace(whole, **changes)


def after(**changes) -> Evidence:
    """Evidence with other books at the end."""
    return evidence(after=replace(AFTER, **changes))


def with_account(code: str, **changes) -> Evidence:
    """Evidence with one account standing otherwise at the end."""
    return after(accounts={**AFTER.accounts, code: replace(AFTER.accounts[code], **changes)})


def with_report(**changes) -> Evidence:
    """Evidence with another report of the books."""
    return evidence(report=replace(REPORT, **changes))


def with_story(**changes) -> Evidence:
    """Evidence with another story of the one wallet."""
    return evidence(story=replace(a_story(), **changes))


def broken(found: Evidence) -> list[str]:
    """The names of the equalities that do not hold."""
    return [equality.name for equality in prove(found) if not equality.holds]


def test_when_everything_is_right_every_equality_holds():
    assert broken(evidence()) == []


ADDS_UP = "received = rated + duplicate + conflict + dead-letter + quarantined"
SENT = "events = what was sent"
MISTAKES = "dead letters = the mistakes made, by reason"
RELEASED = "quarantined = released and rated"
USAGE = "usage and charges = a second rater's, to the micro"
WALLETS = "wallets = top-ups − charges + invoices settled"
ONE_WALLET = "one wallet: low and warned, grace, suspended, paid, active"
LEDGERS = "wallets = their ledgers in PostgreSQL"
CHECKS = "the rules of sql/checks hold"
REDIS = "wallets in Redis = wallets in PostgreSQL"
CLICKHOUSE = "revenue in ClickHouse = revenue in PostgreSQL"
RUN = "the invoice run ends well"
ISSUED = "one invoice an account and month"
INVOICED = "rated = invoiced + due next time"
COPIES = "invoices = PDFs on disk, byte for byte"

PLANTED: list[tuple[str, Callable[[], Evidence], list[str]]] = [
    ("a lost event", lambda: after(outcomes={**AFTER.outcomes, "received": 20}), [ADDS_UP, SENT]),
    ("an event more", lambda: after(outcomes={**AFTER.outcomes, "received": 20, "rated": 16}), [SENT]),
    ("a retry rated", lambda: after(outcomes={**AFTER.outcomes, "rated": 16, "duplicate": 0}), [SENT]),
    ("another reason", lambda: after(dead_letters={"field": 5}), [MISTAKES]),
    ("an event that waits", lambda: after(waiting=1), [RELEASED]),
    (
        "a micro too much",
        lambda: after(usage={**AFTER.usage, SMS: replace(AFTER.usage[SMS], amount_micros=600_001)}),
        [USAGE],
    ),
    (
        "a millionth of a unit too little",
        lambda: after(usage={**AFTER.usage, SMS: replace(AFTER.usage[SMS], quantity_millionths=2_999_999)}),
        [USAGE],
    ),
    (
        "an event counted twice",
        lambda: after(usage={**AFTER.usage, SMS: replace(AFTER.usage[SMS], events=4)}),
        [USAGE],
    ),
    (
        "usage of another account moved",
        lambda: after(usage={**AFTER.usage, AUGUST: replace(AFTER.usage[AUGUST], amount_micros=2_000_001)}),
        [USAGE],
    ),
    ("usage under another price", lambda: after(usage={**AFTER.usage, SMS._replace(price="sms"): Used()}), [USAGE]),
    ("a micro in a wallet", lambda: with_account("pre", balance_micros=4_600_101), [WALLETS]),
    ("an invoice that settled nothing", lambda: with_account("post", balance_micros=-600_000), [WALLETS]),
    ("a top-up lost", lambda: evidence(top_ups={"pre": 5_000_001}), [WALLETS]),
    ("a status told twice", lambda: with_story(statuses=["low", "low", "grace", "suspended", "active"]), [ONE_WALLET]),
    ("a status not told", lambda: with_story(statuses=["low", "suspended", "active"]), [ONE_WALLET]),
    ("an alert told twice", lambda: with_story(alerts=["absolute:100000000"] * 2), [ONE_WALLET]),
    ("a payment without its voucher", lambda: with_story(vouchers=[]), [ONE_WALLET]),
    (
        "a wallet beside its ledger",
        lambda: with_report(checks=[replace(REPORT.checks[0], rows=1), REPORT.checks[1]]),
        [LEDGERS],
    ),
    ("the wallet check gone", lambda: with_report(checks=REPORT.checks[1:]), [LEDGERS]),
    (
        "another check with a row",
        lambda: with_report(checks=[REPORT.checks[0], replace(REPORT.checks[1], rows=3)]),
        [CHECKS],
    ),
    (
        "a stale balance",
        lambda: with_report(stale_balances=[StaleBalance(1, CachedBalance(5, 2), CachedBalance(4, 1))]),
        [REDIS],
    ),
    ("Redis not asked", lambda: with_report(wallets=None), [REDIS]),
    (
        "a micro missing in ClickHouse",
        lambda: with_report(revenue=[replace(REPORT.revenue[0], clickhouse=Revenue(2_999_999, 15))]),
        [CLICKHOUSE],
    ),
    ("ClickHouse not asked", lambda: with_report(revenue=[]), [CLICKHOUSE]),
    ("a failed task", lambda: evidence(invoice_fault="draft failed"), [RUN]),
    (
        "an account without its invoice",
        lambda: with_account("post", issued=None, balance_micros=-600_000, due_micros=600_000),
        [ISSUED],
    ),
    ("a micro not on the invoice", lambda: with_account("post", due_micros=1), [INVOICED]),
    ("a missing PDF", lambda: evidence(copies={"2026-10/1.pdf": "aa", "2026-10/2.pdf": None}), [COPIES]),
    ("another PDF", lambda: evidence(copies={"2026-10/1.pdf": "aa", "2026-10/2.pdf": "cc"}), [COPIES]),
    ("an unprinted invoice", lambda: with_account("post", pdf_path=None, pdf_digest=None), [COPIES]),
]


@pytest.mark.parametrize(("planted", "names"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED])
def test_a_planted_difference_breaks_its_equality_and_no_other(planted, names):
    assert broken(planted()) == names


def test_every_equality_is_broken_by_some_planted_difference():
    assert {name for _, _, names in PLANTED for name in names} == {equality.name for equality in prove(evidence())}


def test_what_comes_after_the_invoice_is_due_next_time():
    """A second run of the month: the invoices stay as they are, the new usage waits for the next ones."""
    issued = {
        "post": replace(BEFORE.accounts["post"], issued="OTP/26-27/000001", pdf_path="2026-10/1.pdf", pdf_digest="aa"),
        "pre": replace(AFTER.accounts["pre"], balance_micros=100),
    }
    before = replace(BEFORE, accounts=issued)
    due = replace(
        AFTER,
        accounts={
            "post": replace(AFTER.accounts["post"], balance_micros=-600_000, due_micros=600_000),
            "pre": replace(AFTER.accounts["pre"], due_micros=400_000),
        },
    )

    assert broken(evidence(before=before, after=due)) == []
    assert broken(evidence(before=before, after=AFTER)) == [WALLETS, INVOICED]


def test_a_number_once_given_may_not_change():
    before = replace(BEFORE, accounts={**BEFORE.accounts, "post": a_standing(issued="OTP/26-27/000009")})

    (equality,) = [one for one in prove(evidence(before=before)) if one.name == ISSUED]

    assert (equality.holds, equality.detail) == (False, "an issued invoice changed its number")


def test_a_person_may_reject_and_then_nothing_may_be_issued():
    drafts = replace(
        AFTER,
        accounts={
            "post": a_standing(balance_micros=-600_000, due_micros=600_000),
            "pre": a_standing(mode="prepaid", balance_micros=4_600_100, due_micros=400_000),
        },
    )

    assert broken(evidence(rejected=True, after=drafts)) == []
    assert broken(evidence(rejected=True)) == [ISSUED]


def test_a_difference_is_told_with_the_first_place_and_both_sides():
    planted = after(usage={**AFTER.usage, SMS: replace(AFTER.usage[SMS], amount_micros=600_001)})

    (equality,) = [one for one in prove(planted) if not one.holds]

    assert "1 of 3 running totals differ" in equality.detail
    assert "account='post'" in equality.detail
    assert "amount_micros=600000" in equality.detail
    assert "amount_micros=600001" in equality.detail


def test_the_table_of_events_adds_up():
    sent, booked, in_all = event_rows(evidence())

    assert (sent["received"], booked["received"], in_all["received"]) == ("9", "9", "19")
    assert {**sent, "events": ""} == {**booked, "events": ""}
    assert booked["dead-letter"] == "1"
