"""Write and end contracts: checked as a whole, stored once, never edited, audited.

A contract may begin, or end, in the past as long as nothing of that time is invoiced. Usage that was charged since is not
charged anew by itself: both say how many events of which accounts that is, and re-rating is asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from domain.catalogue import Meter
from domain.catalogue.discounts import Clash
from domain.contracts import ContractDocument, read_contract
from domain.errors import Faults, FieldError, Invalid, InvalidInput, NotFound
from domain.money import Currency
from domain.subscriptions import Subscriptions
from invoicing.administration_ports import Administration, AdministrationStore, Author
from invoicing.agree_discounts import brought_together, reason
from invoicing.subscription_ports import StoredContract


@dataclass(frozen=True, slots=True)
class WrittenContract:
    """A contract that was written, and what that means for usage that is booked already."""

    contract: ContractDocument
    is_new: bool
    """False: it was written before, as it is."""
    events_to_rerate: Mapping[str, int] = field(default_factory=dict)
    """By account: events since its beginning that were charged without it."""


def write_contract(store: AdministrationStore, document: Mapping[str, Any], *, author: Author) -> WrittenContract:
    """Store a contract. Raises Invalid with every fault.

    The same contract written again changes nothing; another one under the same code is refused. So is one whose discounts
    could, together with those of a plan or contract an account of it is on, take off more than there is.
    """
    with store.begin() as transaction:
        transaction.hold_configuration()
        contracts, plans = transaction.contracts, transaction.plans
        plans.hold()
        published = plans.meters()
        contract = _read(transaction, document, published=published)
        present = contracts.find(contract.code)
        if present is not None:
            _refuse_other(present.document, document, code=contract.code)
            return WrittenContract(contract, is_new=False)
        accounts = _party(transaction, "account" if contract.account else "customer", contract.party)
        faults = _currency_faults(contract, accounts)
        faults += _invoiced_faults(accounts, contract.currency, "from", contract.start)
        overlapping = contracts.overlapping(contract)
        if overlapping:
            reason = (
                f"holds at the same time with the same priority as {', '.join(overlapping)}: end that, or choose another"
            )
            faults.append(FieldError("priority", reason))
        if faults:
            raise Invalid(faults)
        agreed = transaction.agreements.read(list(accounts))
        plans.add_meters([meter for meter in contract.prices.new_meters if meter.code not in published])
        contracts.add(contract, document, written_at=author.at)
        found = brought_together(agreed, transaction.agreements.read(list(accounts)))
        if found:
            raise Invalid(_discount_faults(contract, found))
        transaction.audit(action="contract.written", subject=contract.code, actor=author.name, after=document, at=author.at)
    prices = contract.prices
    charged = [
        one for one in accounts.values() if one.currency is contract.currency and (prices.usage or prices.adjustments)
    ]
    events = _events(store, charged, start=contract.start, end=contract.end, now=author.at)
    return WrittenContract(contract, is_new=True, events_to_rerate=events)


def end_contract(store: AdministrationStore, code: str, *, at: datetime, author: Author) -> Mapping[str, int]:
    """Let a contract end at an instant, earlier than it says; the next one or the plan holds from then on.

    Returns, by account, how many events since then were charged by it. It is not read anew: one that was written under older
    rules may end, too. Raises NotFound, and Invalid for an instant outside of the contract or of an invoiced time, or where
    what comes in its place could take off more than there is.
    """
    with store.begin() as transaction:
        transaction.hold_configuration()
        contracts = transaction.contracts
        present = contracts.find(code)
        if present is None:
            raise NotFound(f"contract {code!r} does not exist: `billing contracts list` shows them")
        accounts = _accounts(transaction, account=present.account, customer=present.customer)
        faults = _ending_faults(present, at) + _invoiced_faults(accounts, present.currency, "at", at)
        if faults:
            raise Invalid(faults)
        agreed = transaction.agreements.read(list(accounts))
        contracts.end(code, at=at)
        found = brought_together(agreed, transaction.agreements.read(list(accounts)))
        if found:
            raise Invalid([FieldError("at", why) for why in sorted({reason(clashes) for clashes in found.values()})])
        transaction.audit(
            action="contract.ended",
            subject=code,
            actor=author.name,
            before={"to": None if present.end is None else present.end.isoformat()},
            after={"to": at.isoformat()},
            at=author.at,
        )
    charged = [one for one in accounts.values() if one.currency is present.currency and present.charges_usage]
    return _events(store, charged, start=at, end=present.end, now=author.at)


def _read(transaction: Administration, document: Mapping[str, Any], *, published: Mapping[str, Meter]) -> ContractDocument:
    """Raises Invalid with every fault, a party nobody knows among them."""
    faults = Faults()
    named = document if isinstance(document, Mapping) else {}
    priced = transaction.contracts.usage_codes(named)
    contract = faults.attempt(lambda: read_contract(document, published=published, priced=priced))
    if contract is not None:
        return contract
    for name in ("account", "customer"):
        code = named.get(name)
        if isinstance(code, str) and code.isprintable() and not faults.has(name):
            faults.attempt(lambda name=name, code=code: _party(transaction, name, code))  # type: ignore[misc]
    raise Invalid(faults.errors)


def _party(transaction: Administration, name: str, code: str) -> Mapping[str, Subscriptions]:
    """The accounts of whom a contract names. Raises Invalid at this field when there is none, or it is closed."""
    try:
        parties = {"account": None, "customer": None, name: code}
        return _accounts(transaction, account=parties["account"], customer=parties["customer"])
    except (NotFound, InvalidInput) as error:
        raise Invalid([FieldError(name, str(error))]) from error


def _refuse_other(present: Mapping[str, Any], document: Mapping[str, Any], *, code: str) -> None:
    if dict(present) != document:
        reason = f"{code!r} is the code of another contract: choose a new one; a signed contract is never edited"
        raise Invalid([FieldError("code", reason)])


def _accounts(transaction: Administration, *, account: str | None, customer: str | None) -> Mapping[str, Subscriptions]:
    """The accounts a contract is with. Raises NotFound for its party, and InvalidInput for an account that is closed."""
    codes = list(transaction.contracts.currencies(account=account, customer=customer))
    found = transaction.subscriptions.read_all(codes)
    if account is not None:
        transaction.require_open(account)
    return {code: one for code, one in found.items() if isinstance(one, Subscriptions)}


def _currency_faults(contract: ContractDocument, accounts: Mapping[str, Subscriptions]) -> list[FieldError]:
    """A customer may have accounts of other currencies: they are not part of it. One at least must be."""
    if not accounts or any(account.currency is contract.currency for account in accounts.values()):
        return []
    account = min(accounts.values(), key=lambda one: one.account)
    reason = f"the contract is in {contract.currency} and account {account.account} in {account.currency}"
    return [FieldError("currency", f"{reason}: write it in the account's currency")]


def _invoiced_faults(
    accounts: Mapping[str, Subscriptions], currency: Currency, field_name: str, at: datetime
) -> list[FieldError]:
    closed = [
        (account.open_from, account)
        for account in accounts.values()
        if account.currency is currency and account.open_from is not None and at < account.open_from
    ]
    if not closed:
        return []
    open_from, account = max(closed, key=lambda each: each[0])
    first = open_from.astimezone(account.time_zone)
    reason = f"usage of account {account.account} before {first:%Y-%m-%d} is invoiced: choose {first.isoformat()} or later"
    return [FieldError(field_name, reason)]


def _discount_faults(contract: ContractDocument, found: Mapping[str, Sequence[Clash]]) -> list[FieldError]:
    """Each where the contract brings it in, once for all its accounts."""
    codes = [one.code for one in contract.prices.adjustments]
    faults = []
    for clash in (clash for account in sorted(found) for clash in found[account]):
        later, earlier = clash.found.adjustment.code, clash.found.earlier.code
        own, other, way_out = (
            (later, earlier, f"let it apply to all that {earlier!r} applies to")
            if clash.document == f"contract {contract.code}"
            else (earlier, later, f"let it apply to no more than {later!r} does")
        )
        path = f"adjustments[{codes.index(own)}].applies_to" if own in codes else ""
        faults.append(FieldError(path, f"{clash}: {way_out}, or give it the code {other!r} to stand in its place"))
    return list(dict.fromkeys(faults))


def _ending_faults(present: StoredContract, at: datetime) -> list[FieldError]:
    if (present.start is None or at > present.start) and (present.end is None or at <= present.end):
        return []
    begins = "since ever" if present.start is None else f"from {present.start:%Y-%m-%d %H:%M} UTC"
    until = "without end" if present.end is None else f"to {present.end:%Y-%m-%d %H:%M} UTC"
    return [FieldError("at", f"contract {present.code} holds {begins} {until}: end it in between")]


def _events(
    store: AdministrationStore, accounts: Sequence[Subscriptions], *, start: datetime, end: datetime | None, now: datetime
) -> dict[str, int]:
    """Counting may take a while, so nothing is held meanwhile."""
    until = now if end is None else min(end, now)
    if start >= until or not accounts:
        return {}
    with store.begin() as transaction:
        counted = {one.account: transaction.subscriptions.events_since(one.account, start, until) for one in accounts}
    return {code: events for code, events in counted.items() if events}
