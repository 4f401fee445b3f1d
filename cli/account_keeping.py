"""`billing accounts` on accounts themselves: open, show, update, close, and at what they are warned."""

from typing import Annotated

import typer

from cli.customers import Seen, require_version
from cli.documents import FromFile, Set, Unset, document_from
from cli.instants import instant
from cli.output import AsJson, By, show, show_document
from connectors import batch_wiring, clock, wiring
from domain.errors import NotFound
from invoicing import keep_accounts
from invoicing.administer import Author
from invoicing.keep_accounts import Kept
from invoicing.write_customer import ABOUT, VERSION

app = typer.Typer()
Term = Annotated[int | None, typer.Option("--payment-term-days", help="Days from an invoice to the day it falls due.")]


@app.command("open")
def open_account(
    code: Annotated[str | None, typer.Argument(help="What it is called in the books; may stand in the file.")] = None,
    *,
    customer: Annotated[str | None, typer.Option(help="Whose it is.")] = None,
    mode: Annotated[str | None, typer.Option(help="prepaid or postpaid, for good.")] = None,
    currency: Annotated[str | None, typer.Option(help="The customer's when left out.")] = None,
    plan: Annotated[str | None, typer.Option(help="The plan it begins on.")] = None,
    alias: Annotated[list[str] | None, typer.Option(help="What events name it by. Repeatable.")] = None,
    parent: Annotated[str | None, typer.Option(help="The account it stands below.")] = None,
    bill_to: Annotated[str | None, typer.Option(help="On whose invoice its usage goes.")] = None,
    pay_from: Annotated[str | None, typer.Option(help="Whose wallet pays.")] = None,
    payment_term_days: Term = None,
    file: FromFile = None,
    sets: Set = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Open an account from a file, from options, or both; every field that is wrong is named. Again it changes nothing.

    Example: billing accounts open acme-live --customer acme --mode prepaid --plan otp-india --alias acme-web
    """
    document = document_from(
        file,
        sets,
        code=code,
        customer=customer,
        mode=mode,
        currency=currency,
        plan=plan,
        aliases=alias or None,
        parent=parent,
        bill_to=bill_to,
        pay_from=pay_from,
        payment_term_days=payment_term_days,
    )
    kept = keep_accounts.open_account(wiring.administration(), document, author=Author(by, clock.now()))
    _tell_and_show(kept, as_json=as_json)


@app.command("show")
def show_account(code: str, *, as_json: AsJson = False) -> None:
    """Show an account as a file that can be edited and given to `update`, and what else is known under `about`.

    Example: billing accounts show acme-live
    """
    found = wiring.account_details().account(code)
    if found is None:
        raise NotFound(f"account {code!r} does not exist: `billing accounts list` shows them")
    stored, about = found
    closed = {} if stored.closed_at is None else {"closed_at": stored.closed_at.isoformat()}
    about = {"status": stored.status, "created_at": stored.created_at.isoformat(), **closed, **about}
    show_document({**stored.account.document(), VERSION: stored.revision, ABOUT: about}, as_json=as_json)


@app.command("update")
def update(
    code: str,
    *,
    version: Seen = None,
    payment_term_days: Term = None,
    file: FromFile = None,
    sets: Set = None,
    unsets: Unset = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Change name, time zone, payment term, parent, bill_to or pay_from; what is not named stays.

    Example: billing accounts update acme-live --version 2 --set parent=acme --set pay_from=acme
    """
    patch = document_from(file, sets, unsets, version=version, payment_term_days=payment_term_days)
    require_version(patch)
    kept = keep_accounts.change_account(wiring.administration(), code, patch, author=Author(by, clock.now()))
    _tell_and_show(kept, as_json=as_json)


@app.command("close")
def close(
    code: str,
    *,
    at: Annotated[str | None, typer.Option(help="From this instant on, with a time zone; now when left out.")] = None,
    version: Seen = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Close an account: its aliases and its plan end, nothing is rated for it any more; what it used is still invoiced.

    Example: billing accounts close acme-live --by asha
    """
    now = clock.now()
    kept = keep_accounts.close_account(
        wiring.administration(),
        code,
        {} if version is None else {VERSION: version},
        closes_at=now if at is None else instant("at", at),
        author=Author(by, now),
    )
    _tell_and_show(kept, as_json=as_json)


@app.command("set-thresholds")
def set_thresholds(
    code: str,
    *,
    absolute: Annotated[list[str] | None, typer.Option(help="A balance, e.g. 500.00. Repeatable.")] = None,
    percent: Annotated[list[int] | None, typer.Option(help="Of the last top-up, e.g. 20. Repeatable.")] = None,
    days: Annotated[list[int] | None, typer.Option(help="Of runway at the recent rate, e.g. 3. Repeatable.")] = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Choose at what an account is warned, in place of what was chosen before; none at all for the defaults.

    Example: billing accounts set-thresholds acme-live --absolute 500.00 --percent 20 --days 3
    """
    thresholds = [
        *({"kind": "absolute", "amount": amount} for amount in absolute or ()),
        *({"kind": "percent_of_last_top_up", "percent": value} for value in percent or ()),
        *({"kind": "days_of_runway", "days": value} for value in days or ()),
    ]
    author = Author(by, clock.now())
    written = keep_accounts.choose_thresholds(wiring.administration(), code, {"thresholds": thresholds}, author=author)
    show({"account": code, "thresholds": len(thresholds), "changed": written.changed}, as_json=as_json)


def _tell_and_show(kept: Kept, *, as_json: bool) -> None:
    if kept.balances:
        # The worker's next start tells them again when Redis does not answer now.
        batch_wiring.balances().put(kept.balances)
    written = kept.written
    show({"account": written.code, "version": written.version, "changed": written.changed}, as_json=as_json)
