"""Who the drill bills: accounts on one plan with a price for each unit and a graduated one, some aliases mapped late."""

from decimal import Decimal

from connectors import clock
from domain.money import Currency
from invoicing import administer
from tests import opened_accounts
from tests.installation import Installation
from tests.opened_accounts import NewAccount, NewCustomer

ACCOUNTS = 240
QUIET_ACCOUNTS = 16
"""Accounts that are topped up and never use anything: nothing but a refill brings their balance back to an empty Redis."""
LATE_ALIASES = tuple(f"late-{number:02d}" for number in range(6))
TOP_UP_MICROS = 500_000_000
SMS = {"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "0.145"}
WHATSAPP = {
    "when": {"channel": "whatsapp"},
    "model": "graduated",
    "tiers": [{"up_to": 20, "unit_price": "0.30"}, {"up_to": 100, "unit_price": "0.21"}, {"unit_price": "0.173333"}],
}
VOICE = {"model": "graduated", "tiers": [{"up_to": 5, "unit_price": "1.10"}, {"unit_price": "0.777777"}]}
PLAN = {
    "code": "drill",
    "name": "Drill",
    "currency": "INR",
    "charges": [
        {
            "meter": "otp.delivered",
            "description": "OTP delivered",
            "sac": "998319",
            "unit": "message",
            "price": {"model": "matrix", "dimensions": ["channel"], "rows": [SMS, WHATSAPP]},
        },
        {"meter": "voice.minutes", "description": "Voice minutes", "sac": "998319", "unit": "minute", "price": VOICE},
    ],
}


def alias_of(number: int) -> str:
    """The alias of an account."""
    return f"drill-{number:04d}"


def code_of(number: int) -> str:
    """An account's code."""
    return f"D{number:04d}"


def account_of_late_alias(alias: str) -> str:
    """The account a late alias is mapped to."""
    return code_of(LATE_ALIASES.index(alias))


def open_accounts(installation: Installation) -> None:
    """Open every account, every second one prepaid and topped up; the late aliases stay unknown."""
    store = installation.administration()
    author = administer.Author("drill", clock.now())
    administer.publish_plan(store, PLAN, author=author)
    customers = [
        NewCustomer(f"C{i:04d}", f"Customer {i}", f"c{i}@example.com", None, ("1 Road",), "IN", "29", None, "unregistered")
        for i in range(ACCOUNTS)
    ]
    accounts = [
        NewAccount(
            code_of(i),
            f"C{i:04d}",
            "prepaid" if is_prepaid(i) else "postpaid",
            Currency.INR,
            "Asia/Kolkata",
            (alias_of(i),),
            "drill",
        )
        for i in range(ACCOUNTS)
    ]
    opened_accounts.open_accounts(store, customers, accounts, author=author)
    for number in filter(is_prepaid, range(ACCOUNTS)):
        amount = Decimal(TOP_UP_MICROS) / 1_000_000
        administer.top_up(store, account_code=code_of(number), amount=amount, reference=f"drill-{number}", author=author)


def is_prepaid(number: int) -> bool:
    """Whether an account pays before it uses."""
    return number % 2 == 1
