"""`billing wallets may-send|hold|settle|void|serve`: may an account send?"""

from dataclasses import asdict
from typing import Annotated

import typer

from cli.output import AsJson, show
from connectors import clock, hold_wiring
from connectors.settings import settings
from domain.errors import InvalidInput
from domain.holds import Answer
from invoicing.hold_credit import LIFETIME_SECONDS, HoldAnswer, Question

app = typer.Typer(no_args_is_help=True)
Alias = Annotated[str, typer.Argument(help="The alias its events name.")]
Type = Annotated[str, typer.Argument(help="The events' type, e.g. otp.delivered.")]
Messages = Annotated[int, typer.Option(help="How many.")]
Properties = Annotated[
    list[str] | None, typer.Option("--property", help="NAME=VALUE; what is not said is taken at its dearest.")
]
HoldIds = Annotated[list[str], typer.Argument(help="The ids the holds were asked for with.")]


@app.command("may-send")
def may_send(
    alias: Alias, meter: Type, *, messages: Messages = 1, properties: Properties = None, as_json: AsJson = False
) -> None:
    """Ask whether an account may send; nothing is reserved. Ends with 1 when it may not.

    Example: billing wallets may-send acme-web otp.delivered --messages 500 --property channel=sms
    """
    question = Question(alias, meter, messages, _read(properties))
    _show(hold_wiring.hold_credit().may_send(question, now=clock.now()), as_json=as_json)


@app.command("hold")
def hold(
    alias: Alias,
    meter: Type,
    hold_id: Annotated[str, typer.Argument(help="The id the delivered event will have, or name as its hold_id.")],
    *,
    messages: Messages = 1,
    properties: Properties = None,
    seconds: Annotated[int, typer.Option(help="When it ends by itself.")] = LIFETIME_SECONDS,
    as_json: AsJson = False,
) -> None:
    """Ask whether an account may send, and reserve what it can cost. Ends with 1 when it may not.

    Example: billing wallets hold acme-web otp.delivered 01J8Z3F2 --property channel=sms
    """
    question = Question(alias, meter, messages, _read(properties))
    answer = hold_wiring.hold_credit().hold(question, hold_id=hold_id, lifetime_seconds=seconds, now=clock.now())
    _show(answer, as_json=as_json)


@app.command("settle")
@app.command("void")
def release(alias: Alias, hold_ids: HoldIds, *, as_json: AsJson = False) -> None:
    """End reservations: of messages that failed, or whose events are booked (these end theirs by themselves).

    Example: billing wallets void acme-web 01J8Z3F2
    """
    released = hold_wiring.hold_credit().release(alias, hold_ids, now=clock.now())
    show({"released": released}, as_json=as_json)


@app.command("serve")
def serve() -> None:
    """Answer these questions over HTTP, on API_HOST and API_PORT, until it is stopped.

    Example: billing wallets serve
    """
    import uvicorn  # here, so that no other command waits for it

    chosen = settings()
    if not chosen.api_token and chosen.api_host not in ("127.0.0.1", "::1", "localhost"):
        raise InvalidInput(f"API_TOKEN: must be set to listen on {chosen.api_host}, where others can reach it")
    uvicorn.run("api.app:create_app", factory=True, host=chosen.api_host, port=chosen.api_port, access_log=False)


def _show(answer: HoldAnswer, *, as_json: bool) -> None:
    show(asdict(answer), as_json=as_json)
    if answer.answer is not Answer.YES:
        raise typer.Exit(1)


def _read(properties: list[str] | None) -> dict[str, str]:
    read: dict[str, str] = {}
    for text in properties or []:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise InvalidInput(f"property: {text!r} must be NAME=VALUE, e.g. channel=sms")
        read[name] = value
    return read
