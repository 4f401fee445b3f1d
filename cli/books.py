"""`billing books`: do the books balance?"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from cli.instants import BookedFrom, BookedTo
from cli.months import MaybeMonth
from cli.output import AsJson, console, show, show_rows
from connectors import batch_wiring, clock
from invoicing.books_ports import PartitionCount
from invoicing.certify_books import certify, require_conservation
from invoicing.check_books import BooksReport, check_books, require_balance

app = typer.Typer(help="The books: checks, conservation, caches.", no_args_is_help=True)
Caches = Annotated[
    bool, typer.Option("--caches", help="Compare ClickHouse's revenue and Redis's balances with PostgreSQL, too.")
]


@app.command()
def check(*, month: MaybeMonth = None, caches: Caches = False, as_json: AsJson = False) -> None:
    """Run every query of sql/checks/ and print the conservation certificate; exit 1 when anything differs.

    Example: billing books check --caches --month 2026-10
    """
    report = check_books(
        batch_wiring.books(),
        now=clock.now(),
        month=month,
        warehouse=batch_wiring.warehouse() if caches else None,
        cache=batch_wiring.balances() if caches else None,
    )
    if as_json:
        show(_facts(report), as_json=True)
    else:
        _print(report)
    require_balance(report)


@app.command()
def certificate(*, start: BookedFrom = None, end: BookedTo = None, as_json: AsJson = False) -> None:
    """Certify where every event went, by topic, partition and offsets; exit 1 when conservation does not hold.

    received = rated or accepted + duplicate + conflict + dead-lettered + quarantined, offsets without a gap, and as many
    rows stored of each kind as the ranges say. The SHA-256 is over the rows: certificates of equal books have equal ones,
    whatever the batches were. With --from or --to, of what was booked then.

    Example: billing books certificate --json > certificate.json
    """
    found = certify(batch_wiring.conservation(), start=start, end=end)
    facts = found.facts()
    if as_json:
        show(facts, as_json=True)
    else:
        rows = [asdict(row) for row in found.ranges]
        show_rows(
            [
                {**_place(row), **row, "holds": "yes" if sound.conserves else "no"}
                for row, sound in zip(rows, found.ranges, strict=True)
            ],
            as_json=False,
            empty="nothing was booked then",
        )
        show({"sha256": found.digest, "holds": "no" if found.faults else "yes"}, as_json=False)
    require_conservation(found)


def _place(row: dict[str, Any]) -> dict[str, Any]:
    offsets = f"{row.pop('first_offset')}..{row.pop('next_offset')}"
    return {"topic": row.pop("topic"), "partition": row.pop("partition"), "offsets": offsets}


def _facts(report: BooksReport) -> dict[str, Any]:
    return {
        "balanced": not report.faults,
        "faults": report.faults,
        "checks": [asdict(check) for check in report.checks],
        "certificate": report.certificate(),
        "revenue": _revenue_rows(report),
        "wallets": report.wallets,
        "stale_balances": [asdict(stale) for stale in report.stale_balances],
    }


def _print(report: BooksReport) -> None:
    show_rows(
        [{"check": check.name, "holds": "no" if check.rows else "yes", "rows": check.rows} for check in report.checks],
        as_json=False,
        empty="there are no checks in sql/checks",
    )
    for check in report.checks:
        if check.rows:
            console.print(f"\n{check.name}: {check.rule}. The first rows:", style="red")
            show_rows(check.first_rows, as_json=False, empty="")
    console.print()
    received = _partition_rows(report.partitions, report.certificate()["totals"])
    show_rows(received, as_json=False, empty="nothing was received yet")
    if report.revenue:
        console.print()
        show_rows(_revenue_rows(report), as_json=False, empty="")
    if report.wallets is not None:
        console.print(f"\n{report.wallets} wallets compared with Redis, {len(report.stale_balances)} differ")
    if not report.faults:
        console.print("\nThe books balance.", style="green")


def _partition_rows(partitions: Sequence[PartitionCount], totals: dict[str, int]) -> list[dict[str, Any]]:
    rows = []
    for count in partitions:
        row = asdict(count)
        rows.append({**_place(row), **row})
    return [*rows, {"topic": "together", "partition": "", "offsets": "", **totals}] if rows else []


def _revenue_rows(report: BooksReport) -> list[dict[str, Any]]:
    return [
        {
            "currency": pair.currency,
            "month": str(pair.month) if pair.month is not None else "all",
            "postgres_micros": pair.postgres.amount_micros,
            "clickhouse_micros": pair.clickhouse.amount_micros,
            "postgres_events": pair.postgres.event_count,
            "clickhouse_events": pair.clickhouse.event_count,
            "equal": pair.equal,
        }
        for pair in report.revenue
    ]
