"""`billing contracts`: prices and terms agreed on with one customer or account."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from cli.instants import instant
from cli.output import AsJson, By, console, show, show_rows
from connectors import clock, wiring
from invoicing import write_contract as use_cases
from invoicing.administration_ports import Author

app = typer.Typer(help="Prices and terms agreed on with one customer (docs/subscriptions.md).", no_args_is_help=True)


@app.command("write")
def write(
    file: Annotated[Path, typer.Argument(help="A contract document: .yaml, .yml or .json.")],
    *,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Check a contract as a whole and put it in force from the instant it says.

    Example: billing contracts write contracts/acme-2026.yaml --by asha
    """
    author = Author(by, clock.now())
    written = use_cases.write_contract(wiring.administration(), wiring.read_plan_file(file), author=author)
    contract = written.contract
    facts = {
        "contract": contract.code,
        "party": contract.party,
        "from": contract.start,
        "to": contract.end,
        "charges": len(list(contract.prices.rows())),
        "new": written.is_new,
    }
    _show(facts, written.events_to_rerate, since=contract.start, as_json=as_json)


@app.command("list")
def list_contracts(
    *,
    party: Annotated[str | None, typer.Option(help="Only those with this account or customer.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show contracts, those that end first first; `then` is what holds when one has ended.

    Example: billing contracts list --party acme
    """
    rows = wiring.contract_reader().contracts(now=clock.now(), party=party)
    show_rows(rows, as_json=as_json, empty="there are no contracts")


@app.command("expiring")
def expiring(
    *,
    days: Annotated[int, typer.Option(min=1, max=36_500, help="Within so many days from now.")] = 30,
    as_json: AsJson = False,
) -> None:
    """Show contracts that end soon, and what holds then: another contract, or the plan again.

    Example: billing contracts expiring --days 60
    """
    now = clock.now()
    rows = wiring.contract_reader().contracts(now=now, until=now + timedelta(days=days))
    show_rows(rows, as_json=as_json, empty=f"no contract ends within {days} days")


@app.command("show")
def show_contract(code: str, *, as_json: AsJson = False) -> None:
    """Show a contract as it was written.

    Example: billing contracts show acme-2026
    """
    contract = wiring.contract_reader().contract(code)
    if as_json:
        show(
            {"contract": contract.code, "from": contract.start, "to": contract.end, "document": contract.document},
            as_json=True,
        )
        return
    show({"contract": contract.code, "party": contract.party, "from": contract.start, "to": contract.end}, as_json=False)
    typer.echo(yaml.safe_dump(dict(contract.document), allow_unicode=True, sort_keys=False).rstrip())


@app.command("end")
def end(
    code: str,
    *,
    at: Annotated[str | None, typer.Option(help="From this instant on, with a time zone; now when left out.")] = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Let a contract end earlier than it says; the plan holds from then on.

    Example: billing contracts end acme-2026 --at 2027-01-01T00:00:00+05:30 --by asha
    """
    author = Author(by, clock.now())
    moment = author.at if at is None else instant("at", at)
    ended = use_cases.end_contract(wiring.administration(), code, at=moment, author=author)
    _show({"contract": code, "to": moment}, ended, since=moment, as_json=as_json)


def _show(facts: dict[str, Any], events_to_rerate: Mapping[str, int], *, since: datetime, as_json: bool) -> None:
    if as_json:
        show(facts | {"events_to_rerate": dict(events_to_rerate)}, as_json=True)
        return
    show(facts, as_json=False)
    for account, events in sorted(events_to_rerate.items()):
        text = (
            f"{events:,} events of {account} since then were charged otherwise: "
            f"`billing rerate --account {account} --from {since.isoformat()}` shows what they come to now"
        )
        console.print(text)
