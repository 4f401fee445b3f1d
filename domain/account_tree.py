"""The account tree: who stands below whom, on whose invoice usage goes, and whose wallet pays for it.

An account is billed to, and pays from, itself or one account above it, at any level. That account stands for itself, so
one step leads to the answer; and it has the same currency and the same mode, so that an invoice is in one currency and
either paid in advance or not. An account whose usage others lean on takes them along when it begins to lean itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from domain.errors import InvalidInput, NotFound

_CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True)
class TreeAccount:
    """An account as far as the tree goes; accounts are named by their codes."""

    code: str
    customer: str
    currency: str
    mode: str
    status: str
    parent: str | None
    bill_to: str
    pay_from: str


class Lean(StrEnum):
    """What an account may leave to one above it."""

    BILL_TO = "bill_to"
    PAY_FROM = "pay_from"

    def of(self, account: TreeAccount) -> str:
        """The account it is left to: itself when it stands for itself."""
        return account.bill_to if self is Lean.BILL_TO else account.pay_from

    def set(self, account: TreeAccount, to: str) -> TreeAccount:
        """The account with this left to another."""
        return replace(account, bill_to=to) if self is Lean.BILL_TO else replace(account, pay_from=to)

    @property
    def verb(self) -> str:
        """As in "ACC-2 pays from ACC-1"."""
        return "is billed to" if self is Lean.BILL_TO else "pays from"

    @property
    def command(self) -> str:
        """The sub-command that changes it."""
        return "set-bill-to" if self is Lean.BILL_TO else "set-pay-from"


@dataclass(frozen=True, slots=True)
class AccountTree:
    """Accounts by code; it holds at least all those that stand above or below one another."""

    accounts: Mapping[str, TreeAccount]

    def get(self, code: str) -> TreeAccount:
        """An account. Raises NotFound."""
        if code not in self.accounts:
            raise NotFound(f"account {code!r} does not exist: `billing accounts list` shows them")
        return self.accounts[code]

    def above(self, code: str) -> Iterator[str]:
        """The accounts above one, the nearest first."""
        parent = self.accounts[code].parent
        while parent is not None:
            yield parent
            parent = self.accounts[parent].parent

    def from_top(self, code: str | None = None) -> Iterator[tuple[int, TreeAccount]]:
        """Everything, or one account and all below it, each with its depth; parents before their children, by code."""
        children: dict[str | None, list[str]] = {}
        for account in self.accounts.values():
            children.setdefault(account.parent, []).append(account.code)
        waiting = [(0, one) for one in sorted(children.get(None, ()), reverse=True)] if code is None else [(0, code)]
        while waiting:
            depth, next_code = waiting.pop()
            yield depth, self.get(next_code)
            waiting += [(depth + 1, child) for child in sorted(children.get(next_code, ()), reverse=True)]

    def with_parent(self, code: str, parent: str | None) -> Sequence[TreeAccount]:
        """What changes when an account comes to stand below another, or below none; itself, or nothing.

        Raises InvalidInput for a circle, and when it or one below it would lose the account that it leans on.
        """
        account = self._open(code)
        if account.parent == parent:
            return ()
        if parent is not None:
            self._open(parent)
            if parent == code or code in self.above(parent):
                raise InvalidInput(f"parent: {parent} stands below {code}; a tree has no circles", account=code)
        moved = replace(account, parent=parent)
        after = AccountTree({**self.accounts, code: moved})
        for _, one in after.from_top(code):
            allowed = {one.code, *after.above(one.code)}
            for lean in Lean:
                if lean.of(one) not in allowed:
                    raise InvalidInput(
                        f"parent: {one.code} {lean.verb} {lean.of(one)}, which would not be above it any more: "
                        f"`billing accounts {lean.command} {one.code} {one.code}` first",
                        account=one.code,
                    )
        return (moved,)

    def leaning(self, code: str, lean: Lean, on: str) -> Sequence[TreeAccount]:
        """What changes when an account is billed to, or pays from, itself or one above it.

        Those that lean on the account go along. Raises InvalidInput where the rules of this module do not allow it.
        """
        account, target = self._open(code), self._open(on)
        if lean.of(account) == on:
            return ()
        if on != code:
            self._require_fit(account, target, lean)
        together = [one for one in self.accounts.values() if one.code == code or (on != code and lean.of(one) == code)]
        return tuple(lean.set(one, on) for one in sorted(together, key=lambda one: one.code))

    def _require_fit(self, account: TreeAccount, target: TreeAccount, lean: Lean) -> None:
        what = f"{lean}: {account.code}"
        if target.code not in self.above(account.code):
            raise InvalidInput(f"{what} does not stand below {target.code}: `billing accounts set-parent` first")
        if lean.of(target) != target.code:
            raise InvalidInput(f"{what}: {target.code} {lean.verb} {lean.of(target)} itself; name {lean.of(target)} instead")
        if target.currency != account.currency:
            raise InvalidInput(
                f"{what} is in {account.currency} and {target.code} in {target.currency}; they must be the same"
            )
        if target.mode != account.mode:
            raise InvalidInput(f"{what} is {account.mode} and {target.code} {target.mode}; they must be the same")

    def _open(self, code: str) -> TreeAccount:
        account = self.get(code)
        if account.status == _CLOSED:
            raise InvalidInput(f"account {code} is closed: choose one that is not")
        return account
