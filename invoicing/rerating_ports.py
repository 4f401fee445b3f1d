"""What re-rating needs from the world."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from domain.attribution import RatingConfig
from domain.money import Currency
from domain.rating.rerating import BookedEvent, Books, Rerated, Row
from invoicing.metering_ports import Balance


@dataclass(frozen=True, slots=True)
class Scope:
    """What has to be looked at together: the accounts and months that share running totals and prices."""

    code: str
    """Of the account that is asked for."""
    codes: Mapping[int, str]
    """Accounts by id."""
    currency: Currency
    first_month: date
    """The first service month whose events are rated anew."""
    labels: Mapping[int, str]
    """ "otp-india v1, otp" by charge."""


class ReratingView(Protocol):
    """Everything as of one instant; nothing is held, and nobody waits for it."""

    @property
    def scope(self) -> Scope:
        """What it is about."""

    @property
    def config(self) -> RatingConfig:
        """The truth of that instant."""

    def events(self) -> Iterable[BookedEvent]:
        """The events of the scope with their parts as they stand, in the order they were booked in."""

    def books(self) -> Books:
        """The running totals and positions of the scope."""

    def invoiced(self) -> frozenset[tuple[int, date]]:
        """Accounts and months that an issued invoice has taken from: what they came to is final."""


class ReratingDesk(Protocol):
    """One portion's transaction. Nobody else re-rates its accounts meanwhile; workers wait only after `hold`."""

    def look(self) -> AbstractContextManager[ReratingView]:
        """See everything as of now. What `later` gives begins where the last look ended."""

    def write(self, rows: Iterable[Row]) -> None:
        """Write parts of events into the desk's batch, which nobody sees before the end. May be called again."""

    def later(self) -> Sequence[BookedEvent]:
        """The events of the scope that were booked since the last look, and that this has not given before."""

    def hold(self) -> bool:
        """Hold the truth, the wallets and the positions until the end. False when the truth is not what it was."""

    def books(self) -> Books:
        """The running totals and positions of the scope, as of now."""

    def invoiced(self) -> frozenset[tuple[int, date]]:
        """Accounts and months that an issued invoice has taken from, as of now."""

    def save(self, rerated: Rerated, *, actor: str, audited: Mapping[str, object]) -> None:
        """Book it with the rows that were written, with an audit record."""

    def balances(self) -> Sequence[Balance]:
        """The balances of the scope's wallets."""


class ReratingStore(Protocol):
    """Where usage is booked."""

    def look(self, code: str, since: datetime) -> AbstractContextManager[ReratingView]:
        """See everything of an account from an instant on. Raises NotFound for an account there is not."""

    def begin(self, code: str, since: datetime, *, now: datetime) -> AbstractContextManager[ReratingDesk]:
        """Open a desk for an account from an instant on: commits when left normally, rolls back when left by an exception.

        Waits for another desk of the same tree of accounts to close. Raises NotFound for an account there is not, and
        EngineUnavailable when the other takes too long.
        """
