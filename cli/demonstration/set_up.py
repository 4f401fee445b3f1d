"""Setting up the demonstration's world: what is there already is left alone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

from cli.demonstration import catalogue
from cli.demonstration.customers import Subscriber
from connectors import wiring
from domain.errors import IllegalTransition, WrongSetup
from domain.period import BillingMonth
from invoicing import administer
from invoicing.administer import Author
from invoicing.administration_ports import AdministrationStore
from invoicing.keep_accounts import open_account
from invoicing.write_contract import write_contract
from invoicing.write_customer import create_customer

ACTOR: Final = "demonstration"
_A_RUN_TAKES: Final = timedelta(minutes=20)
"""At most, unless a person approves the invoices."""
_TOP_UPS: Final[Mapping[str, Sequence[Decimal]]] = {
    "INR": (Decimal("500.00"), Decimal("1000.00"), Decimal("2500.00")),
    "USD": (Decimal("10.00"), Decimal("25.00"), Decimal("40.00")),
    "IDR": (Decimal("75000.00"), Decimal("150000.00"), Decimal("300000.00")),
}


def months_ended(subscribers: Sequence[Subscriber], *, now: datetime) -> dict[str, str]:
    """By account: the last month that has ended in its time zone, "2026-10"."""
    return {one.account.code: str(BillingMonth.of(now, ZoneInfo(one.account.time_zone)).previous()) for one in subscribers}


def refuse_turn_of_month(subscribers: Sequence[Subscriber], *, now: datetime) -> None:
    """Raises IllegalTransition shortly before a month begins for an account: fees would fall due during the run."""
    ended = months_ended(subscribers, now=now)
    if months_ended(subscribers, now=now + _A_RUN_TAKES) != ended:
        until = (now + _A_RUN_TAKES).astimezone(UTC)
        raise IllegalTransition(
            f"a month begins within {_A_RUN_TAKES.seconds // 60} minutes for some accounts, and fees would fall due during"
            f" the run: run it again after {until:%H:%M} UTC"
        )


def seed_accounts(subscribers: Sequence[Subscriber], *, month: BillingMonth, now: datetime) -> int:
    """The seller, the plans, customers and accounts, subscribed from the month on. Returns how many accounts are new.

    Raises WrongSetup when the accounts are there, on other plans than these.
    """
    store, author = wiring.administration(), Author(ACTOR, now)
    administer.add_sellers(store, [catalogue.seller(on=now.date())], author=author)
    changed = [plan["code"] for plan in catalogue.plans() if administer.publish_plan(store, plan, author=author)]
    with store.together() as joined:
        opened = sum(_open(joined, one, month=month, author=author) for one in subscribers)
    if changed and opened < len(subscribers):
        raise WrongSetup(
            f"the database has demonstration accounts on an older version of {', '.join(changed)}: "
            "give the demonstration a database of its own (POSTGRES_DB) or make this one anew"
        )
    return opened


def _open(store: AdministrationStore, one: Subscriber, *, month: BillingMonth, author: Author) -> bool:
    """Open an account, with its customer; what is there is left as it is, whatever was made of it since."""
    with store.begin() as transaction:
        if transaction.accounts.get(one.account.code) is not None:
            return False
        is_known = transaction.customers.get(one.customer.code) is not None
    if not is_known:
        create_customer(store, one.customer.document(), author=author)
    opens_at = month.span(ZoneInfo(one.account.time_zone)).start
    opened = open_account(store, one.account.document(), opens_at=opens_at, author=author).written.changed
    contract = catalogue.contracts().get(one.account.code)
    if contract is not None:
        write_contract(store, catalogue.contract_from(contract, opens_at), author=author)
    return opened


def top_up_wallets(subscribers: Sequence[Subscriber], *, run_id: str, now: datetime) -> dict[str, int]:
    """Credit every prepaid wallet once a run. Returns micros by account code."""
    store, author = wiring.administration(), Author(ACTOR, now)
    credited = {}
    for number, subscriber in enumerate(one for one in subscribers if one.prepaid):
        account = subscriber.account
        choices = _TOP_UPS[account.currency]
        amount = choices[number % len(choices)]
        administer.top_up(
            store, account_code=account.code, amount=amount, reference=f"UTR-{run_id}-{account.code}", author=author
        )
        credited[account.code] = int(amount * 1_000_000)
    return credited


def map_new_aliases(aliases: Mapping[str, str], *, now: datetime) -> int:
    """Let the run's new aliases name their accounts. Returns how many are new."""
    return administer.map_aliases(wiring.administration(), aliases, author=Author(ACTOR, now))
