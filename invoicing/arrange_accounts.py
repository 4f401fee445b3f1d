"""Arrange accounts: who stands above whom, on whose invoice usage goes, and whose wallet pays for it.

A change waits for the batches that are being rated with the old arrangement, and is in the next one of every worker.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from domain.account_tree import AccountTree, Lean, TreeAccount
from domain.errors import Faults, InvalidInput, NotFound
from invoicing.administer import Author
from invoicing.administration_ports import Administration, AdministrationStore
from invoicing.metering_ports import Balance

_PARENT: Final = "parent"


@dataclass(frozen=True, slots=True)
class Arranged:
    """What changed, and the balances to tell."""

    accounts: Sequence[TreeAccount]
    moved_micros: int = 0
    """What postpaid accounts used and were not invoiced for, moved from one wallet to another."""
    balances: Sequence[Balance] = ()


def set_parent(store: AdministrationStore, code: str, *, parent: str | None, author: Author) -> Arranged:
    """Let an account stand below another, or below none. Raises InvalidInput where the tree's rules do not allow it."""
    with store.begin() as transaction:
        before = _held_tree(transaction, code, parent)
        changed = before.with_parent(code, parent)
        transaction.tree.write(changed)
        _audit(transaction, before, changed, action="account.parent_set", author=author)
    return Arranged(changed)


def set_bill_to(store: AdministrationStore, code: str, *, bill_to: str, author: Author) -> Arranged:
    """Put an account's usage on its own invoice or on that of one above it, from the next draft on."""
    with store.begin() as transaction:
        before = _held_tree(transaction, code, bill_to)
        changed = before.leaning(code, Lean.BILL_TO, bill_to)
        transaction.tree.write(changed)
        _audit(transaction, before, changed, action="account.bill_to_set", author=author)
    return Arranged(changed)


def set_pay_from(store: AdministrationStore, code: str, *, pay_from: str, author: Author) -> Arranged:
    """Let an account pay from its own wallet or from that of one above it, from the next batch on.

    A postpaid account's usage that is not invoiced yet moves along, so that its invoice settles the wallet it pays from.
    """
    with store.begin() as transaction:
        before = _held_tree(transaction, code, pay_from)
        changed = before.leaning(code, Lean.PAY_FROM, pay_from)
        transaction.tree.write(changed)
        moved_micros, balances = _move_dues(transaction, before, changed, author=author)
        balances = balances or transaction.tree.balances([pay_from])
        # Last, as the audit trail is locked after wallets everywhere.
        _audit(transaction, before, changed, action="account.pay_from_set", author=author)
    return Arranged(changed, moved_micros, balances)


def rearrange(
    transaction: Administration,
    code: str,
    wanted: Mapping[str, str | None],
    *,
    author: Author,
    faults: Faults,
    path: str = "",
) -> Arranged:
    """Bring an account where it is wanted: `parent`, `bill_to` and `pay_from`, as far as they are named; all at once.

    For a transaction that holds the configuration and leaves the account's own audit record to its caller; those that went
    along are audited here. What the tree's rules refuse is remembered as faults, and nothing is written then.
    """
    named = [one for one in (code, *wanted.values()) if one is not None]
    before = transaction.tree.read(named)
    tree, refused = _brought(before, code, wanted, faults=faults, path=path)
    if refused:
        return Arranged(())
    changed = [account for account in tree.accounts.values() if account != before.accounts.get(account.code)]
    transaction.tree.write(changed)
    moved_micros, balances = _move_dues(transaction, before, changed, author=author)
    along = [account for account in changed if account.code != code]
    _audit(transaction, before, along, action="account.arranged", author=author)
    return Arranged(changed, moved_micros, balances)


def _brought(
    tree: AccountTree, code: str, wanted: Mapping[str, str | None], *, faults: Faults, path: str
) -> tuple[AccountTree, bool]:
    """The tree with an account where it is wanted, and whether something was refused.

    What is to lean elsewhere stands for itself first, because it may lose what it leans on.
    """
    leans = {lean: wanted[lean] or code for lean in Lean if lean in wanted}
    freed = [(lean, code) for lean, on in leans.items() if on != lean.of(tree.get(code))]
    steps: list[tuple[str, Callable[[AccountTree], Sequence[TreeAccount]]]] = [
        *((lean.value, partial(AccountTree.leaning, code=code, lean=lean, on=on)) for lean, on in freed),
        *([(_PARENT, partial(AccountTree.with_parent, code=code, parent=wanted[_PARENT]))] if _PARENT in wanted else []),
        *((lean.value, partial(AccountTree.leaning, code=code, lean=lean, on=on)) for lean, on in leans.items()),
    ]
    refused = False
    for field, step in steps:
        try:
            changed = {account.code: account for account in step(tree)}
        except (InvalidInput, NotFound) as error:
            reason = str(error).removeprefix(f"{field}: ")
            faults.add(f"{path}.{field}" if path else field, reason)
            refused = True
        else:
            tree = AccountTree({**tree.accounts, **changed})
    return tree, refused


def _move_dues(
    transaction: Administration, before: AccountTree, changed: Sequence[TreeAccount], *, author: Author
) -> tuple[int, Sequence[Balance]]:
    """Move what is due to the wallets that pay from now on. Returns micros and the balances to tell."""
    formers = {account.code: before.get(account.code).pay_from for account in changed}
    others = [account for account in changed if account.pay_from != formers[account.code]]
    moved_micros = sum(
        transaction.tree.move_what_is_due(
            account.code,
            payer=formers[account.code],
            reference=f"{account.code} pays from {account.pay_from}",
            booked_at=author.at,
        )
        for account in others
    )
    payers = {payer for account in others for payer in (account.pay_from, formers[account.code])}
    return moved_micros, transaction.tree.balances(sorted(payers))


def _held_tree(transaction: Administration, *codes: str | None) -> AccountTree:
    transaction.hold_configuration()
    return transaction.tree.read([code for code in codes if code is not None])


def _audit(
    transaction: Administration, before: AccountTree, changed: Sequence[TreeAccount], *, action: str, author: Author
) -> None:
    for account in changed:
        transaction.audit(
            action=action,
            subject=account.code,
            actor=author.name,
            before=_facts(before.get(account.code)),
            after=_facts(account),
            at=author.at,
        )


def _facts(account: TreeAccount) -> dict[str, str | None]:
    return {"parent": account.parent, "bill_to": account.bill_to, "pay_from": account.pay_from}
