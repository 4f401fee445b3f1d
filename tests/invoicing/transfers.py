"""A bank transfer to acme's wallet, and those who decide it."""

from connectors import wallet_wiring
from domain.errors import IllegalTransition
from invoicing.administer import Author
from invoicing.bank_transfers import decide_transfer, enter_transfer
from tests.invoicing.wallet_engines import with_tax


def enter(reference, micros, *, now):
    """Its number, of a transfer that credits so much before tax."""
    entered = {"account": "acme", "reference": reference, "amount_minor": with_tax(micros)}
    return enter_transfer(wallet_wiring.top_ups(), **entered, author=Author("mira", now))


def decide(number, person, balances, *, confirm):
    """What was decided, which the cache is told; None when another has decided before."""
    try:
        balance = decide_transfer(wallet_wiring.top_ups(), number, confirm=confirm, author=person)
    except IllegalTransition:
        return None
    balances.put([balance] if balance else [])
    return confirm
