"""`billing wallets payments|transfers|vouchers|...`: top-ups by payment and by bank transfer."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.amounts import read_minor
from cli.output import AsJson, By, show, show_rows
from connectors import clock, metering_wiring, voucher_wiring, wallet_wiring
from domain.errors import InvalidInput
from invoicing.administer import Author
from invoicing.apply_payments import apply_payments
from invoicing.bank_transfers import decide_transfer, enter_transfer

app = typer.Typer(no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="The transfer's number.")]


@app.command("waiting-payments")
def waiting_payments(*, as_json: AsJson = False) -> None:
    """Show payment events that could not be applied, with the reason.

    Example: billing wallets waiting-payments
    """
    show_rows(wallet_wiring.top_ups().listed("waiting"), as_json=as_json, empty="no payment waits")


@app.command("apply-payments")
def apply(*, as_json: AsJson = False) -> None:
    """Apply payments that were received, and try those that wait again. The worker does the first by itself.

    Example: billing wallets apply-payments
    """
    store, cache = wallet_wiring.top_ups(), metering_wiring.balance_cache()
    new = apply_payments(store, cache, now=clock.now())
    again = apply_payments(store, cache, now=clock.now(), waiting=True)
    show({**asdict(new), "moved": new.moved + again.moved, "waiting": again.waiting}, as_json=as_json)


@app.command("vouchers")
def vouchers(
    *,
    pdf: Annotated[Path | None, typer.Option(metavar="DIR", help="Also print each of them into this folder.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show receipt and refund vouchers, the latest first.

    Example: billing wallets vouchers --pdf vouchers/
    """
    rows = wallet_wiring.top_ups().listed("vouchers")
    if pdf is not None:
        rows = [{**row, "pdf": str(_print(row["number"], pdf))} for row in rows]
    show_rows(rows, as_json=as_json, empty="there are no vouchers yet")


@app.command("voucher")
def voucher(
    number: Annotated[str, typer.Argument(help="As `billing wallets vouchers` shows it.")],
    *,
    pdf: Annotated[Path, typer.Option(metavar="DIR", help="The folder it goes into.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Print one voucher as a PDF: the same bytes, however often.

    Example: billing wallets voucher RV/26-27/000001 --pdf vouchers/
    """
    show({"voucher": number, "pdf": str(_print(number, pdf))}, as_json=as_json)


def _print(number: str, folder: Path) -> Path:
    content = voucher_wiring.voucher_pdf(number, now=clock.now())
    target = folder / f"{number.replace('/', '-')}.pdf"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    except OSError as error:
        raise InvalidInput(f"pdf: {target} cannot be written ({error.strerror}): choose another folder") from error
    return target


@app.command("transfers")
def transfers(*, as_json: AsJson = False) -> None:
    """Show bank transfers, the latest first.

    Example: billing wallets transfers
    """
    show_rows(wallet_wiring.top_ups().listed("transfers"), as_json=as_json, empty="there are no transfers yet")


@app.command("enter-transfer")
def enter(
    account: Annotated[str, typer.Argument(help="The account's code.")],
    amount: Annotated[str, typer.Argument(help="As the bank statement shows it, tax included, e.g. 1180.00.")],
    reference: Annotated[str, typer.Argument(help="The bank's reference, e.g. the UTR.")],
    *,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Enter a bank transfer; another person confirms it.

    Example: billing wallets enter-transfer acme 1180.00 UTR-88123 --by asha
    """
    minor, author = read_minor(amount), Author(by, clock.now())
    number = enter_transfer(wallet_wiring.top_ups(), account=account, reference=reference, amount_minor=minor, author=author)
    show({"transfer": number, "entered_by": by}, as_json=as_json)


@app.command("confirm-transfer")
def confirm(number: Number, *, by: By = "operator", as_json: AsJson = False) -> None:
    """Confirm a transfer another person entered: the wallet is credited, before tax, and a receipt voucher made.

    Example: billing wallets confirm-transfer 7 --by ravi
    """
    balance = decide_transfer(wallet_wiring.top_ups(), number, confirm=True, author=Author(by, clock.now()))
    if balance is not None:
        metering_wiring.balance_cache().put([balance])
    show({"transfer": number, "confirmed_by": by}, as_json=as_json)


@app.command("reject-transfer")
def reject(number: Number, *, by: By = "operator", as_json: AsJson = False) -> None:
    """Reject a transfer; nothing is credited.

    Example: billing wallets reject-transfer 7 --by ravi
    """
    decide_transfer(wallet_wiring.top_ups(), number, confirm=False, author=Author(by, clock.now()))
    show({"transfer": number, "rejected_by": by}, as_json=as_json)
