"""What notices need from the world: where they are kept, who sends them, and where they are read from."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from domain.alert_follow_up import FollowUp
from domain.customers.contacts import Channel, NoticeKind
from domain.notices import Audience, Recipient
from invoicing.watch_ports import Message


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification as it was read; `source` and `event_id` tell a repetition."""

    source: str
    event_id: str
    type: str
    account: str
    data: Mapping[str, Any]
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class TakenNotice:
    """A record of the topic: a notice, or why it cannot be read."""

    topic: str
    partition: int
    offset: int
    payload: bytes
    notice: Notice | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a webhook goes, and the secrets that sign it: the present one, and the one before while it is being changed."""

    url: str
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One delivery that is due, with everything its letter says. `stable_id` is the same at every try."""

    delivery_id: int
    attempt: int
    failures: int
    stable_id: str
    channel: Channel
    address: str
    recipient: str
    kind: NoticeKind
    circle: int
    notice: Notice
    customer: str
    time_zone: str
    endpoint: Endpoint | None = None


class DeliveryFailed(Exception):
    """A try that did not get through. `permanent`: trying again cannot help; `gone`: the endpoint wants nothing more."""

    def __init__(self, reason: str, *, permanent: bool = False, gone: bool = False) -> None:
        super().__init__(reason)
        self.permanent = permanent
        self.gone = gone


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that nobody has taken up."""

    alert_id: int
    account: str
    follow_up: FollowUp
    data: Mapping[str, Any]


class NoticeSender(Protocol):
    """A channel."""

    def send(self, delivery: Delivery) -> None:
        """Send one delivery. Raises DeliveryFailed; it may have been sent then. Sending twice shows the same id."""


class NoticeTransaction(Protocol):
    """One transaction."""

    def keep(self, notice: Notice, *, kind: NoticeKind | None, circle: int, now: datetime) -> int | None:
        """Keep a notice; returns its number, or None when it was kept before."""

    def keep_unreadable(self, taken: TakenNotice, *, now: datetime) -> None:
        """Keep a record that cannot be read. May be called twice."""

    def audience(self, account: str) -> Audience | None:
        """Whom an account's notices may go to; None when there is no such account."""

    def add_delivery(self, notification_id: int, recipient: Recipient, *, now: datetime) -> None:
        """A delivery to be sent at once."""

    def claim(self, channels: Collection[Channel], *, now: datetime, leased_until: datetime) -> Delivery | None:
        """The delivery that is due longest and that no other sender has, for this one until `leased_until`."""

    def delivered(self, delivery: Delivery, *, now: datetime) -> None:
        """It got through."""

    def failed(self, delivery: Delivery, reason: str, *, next_attempt_at: datetime | None, now: datetime) -> None:
        """It did not; None gives it up. Nothing changes when another sender has taken it over meanwhile."""

    def disable_endpoint(self, delivery: Delivery, reason: str, *, now: datetime) -> None:
        """Send nothing more to the delivery's endpoint."""

    def open_alerts(self, *, fired_before: datetime, now: datetime, limit: int) -> Sequence[OpenAlert]:
        """Alerts that may have to be told to further people, the oldest first, locked; none that another has locked."""

    def escalated(self, alert: OpenAlert, follow_up: FollowUp) -> None:
        """Keep where an alert stands now."""

    def tell(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Messages to be sent once this commits."""


class NoticeStore(Protocol):
    """The truth about notices."""

    def begin(self) -> AbstractContextManager[NoticeTransaction]:
        """A transaction: commits when left normally, rolls back when left by an exception."""


class NoticeTopic(Protocol):
    """Where notices are read."""

    def take(self) -> Sequence[TakenNotice]:
        """Records that are not done, the same again until they are; waits a little for some. Raises EngineUnavailable."""

    def done(self) -> None:
        """What was taken is kept."""
