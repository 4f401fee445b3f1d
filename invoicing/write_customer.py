"""Write customers: create, change in part, archive; each validated as a whole, in one transaction, audited with both sides.

A change names the version it was made from, so that of two people who edit the same customer the second is refused and
reads again. Reading stays possible for ever: nothing of a customer is deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from domain.customers.customer import Customer, read_customer
from domain.customers.merge_patch import merge, unknown_nulls
from domain.errors import Faults, FieldError, Invalid, NotFound
from domain.fields import shown
from domain.money import decimal_from_micros
from invoicing.administer import Author
from invoicing.administration_ports import Administration, AdministrationStore
from invoicing.customer_ports import AccountMoney, StoredCustomer

ABOUT: Final = "about"
"""What `show` adds to a document and nobody writes: left out of what is read."""
VERSION: Final = "version"
"""The version a change was made from, beside what it changes."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a customer or an account: the version it is at, and whether that is new."""

    code: str
    version: int
    changed: bool


def create_customer(store: AdministrationStore, document: object, *, author: Author, path: str = "") -> Written:
    """Add a customer. Again with the same document it changes nothing. Raises Invalid with every fault."""
    customer = read_customer(document, path=path)
    with store.begin() as transaction:
        known = transaction.customers.get(customer.code)
        if known is not None:
            if known.customer == customer and known.archived_at is None:
                return Written(customer.code, known.revision, changed=False)
            raise Invalid(
                [FieldError(at(path, "code"), f"customer {customer.code} exists already: {_other(known, customer)}")]
            )
        transaction.customers.add(customer, created_at=author.at)
        _audit(transaction, "customer.created", customer.code, before=None, after=customer.document(), author=author)
    return Written(customer.code, 1, changed=True)


def update_customer(store: AdministrationStore, code: str, patch: object, *, author: Author, path: str = "") -> Written:
    """Change what a patch names (domain/customers/merge_patch.py), as seen at its `version`; without one, whatever it is at.

    Raises NotFound, and Invalid with every fault: also when the customer is at another version by now, or archived.
    """
    with store.begin() as transaction:
        known = _get(transaction, code)
        faults = Faults()
        check_version(faults, patch, known.revision, what=f"customer {code}", path=path)
        if known.archived_at is not None:
            faults.add(path, f"customer {code} is archived since {known.archived_at:%Y-%m-%d} and stays as it is")
        changed = faults.attempt(lambda: _changed(known.customer, patch, path=path))
        faults.refuse_if_any()
        if changed is None or changed == known.customer:
            return Written(code, known.revision, changed=False)
        revision = transaction.customers.save(changed)
        before, after = known.customer.document(), changed.document()
        _audit(transaction, "customer.updated", code, before=before, after=after, author=author)
    return Written(code, revision, changed=True)


def archive_customer(
    store: AdministrationStore, code: str, document: object = None, *, author: Author, path: str = ""
) -> Written:
    """Say that a customer is no more. Raises NotFound, and Invalid while an account is open or money is due, naming each."""
    with store.begin() as transaction:
        known = _get(transaction, code)
        if known.archived_at is not None:
            return Written(code, known.revision, changed=False)
        faults = Faults()
        check_version(faults, document, known.revision, what=f"customer {code}", path=path)
        for money in transaction.customers.money(code):
            for reason in _unsettled(money):
                faults.add(at(path, f"accounts.{money.account}"), reason)
        faults.refuse_if_any()
        transaction.customers.archive(code, at=author.at)
        status = ({"status": "active"}, {"status": "archived", "archived_at": author.at.isoformat()})
        _audit(transaction, "customer.archived", code, before=status[0], after=status[1], author=author)
    return Written(code, known.revision + 1, changed=True)


def check_version(faults: Faults, document: object, revision: int, *, what: str, path: str) -> None:
    """Remember a fault when a document was made from another version than the one there is."""
    seen = document.get(VERSION) if isinstance(document, Mapping) else None
    if seen is None or (type(seen) is int and seen == revision):
        return
    reason = f"is {shown(seen)}, and {what} is at {revision} by now: read it again, and repeat the change if it still holds"
    faults.add(at(path, VERSION), reason)


def without_extras(document: object) -> object:
    """A document without the version it was made from and what `show` adds."""
    if not isinstance(document, Mapping):
        return document
    return {name: value for name, value in document.items() if name not in (ABOUT, VERSION)}


def at(path: str, name: str) -> str:
    """The path of a field of the object at a path."""
    return f"{path}.{name}" if path else name


def _changed(before: Customer, patch: object, *, path: str) -> Customer:
    document, wanted = before.document(), without_extras(patch)
    merged = merge(document, wanted, path=path)
    faults = Faults()
    if merged.get("code") != before.code:
        faults.add(at(path, "code"), f"is {before.code} for good: create another customer for {shown(merged.get('code'))}")
        merged["code"] = before.code
    after = faults.attempt(lambda: read_customer(merged, path=path))
    for slip in unknown_nulls(document, wanted, lambda read: read_customer(read, path=path), path=path):
        if slip not in faults.errors:
            faults.add(*slip)
    faults.refuse_if_any()
    return before if after is None else after


def _get(transaction: Administration, code: str) -> StoredCustomer:
    known = transaction.customers.get(code)
    if known is None:
        raise NotFound(f"customer {code!r} does not exist: `billing customers list` shows them")
    return known


def _other(known: StoredCustomer, customer: Customer) -> str:
    if known.archived_at is not None:
        return "it is archived; choose another code"
    before, after = known.customer.document(), customer.document()
    differing = sorted(name for name in {**before, **after} if before.get(name) != after.get(name))
    return f"it differs in {', '.join(differing)}; change it with `billing customers update`, or choose another code"


def _unsettled(money: AccountMoney) -> list[str]:
    found = []
    if money.open:
        found.append(f"is open: `billing accounts close {money.account}` first")
    if money.uninvoiced_micros:
        amount = decimal_from_micros(money.uninvoiced_micros)
        found.append(f"used {amount:.2f} {money.currency} that is on no invoice yet: invoice it first")
    if money.drafts:
        found.append("has an invoice that is drafted and not issued: issue it first")
    if money.balance_micros:
        amount = decimal_from_micros(abs(money.balance_micros))
        whose = "holds" if money.balance_micros > 0 else "owes"
        found.append(
            f"{whose} {amount:.2f} {money.currency}: {'refund' if money.balance_micros > 0 else 'collect'} it first"
        )
    return found


def _audit(
    transaction: Administration,
    action: str,
    code: str,
    *,
    before: Mapping[str, Any] | None,
    after: Mapping[str, Any],
    author: Author,
) -> None:
    transaction.audit(action=action, subject=code, actor=author.name, before=before, after=after, at=author.at)
