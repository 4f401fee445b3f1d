"""What watching wallets needs from the world: the books to look into, and who is told what was found."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.top_up_rules import TopUpRule
from domain.wallet_watch import Look, Watched
from invoicing.hold_ports import CachedStanding
from invoicing.top_up_request_ports import TopUpRequests


@dataclass(frozen=True, slots=True)
class LookedAt:
    """A wallet with what is known of it, locked."""

    account_id: int
    account: str
    currency: str
    standing_version: int
    """0 when it was never looked at."""
    effective: str
    floor_micros: int | None
    watched: Watched
    rule: TopUpRule | None = None
    """By which it is topped up; None also while its rule does not count."""
    rule_again_at: datetime | None = None
    """When its rule is to be looked at again, whether it counts or not."""
    wallet_of: str | None = None
    """Of a further wallet, the account it is of."""
    pays_for: tuple[str, ...] = ()
    """Of a further wallet, the meters whose events it pays for."""
    next_version: int | None = None
    """Of the entry with which the next look goes on; None when this one sees all."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something others are told, by way of the outbox."""

    topic: str
    key: str
    type: str
    subject: str
    data: dict[str, Any]


class WatchTransaction(Protocol):
    """One transaction over some wallets."""

    @property
    def top_ups(self) -> TopUpRequests:
        """Requests for money, in this transaction."""

    def to_look_at(self, *, now: datetime, limit: int) -> Sequence[LookedAt]:
        """Wallets that asked for it and those whose time has come, locked, in the order of wallets."""

    def leaning(self, account_id: int) -> Sequence[str]:
        """The codes of the accounts that pay from this one, itself included."""

    def save(self, item: LookedAt, look: Look, *, standing_version: int, now: datetime) -> None:
        """Keep what a look found; a standing as a new version where it is another than the one kept."""

    def tell(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Messages to be sent once this commits."""


class WatchStore(Protocol):
    """The truth."""

    def begin(self) -> AbstractContextManager[WatchTransaction]:
        """A transaction: commits when left normally, rolls back when left by an exception."""


class StandingListener(Protocol):
    """Who is told new standings after the commit."""

    def put_standings(self, standings: Sequence[CachedStanding]) -> None:
        """Take over standings; an older version changes nothing."""
