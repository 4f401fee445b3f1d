"""What re-rating needs from the world."""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.attribution import RatingConfig
from domain.money import Currency
from domain.rating.rerating import BookedEvent, Books, Rerated
from invoicing.metering_ports import Balance


@dataclass(frozen=True, slots=True)
class Scope:
    """What has to be looked at together: the accounts and months that share running totals and prices."""

    codes: Mapping[int, str]
    """Accounts by id."""
    currency: Currency
    first_month: date
    """The first service month whose events are rated anew."""
    events: int
    """How many there are."""
    invoiced: frozenset[tuple[int, date]]
    """Accounts and months that an issued invoice has taken from: what they came to is final."""
    labels: Mapping[int, str]
    """ "otp-india v1, otp" by charge."""


class ReratingDesk(Protocol):
    """One portion's transaction: the truth and the wallets of its accounts are held until it ends."""

    @property
    def scope(self) -> Scope:
        """What it is about."""

    @property
    def config(self) -> RatingConfig:
        """The present truth; nothing changes it meanwhile."""

    def events(self) -> Iterable[BookedEvent]:
        """The events of the scope with their parts as they stand, in the order they were booked in."""

    def books(self) -> Books:
        """The running totals and positions of the scope."""

    def save(self, rerated: Rerated, *, actor: str, why: str, now: datetime) -> list[Balance]:
        """Book it as a batch, with an audit record; returns the balances that changed."""


class ReratingStore(Protocol):
    """Where usage is booked."""

    def begin(self, code: str, since: datetime) -> AbstractContextManager[ReratingDesk]:
        """Open a desk for an account from an instant on: saves when left normally and something was saved.

        Raises NotFound for an account there is not.
        """
