"""`billing customers`: who is billed, with addresses, contacts, tax profile and what they want to be told."""

from typing import Annotated, Any

import typer

from cli.documents import FromFile, Set, Unset, document_from
from cli.output import AsJson, By, show, show_document, show_rows
from connectors import clock, wiring
from domain.errors import InvalidInput, NotFound
from invoicing import write_customer
from invoicing.administer import Author
from invoicing.customer_ports import StoredCustomer
from invoicing.write_customer import ABOUT, VERSION, Written

app = typer.Typer(help="Customers: profile, addresses, contacts, tax profile, notices.", no_args_is_help=True)
Seen = Annotated[
    int | None, typer.Option("--version", min=1, help="The version you saw: refused when somebody changed it since.")
]


@app.command()
def create(
    code: Annotated[str | None, typer.Argument(help="What it is called in the books; may stand in the file.")] = None,
    *,
    file: FromFile = None,
    sets: Set = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Add a customer from a file, from --set, or both; every field that is wrong is named. Again it changes nothing.

    Example: billing customers create acme --file acme.yaml --by asha
    """
    document = document_from(file, sets, code=code)
    written = write_customer.create_customer(wiring.administration(), document, author=Author(by, clock.now()))
    _show(written, as_json=as_json)


@app.command("show")
def show_customer(code: str, *, as_json: AsJson = False) -> None:
    """Show a customer as a file that can be edited and given to `update`, and what follows from it under `about`.

    Example: billing customers show acme > acme.yaml
    """
    found = wiring.customer_reader().customer(code)
    if found is None:
        raise NotFound(f"customer {code!r} does not exist: `billing customers list` shows them")
    show_document(_document(*found), as_json=as_json)


@app.command()
def update(
    code: str,
    *,
    version: Seen = None,
    file: FromFile = None,
    sets: Set = None,
    unsets: Unset = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Change the fields that are named; others stay. The version is that of `show`, in the file or as --version.

    Example: billing customers update acme --version 3 --set email=billing@acme.example --unset phone
    """
    patch = document_from(file, sets, unsets, version=version)
    require_version(patch)
    written = write_customer.update_customer(wiring.administration(), code, patch, author=Author(by, clock.now()))
    _show(written, as_json=as_json)


@app.command()
def archive(code: str, *, version: Seen = None, by: By = "operator", as_json: AsJson = False) -> None:
    """Say that a customer is no more; refused while accounts are open or money is due. It can still be read.

    Example: billing customers archive acme --by asha
    """
    seen = {} if version is None else {VERSION: version}
    written = write_customer.archive_customer(wiring.administration(), code, seen, author=Author(by, clock.now()))
    _show(written, as_json=as_json)


@app.command("list")
def list_customers(
    words: Annotated[str | None, typer.Argument(help="Only those with this in code, names, email or GSTIN.")] = None,
    *,
    archived: Annotated[bool, typer.Option("--archived", help="Archived ones, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many to show.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show customers by code.

    Example: billing customers list armchair
    """
    rows = wiring.customer_reader().customers(words=words, archived=archived, limit=limit)
    if not as_json:
        rows = [{name: "" if value is None else value for name, value in row.items()} for row in rows]
    none = "no such customer" if words else "there are no customers yet"
    show_rows(rows, as_json=as_json, empty=none, limit=limit)


def require_version(patch: object) -> None:
    """Raises InvalidInput for a change by hand that does not say which version it was made from."""
    if isinstance(patch, dict) and patch.get(VERSION) is None:
        raise InvalidInput("version: say which one you saw, e.g. --version 3 (`show` tells): two may be editing at once")


def _document(found: StoredCustomer, accounts: list[dict[str, Any]]) -> dict[str, Any]:
    customer = found.customer
    about = {
        "status": "active" if found.archived_at is None else "archived",
        "created_at": found.created_at.isoformat(),
        **({} if found.archived_at is None else {"archived_at": found.archived_at.isoformat()}),
        "place_of_supply": customer.place_of_supply,
        "pan": customer.tax.known_pan,
        "printed_address": list(customer.billing.printed_lines()),
        "accounts": accounts,
    }
    return {**customer.document(), VERSION: found.revision, ABOUT: about}


def _show(written: Written, *, as_json: bool) -> None:
    show({"customer": written.code, "version": written.version, "changed": written.changed}, as_json=as_json)
