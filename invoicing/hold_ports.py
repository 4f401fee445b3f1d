"""What holds need from the world: the cache that answers, the books behind it, and the running totals prices go by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from domain.attribution import RatingConfig
from domain.holds import Answer
from invoicing.metering_ports import Balance


@dataclass(frozen=True, slots=True)
class CachedStanding:
    """What an account may do: of two, the higher version is the later. `floor_micros` is None where there is no floor."""

    account_id: int
    status: str
    floor_micros: int | None
    version: int


@dataclass(frozen=True, slots=True)
class Credit:
    """A wallet and what its owner may do, as the books have them."""

    balance: Balance
    standing: CachedStanding


@dataclass(frozen=True, slots=True)
class WalletOwner:
    """Whose a wallet is: the account, or the row a further wallet has to itself (domain/wallet_purposes.py)."""

    account_id: int
    code: str
    """By which the wallet is named."""


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """What the cache said. `answer` is None when it does not know the account."""

    answer: Answer | None
    balance_micros: int = 0
    reserved_micros: int = 0
    """With the hold that was asked for, when the answer is yes."""
    version: int = 0
    status: str = ""
    ends_ms: int = 0
    """When the hold ends, milliseconds since the Unix epoch by the cache's clock; 0 when there is none."""


class HoldCache(Protocol):
    """Where reservations live. Failing means that it does not answer; a hold may have been made then, and ends by itself."""

    def hold(self, account_id: int, hold_id: str, amount_micros: int, *, lifetime_ms: int) -> CachedAnswer:
        """Reserve for the owner of a wallet; asked again under the same id, the answer is the same."""

    def may_send(self, account_id: int, amount_micros: int) -> CachedAnswer:
        """The same question with nothing reserved."""

    def release(self, account_id: int, hold_ids: Sequence[str]) -> int:
        """End reservations; those that are not there (any more) are passed over. Returns how many there were."""


class CreditCache(Protocol):
    """The fast copy of balances and standings."""

    def put(self, balances: Sequence[Balance]) -> object:
        """Take over balances; an older version changes nothing."""

    def put_standings(self, standings: Sequence[CachedStanding]) -> None:
        """Take over standings; an older version changes nothing."""


class CreditBooks(Protocol):
    """The truth."""

    def credit(self, account_ids: Sequence[int]) -> Mapping[int, Credit]:
        """Wallets with their owners' standings, by the owner's account id."""

    def owner(self, wallet_id: int) -> WalletOwner:
        """Whose a wallet is, which never changes. Raises NotFound."""

    def used_millionths(self, account_id: int, month: date) -> Mapping[tuple[int, str], int]:
        """Running totals of an account's month, by charge and price cell."""


class Prices(Protocol):
    """Present truth to rate with; kept fresh by whoever implements it."""

    def config(self) -> RatingConfig:
        """Aliases, accounts, plans and prices."""
