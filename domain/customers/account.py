"""An account as its customer agreed it: read from a document when it is opened, changed in part, written down again.

What the account is (its customer, mode and currency) is settled when it is opened, because wallets, prices and invoices
depend on it. Where it stands in the tree is checked by domain/account_tree.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.alias_spans import ALIAS_MAX
from domain.customers.locale import read_time_zone
from domain.customers.merge_patch import merge, unknown_nulls
from domain.customers.plain_text import read_code, read_text
from domain.errors import Faults, Invalid
from domain.fields import Fields, but_is, shown
from domain.invoice.assemble import PaymentMode
from domain.money import Currency

ALIASES_MAX: Final = 1_000
PAYMENT_TERM_DAYS_MAX: Final = 365
_SETTLED: Final = ("code", "customer", "mode", "currency")


@dataclass(frozen=True, slots=True)
class Account:
    """One account; accounts and customers are named by their codes."""

    code: str
    customer: str
    mode: PaymentMode
    currency: Currency
    time_zone: str
    bill_to: str
    pay_from: str
    parent: str | None = None
    name: str | None = None
    payment_term_days: int | None = None
    """Days from the date of an invoice to the day it falls due; None: the seller's usual term."""

    def document(self) -> dict[str, Any]:
        """The account as a document that reads as this account again; what leans on itself is left out."""
        facts = {
            "name": self.name,
            "parent": self.parent,
            "bill_to": None if self.bill_to == self.code else self.bill_to,
            "pay_from": None if self.pay_from == self.code else self.pay_from,
            "payment_term_days": self.payment_term_days,
        }
        return {
            "code": self.code,
            "customer": self.customer,
            "mode": str(self.mode),
            "currency": str(self.currency),
            "time_zone": self.time_zone,
            **{name: value for name, value in facts.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class Opening:
    """An account to be opened, the aliases its events will carry, and the plan it begins on."""

    account: Account
    aliases: tuple[str, ...]
    plan: str | None
    """None: its events wait until it has a subscription."""


def read_opening(document: object, *, path: str = "") -> Opening:
    """An account to be opened. Raises Invalid with every fault."""
    faults = Faults()
    fields = Fields(document, path=path, faults=faults)
    aliases, plan = _read_aliases(fields), read_code(fields, "plan", required=False)
    account = _read(fields)
    faults.refuse_if_any()
    if account is None:
        raise Invalid(faults.errors)
    return Opening(account, aliases, plan)


def changed(before: Account, patch: object, *, path: str = "") -> Account:
    """The account after a partial change. Raises Invalid with every fault, also for what cannot be changed."""
    document = before.document()
    merged = merge(document, patch, path=path)
    faults = Faults()
    fields = Fields(merged, path=path, faults=faults)
    for name in _SETTLED:
        if merged.get(name) != document[name]:
            fields.fault(name, f"is {document[name]} for good: open another account for {shown(merged.get(name))}")
            merged[name] = document[name]
    after = _read(fields)
    for slip in unknown_nulls(document, patch, lambda read: _read_alone(read, path=path), path=path):
        if slip not in faults.errors:
            faults.add(*slip)
    faults.refuse_if_any()
    if after is None:
        raise Invalid(faults.errors)
    return after


def with_defaults(document: object, defaults: Mapping[str, str]) -> object:
    """The document of an account to be opened, with its customer's currency and time zone where it does not say."""
    return {**defaults, **document} if isinstance(document, Mapping) else document


def _read_alone(document: object, *, path: str) -> None:
    faults = Faults()
    _read(Fields(document, path=path, faults=faults))
    faults.refuse_if_any()


def _read(fields: Fields) -> Account | None:
    before = len(fields.faults)
    code, customer = read_code(fields), read_code(fields, "customer")
    mode = fields.choice("mode", [str(mode) for mode in PaymentMode])
    currency = fields.choice("currency", list(Currency))
    time_zone = read_time_zone(fields)
    if not fields.has("time_zone"):
        fields.fault("time_zone", "is missing: its months are the account's billing months, e.g. Asia/Kolkata")
    name = read_text(fields, "name", required=False)
    parent, bill_to, pay_from = (read_code(fields, lean, required=False) for lean in ("parent", "bill_to", "pay_from"))
    term = _read_payment_term(fields)
    fields.refuse_unknown()
    if code is None or customer is None or mode is None or currency is None or time_zone is None:
        return None
    if len(fields.faults) > before:
        return None
    return Account(
        code=code,
        customer=customer,
        mode=PaymentMode(mode),
        currency=Currency(currency),
        time_zone=time_zone,
        bill_to=bill_to or code,
        pay_from=pay_from or code,
        parent=parent,
        name=name,
        payment_term_days=term,
    )


def _read_payment_term(fields: Fields) -> int | None:
    if not fields.has("payment_term_days"):
        fields.take("payment_term_days")
        return None
    return fields.whole("payment_term_days", least=0, most=PAYMENT_TERM_DAYS_MAX)


def _read_aliases(fields: Fields) -> tuple[str, ...]:
    value = fields.take("aliases")
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > ALIASES_MAX:
        fields.fault("aliases", f"must be a list of at most {ALIASES_MAX:,} aliases" + but_is(value))
        return ()
    found: list[str] = []
    for place, row in enumerate(value):
        if not isinstance(row, str) or not 0 < len(row) <= ALIAS_MAX or "\0" in row:
            fields.fault(f"aliases[{place}]", f"must be a text of 1 to {ALIAS_MAX} characters" + but_is(row))
        elif row in found:
            fields.fault(f"aliases[{place}]", f"{row!r} stands in the list twice")
        else:
            found.append(row)
    return tuple(found)
