"""`billing events replay-dead-letters`: bytes that were refused go through the same path again."""

from collections.abc import Callable
from typing import Annotated, Final

import typer

from cli.instants import From, To
from cli.output import AsJson, show
from connectors import clock, wiring
from domain.errors import InvalidInput
from invoicing.replay_dead_letters import replay_dead_letters as replay_letters
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


COMMANDS: Final[list[Callable[..., None]]] = [replay_dead_letters]
