"""`billing events replay-dead-letters, replay`: refused bytes, or a range of a topic, through the same path again."""

from collections.abc import Callable
from typing import Annotated, Any, Final

import typer

from cli.instants import From, To
from cli.output import AsJson, show, show_rows
from connectors import clock, replay_wiring, wiring
from domain.errors import BooksDoNotBalance, InvalidInput
from invoicing.replay_dead_letters import replay_dead_letters as replay_letters
from invoicing.replay_topic import PartitionReplay
from invoicing.sending_again import Choice


def replay_dead_letters(
    ids: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Ids of dead letters.")] = None,
    *,
    reason: Annotated[str | None, typer.Option(help="Only with this reason code.")] = None,
    topic: Annotated[str | None, typer.Option(help="Only from this topic.")] = None,
    start: From = None,
    end: To = None,
    again: Annotated[bool, typer.Option("--again", help="Also those that were replayed before.")] = False,
    as_json: AsJson = False,
) -> None:
    """Send the bytes of dead letters to their topic again, each once: after a plan with the missing meter was published.

    An event that is still refused leaves a new dead letter; `billing events show dead-letter ID` tells what became of one.

    Example: billing events replay-dead-letters --reason unknown_type --from 2026-10-12
    """
    choice = Choice(ids=ids or None, reason=reason, topic=topic, start=start, end=end)
    if choice.is_everything:
        raise InvalidInput("say which dead letters: their ids, or --reason, --topic, --from, --to")
    sent = replay_letters(wiring.dead_letters(), wiring.resender(), choice=choice, again=again, now=clock.now())
    show({"replayed": sent}, as_json=as_json)


def replay(
    *,
    start: From = None,
    end: To = None,
    topic: Annotated[str | None, typer.Option(help="A topic's full name; the one the workers read when left out.")] = None,
    partition: Annotated[int | None, typer.Option(min=0, help="Only this partition.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only look: book nothing, tell nobody.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read a time range of a topic again, without double effect; exit 1 when an event is in no book.

    A record in a booked range is not booked again; each of its events must be found in the books, or its offset is shown as
    unaccounted. A record below what the worker has done and in no booked range is missing: it is booked now, once. A record
    ahead of the worker is left to it. On a topic that no worker reads, everything not booked is missing.

    Then the results of the range are told again: balances to Redis; its batches to usage.rated, the dead-letter and the
    conflict topic; and to ClickHouse the batches of which ClickHouse, when asked, has not everything.

    Offsets at which Kafka has no record (transaction markers) are written down, and count as no gap from then on.

    Example: billing events replay --from 2026-10-12T09:00+05:30 --to 2026-10-12T10:00+05:30 --dry-run
    """
    if start is None and end is None:
        raise InvalidInput("say which time: --from, --to or both")
    with replay_wiring.replaying(topic) as (use_case, destinations):
        done = use_case.run(
            start=start,
            end=end,
            partition=partition,
            destinations=None if dry_run else destinations,
            now=clock.now(),
        )
    rows = [_row(found) for found in done.partitions]
    told = {
        "balances_told": done.balances_told,
        "batches_announced_again": done.batches_announced_again,
        "batches_warehoused_again": done.batches_warehoused_again,
    }
    if as_json:
        show({"topic": done.topic, "dry_run": dry_run, "partitions": rows, **told}, as_json=True)
    else:
        short = [
            {**row, "unaccounted": len(row["unaccounted"]), "booked_now": sum(row["booked_now"].values())} for row in rows
        ]
        show_rows(short, as_json=False, empty=f"{done.topic} has no records of that time")
        show(told, as_json=False)
    lost = [f"{row['partition']}@{offset}" for row in rows for offset in row["unaccounted"]]
    if lost:
        raise BooksDoNotBalance(f"{len(lost)} events of booked ranges are in no book: {', '.join(lost[:10])}", offsets=lost)


def _row(found: PartitionReplay) -> dict[str, Any]:
    return {
        "partition": found.partition,
        "first_offset": found.span.first,
        "next_offset": found.span.following,
        "read": found.read,
        "booked_before": found.booked_before,
        "missing": found.missing,
        "booked_now": {kind.value: count for kind, count in found.outcomes.items() if count},
        "left_to_worker": found.left_to_worker,
        "vacant_offsets": found.vacant_offsets,
        "unaccounted": found.unaccounted,
    }


COMMANDS: Final[list[Callable[..., None]]] = [replay_dead_letters, replay]
