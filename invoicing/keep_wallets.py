"""Keep further wallets: open one for some purposes, change what it pays for, close it; each with its audit record.

Which wallet pays is what workers debit by, so configuration is held: a batch is debited wholly by the purposes before a
change, or wholly by those after it.
"""

from collections.abc import Collection
from dataclasses import dataclass

from domain.errors import NotFound
from domain.wallet_purposes import AccountWallets, FurtherWallet, check_closing, check_opening, check_purposes, wallet_code
from invoicing.administration_ports import Administration, AdministrationStore, Author


@dataclass(frozen=True, slots=True)
class NewWallet:
    """A further wallet to be opened. `currency` is None for the account's."""

    account: str
    name: str
    pays_for: frozenset[str]
    """Codes of meters."""
    currency: str | None = None

    @property
    def code(self) -> str:
        """What it is called."""
        return wallet_code(self.account, self.name)


def open_wallet(store: AdministrationStore, new: NewWallet, *, author: Author) -> bool:
    """Open a further wallet, empty; False when it is there already, just so.

    Raises NotFound, and Invalid with every fault.
    """
    code = new.code
    with store.begin() as transaction:
        transaction.hold_configuration()
        wallets = _of(transaction, new.account)
        there = wallets.get(code)
        if there is not None and there.is_as(new.pays_for) and new.currency in (None, wallets.currency):
            return False
        check_opening(wallets, new.name, new.pays_for, currency=new.currency, meters=_meters(transaction))
        transaction.wallets.add(new.account, code, at=author.at)
        transaction.wallets.change_purposes(code, less=(), more=new.pays_for)
        after = {"wallet_of": new.account, "currency": str(wallets.currency), "pays_for": sorted(new.pays_for)}
        transaction.audit(action="wallet.opened", subject=code, actor=author.name, after=after, at=author.at)
    return True


def set_purposes(store: AdministrationStore, code: str, pays_for: Collection[str], *, author: Author) -> bool:
    """Let a further wallet pay for these in place of what it pays for now, also for nothing; whether that is different.

    What was booked before stays where it was taken from. Raises NotFound, and Invalid with every fault.
    """
    with store.begin() as transaction:
        transaction.hold_configuration()
        wallets, wallet = _wallet(transaction, code)
        check_purposes(wallets, code, pays_for, meters=_meters(transaction))
        after = frozenset(pays_for)
        if after == wallet.pays_for:
            return False
        transaction.wallets.change_purposes(code, less=wallet.pays_for - after, more=after - wallet.pays_for)
        sides = [{"pays_for": sorted(purposes)} for purposes in (wallet.pays_for, after)]
        transaction.audit(
            action="wallet.purposes_set", subject=code, actor=author.name, before=sides[0], after=sides[1], at=author.at
        )
    return True


def close_wallet(store: AdministrationStore, code: str, *, author: Author) -> bool:
    """Close a further wallet that nothing is in: the account's own pays from now on for what it paid for.

    False when it is closed already. Raises NotFound, and Invalid while something is in it or due from it.
    """
    with store.begin() as transaction:
        transaction.hold_configuration()
        _, wallet = _wallet(transaction, code)
        if wallet.closed:
            return False
        check_closing(wallet)
        transaction.wallets.change_purposes(code, less=wallet.pays_for, more=())
        transaction.wallets.close(code, at=author.at)
        transaction.audit(
            action="wallet.closed",
            subject=code,
            actor=author.name,
            before={"status": "open", "pays_for": sorted(wallet.pays_for)},
            after={"status": "closed", "pays_for": []},
            at=author.at,
        )
    return True


def _of(transaction: Administration, account: str) -> AccountWallets:
    wallets = transaction.wallets.of(account)
    if wallets is None:
        raise NotFound(f"account {account!r} does not exist: `billing accounts list` shows them")
    return wallets


def _wallet(transaction: Administration, code: str) -> tuple[AccountWallets, FurtherWallet]:
    account = transaction.wallets.account_of(code)
    wallets = _of(transaction, account) if account is not None else None
    wallet = wallets.get(code) if wallets is not None else None
    if wallets is None or wallet is None:
        raise NotFound(f"no further wallet {code!r} exists: `billing wallets list` shows them")
    return wallets, wallet


def _meters(transaction: Administration) -> Collection[str]:
    return transaction.plans.meters().keys()
