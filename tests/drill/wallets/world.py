"""Whose wallets the drill moves: prepaid accounts with little credit, short graces, thresholds, rules, mail and webhooks."""

from decimal import Decimal

from connectors import clock
from domain.money import Currency
from invoicing import administer
from tests import opened_accounts
from tests.books import a_new_seller
from tests.installation import Installation
from tests.opened_accounts import NewAccount, NewCustomer

ACCOUNTS = 36
PRICE_MICROS = 500_000
"""Of a message: little enough that a wallet lasts for some seconds, and never rounded."""
PRICE = {"model": "per_unit", "unit_price": "0.50"}
PLAN = {
    "code": "drill-wallets",
    "name": "Drill of wallets",
    "currency": "INR",
    "charges": [
        {"meter": "otp.delivered", "description": "OTP delivered", "sac": "998319", "unit": "message", "price": PRICE}
    ],
}
OPENING_MICROS = 12_000_000
LOW_MICROS = 2_000_000
ALERT_MICROS = 4_000_000
ALERT_PERCENT = 20
RULE_THRESHOLD_MICROS = 3_000_000
RULE_AMOUNT_MINOR = 10_00
WEBHOOK_SECRET = "whsec_" + "ZHJpbGwtZHJpbGwtZHJpbGwtZHJpbGwtZHJpbGwtMTI="
_KINDS = (
    "invoice_issued, payment_due, payment_received, payment_failed, balance_low, balance_exhausted, service_suspended, "
    "service_resumed, plan_changed, contract_expiring"
)


def code_of(number: int) -> str:
    """An account's code."""
    return f"W{number:04d}"


def alias_of(number: int) -> str:
    """The alias of an account."""
    return f"wallet-{number:04d}"


def grace_micros(number: int) -> int:
    """How far an account may go beyond its credit; every fifth has no grace at all."""
    return 0 if number % 5 == 0 else 3_000_000


def has_rule(number: int) -> bool:
    """Whether an account is topped up by a rule."""
    return number % 3 == 0


def has_webhook(number: int) -> bool:
    """Whether an account is told by webhook, and not by mail."""
    return number % 4 == 0


def open_accounts(installation: Installation, *, webhooks_port: int) -> None:
    """Open every account, with some credit. `webhooks_port`: where webhooks are taken on this machine."""
    store, author = installation.administration(), administer.Author("drill", clock.now())
    administer.add_sellers(store, [a_new_seller()], author=author)
    administer.publish_plan(store, PLAN, author=author)
    customers = [
        NewCustomer(f"CW{i:04d}", f"Prepaid {i}", f"w{i}@example.com", None, ("1 Road",), "IN", "29", None, "unregistered")
        for i in range(ACCOUNTS)
    ]
    accounts = [
        NewAccount(code_of(i), f"CW{i:04d}", "prepaid", Currency.INR, "Asia/Kolkata", (alias_of(i),), PLAN["code"])
        for i in range(ACCOUNTS)
    ]
    opened_accounts.open_accounts(store, customers, accounts, author=author)
    for number in range(ACCOUNTS):
        _agree(installation, number, webhooks_port)
        amount = Decimal(OPENING_MICROS).scaleb(-6)
        administer.top_up(store, account_code=code_of(number), amount=amount, reference="opening", author=author)


def _agree(installation: Installation, number: int, webhooks_port: int) -> None:
    """Terms, thresholds, rule and webhook, as commands would write them; a rule's pause is shorter than they allow."""
    account = f"(SELECT account_id FROM account WHERE code = '{code_of(number)}')"
    customer = f"(SELECT customer_id FROM account WHERE code = '{code_of(number)}')"
    hours = 0 if grace_micros(number) == 0 else 72
    statements = [
        "INSERT INTO account_terms (account_id, low_level_micros, grace_hours, grace_micros)"
        f" VALUES ({account}, {LOW_MICROS}, {hours}, {grace_micros(number)})",
        f"INSERT INTO account_threshold VALUES ({account}, 'absolute', {ALERT_MICROS})",
        f"INSERT INTO account_threshold VALUES ({account}, 'percent_of_last_top_up', {ALERT_PERCENT})",
    ]
    if has_rule(number):
        statements.append(
            "INSERT INTO top_up_rule"
            " (account_id, threshold_micros, amount_minor, monthly_limit_minor, methods, cool_down_seconds, set_at)"
            f" VALUES ({account}, {RULE_THRESHOLD_MICROS}, {RULE_AMOUNT_MINOR}, 1000000000, '{{payment_link}}', 1, now())"
        )
    if has_webhook(number):
        statements.append(
            "INSERT INTO webhook_endpoint (customer_id, url, secret, created_at)"
            f" VALUES ({customer}, 'http://127.0.0.1:{webhooks_port}/{code_of(number)}', '{WEBHOOK_SECRET}', now())"
        )
        statements.append(
            f"INSERT INTO customer_notification SELECT {customer}, kind, '{{webhook}}' "
            f"FROM unnest(string_to_array('{_KINDS}', ', ')) AS kind"
        )
    installation.execute(";".join(statements))
