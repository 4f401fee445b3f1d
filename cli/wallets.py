"""`billing wallets`: balances and their copy in Redis."""

import typer

from cli.output import AsJson, show
from connectors import metering_wiring
from invoicing.refill_balances import refill_balances

app = typer.Typer(help="Wallets and their copy in Redis.", no_args_is_help=True)


# A callback keeps `refill-cache` a sub-command of its own although it is the only one.
@app.callback()
def wallets() -> None:
    """Wallets and their copy in Redis."""


@app.command("refill-cache")
def refill_cache(*, as_json: AsJson = False) -> None:
    """Tell Redis the balance of every wallet; safe while workers run, an older balance never replaces a newer one.

    The publisher beside each worker does this by itself within seconds when Redis was restarted or emptied.

    Example: billing wallets refill-cache
    """
    store, cache = metering_wiring.metering_store("refill"), metering_wiring.balance_cache()
    try:
        show({"balances_told": refill_balances(store, cache, always=True)}, as_json=as_json)
    finally:
        store.close()
        cache.close()
