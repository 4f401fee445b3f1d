"""`billing events release, accept, reject`: letting events that wait go, and a person's decision about those too late."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Final

import typer

from cli.instants import From, To
from cli.output import AsJson, show
from connectors import clock, wiring
from invoicing.administer import Author
from invoicing.decide_waiting import accept_late, reject_waiting
from invoicing.release_quarantine import release_quarantine
from invoicing.sending_again import Choice

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Their ids, as `billing events quarantine` shows.")]
By = Annotated[str, typer.Option("--by", help="Who decides: goes into the audit log.")]
Why = Annotated[str, typer.Option("--why", help="The reason: goes into the audit log.")]
Alias = Annotated[str | None, typer.Option(help="Only of this alias.")]
Reason = Annotated[str | None, typer.Option(help="Only what waits for this reason.")]
Topic = Annotated[str | None, typer.Option(help="Only from this topic.")]


def release(
    *,
    alias: Alias = None,
    reason: Reason = None,
    topic: Topic = None,
    start: From = None,
    end: To = None,
    as_json: AsJson = False,
) -> None:
    """Send waiting events through metering again: after mapping their alias, or publishing their price.

    Events that are too late are left, because they would only wait again: `accept` or `reject` them. With --reason too_late
    they are released all the same, which helps after LATE_LIMIT_DAYS was raised.

    Example: billing events release --alias acme-web --from 2026-10-01
    """
    choice = Choice(alias=alias, reason=reason, topic=topic, start=start, end=end)
    released = release_quarantine(wiring.waiting_events(), wiring.resender(), choice=choice, now=clock.now())
    show(asdict(released), as_json=as_json)


def accept(
    ids: Ids = None,
    *,
    by: By,
    why: Why,
    alias: Alias = None,
    topic: Topic = None,
    start: From = None,
    end: To = None,
    as_json: AsJson = False,
) -> None:
    """Let events that are too late be rated: a decision with a name and a reason, and final.

    It is of exactly these events: one with another body or event time under the same id waits again.

    Example: billing events accept 17 18 --by asha --why "handset backlog, agreed with Acme on 3 November"
    """
    choice = Choice(ids=ids or None, alias=alias, topic=topic, start=start, end=end)
    author = Author(by, clock.now())
    decided = accept_late(wiring.waiting_events(), wiring.resender(), choice=choice, author=author, why=why)
    show({"accepted": decided.decided, "sent": decided.sent}, as_json=as_json)


def reject(
    ids: Ids = None,
    *,
    by: By,
    why: Why,
    alias: Alias = None,
    reason: Reason = None,
    topic: Topic = None,
    start: From = None,
    end: To = None,
    as_json: AsJson = False,
) -> None:
    """Close events that wait for good: kept, counted and listed, and never rated whenever they come again.

    Example: billing events reject 19 --by asha --why "test traffic of the producer"
    """
    choice = Choice(ids=ids or None, alias=alias, reason=reason, topic=topic, start=start, end=end)
    decided = reject_waiting(wiring.waiting_events(), choice=choice, author=Author(by, clock.now()), why=why)
    show({"rejected": decided.decided}, as_json=as_json)


COMMANDS: Final[list[Callable[..., None]]] = [release, accept, reject]
