"""The proof: every equality that has to hold after a run, each decided by itself and named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cli.demonstration.books import Books
from cli.demonstration.expectation import OUTCOMES, Expectation, UsageKey, Used
from cli.demonstration.story import STATES, Story
from invoicing.check_books import BooksReport

_NO_USAGE = Used()


@dataclass(frozen=True, slots=True)
class Equality:
    """One thing that has to be equal to another; `detail` says how much was compared, or what differs first."""

    name: str
    holds: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything the proof looks at."""

    expectation: Expectation
    accounts: Sequence[str]
    """The demonstration's account codes."""
    before: Books
    after: Books
    top_ups: Mapping[str, int]
    """Micros by account, booked between the two."""
    report: BooksReport
    rejected: bool
    """True when a person rejected the drafts: then nothing may have been issued."""
    invoice_fault: str | None
    """Why the invoice run did not end well."""
    copies: Mapping[str, str | None]
    """SHA-256 of each invoice's file by its path; None for a missing one."""
    story: Story
    """Of the one wallet that runs dry."""
    ended: Mapping[str, str] = field(default_factory=dict)
    """By account: the last month that had ended in its time zone when fees were accrued, "2026-10"."""


def prove(evidence: Evidence) -> list[Equality]:
    """Every equality, in the order of the way of an event."""
    since = {code: account.since for code, account in evidence.before.accounts.items()}
    charged = evidence.expectation.charged(evidence.before.usage, since, evidence.ended)
    charges = _by_account(charged, evidence.before.usage)
    # What fell due of a later month waits for that month's invoice.
    month = evidence.expectation.month
    invoiced = _by_account({key: used for key, used in charged.items() if key.month <= month}, evidence.before.usage)
    return [
        _adds_up(evidence),
        _outcomes(evidence),
        _dead_letters(evidence),
        _nothing_waits(evidence),
        _usage(evidence, charged),
        _wallets(evidence, charges, invoiced),
        _one_wallet(evidence.story),
        *_checks(evidence.report),
        _redis(evidence.report),
        _clickhouse(evidence.report),
        _invoice_run(evidence),
        _issued(evidence),
        _invoiced(evidence, invoiced),
        _copies(evidence),
    ]


def gained(evidence: Evidence, outcome: str) -> int:
    """How many events of the run ended so, by the books."""
    return evidence.after.outcomes[outcome] - evidence.before.outcomes[outcome]


def _adds_up(evidence: Evidence) -> Equality:
    parts = sum(gained(evidence, outcome) for outcome in OUTCOMES)
    received = gained(evidence, "received")
    return Equality(
        "received = rated + duplicate + conflict + dead-letter + quarantined",
        received == parts,
        f"{received:,} events" if received == parts else f"{received:,} received, {parts:,} accounted for",
    )


def _outcomes(evidence: Evidence) -> Equality:
    expected = {"received": evidence.expectation.received, **{one: evidence.expectation.outcomes[one] for one in OUTCOMES}}
    booked = {outcome: gained(evidence, outcome) for outcome in expected}
    return _same("events = what was sent", expected, booked, of="counts")


def _dead_letters(evidence: Evidence) -> Equality:
    before, expected = evidence.before.dead_letters, evidence.expectation.dead_letters
    booked = {reason: letters - before.get(reason, 0) for reason, letters in evidence.after.dead_letters.items()}
    booked = {reason: letters for reason, letters in booked.items() if letters}
    return _same("dead letters = the mistakes made, by reason", expected, booked, of="reasons")


def _nothing_waits(evidence: Evidence) -> Equality:
    waiting = evidence.after.waiting
    released = evidence.expectation.outcomes["quarantined"]
    return Equality(
        "quarantined = released and rated", not waiting, f"{waiting:,} still wait" if waiting else f"{released:,} events"
    )


def _usage(evidence: Evidence, charged: Mapping[UsageKey, Used]) -> Equality:
    """Everything the run used, and nothing else changed."""
    expected = {**evidence.before.usage, **charged}
    return _same("usage and charges = a second rater's, to the micro", expected, evidence.after.usage, of="running totals")


def _wallets(evidence: Evidence, charges: Mapping[str, int], invoiced: Mapping[str, int]) -> Equality:
    expected = {
        code: evidence.before.accounts[code].balance_micros + evidence.top_ups.get(code, 0) for code in evidence.accounts
    }
    for code in evidence.accounts:
        before, charge = evidence.before.accounts[code], charges.get(code, 0)
        is_settled = before.mode == "postpaid" and code in _newly_issued(evidence)
        settled = before.due_micros + invoiced.get(code, 0) if is_settled else 0
        payer = evidence.after.accounts[code].pays_from or code
        expected[payer] = expected.get(payer, 0) + settled - charge
    booked = {code: evidence.after.accounts[code].balance_micros for code in evidence.accounts}
    return _same("wallets = top-ups − charges + invoices settled", expected, booked, of="wallets")


def _one_wallet(story: Story) -> Equality:
    """Each thing was told once and in its order; how soon is no equality."""
    found = {"statuses": tuple(story.statuses), "alerts": len(story.alerts), "receipt vouchers": len(story.vouchers)}
    expected = {"statuses": STATES, "alerts": 1, "receipt vouchers": 1}
    equality = _same("one wallet: low and warned, grace, suspended, paid, active", expected, found, of="things told")
    detail = f"once each, {', '.join(story.vouchers)}" if equality.holds else equality.detail
    return Equality(equality.name, equality.holds, detail)


def _checks(report: BooksReport) -> Iterator[Equality]:
    """The wallet's own check by its name, and all the others together."""
    ledger = [check for check in report.checks if check.name == _LEDGER_CHECK]
    others = [check for check in report.checks if check.name != _LEDGER_CHECK]
    broken = [check for check in others if check.rows]
    yield Equality(
        "wallets = their ledgers in PostgreSQL",
        bool(ledger) and not any(check.rows for check in ledger),
        ", ".join(f"{check.rows} differ" for check in ledger if check.rows) or f"{report.wallets} wallets",
    )
    yield Equality(
        "the rules of sql/checks hold",
        not broken,
        "; ".join(f"{check.name}: {check.rows} rows" for check in broken) or f"{len(others)} queries without a row",
    )


_LEDGER_CHECK = "wallets_match_ledger"


def _redis(report: BooksReport) -> Equality:
    stale = len(report.stale_balances)
    detail = f"{stale} of {report.wallets} differ" if stale else f"{report.wallets} wallets"
    return Equality("wallets in Redis = wallets in PostgreSQL", not stale and report.wallets is not None, detail)


def _clickhouse(report: BooksReport) -> Equality:
    unequal = [pair for pair in report.revenue if not pair.equal]
    if unequal:
        pair = unequal[0]
        detail = (
            f"{pair.currency} {pair.month or 'in all'}: {pair.postgres.amount_micros:,} micros in PostgreSQL, "
            f"{pair.clickhouse.amount_micros:,} in ClickHouse"
        )
    else:
        detail = f"{len({pair.currency for pair in report.revenue})} currencies, to the micro"
    return Equality("revenue in ClickHouse = revenue in PostgreSQL", bool(report.revenue) and not unequal, detail)


def _invoice_run(evidence: Evidence) -> Equality:
    answer = "rejected: the drafts stay" if evidence.rejected else "approved"
    return Equality("the invoice run ends well", evidence.invoice_fault is None, evidence.invoice_fault or answer)


def _issued(evidence: Evidence) -> Equality:
    """Every account had usage, so each that had no invoice of the month has one now, and the others keep theirs."""
    before = evidence.before.accounts
    expected = {code: not evidence.rejected or before[code].issued is not None for code in evidence.accounts}
    booked = {code: evidence.after.accounts[code].issued is not None for code in evidence.accounts}
    kept = all(
        evidence.before.accounts[code].issued in (None, evidence.after.accounts[code].issued) for code in evidence.accounts
    )
    if not kept:
        return Equality(_ISSUED, holds=False, detail="an issued invoice changed its number")
    equality = _same(_ISSUED, expected, booked, of="accounts")
    new = len(_newly_issued(evidence))
    return Equality(_ISSUED, equality.holds, f"{new} new of {sum(booked.values())}" if equality.holds else equality.detail)


_ISSUED = "one invoice an account and month"


def _invoiced(evidence: Evidence, charges: Mapping[str, int]) -> Equality:
    """What is not on an invoice yet is exactly what came after the account's invoice was issued."""
    new = _newly_issued(evidence)
    expected = {
        code: 0 if code in new else evidence.before.accounts[code].due_micros + charges.get(code, 0)
        for code in evidence.accounts
    }
    booked = {code: evidence.after.accounts[code].due_micros for code in evidence.accounts}
    return _same("rated = invoiced + due next time", expected, booked, of="accounts")


def _copies(evidence: Evidence) -> Equality:
    issued = [account for account in evidence.after.accounts.values() if account.issued is not None]
    wanted = {account.pdf_path or f"(none of {account.issued})": account.pdf_digest or "printed" for account in issued}
    found = {path: evidence.copies.get(path) for path in wanted}
    return _same("invoices = PDFs on disk, byte for byte", wanted, found, of="files")


def _newly_issued(evidence: Evidence) -> set[str]:
    return {
        code
        for code in evidence.accounts
        if evidence.after.accounts[code].issued is not None and evidence.before.accounts[code].issued is None
    }


def _by_account(charged: Mapping[UsageKey, Used], before: Mapping[UsageKey, Used]) -> dict[str, int]:
    """What the run costs each account, in micros."""
    charges: dict[str, int] = {}
    for key, used in charged.items():
        charge = used.amount_micros - before.get(key, _NO_USAGE).amount_micros
        charges[key.account] = charges.get(key.account, 0) + charge
    return charges


def _same(name: str, expected: Mapping[Any, object], booked: Mapping[Any, object], *, of: str) -> Equality:
    keys = sorted({*expected, *booked}, key=str)
    different = [key for key in keys if expected.get(key) != booked.get(key)]
    if not different:
        return Equality(name, holds=True, detail=f"{len(keys):,} {of}")
    first = different[0]
    detail = f"{len(different):,} of {len(keys):,} {of} differ, first {first}: "
    return Equality(name, holds=False, detail=detail + f"expected {expected.get(first)}, found {booked.get(first)}")
