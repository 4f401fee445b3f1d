"""Keep accounts: open, change in part, close, choose thresholds; each validated as a whole and audited with both sides.

Configuration is held first, because accounts and aliases are what workers rate with; the audit trail is written last.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from domain import alias_spans, subscriptions
from domain.alias_spans import NamedSpan
from domain.customers.account import Account, Opening, changed, read_opening, with_defaults
from domain.customers.thresholds import read_thresholds
from domain.errors import Faults, FieldError, Invalid, InvalidInput, NotFound
from domain.fields import shown
from domain.refusals import placed_at, remember
from domain.subscriptions import Change, PlanChoice
from invoicing.administer import Author
from invoicing.administration_ports import Administration, AdministrationStore
from invoicing.agree_discounts import brought_together, clashes_of_changes, reason
from invoicing.arrange_accounts import rearrange
from invoicing.customer_ports import StoredAccount, StoredCustomer
from invoicing.metering_ports import Balance
from invoicing.write_customer import Written, at, check_version, without_extras

_CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of an account, and the balances to tell the cache."""

    written: Written
    balances: Sequence[Balance] = ()


def open_account(
    store: AdministrationStore,
    document: object,
    *,
    author: Author,
    opens_at: datetime | None = None,
    path: str = "",
) -> Kept:
    """Add an account with its wallet, its aliases, its place in the tree and the plan it begins on at an instant, or now.

    Again with the same document it changes nothing. Raises Invalid with every fault.
    """
    with store.begin() as transaction:
        transaction.hold_configuration()
        faults = Faults()
        customer = _customer_of(transaction, document, faults=faults, path=path)
        defaults = (
            {"currency": customer.customer.currency, "time_zone": customer.customer.time_zone}
            if customer is not None
            else {"currency": "INR", "time_zone": "UTC"}  # read on all the same: the other faults are to be told, too
        )
        opening = faults.attempt(lambda: read_opening(with_defaults(document, defaults), path=path))
        if opening is None or customer is None:
            faults.refuse_if_any()
            raise InvalidInput("the account could not be read")
        known = transaction.accounts.get(opening.account.code)
        if known is not None:
            return Kept(_again(known, opening, faults=faults, path=path))
        begins_at = opens_at or author.at
        plan = _plan_of(transaction, opening, begins_at=begins_at, faults=faults, path=path)
        balances = _add(transaction, opening, author=author, faults=faults, path=path)
        if plan is not None:
            present = transaction.subscriptions.read(opening.account.code)
            with placed_at(path):
                begun = subscriptions.start(present, plan, Change(begins_at, author.at, "account opened"))
            for why in clashes_of_changes(transaction, [(present, begun)]).values():
                faults.add(at(path, "plan"), why)
            transaction.subscriptions.write(present, begun)
        faults.refuse_if_any()
        after = opening.account.document() | {"aliases": list(opening.aliases), "plan": opening.plan}
        _audit(transaction, "account.opened", opening.account.code, before=None, after=after, author=author)
        revision = transaction.accounts.revision(opening.account.code)
    return Kept(Written(opening.account.code, revision, changed=True), balances)


def change_account(store: AdministrationStore, code: str, patch: object, *, author: Author, path: str = "") -> Kept:
    """Change what a patch names, as seen at its `version`; without one, whatever it is at. Null goes back to the default.

    Raises NotFound, and Invalid with every fault: also when the account is at another version by now, or closed.
    """
    with store.begin() as transaction:
        transaction.hold_configuration()
        known = _get(transaction, code)
        faults = Faults()
        check_version(faults, patch, known.revision, what=f"account {code}", path=path)
        if known.status == _CLOSED:
            faults.add(path, f"account {code} is closed and stays as it is")
        before = known.account
        after = faults.attempt(lambda: changed(before, without_extras(patch), path=path)) or before
        if after.time_zone != before.time_zone and transaction.accounts.has_usage(code):
            reason = f"is {before.time_zone} for good: usage is booked in its months; open another account"
            faults.add(at(path, "time_zone"), reason)
        wanted = _places_wanted(before, after, patch)
        arranged = rearrange(transaction, code, wanted, author=author, faults=faults, path=path)
        faults.refuse_if_any()
        if after == before:
            return Kept(Written(code, known.revision, changed=False))
        if _terms(after) != _terms(before):
            _save(transaction, after, path=path)
        _audit(transaction, "account.changed", code, before=before.document(), after=after.document(), author=author)
        revision = transaction.accounts.revision(code)
    return Kept(Written(code, revision, changed=True), arranged.balances)


def close_account(
    store: AdministrationStore,
    code: str,
    document: object = None,
    *,
    closes_at: datetime,
    author: Author,
    path: str = "",
) -> Kept:
    """Close an account from an instant on, not after now: its aliases and its plan end then, and nothing is rated for it.

    What it used until then is still invoiced. Raises NotFound, and Invalid while accounts stand below it, or when events
    at or after the instant are booked.
    """
    with store.begin() as transaction:
        # Looked at twice: first beside the workers, as looking for booked events may take a while, then with them held.
        booked = _booked_after(transaction, code, closes_at=closes_at)
        transaction.hold_configuration()
        known = _get(transaction, code)
        if known.status == _CLOSED:
            return Kept(Written(code, known.revision, changed=False))
        faults = Faults()
        check_version(faults, document, known.revision, what=f"account {code}", path=path)
        if closes_at > author.at:
            faults.add(at(path, "at"), f"is {closes_at.isoformat()}, which is still to come: close it then")
        tree = transaction.tree.read([code])
        for one in sorted(tree.accounts.values(), key=lambda one: one.code):
            if one.parent == code and one.status != _CLOSED:
                faults.add(path, f"account {one.code} stands below {code}: close it first, or set its parent")
        booked += _booked_after(transaction, code, closes_at=closes_at)
        for alias, events in sorted(booked.items()):
            since = f"is {closes_at.isoformat()}, and {events} event{'s' if events != 1 else ''} of alias {alias!r}"
            faults.add(at(path, "at"), f"{since} from then on are booked: choose an instant after the last of them")
        faults.refuse_if_any()
        ended = _end_aliases(transaction, code, closes_at=closes_at)
        _end_subscription(transaction, code, closes_at=closes_at, faults=faults, path=path)
        faults.refuse_if_any()
        transaction.accounts.close(code, at=closes_at)
        before = {"status": known.status, "aliases": ended}
        after = {"status": _CLOSED, "closed_at": closes_at.isoformat(), "aliases": []}
        _audit(transaction, "account.closed", code, before=before, after=after, author=author)
    return Kept(Written(code, known.revision + 1, changed=True))


def choose_thresholds(store: AdministrationStore, code: str, document: object, *, author: Author, path: str = "") -> Written:
    """Replace what an account, or a further wallet, is warned at; none at all goes back to the defaults.

    Raises Invalid or NotFound.
    """
    wanted = read_thresholds(document, path=path)
    with store.begin() as transaction:
        known = _get(transaction, code, also_wallets=True)
        if known.status == _CLOSED:
            raise InvalidInput(f"account {code} is closed and stays as it is")
        before = tuple(transaction.accounts.thresholds(code))
        if before == wanted:
            return Written(code, known.revision, changed=False)
        transaction.accounts.choose_thresholds(code, wanted)
        facts = [{"thresholds": [one.document() for one in chosen]} for chosen in (before, wanted)]
        _audit(transaction, "threshold.set", code, before=facts[0], after=facts[1], author=author)
    return Written(code, known.revision, changed=True)


def _save(transaction: Administration, account: Account, *, path: str) -> None:
    """A time zone says when offers end, and so what is in force together."""
    agreed = transaction.agreements.read([account.code])
    transaction.accounts.save(account)
    found = brought_together(agreed, transaction.agreements.read([account.code]))
    if found:
        raise Invalid([FieldError(at(path, "time_zone"), reason(found[account.code]))])


def _add(transaction: Administration, opening: Opening, *, author: Author, faults: Faults, path: str) -> Sequence[Balance]:
    account = opening.account
    transaction.accounts.add(account, created_at=author.at)
    for place, alias in enumerate(opening.aliases):
        try:
            transaction.map_alias(alias, account_code=account.code)
        except InvalidInput as error:
            faults.add(at(path, f"aliases[{place}]"), str(error))
    standing = _places(replace(account, parent=None, bill_to=account.code, pay_from=account.code))
    wanted = {name: value for name, value in _places(account).items() if value != standing[name]}
    return rearrange(transaction, account.code, wanted, author=author, faults=faults, path=path).balances


def _customer_of(transaction: Administration, document: object, *, faults: Faults, path: str) -> StoredCustomer | None:
    """The customer an account is opened for; None, with the fault, when it is not there. Locked, so it is not archived."""
    code = document.get("customer") if isinstance(document, Mapping) else None
    if not isinstance(code, str):
        return None  # the reader says what is wrong with it
    customer = transaction.customers.get(code)
    if customer is None:
        faults.add(at(path, "customer"), f"{shown(code)} does not exist: `billing customers list` shows them")
    elif customer.archived_at is not None:
        faults.add(at(path, "customer"), f"{code} is archived: create another customer")
        return None
    return customer


def _again(known: StoredAccount, opening: Opening, *, faults: Faults, path: str) -> Written:
    code = opening.account.code
    if known.account == opening.account and known.status != _CLOSED:
        return Written(code, known.revision, changed=False)
    before, after = known.account.document(), opening.account.document()
    differing = sorted(name for name in {**before, **after} if before.get(name) != after.get(name))
    what = f"differs in {', '.join(differing)}" if differing else "is closed"
    faults.add(at(path, "code"), f"account {code} exists already and {what}: change it, or choose another code")
    faults.refuse_if_any()
    raise InvalidInput(f"account {code} exists already")


def _plan_of(
    transaction: Administration, opening: Opening, *, begins_at: datetime, faults: Faults, path: str
) -> PlanChoice | None:
    """The newest version that holds of the plan an account begins on; None, with the fault, when its currency is another."""
    if opening.plan is None:
        return None
    try:
        plan = transaction.subscriptions.plan(opening.plan, version=None, at=begins_at)
    except NotFound as error:
        faults.add(at(path, "plan"), str(error))
        return None
    if plan.currency is not opening.account.currency:
        reason = f"{plan.label} is in {plan.currency}, and the account in {opening.account.currency}: choose another plan"
        faults.add(at(path, "plan"), reason)
        return None
    return plan


def _end_subscription(transaction: Administration, code: str, *, closes_at: datetime, faults: Faults, path: str) -> None:
    """End what an account is subscribed to, and what it was to be subscribed to later."""
    present = transaction.subscriptions.read(code)
    after = present
    for segment in present.segments:
        moment = closes_at if segment.start is None else max(segment.start, closes_at)
        if after.at(moment) is None or (segment.end is not None and segment.end <= closes_at):
            continue
        try:
            with placed_at(path):
                after = subscriptions.cancel(after, Change(moment, moment, replacing=True))
        except Invalid as error:
            remember(faults, error)
            return
    transaction.subscriptions.write(present, after)


def _booked_after(transaction: Administration, code: str, *, closes_at: datetime) -> Counter[str]:
    """How many events of each alias of an account are booked at or after an instant; again, how many more."""
    booked: Counter[str] = Counter()
    for alias, span in transaction.accounts.aliases_after(code, at=closes_at):
        booked[alias] += transaction.aliases.events_booked(alias, start=_ending(span, closes_at), end=span.end)
    return booked


def _end_aliases(transaction: Administration, code: str, *, closes_at: datetime) -> list[str]:
    """End every alias that names an account at or after an instant. Returns them."""
    spans = transaction.accounts.aliases_after(code, at=closes_at)
    for alias, span in spans:
        ending = alias_spans.end_alias(alias, transaction.aliases.spans(alias), at=_ending(span, closes_at))
        transaction.aliases.replace(alias, ending.before, ending.after)
    return sorted({alias for alias, _ in spans})


def _ending(span: NamedSpan, closes_at: datetime) -> datetime:
    return closes_at if span.start is None else max(span.start, closes_at)


def _get(transaction: Administration, code: str, *, also_wallets: bool = False) -> StoredAccount:
    known = transaction.accounts.get(code)
    if known is None:
        raise NotFound(f"account {code!r} does not exist: `billing accounts list` shows them")
    if known.wallet_of is not None and not also_wallets:
        raise InvalidInput(f"{code} is a wallet of account {known.wallet_of}: `billing wallets` keeps it")
    return known


def _places(account: Account) -> dict[str, str | None]:
    return {"parent": account.parent, "bill_to": account.bill_to, "pay_from": account.pay_from}


def _places_wanted(before: Account, after: Account, patch: object) -> dict[str, str | None]:
    """Where a change brings an account. A refused one is tried against the tree all the same, as it was said."""
    there = _places(before)
    if after == before and isinstance(patch, Mapping):
        said = {name: patch[name] for name in there if isinstance(patch.get(name), str)}
        return {name: value for name, value in said.items() if value != there[name]}
    return {name: value for name, value in _places(after).items() if value != there[name]}


def _terms(account: Account) -> tuple[Any, ...]:
    return account.name, account.time_zone, account.payment_term_days


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
