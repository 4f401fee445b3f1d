"""Arrange accounts: who stands above whom, on whose invoice usage goes, and whose wallet pays for it.

A change waits for the batches that are being rated with the old arrangement, and is in the next one of every worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.account_tree import AccountTree, Lean, TreeAccount
from invoicing.administer import Author
from invoicing.administration_ports import Administration, AdministrationStore
from invoicing.metering_ports import Balance


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
        before = _held_tree(transaction)
        changed = before.with_parent(code, parent)
        transaction.tree.write(changed)
        _audit(transaction, before, changed, action="account.parent_set", author=author)
    return Arranged(changed)


def set_bill_to(store: AdministrationStore, code: str, *, bill_to: str, author: Author) -> Arranged:
    """Put an account's usage on its own invoice or on that of one above it, from the next draft on."""
    with store.begin() as transaction:
        before = _held_tree(transaction)
        changed = before.leaning(code, Lean.BILL_TO, bill_to)
        transaction.tree.write(changed)
        _audit(transaction, before, changed, action="account.bill_to_set", author=author)
    return Arranged(changed)


def set_pay_from(store: AdministrationStore, code: str, *, pay_from: str, author: Author) -> Arranged:
    """Let an account pay from its own wallet or from that of one above it, from the next batch on.

    A postpaid account's usage that is not invoiced yet moves along, so that its invoice settles the wallet it pays from.
    """
    with store.begin() as transaction:
        before = _held_tree(transaction)
        changed = before.leaning(code, Lean.PAY_FROM, pay_from)
        transaction.tree.write(changed)
        formers = {account.code: before.get(account.code).pay_from for account in changed}
        moved_micros = sum(
            transaction.tree.move_what_is_due(
                account.code,
                payer=formers[account.code],
                reference=f"{account.code} pays from {account.pay_from}",
                booked_at=author.at,
            )
            for account in changed
        )
        balances = transaction.tree.balances(sorted({pay_from, *formers.values()}))
        # Last, as the audit trail is locked after wallets everywhere.
        _audit(transaction, before, changed, action="account.pay_from_set", author=author)
    return Arranged(changed, moved_micros, balances)


def _held_tree(transaction: Administration) -> AccountTree:
    transaction.hold_configuration()
    return transaction.tree.read()


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
