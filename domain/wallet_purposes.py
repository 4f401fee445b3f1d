"""Further wallets: an account has one wallet of its own, and may have others that each pay for some of its events.

What a further wallet pays for is told by meters, published with plans: an event is paid by the wallet one of whose meters
counts it, by its type and the values of its properties; by the account's own wallet where none does. A meter is the purpose
of one wallet at most. Where meters of several wallets count an event, the one with the most conditions decides, then the
one published first. So the wallet of an event is a function of the event and of who may pay for what, and never of a
balance: a wallet that runs dry falls below zero like any other, stops only what it pays for, and nothing overflows
(docs/adr/0008).

Whatever an event comes to, discounts and caps included, is taken from its one wallet. Fees belong to no event and are taken
from the account's own. A further wallet is named `account/name`, and that stands wherever a wallet's account is named.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from domain.catalogue.meters import Meter
from domain.errors import Faults
from domain.money import Currency

NAME_MAX: Final = 30
CODE_MAX: Final = 64
WALLETS_MAX: Final = 20
"""Further wallets an account may have: each is a row that is locked, watched and told to the cache."""
_NAME: Final = re.compile(rf"[a-z0-9][a-z0-9-]{{0,{NAME_MAX - 1}}}")


class Purposes:
    """Which wallet pays for which events, ready to be asked for each of them."""

    __slots__ = ("_by_type", "wallets")

    def __init__(self, named: Iterable[tuple[Meter, int]]) -> None:
        """Wallet ids by the meters that are their purposes."""
        by_type: dict[str, list[tuple[Meter, int]]] = {}
        for meter, wallet_id in sorted(named, key=lambda one: (-len(one[0].filter), one[0].meter_id)):
            by_type.setdefault(meter.event_type, []).append((meter, wallet_id))
        self._by_type = by_type
        self.wallets = tuple(sorted({wallet_id for purposes in by_type.values() for _, wallet_id in purposes}))
        """Ids of all of them."""

    def wallet_for(self, event_type: str, properties: Mapping[str, object]) -> int | None:
        """The further wallet that pays for an event; None where the account's own does."""
        for meter, wallet_id in self._by_type.get(event_type, ()):
            if meter.matches(properties):
                return wallet_id
        return None


def wallet_code(account: str, name: str) -> str:
    """The code of a further wallet."""
    return f"{account}/{name}"


def split_code(code: str) -> tuple[str, str]:
    """The account and the name a code is made of; the name is empty in the code of an account."""
    account, _, name = code.partition("/")
    return account, name


@dataclass(frozen=True, slots=True)
class FurtherWallet:
    """One further wallet of an account."""

    code: str
    pays_for: frozenset[str]
    """Codes of meters."""
    balance_micros: int = 0
    closed: bool = False

    def is_as(self, pays_for: Collection[str]) -> bool:
        """Whether it is open and pays for just these: to open it so once more changes nothing."""
        return not self.closed and self.pays_for == frozenset(pays_for)


@dataclass(frozen=True, slots=True)
class AccountWallets:
    """An account with its further wallets, as far as the rules go."""

    account: str
    prepaid: bool
    currency: Currency
    pays_from: str
    closed: bool
    further: Sequence[FurtherWallet] = ()

    def get(self, code: str) -> FurtherWallet | None:
        """One of its further wallets."""
        return next((wallet for wallet in self.further if wallet.code == code), None)


def check_opening(
    wallets: AccountWallets, name: str, pays_for: Collection[str], *, currency: str | None, meters: Collection[str]
) -> None:
    """Whether an account may have this further wallet; `meters` are those published.

    `currency` is None for the account's. Raises Invalid with every fault.
    """
    faults = Faults()
    _check_account(wallets, faults)
    if currency is not None and currency != wallets.currency:
        faults.add(
            "currency",
            f"is {currency}, and {wallets.account} is billed in {wallets.currency}: all its prices are, so this wallet could"
            f" pay for nothing; open an account in {currency} for the customer",
        )
    code = wallet_code(wallets.account, name)
    if not _NAME.fullmatch(name):
        faults.add("name", f"must be 1 to {NAME_MAX} small letters, digits and hyphens, e.g. whatsapp; it is {name[:80]!r}")
    elif len(code) > CODE_MAX:
        faults.add("name", f"makes {code!r}, which has {len(code)} characters; at most {CODE_MAX} are kept")
    elif wallets.get(code) is not None:
        faults.add("name", f"{code} was opened before: `billing wallets list {wallets.account}` shows it")
    if sum(not wallet.closed for wallet in wallets.further) >= WALLETS_MAX:
        faults.add("", f"{wallets.account} has {WALLETS_MAX} further wallets: close one first")
    if not pays_for:
        faults.add("pays_for", "name at least one meter whose events this wallet pays for")
    _check_purposes(wallets, code, pays_for, meters, faults)
    faults.refuse_if_any()


def check_purposes(wallets: AccountWallets, code: str, pays_for: Collection[str], *, meters: Collection[str]) -> None:
    """Whether a further wallet may have these purposes in place of those it has. Raises Invalid with every fault."""
    faults = Faults()
    _check_account(wallets, faults)
    wallet = wallets.get(code)
    if wallet is not None and wallet.closed:
        faults.add("", f"wallet {code} is closed and stays as it is: open another")
    _check_purposes(wallets, code, pays_for, meters, faults)
    faults.refuse_if_any()


def check_closing(wallet: FurtherWallet) -> None:
    """Whether a further wallet may be closed: nothing may be in it, and nothing due. Raises Invalid."""
    faults = Faults()
    if wallet.balance_micros > 0:
        faults.add("", f"wallet {wallet.code} holds credit: `billing wallets transfer` moves it to another of the account")
    elif wallet.balance_micros < 0:
        faults.add("", f"wallet {wallet.code} is below zero: transfer as much to it from another wallet of the account")
    faults.refuse_if_any()


def moved_cost(*, amount_micros: int, cost_micros: int, moved_micros: int) -> int:
    """What the part of a lot that goes to another wallet has cost: in proportion, rounded down."""
    return cost_micros * moved_micros // amount_micros


def _check_account(wallets: AccountWallets, faults: Faults) -> None:
    account = wallets.account
    if wallets.closed:
        faults.add("account", f"{account} is closed: choose one that is not")
    if not wallets.prepaid:
        faults.add(
            "account",
            f"{account} is postpaid: its wallet holds no credit, and its invoices take all it owes; further wallets are for"
            " prepaid credit",
        )
    if wallets.pays_from != account:
        faults.add("account", f"{account} pays from {wallets.pays_from}, whose wallets pay for it: name {wallets.pays_from}")


def _check_purposes(
    wallets: AccountWallets, code: str, pays_for: Collection[str], meters: Collection[str], faults: Faults
) -> None:
    for meter in sorted(pays_for):
        if meter not in meters:
            faults.add("pays_for", f"no meter {meter[:80]!r} is published: `billing plans show PLAN` names a plan's")
        for other in wallets.further:
            if other.code != code and meter in other.pays_for:
                faults.add("pays_for", f"{meter} is what {other.code} pays for: take it from there first")
