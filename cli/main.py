"""The `billing` command. Exit codes: 0 done; 1 the answer is no; 2 wrong arguments; 3 an engine is down; 4 wrong set-up."""

import sys
from collections.abc import Sequence

import typer

from cli import (
    accounts,
    attribution,
    books,
    contracts,
    customers,
    demo,
    events,
    explain,
    fees,
    invoices,
    notifications,
    plans,
    price,
    received,
    recompute,
    rerate,
    schema,
    settlements,
    simulate_plan,
    subscriptions,
    topics,
    wallets,
    warehouse,
)
from cli.output import errors, listed_faults
from domain.errors import BillingError, EngineUnavailable, Invalid, InvalidInput, WrongSetup
from domain.fields import UNSTORABLE

app = typer.Typer(
    name="billing",
    help="OTPless billing: usage events to wallets and GST invoices. Every sub-command takes --json.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
events.app.command("received")(received.received)
app.add_typer(schema.app, name="schema")
app.add_typer(topics.app, name="topics")
app.add_typer(customers.app, name="customers")
app.add_typer(accounts.app, name="accounts")
app.add_typer(plans.app, name="plans")
app.add_typer(price.app, name="price")
events.app.add_typer(attribution.app)
app.add_typer(events.app, name="events")
app.add_typer(books.app, name="books")
app.add_typer(subscriptions.app, name="subscriptions")
app.add_typer(contracts.app, name="contracts")
app.add_typer(fees.app, name="fees")
invoices.app.add_typer(settlements.app)
app.add_typer(invoices.app, name="invoices")
app.add_typer(wallets.app, name="wallets")
app.add_typer(notifications.app, name="notifications")
app.add_typer(warehouse.app, name="warehouse")
app.command("explain")(explain.explain)
app.command("recompute")(recompute.recompute)
app.command("rerate")(rerate.rerate)
app.command("simulate-plan")(simulate_plan.simulate)
app.add_typer(demo.app, name="demo")


def exit_code(error: BillingError) -> int:
    """The exit code of a refused command."""
    match error:
        case InvalidInput():
            return 2
        case EngineUnavailable():
            return 3
        case WrongSetup():
            return 4
        case _:
            return 1


def _refuse_unreadable(arguments: Sequence[str]) -> None:
    """Bytes that are no UTF-8 reach a program as halves of characters, which nothing can be looked up by or stored."""
    for argument in arguments:
        if not argument.isprintable() and UNSTORABLE.search(argument):
            raise InvalidInput(f"argument {argument[:80]!a} is not UTF-8: write it in that encoding")


def main() -> None:
    """Run the command line; refusals are one sentence on standard error and an exit code."""
    try:
        _refuse_unreadable(sys.argv)
        app()
    except Invalid as error:
        for fault in listed_faults(error.errors):
            errors.print(f"billing: {fault}", style="red")
        sys.exit(exit_code(error))
    except BillingError as error:
        errors.print(f"billing: {error}", style="red")
        sys.exit(exit_code(error))
