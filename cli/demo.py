"""`billing demo`: a month of traffic through the real engines to GST invoices, with the proof that it adds up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from cli.demonstration import catalogue, running_dry, set_up, summary, waiting
from cli.demonstration.books import Books
from cli.demonstration.customers import Subscriber, subscribers, the_one_that_runs_dry
from cli.demonstration.expectation import Expectation
from cli.demonstration.invoice_month import InvoiceRunEnd, invoice_month, require_free_airflow, why
from cli.demonstration.proof import Evidence, prove
from cli.demonstration.screen import Screen
from cli.demonstration.story import Story, told_letters
from cli.demonstration.traffic import CODECS, Traffic
from cli.output import AsJson, show
from connectors import batch_wiring, clock, demonstration_wiring, wiring
from domain.errors import BillingError, BooksDoNotBalance
from domain.period import BillingMonth
from invoicing.check_books import check_books
from invoicing.release_quarantine import release_quarantine
from invoicing.sending_again import Choice

app = typer.Typer(help="A demonstration on the real engines.", no_args_is_help=True)
Events = Annotated[int, typer.Option(min=200, max=5_000_000, help="How many different usage events to send.")]
Seed = Annotated[int, typer.Option(help="The same seed makes the same traffic, under new ids.")]
_INDIA: Final = ZoneInfo("Asia/Kolkata")
_DIGITS: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_EVENTS: Final = 50_000
_SEED: Final = 20_261


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of the demonstration."""

    run_id: str
    month: BillingMonth
    accounts: Sequence[Subscriber]
    """Those of the traffic, and last the one that runs dry."""
    traffic: Traffic
    screen: Screen
    ended: Mapping[str, str]
    """By account: the last month that has ended in its time zone."""

    def books(self) -> Books:
        """The books as they stand."""
        topic, aliases = demonstration_wiring.usage_topic(), list(self.traffic.new_aliases)
        return Books.of(demonstration_wiring.standings().read(topic, self.month, aliases=aliases))

    def release(self, alias: str) -> int:
        """Let the events of an alias go; returns how many."""
        quarantine, resender = wiring.waiting_events(), wiring.resender()
        return release_quarantine(quarantine, resender, choice=Choice(alias=alias), now=clock.now()).released


@app.command()
def run(
    *,
    events: Events = _EVENTS,
    seed: Seed = _SEED,
    leave_approval: Annotated[
        bool, typer.Option("--leave-approval", help="Let a person approve the invoices in the Airflow UI, and wait for it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send a month of traffic, have it invoiced, and prove every figure; exit 1 when any equality fails.

    Example: billing demo run --events 50000
    """
    started = clock.monotonic_seconds()
    one = _new_run(events, seed, screen=Screen(quiet=as_json))
    set_up.refuse_turn_of_month(one.accounts, now=clock.now())
    one.screen.title("OTPless billing · demonstration", f"{one.month} · {events:,} events · seed {seed} · run {one.run_id}")
    _check_engines(one)
    _open(one)
    before = _settle_and_read(one)
    top_ups = _top_up(one)
    start = waiting.booked_offsets()
    _send(one)
    _book(one, start)
    _release(one)
    story = _run_dry(one)
    top_ups[story.account] += story.credited_micros
    _copy(one, "Copies")
    ended = _invoice(one, leave_approval=leave_approval)
    _copy(one, "Copies again")
    evidence = _gather(one, before, top_ups, ended, story)
    _report(one, evidence, ended, seconds=clock.monotonic_seconds() - started, as_json=as_json)


@app.command()
def events(*, events: Events = _EVENTS, seed: Seed = _SEED, as_json: AsJson = False) -> None:
    """Only send a month of traffic: nothing is waited for and nothing proven.

    Example: billing demo events --events 1000000
    """
    one = _new_run(events, seed, screen=Screen(quiet=as_json))
    _open(one)
    _top_up(one)
    _send(one)
    expectation = one.traffic.expectation
    facts = {"run": one.run_id, "month": str(one.month), "sent": expectation.received, **expectation.outcomes}
    show(facts | {"new_aliases": one.traffic.new_aliases}, as_json=as_json)


def _new_run(events: int, seed: int, *, screen: Screen) -> _Run:
    now = clock.now()
    month = BillingMonth.of(now, _INDIA).previous()
    accounts, run_id = subscribers(), _new_run_id(now)
    expectation = Expectation({plan["code"]: plan for plan in catalogue.plans()}, str(month), catalogue.contracts())
    traffic = Traffic(accounts, month, events=events, seed=seed, run_id=run_id, expectation=expectation)
    everyone = [*accounts, the_one_that_runs_dry()]
    return _Run(run_id, month, everyone, traffic, screen, set_up.months_ended(everyone, now=now))


def _new_run_id(now: datetime) -> str:
    """Tells runs apart: the second it began in, short."""
    number, text = int(now.timestamp()), ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text


def _check_engines(one: _Run) -> None:
    with one.screen.step("Engines") as step:
        wiring.migrations().check()
        wiring.topic_admin().check(wiring.topics())
        require_free_airflow()
        step.text = "schema and topics are there, Airflow is free"


def _open(one: _Run) -> None:
    with one.screen.step("Accounts") as step:
        opened = set_up.seed_accounts(one.accounts, month=one.month, now=clock.now())
        aliases = sum(len(subscriber.account.aliases) for subscriber in one.accounts)
        step.text = f"{len(one.accounts)} with {aliases} aliases on {len(catalogue.plans())} plans, {opened} of them new"


def _top_up(one: _Run) -> dict[str, int]:
    with one.screen.step("Top-ups") as step:
        top_ups = set_up.top_up_wallets(one.accounts, run_id=one.run_id, now=clock.now())
        step.text = f"{len(top_ups)} prepaid wallets"
    return top_ups


def _settle_and_read(one: _Run) -> Books:
    """The books to begin from: with everything booked that others sent before."""
    with one.screen.step("Earlier") as step:
        # No alias of this run waits yet: this only sends what a release of another run had not sent when it broke off.
        one.release(next(iter(one.traffic.new_aliases)))
        waiting.wait_until_booked(step)
        books = one.books()
        step.text = f"{books.outcomes['received']:,} events in the books"
    return books


def _send(one: _Run) -> None:
    sender = demonstration_wiring.usage_sender(CODECS)
    with one.screen.step("Sending") as step:
        records = sent_bytes = 0
        for records, record in enumerate(one.traffic.records(), start=1):
            sender.send(record.key, record.value, codec=record.codec)
            sent_bytes += len(record.value)
            if records % 500 == 0:
                step.at(one.traffic.sent, one.traffic.events, "events")
        sender.flush()
        step.text = f"{records:,} records, {sent_bytes / 1e6:.1f} MB, with {', '.join(CODECS[1:])} and uncompressed"


def _book(one: _Run, start: Mapping[int, int]) -> None:
    with one.screen.step("Booking") as step:
        records = waiting.wait_until_booked(step, beyond=start)
        seconds = clock.monotonic_seconds() - step.started_seconds
        step.text = f"{records:,} records booked, {seconds:.1f} s after the last one was sent"


def _release(one: _Run) -> None:
    with one.screen.step("Quarantine") as step:
        mapped = set_up.map_new_aliases(one.traffic.new_aliases, now=clock.now())
        sent = sum(one.release(alias) for alias in one.traffic.new_aliases)
        waiting.wait_until_booked(step)
        step.text = f"{mapped} new aliases mapped, {sent:,} events released and booked"


def _run_dry(one: _Run) -> Story:
    with one.screen.step("One wallet") as step:
        running_dry.prepare(one.accounts[-1], now=clock.now())
        teller = running_dry.Teller(
            one.accounts[-1], run_id=one.run_id, month=one.month, expectation=one.traffic.expectation, doing=step.doing
        )
        story = teller.tell()
        step.text = f"{story.account} ran dry with {story.events} events, and is back with a payment"
    return story


def _copy(one: _Run, name: str) -> None:
    with one.screen.step(name) as step:
        done = waiting.wait_until_copied(step)
        step.failed = not done
        step.text = "ClickHouse and Redis have what PostgreSQL has" if done else "ClickHouse or Redis lags: see the proof"


def _invoice(one: _Run, *, leave_approval: bool) -> InvoiceRunEnd:
    with one.screen.step("Invoice run") as step:
        try:
            ended = invoice_month(one.month, step, leave_approval=leave_approval)
        except BillingError as error:
            ended = why(error)
        step.failed = ended.fault is not None
        step.text = ended.fault or _told(one.month, ended)
    return ended


def _told(month: BillingMonth, ended: InvoiceRunEnd) -> str:
    if ended.rejected:
        return "rejected: nothing was issued, the drafts stay"
    issued = sum(row["invoices"] for row in ended.summary["issued"])
    return f"{issued} invoices of {month} are issued, {ended.summary['printed']} of them printed"


def _gather(one: _Run, before: Books, top_ups: dict[str, int], ended: InvoiceRunEnd, story: Story) -> Evidence:
    with one.screen.step("Checking") as step:
        report = check_books(
            batch_wiring.books(), now=clock.now(), warehouse=batch_wiring.warehouse(), cache=batch_wiring.balances()
        )
        after = one.books()
        folder = batch_wiring.invoice_folder()
        paths = [account.pdf_path for account in after.accounts.values() if account.pdf_path]
        step.text = f"{len(report.checks)} checks, {report.wallets} wallets, {len(after.usage):,} totals, {len(paths)} PDFs"
        return Evidence(
            expectation=one.traffic.expectation,
            accounts=[subscriber.account.code for subscriber in one.accounts],
            before=before,
            after=after,
            top_ups=top_ups,
            report=report,
            rejected=ended.rejected,
            invoice_fault=ended.fault,
            copies={path: folder.digest(path) for path in paths},
            story=story,
            ended=one.ended,
        )


def _report(one: _Run, evidence: Evidence, ended: InvoiceRunEnd, *, seconds: float, as_json: bool) -> None:
    equalities = prove(evidence)
    broken = [equality for equality in equalities if not equality.holds]
    facts = summary.facts(evidence, equalities, month=one.month, run_id=one.run_id)
    if as_json:
        show({**facts, "seconds": round(seconds, 1)}, as_json=True)
    screen = one.screen
    screen.counts("Events", summary.event_rows(evidence))
    screen.counts(f"One wallet, {evidence.story.account}: how long after the append of its event", evidence.story.rows())
    screen.say(told_letters(running_dry.letters(evidence.story.account)), style="dim")
    screen.counts("Revenue", summary.revenue_rows(evidence))
    invoices = summary.invoice_rows(evidence, ended.summary)
    if invoices:
        screen.counts(f"Invoices of {one.month}", invoices)
    if any(account.issued and account.due_micros for account in evidence.after.accounts.values()):
        screen.say(f"{one.month} was invoiced before: what came after goes on the next invoice, as late usage.")
    screen.proof(equalities)
    screen.places("Look around (passwords are in .env)", summary.places(one.month))
    if broken:
        raise BooksDoNotBalance(
            f"{len(broken)} of {len(equalities)} equalities do not hold: " + "; ".join(one.name for one in broken)
        )
    screen.say(f"All {len(equalities)} equalities hold. {seconds:.0f} s.", style="bold green")
