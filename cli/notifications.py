"""`billing notifications`: what customers were told, what could not be told and why, and where webhooks go."""

from typing import Annotated

import typer

from cli.output import AsJson, By, show, show_rows
from connectors import clock, notice_wiring
from domain.deliveries import DeliveryState
from domain.errors import InvalidInput
from invoicing.deliver_notices import deliver_due

app = typer.Typer(help="What customers are told, by mail and by webhook.", no_args_is_help=True)
DeliveryId = Annotated[int, typer.Argument(help="As `billing notifications list` shows it.")]
EndpointId = Annotated[int, typer.Argument(help="As `billing notifications endpoints` shows it.")]


@app.command("list")
def list_(
    *,
    state: Annotated[DeliveryState | None, typer.Option(help="Only those that wait, were sent, or were given up.")] = None,
    account: Annotated[str | None, typer.Option(help="Only those of an account.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show deliveries, the latest first, with the reason of those that did not get through.

    Example: billing notifications list --state exhausted
    """
    rows = notice_wiring.delivery_desk().deliveries(state=state, account=account)
    show_rows(rows, as_json=as_json, empty="there are no such deliveries")


@app.command("attempts")
def attempts(delivery: DeliveryId, *, as_json: AsJson = False) -> None:
    """Show every try of a delivery.

    Example: billing notifications attempts 7
    """
    show_rows(notice_wiring.delivery_desk().attempts(delivery), as_json=as_json, empty="it was not tried yet")


@app.command("unreadable")
def unreadable(*, as_json: AsJson = False) -> None:
    """Show records of the topic `notifications` that could not be read.

    Example: billing notifications unreadable
    """
    show_rows(notice_wiring.delivery_desk().unreadable(), as_json=as_json, empty="every record could be read")


@app.command("resend")
def resend(
    delivery: Annotated[int | None, typer.Argument(help="As `billing notifications list` shows it.")] = None,
    *,
    exhausted: Annotated[bool, typer.Option("--exhausted", help="Everything that was given up.")] = False,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Have a delivery sent again, under the same id, or everything that was given up.

    Example: billing notifications resend 7 --by asha
    """
    if (delivery is None) is not exhausted:
        raise InvalidInput("delivery: name one, or give --exhausted for everything that was given up")
    desk, now = notice_wiring.delivery_desk(), clock.now()
    if delivery is None:
        show({"resent": desk.resend_exhausted(by=by, at=now)}, as_json=as_json)
        return
    desk.resend(delivery, by=by, at=now)
    show({"delivery": delivery, "resent_by": by}, as_json=as_json)


@app.command("deliver")
def deliver(*, as_json: AsJson = False) -> None:
    """Try everything that is due. The notifier does this by itself, all the time.

    Example: billing notifications deliver
    """
    tried = deliver_due(notice_wiring.notices(), notice_wiring.senders(), now=clock.now())
    show({"sent": sum(tried), "failed": len(tried) - sum(tried)}, as_json=as_json)


@app.command("endpoints")
def endpoints(*, as_json: AsJson = False) -> None:
    """Show where webhooks go; secrets are shown once only, when they are made.

    Example: billing notifications endpoints
    """
    show_rows(notice_wiring.delivery_desk().endpoints(), as_json=as_json, empty="there are no endpoints yet")


@app.command("add-endpoint")
def add_endpoint(
    customer: Annotated[str, typer.Argument(help="The customer's code.")],
    url: Annotated[str, typer.Argument(help="https://HOST/PATH")],
    *,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Send a customer's webhooks to a URL, for the kinds of notice that go by webhook; prints the secret, once.

    Example: billing notifications add-endpoint acme https://hooks.acme.example/billing --by asha
    """
    notice_wiring.check_endpoint_url(url)
    secret = notice_wiring.fresh_secret()
    number = notice_wiring.delivery_desk().add_endpoint(customer, url, secret=secret, by=by, at=clock.now())
    show({"endpoint": number, "url": url, "secret": secret}, as_json=as_json)


@app.command("rotate-secret")
def rotate_secret(endpoint: EndpointId, *, by: By = "operator", as_json: AsJson = False) -> None:
    """Give an endpoint a new secret, and print it, once; the one before signs beside it for a day.

    Example: billing notifications rotate-secret 1 --by asha
    """
    secret = notice_wiring.fresh_secret()
    until = notice_wiring.delivery_desk().rotate_secret(endpoint, secret=secret, by=by, at=clock.now())
    show({"endpoint": endpoint, "secret": secret, "previous_signs_until": until}, as_json=as_json)


@app.command("disable-endpoint")
def disable_endpoint(
    endpoint: EndpointId,
    *,
    reason: Annotated[str, typer.Option(help="Why: goes into the audit record.")],
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Send nothing more to an endpoint.

    Example: billing notifications disable-endpoint 1 --reason "replaced by 2" --by asha
    """
    notice_wiring.delivery_desk().disable_endpoint(endpoint, reason=reason, by=by, at=clock.now())
    show({"endpoint": endpoint, "disabled_by": by}, as_json=as_json)
