"""A small demonstration on the real databases, by the real use cases, without Kafka and Airflow between them."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from zlib import crc32

import pytest
from clickhouse_driver import Client
from redis import Redis
from sqlalchemy import Engine

from cli.demonstration import catalogue, set_up
from cli.demonstration.books import Books
from cli.demonstration.customers import subscribers
from cli.demonstration.proof import Equality, Evidence, prove
from cli.demonstration.traffic import Traffic
from connectors import batch_wiring, demonstration_wiring, metering_wiring, wiring
from domain.errors import IllegalTransition, WrongSetup
from domain.metering import Origin
from domain.period import BillingMonth
from invoicing.accrue_fees import accrue_fees
from invoicing.approve_run import approve_run
from invoicing.check_books import check_books
from invoicing.draft_invoices import draft_invoices
from invoicing.invoice_ports import Batch
from invoicing.issue_invoices import issue_invoices
from invoicing.print_invoices import print_invoices
from invoicing.records import Record
from invoicing.sending_again import Choice, Place
from invoicing.start_run import start_run
from tests.books import send_to_warehouse
from tests.cli.demo_traffic import RECEIVED_MICROS, a_story, some_traffic
from tests.invoicing.month import recompute

pytestmark = pytest.mark.engines
NOW = datetime(2026, 11, 6, tzinfo=UTC)
OCTOBER = BillingMonth(2026, 10)
PARTITIONS = 8
ALL = Batch(0, 1)


class Runner:
    """Runs of the demonstration, one after the other, on one set of books."""

    def __init__(self, now: datetime = NOW) -> None:
        self._offsets = [0] * PARTITIONS
        self.accrued_at = now

    def run(self, traffic: Traffic, *, invoice: bool = True) -> Evidence:
        """One run; returns what its proof looks at."""
        set_up.seed_accounts(traffic.subscribers, month=OCTOBER, now=NOW)
        before = _books(traffic)
        top_ups = set_up.top_up_wallets(traffic.subscribers, run_id=traffic.run_id, now=NOW)
        self._meter([(record.key, record.value) for record in traffic.records()])
        set_up.map_new_aliases(traffic.new_aliases, now=NOW)
        self._meter(_released(list(traffic.new_aliases)))
        send_to_warehouse()
        accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=self.accrued_at)
        if invoice:
            _invoice(self.accrued_at)
        report = check_books(
            batch_wiring.books(), now=NOW, warehouse=batch_wiring.warehouse(), cache=batch_wiring.balances()
        )
        after, folder = _books(traffic), batch_wiring.invoice_folder()
        return Evidence(
            expectation=traffic.expectation,
            accounts=[one.account.code for one in traffic.subscribers],
            before=before,
            after=after,
            top_ups=top_ups,
            report=report,
            rejected=not invoice,
            invoice_fault=None,
            story=a_story(),
            copies={
                account.pdf_path: folder.digest(account.pdf_path) for account in after.accounts.values() if account.pdf_path
            },
            ended=set_up.months_ended(traffic.subscribers, now=self.accrued_at),
        )

    def _meter(self, values: Sequence[tuple[str, bytes]]) -> None:
        records = []
        for key, value in values:
            partition = crc32(key.encode()) % PARTITIONS
            origin = Origin(demonstration_wiring.usage_topic(), partition, self._offsets[partition], RECEIVED_MICROS)
            records.append(Record(origin, value))
            self._offsets[partition] += 1
        _book(records)


def _book(records: Sequence[Record]) -> None:
    """In several batches, telling Redis after each, as the worker does."""
    store, cache = metering_wiring.metering_store("tests"), metering_wiring.balance_cache()
    metering = metering_wiring.metering(store)
    try:
        for start in range(0, len(records), 400):
            metered = metering.meter(records[start : start + 400])
            cache.put(metered.balances)
    finally:
        store.close()
        cache.close()


def _released(aliases: Sequence[str]) -> list[tuple[str, bytes]]:
    quarantine = wiring.waiting_events()
    for alias in aliases:
        quarantine.release(Choice(alias=alias), without=None, released_at=NOW, limit=10_000)
    events = quarantine.to_send(limit=10_000)
    quarantine.mark_sent({event.id: Place(0, number) for number, event in enumerate(events)}, sent_at=NOW)
    return [(event.key, event.payload) for event in events]


def _invoice(now: datetime) -> None:
    book = batch_wiring.invoice_book()
    start_run(OCTOBER, books=batch_wiring.books(), warehouse=batch_wiring.warehouse(), book=book, now=NOW)
    draft_invoices(OCTOBER, ALL, drafts=book.drafts, now=NOW)
    recompute(OCTOBER, now=now)
    approve_run(OCTOBER, by="Asha Rao", runs=book.runs, now=NOW)
    issue_invoices(OCTOBER, book=book, balances=batch_wiring.balances(), now=NOW)
    print_invoices(
        OCTOBER,
        ALL,
        invoices=book.invoices,
        printer=batch_wiring.invoice_printer(),
        folder=batch_wiring.invoice_folder(),
        now=NOW,
    )


def _books(traffic: Traffic) -> Books:
    topic, aliases = demonstration_wiring.usage_topic(), list(traffic.new_aliases)
    return Books.of(demonstration_wiring.standings().read(topic, OCTOBER, aliases=aliases))


def _broken(evidence: Evidence) -> list[Equality]:
    return [equality for equality in prove(evidence) if not equality.holds]


@pytest.fixture
def runner(database: Engine, warehouse: Client, cache: Redis) -> Runner:
    """Empty books; printed copies of earlier tests are taken away."""
    folder = batch_wiring.invoice_folder().root / str(OCTOBER)
    for copy in folder.glob("*.pdf"):
        copy.unlink()
    return Runner()


def test_a_run_adds_up_on_the_real_books_and_so_does_a_second_one(runner: Runner):
    first = runner.run(some_traffic(events=900))
    second = runner.run(some_traffic(events=900, run_id="r2", seed=11))

    assert _broken(first) == []
    assert sum(account.issued is not None for account in first.after.accounts.values()) == 200
    assert not any(account.due_micros for account in first.after.accounts.values())
    assert _broken(second) == []
    assert second.after.accounts["ACC-0001"].issued == first.after.accounts["ACC-0001"].issued
    due = [account.due_micros for account in second.after.accounts.values()]
    assert min(due) >= 0  # what free units cover costs nothing
    assert max(due) > 0


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 11, 30, 17, 0, tzinfo=UTC),  # 1 December in Singapore and Jakarta, not in India
        datetime(2026, 11, 30, 18, 31, tzinfo=UTC),  # 1 December in India, the run still of October
    ],
)
def test_a_run_adds_up_when_the_month_after_has_ended_for_some_accounts(runner: Runner, now):
    runner.accrued_at = now
    evidence = runner.run(some_traffic(events=600))
    assert len(set(evidence.ended.values())) == (2 if now.hour == 17 else 1)
    assert _broken(evidence) == []


def test_a_run_does_not_begin_when_a_month_is_about_to():
    people = subscribers()
    set_up.refuse_turn_of_month(people, now=datetime(2026, 11, 30, 18, 30, tzinfo=UTC))
    for shortly_before in (datetime(2026, 11, 30, 18, 15, tzinfo=UTC), datetime(2026, 11, 30, 15, 59, tzinfo=UTC)):
        with pytest.raises(IllegalTransition, match="would fall due during the run: run it again after"):
            set_up.refuse_turn_of_month(people, now=shortly_before)


def test_a_rejected_run_adds_up_and_its_usage_is_invoiced_by_the_next(runner: Runner):
    rejected = runner.run(some_traffic(events=400), invoice=False)
    approved = runner.run(some_traffic(events=400, run_id="r2"))

    assert _broken(rejected) == []
    assert _broken(approved) == []
    assert sum(account.issued is not None for account in approved.after.accounts.values()) == 200


def test_a_lost_copy_and_a_forgotten_balance_are_found(runner: Runner, cache: Redis):
    evidence = runner.run(some_traffic(events=400))
    path = evidence.after.accounts["ACC-0007"].pdf_path
    (batch_wiring.invoice_folder().root / path).unlink()
    cache.delete(next(iter(cache.scan_iter("balance:*"))))

    report = check_books(batch_wiring.books(), now=NOW, cache=batch_wiring.balances(), warehouse=batch_wiring.warehouse())
    folder = batch_wiring.invoice_folder()
    found = _broken(replace(evidence, report=report, copies={one: folder.digest(one) for one in evidence.copies}))

    assert [equality.name for equality in found] == [
        "wallets in Redis = wallets in PostgreSQL",
        "invoices = PDFs on disk, byte for byte",
    ]


def test_accounts_on_an_older_plan_are_refused_with_the_way_out(database: Engine, monkeypatch):
    people = subscribers()
    assert set_up.seed_accounts(people, month=OCTOBER, now=NOW) == 200
    assert set_up.seed_accounts(people, month=OCTOBER, now=NOW) == 0

    plans = set_up.catalogue.plans()
    (links,) = (charge for charge in plans[0]["charges"] if charge.get("meter") == catalogue.MAGIC_LINK)
    links["price"]["tiers"][0]["unit_price"] = "0.1300"
    monkeypatch.setattr(set_up.catalogue, "plans", lambda: plans)

    with pytest.raises(WrongSetup, match="older version of otp-india: give the demonstration a database of its own"):
        set_up.seed_accounts(people, month=OCTOBER, now=NOW)
