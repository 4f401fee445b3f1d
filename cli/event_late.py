"""`billing events late`: usage that came after its month was invoiced, or so late that a person decides."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from cli.months import MaybeMonth
from cli.output import AsJson, console, show, show_rows
from connectors import wiring

_TITLES: Final = {
    "due": ("On the next invoice:", "nothing came after its month was invoiced"),
    "invoiced": ("Invoiced later than its month:", "no invoice has late usage"),
    "waiting": ("Too late, waiting for `billing events accept` or `reject`:", "nothing waits for a decision"),
}


def late(*, month: MaybeMonth = None, as_json: AsJson = False) -> None:
    """Show late usage by account: due on the next invoice, invoiced already, and waiting for a decision.

    The policies are in docs/late-usage.md. What waits is not rated, so it has no amount yet.

    Example: billing events late --month 2026-10
    """
    found = wiring.late_usage().read(month)
    if as_json:
        show(found, as_json=True)
        return
    for name, (title, empty) in _TITLES.items():
        console.print(title, style="bold")
        show_rows([_in_units(row) for row in found[name]], as_json=False, empty=empty)
        console.print()


def _in_units(row: dict[str, Any]) -> dict[str, Any]:
    units = {"quantity_millionths": "quantity", "amount_micros": "amount"}
    return {
        units.get(name, name): f"{Decimal(value).scaleb(-6):f}" if name in units else value for name, value in row.items()
    }


COMMANDS: Final[list[Callable[..., None]]] = [late]
