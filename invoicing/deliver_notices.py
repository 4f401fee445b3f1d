"""Deliver notices: what is read from the topic is kept with a delivery a recipient, and each is tried until it got through.

The order is keep, commit, acknowledge; and claim, commit, send, mark. A crash anywhere means that something is done again
under the same id, never that it is lost: at least once.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from domain.alert_follow_up import ESCALATIONS, escalate
from domain.customers.contacts import Channel
from domain.deliveries import LEASE, next_try
from domain.notices import ESCALATION, UNASKED, kind_of, recipients
from invoicing.notice_ports import (
    Delivery,
    DeliveryFailed,
    NoticeSender,
    NoticeStore,
    NoticeTopic,
    NoticeTransaction,
    TakenNotice,
)
from invoicing.watch_ports import Message
from invoicing.watch_wallets import NOTIFICATIONS_TOPIC

_ALERTS_AT_ONCE: Final = 50
_CIRCLES_MAX: Final = len(ESCALATIONS)


def receive_notices(store: NoticeStore, topic: NoticeTopic, *, now: datetime) -> int:
    """Keep what the topic has; returns how many were new. Raises EngineUnavailable: they are read again then."""
    taken = topic.take()
    if not taken:
        return 0
    with store.begin() as transaction:
        new = sum(_keep(transaction, one, now) for one in taken)
    topic.done()
    return new


def _keep(transaction: NoticeTransaction, taken: TakenNotice, now: datetime) -> bool:
    if taken.notice is None:
        transaction.keep_unreadable(taken, now=now)
        return False
    notice = taken.notice
    kind, circle = kind_of(notice.type, notice.data), _circle(notice.data)
    notification_id = transaction.keep(notice, kind=kind, circle=circle, now=now)
    if notification_id is None:
        return False
    audience = transaction.audience(notice.account) if kind is not None else None
    if kind is not None and audience is not None:
        for recipient in recipients(kind, audience, circle=circle, unasked=notice.type in UNASKED):
            transaction.add_delivery(notification_id, recipient, now=now)
    return True


def _circle(data: Mapping[str, object]) -> int:
    circle = data.get("circle", 0)
    return circle if isinstance(circle, int) and 0 <= circle <= _CIRCLES_MAX else 0


def deliver_next(store: NoticeStore, senders: Mapping[Channel, NoticeSender], *, now: datetime) -> bool | None:
    """Try the delivery that is due longest; None when none is due, otherwise whether it got through."""
    with store.begin() as transaction:
        delivery = transaction.claim(senders.keys(), now=now, leased_until=now + LEASE)
    if delivery is None:
        return None
    try:
        senders[delivery.channel].send(delivery)
    except DeliveryFailed as failure:
        _fail(store, delivery, failure, now)
        return False
    with store.begin() as transaction:
        transaction.delivered(delivery, now=now)
    return True


def _fail(store: NoticeStore, delivery: Delivery, failure: DeliveryFailed, now: datetime) -> None:
    again = next_try(delivery.failures + 1, permanent=failure.permanent or failure.gone, now=now)
    with store.begin() as transaction:
        transaction.failed(delivery, str(failure), next_attempt_at=again, now=now)
        if failure.gone:
            transaction.disable_endpoint(delivery, str(failure), now=now)


def escalate_alerts(store: NoticeStore, *, now: datetime) -> int:
    """Tell the next circle of people of alerts nobody took up in time; returns how many alerts. Twice tells nobody twice."""
    with store.begin() as transaction:
        alerts = transaction.open_alerts(fired_before=now - ESCALATIONS[0], now=now, limit=_ALERTS_AT_ONCE)
        messages: list[Message] = []
        for alert in alerts:
            after = escalate(alert.follow_up, now=now)
            if after is None:
                continue
            transaction.escalated(alert, after)
            data = {**alert.data, "alert": alert.alert_id, "circle": after.escalations}
            messages.append(Message(NOTIFICATIONS_TOPIC, alert.account, ESCALATION, alert.account, data))
        transaction.tell(messages, now=now)
    return len(messages)


def deliver_due(store: NoticeStore, senders: Mapping[Channel, NoticeSender], *, now: datetime) -> Sequence[bool]:
    """Try everything that is due, one after the other; whether each got through."""
    tried: list[bool] = []
    while (through := deliver_next(store, senders, now=now)) is not None:
        tried.append(through)
    return tried
