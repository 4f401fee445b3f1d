"""Notices in PostgreSQL: kept once, a delivery a recipient, leased to one sender at a time, every try remembered."""

import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import transaction
from domain.alert_follow_up import ESCALATIONS, FollowUp
from domain.customers.contacts import Channel, Contact, NoticeKind, Role
from domain.notices import NO_SENDER, SENDABLE, Audience, Recipient
from invoicing.notice_ports import Delivery, Endpoint, Notice, OpenAlert, TakenNotice
from invoicing.watch_ports import Message

_KEEP: Final = text("""
INSERT INTO notification (event_source, event_id, type, account, kind, circle, data, occurred_at, received_at)
VALUES (:source, :event_id, :type, :account, :kind, :circle, CAST(:data AS jsonb), :occurred_at, :now)
ON CONFLICT (event_source, event_id) DO NOTHING RETURNING notification_id
""")
_UNREADABLE: Final = text("""
INSERT INTO unreadable_notification VALUES (:topic, :partition, :offset, :reason, :payload, :now) ON CONFLICT DO NOTHING
""")
_CUSTOMER: Final = text("""
SELECT c.customer_id, c.legal_name, c.email FROM account a JOIN customer c USING (customer_id) WHERE a.code = :account
""")
_CONTACTS: Final = text("""
SELECT name, email, phone, roles FROM customer_contact WHERE customer_id = :customer_id ORDER BY place
""")
_CHOICES: Final = text("SELECT kind, channels FROM customer_notification WHERE customer_id = :customer_id")
_ENDPOINTS: Final = text("""
SELECT endpoint_id FROM webhook_endpoint WHERE customer_id = :customer_id AND disabled_at IS NULL ORDER BY endpoint_id
""")
_ADD: Final = text("""
INSERT INTO notification_delivery
    (notification_id, channel, address, recipient, state, next_attempt_at, last_reason, created_at)
VALUES (:notification_id, :channel, :address, :recipient, :state, :next_attempt_at, :reason, :now)
ON CONFLICT (notification_id, channel, address) DO NOTHING
""")
# Taken before it is sent, so that a sender that dies leaves a lease that ends and not a lock; the try counts all the same.
# The first of each channel by its index, and of those the first: however many wait, few are read.
_CLAIM: Final = text("""
UPDATE notification_delivery SET attempts = attempts + 1, next_attempt_at = :leased_until
WHERE delivery_id = (
    SELECT first.delivery_id FROM unnest(CAST(:channels AS text[])) AS of_channel CROSS JOIN LATERAL (
        SELECT d.delivery_id, d.next_attempt_at FROM notification_delivery d
        WHERE d.state = 'waiting' AND d.channel = of_channel AND d.next_attempt_at <= :now
        ORDER BY d.next_attempt_at, d.delivery_id LIMIT 1 FOR UPDATE SKIP LOCKED) AS first
    ORDER BY first.next_attempt_at, first.delivery_id LIMIT 1)
RETURNING delivery_id
""")
_DELIVERY: Final = text("""
SELECT d.delivery_id, d.attempts, d.failures, d.channel, d.address, d.recipient, n.kind, n.circle, n.event_source,
       n.event_id, n.type, n.account, n.data, n.occurred_at, c.legal_name, a.time_zone,
       e.url, e.secret, e.disabled_at, CASE WHEN e.previous_until > :now THEN e.previous_secret END AS previous_secret
FROM notification_delivery d JOIN notification n USING (notification_id)
JOIN account a ON a.code = n.account JOIN customer c USING (customer_id)
LEFT JOIN webhook_endpoint e ON d.channel = 'webhook' AND CAST(e.endpoint_id AS text) = d.address
WHERE d.delivery_id = :delivery_id
""")
_SENT: Final = text("""
UPDATE notification_delivery SET state = 'sent', sent_at = :now, next_attempt_at = NULL, last_reason = NULL
WHERE delivery_id = :delivery_id
""")
_FAILED: Final = text("""
UPDATE notification_delivery SET failures = failures + 1, next_attempt_at = :next_attempt_at, last_reason = :reason,
    state = CASE WHEN CAST(:next_attempt_at AS timestamptz) IS NULL THEN 'exhausted' ELSE 'waiting' END
WHERE delivery_id = :delivery_id AND attempts = :attempt AND state = 'waiting'
""")
_ATTEMPT: Final = text("""
INSERT INTO delivery_attempt (delivery_id, attempt, ended_at, reason) VALUES (:delivery_id, :attempt, :now, :reason)
ON CONFLICT DO NOTHING
""")
_DISABLE: Final = text("""
UPDATE webhook_endpoint SET disabled_at = :now, disabled_reason = :reason
WHERE CAST(endpoint_id AS text) = :address AND disabled_at IS NULL
""")
_ALERTS: Final = text("""
SELECT b.alert_id, a.code, a.currency, a.mode, b.threshold, b.level_micros, b.balance_micros, b.wallet_version, b.fired_at,
       b.escalations, b.snoozed_until,
       (SELECT w.balance_micros FROM wallet w WHERE w.account_id = b.account_id) AS balance_now_micros
FROM balance_alert b JOIN account a USING (account_id)
WHERE b.recovered_at IS NULL AND b.acknowledged_by IS NULL AND b.escalations < 2 AND b.fired_at <= :fired_before
  AND (b.snoozed_until IS NULL OR b.snoozed_until <= :now) AND (b.escalations = 0 OR b.fired_at <= :second_before)
ORDER BY b.fired_at, b.alert_id LIMIT :limit FOR NO KEY UPDATE OF b SKIP LOCKED
""")
_ESCALATED: Final = text("""
UPDATE balance_alert SET escalations = :escalations, snoozed_until = :snoozed_until WHERE alert_id = :alert_id
""")
_TELL: Final = text("""
INSERT INTO outbox_message (topic, key, type, subject, data, created_at)
VALUES (:topic, :key, :type, :subject, CAST(:data AS jsonb), :now)
""")


class PostgresNotices:
    """Notices and their deliveries, through an engine's connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def begin(self) -> Iterator["PostgresNoticeTransaction"]:
        """A transaction: commits when left normally, rolls back when left by an exception."""
        with transaction(self._engine) as connection:
            yield PostgresNoticeTransaction(connection)


class PostgresNoticeTransaction:
    """One transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def keep(self, notice: Notice, *, kind: NoticeKind | None, circle: int, now: datetime) -> int | None:
        """Keep a notice; returns its number, or None when it was kept before."""
        facts = {
            "source": notice.source,
            "event_id": notice.event_id,
            "type": notice.type,
            "account": notice.account,
            "kind": kind,
            "circle": circle,
            "data": json.dumps(notice.data),
            "occurred_at": notice.occurred_at,
            "now": now,
        }
        number = self._connection.execute(_KEEP, facts).scalar()
        return None if number is None else int(number)

    def keep_unreadable(self, taken: TakenNotice, *, now: datetime) -> None:
        """Keep a record that cannot be read. May be called twice."""
        place = {"topic": taken.topic, "partition": taken.partition, "offset": taken.offset}
        self._connection.execute(_UNREADABLE, {**place, "reason": taken.reason, "payload": taken.payload, "now": now})

    def audience(self, account: str) -> Audience | None:
        """Whom an account's notices may go to; None when there is no such account."""
        row = self._connection.execute(_CUSTOMER, {"account": account}).one_or_none()
        if row is None:
            return None
        of_customer = {"customer_id": row.customer_id}
        return Audience(
            row.legal_name,
            row.email,
            tuple(
                Contact(one.name, one.email, one.phone, tuple(map(Role, one.roles)))
                for one in self._connection.execute(_CONTACTS, of_customer)
            ),
            {
                NoticeKind(one.kind): tuple(map(Channel, one.channels))
                for one in self._connection.execute(_CHOICES, of_customer)
            },
            tuple(self._connection.execute(_ENDPOINTS, of_customer).scalars()),
        )

    def add_delivery(self, notification_id: int, recipient: Recipient, *, now: datetime) -> None:
        """A delivery to be sent at once; one by a channel without a sender is given up with that reason."""
        sendable = recipient.channel in SENDABLE
        facts = {
            "notification_id": notification_id,
            "channel": recipient.channel,
            "address": recipient.address,
            "recipient": recipient.name,
            "state": "waiting" if sendable else "exhausted",
            "next_attempt_at": now if sendable else None,
            "reason": None if sendable else NO_SENDER,
            "now": now,
        }
        self._connection.execute(_ADD, facts)

    def claim(self, channels: Collection[Channel], *, now: datetime, leased_until: datetime) -> Delivery | None:
        """The delivery that is due longest and that no other sender has, for this one until `leased_until`."""
        wanted = {"channels": [str(channel) for channel in channels], "now": now, "leased_until": leased_until}
        delivery_id = self._connection.execute(_CLAIM, wanted).scalar()
        if delivery_id is None:
            return None
        return _delivery(self._connection.execute(_DELIVERY, {"delivery_id": delivery_id, "now": now}).one())

    def delivered(self, delivery: Delivery, *, now: datetime) -> None:
        """It got through."""
        self._connection.execute(_SENT, {"delivery_id": delivery.delivery_id, "now": now})
        self._attempted(delivery, None, now)

    def failed(self, delivery: Delivery, reason: str, *, next_attempt_at: datetime | None, now: datetime) -> None:
        """It did not; None gives it up. Nothing changes when another sender has taken it over meanwhile."""
        facts = {"delivery_id": delivery.delivery_id, "attempt": delivery.attempt, "reason": reason}
        self._connection.execute(_FAILED, {**facts, "next_attempt_at": next_attempt_at})
        self._attempted(delivery, reason, now)

    def disable_endpoint(self, delivery: Delivery, reason: str, *, now: datetime) -> None:
        """Send nothing more to the delivery's endpoint."""
        self._connection.execute(_DISABLE, {"address": delivery.address, "reason": reason, "now": now})

    def open_alerts(self, *, fired_before: datetime, now: datetime, limit: int) -> Sequence[OpenAlert]:
        """Alerts that may have to be told to further people, the oldest first, locked; none that another has locked."""
        wanted = {"fired_before": fired_before, "second_before": now - ESCALATIONS[1], "now": now, "limit": limit}
        return [_open_alert(row) for row in self._connection.execute(_ALERTS, wanted)]

    def escalated(self, alert: OpenAlert, follow_up: FollowUp) -> None:
        """Keep where an alert stands now."""
        facts = {"escalations": follow_up.escalations, "snoozed_until": follow_up.snoozed_until}
        self._connection.execute(_ESCALATED, {**facts, "alert_id": alert.alert_id})

    def tell(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Messages to be sent once this commits."""
        tell(self._connection, messages, now=now)

    def _attempted(self, delivery: Delivery, reason: str | None, now: datetime) -> None:
        facts = {"delivery_id": delivery.delivery_id, "attempt": delivery.attempt, "reason": reason, "now": now}
        self._connection.execute(_ATTEMPT, facts)


def tell(connection: Connection, messages: Sequence[Message], *, now: datetime) -> None:
    """Save messages in the outbox, to be sent once the transaction commits."""
    for message in messages:
        facts = {"topic": message.topic, "key": message.key, "type": message.type, "subject": message.subject}
        connection.execute(_TELL, {**facts, "data": json.dumps(message.data), "now": now})


def _delivery(row: Any) -> Delivery:
    endpoint = None
    if row.url is not None and row.disabled_at is None:
        endpoint = Endpoint(row.url, tuple(secret for secret in (row.secret, row.previous_secret) if secret))
    notice = Notice(row.event_source, row.event_id, row.type, row.account, row.data, row.occurred_at)
    return Delivery(
        row.delivery_id,
        row.attempts,
        row.failures,
        f"ntf_{row.event_id}_{row.delivery_id}",
        Channel(row.channel),
        row.address,
        row.recipient,
        NoticeKind(row.kind),
        row.circle,
        notice,
        row.legal_name,
        row.time_zone,
        endpoint,
    )


def _open_alert(row: Any) -> OpenAlert:
    data = {
        "threshold": row.threshold,
        "level_micros": row.level_micros,
        "balance_micros": row.balance_now_micros,
        "currency": row.currency,
        "mode": row.mode,
        "wallet_version": row.wallet_version,
        "fired_at": row.fired_at.isoformat(),
    }
    return OpenAlert(row.alert_id, row.code, FollowUp(row.fired_at, row.escalations, None, row.snoozed_until), data)
