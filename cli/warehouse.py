"""`billing warehouse`: does ClickHouse say what the books say?"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from cli.output import AsJson, console, show, show_rows
from connectors import batch_wiring
from domain.errors import BooksDoNotBalance
from invoicing.reconcile_ports import Days
from invoicing.reconcile_warehouse import Difference, Reconciliation, reconcile

app = typer.Typer(help="The analysts' copy in ClickHouse.", no_args_is_help=True)
_SHOWN = 20
Day = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of event time, UTC.")]
EndDay = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The day after the last one, UTC.")]
Repair = Annotated[bool, typer.Option("--repair", help="Insert what is missing, take out what is too much, compare again.")]


# A callback keeps `reconcile` a sub-command of its own although it is the only one.
@app.callback()
def warehouse() -> None:
    """The analysts' copy in ClickHouse."""


@app.command("reconcile")
def reconcile_usage(*, start: Day = None, end: EndDay = None, repair: Repair = False, as_json: AsJson = False) -> None:
    """Compare rated usage in ClickHouse with the books by day and batch; exit 1 when anything differs in the end.

    Batches booked and not sent yet are on their way and no difference.

    Example: billing warehouse reconcile --from 2026-10-01 --to 2026-11-01 --repair
    """
    days = Days(start.date() if start else None, end.date() if end else None)
    found = reconcile(batch_wiring.booked_usage(), batch_wiring.warehoused_usage(), days, repair=repair)
    if as_json:
        show(_facts(found), as_json=True)
    else:
        _print(found)
    if not found.equal:
        left = found.left if found.repaired else found.differences
        way_out = "run it again" if found.repaired else "run it with --repair"
        raise BooksDoNotBalance(f"ClickHouse differs from the books in {len(left)} places: {way_out}")


def _facts(found: Reconciliation) -> dict[str, Any]:
    return {
        "equal": found.equal,
        "booked": asdict(found.booked),
        "warehoused": asdict(found.warehoused),
        "batches_on_their_way": found.on_their_way,
        "differences": [asdict(difference) for difference in found.differences],
        "rows_removed": found.removed,
        "rows_inserted": found.inserted,
        "differences_left": [asdict(difference) for difference in found.left],
    }


def _print(found: Reconciliation) -> None:
    sides = [{"in": "the books, sent", **_figures(found.booked)}, {"in": "ClickHouse", **_figures(found.warehoused)}]
    show_rows(sides, as_json=False, empty="")
    console.print(f"\n{found.on_their_way} batches are on their way")
    if found.differences:
        console.print(f"\n{len(found.differences)} places differ:", style="red")
        _print_differences(found.differences)
    if found.repaired:
        console.print(f"\n{found.removed} rows taken out, {found.inserted} inserted")
        if found.left:
            console.print(f"\n{len(found.left)} places still differ:", style="red")
            _print_differences(found.left)
    if found.equal:
        console.print("\nClickHouse says what the books say.", style="green")


def _figures(sums: Any) -> dict[str, int]:
    return {name: value for name, value in asdict(sums).items() if name != "digest"}


def _print_differences(differences: Sequence[Difference]) -> None:
    show_rows([_row(difference) for difference in differences[:_SHOWN]], as_json=False, empty="")
    if len(differences) > _SHOWN:
        console.print(f"... and {len(differences) - _SHOWN} more; --json shows all")


def _row(difference: Difference) -> dict[str, Any]:
    row = asdict(difference)
    first, batches, _ = row.pop("first_batch"), row.pop("batches"), row.pop("keys")
    batch = str(first) if batches == 1 else f"{first}..{first + batches - 1}"
    return {"day": row.pop("day"), "batch": batch, "booked": row.pop("booked"), "there": row.pop("warehoused"), **row}
