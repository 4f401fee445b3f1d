"""Deliveries and webhook endpoints in PostgreSQL: what people look at, and what they change by hand."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from connectors.postgres import audit
from connectors.postgres.database import transaction
from domain.deliveries import DeliveryState
from domain.errors import IllegalTransition, InvalidInput, NotFound

ROTATION: Final = timedelta(hours=24)
"""How long the secret before still signs beside the new one."""
_LIST: Final = text("""
SELECT d.delivery_id, n.account, n.kind, n.circle, d.channel, d.recipient,
       CASE d.channel WHEN 'webhook' THEN (SELECT url FROM webhook_endpoint WHERE CAST(endpoint_id AS text) = d.address)
           ELSE d.address END AS address,
       d.state, d.attempts, d.next_attempt_at, d.last_reason, d.created_at, d.sent_at
FROM notification_delivery d JOIN notification n USING (notification_id)
WHERE (CAST(:state AS text) IS NULL OR d.state = :state) AND (CAST(:account AS text) IS NULL OR n.account = :account)
ORDER BY d.delivery_id DESC LIMIT :limit
""")
_ATTEMPTS: Final = text("""
SELECT attempt, ended_at, coalesce(reason, 'sent') AS outcome FROM delivery_attempt
WHERE delivery_id = :delivery_id ORDER BY attempt
""")
_UNREADABLE: Final = text("""
SELECT topic, partition, record_offset AS offset, reason, received_at FROM unreadable_notification
ORDER BY received_at DESC LIMIT :limit
""")
_LOCK: Final = text("""
SELECT d.state, d.channel, n.account FROM notification_delivery d JOIN notification n USING (notification_id)
WHERE d.delivery_id = :delivery_id FOR UPDATE OF d
""")
_RESEND: Final = text("""
UPDATE notification_delivery SET state = 'waiting', failures = 0, next_attempt_at = :at, sent_at = NULL
WHERE delivery_id = :delivery_id
""")
_EXHAUSTED: Final = text("""
SELECT delivery_id FROM notification_delivery WHERE state = 'exhausted' AND channel IN ('email', 'webhook')
ORDER BY delivery_id
""")
_ENDPOINTS: Final = text("""
SELECT e.endpoint_id, c.code AS customer, e.url, e.created_at, e.previous_until, e.disabled_at, e.disabled_reason
FROM webhook_endpoint e JOIN customer c USING (customer_id) ORDER BY e.endpoint_id
""")
_ADD_ENDPOINT: Final = text("""
INSERT INTO webhook_endpoint (customer_id, url, secret, created_at)
SELECT customer_id, :url, :secret, :at FROM customer WHERE code = :customer RETURNING endpoint_id
""")
_ROTATE: Final = text("""
UPDATE webhook_endpoint e SET previous_secret = e.secret, previous_until = :until, secret = :secret
FROM customer c WHERE c.customer_id = e.customer_id AND e.endpoint_id = :endpoint_id AND e.disabled_at IS NULL
RETURNING c.code
""")
_DISABLE: Final = text("""
UPDATE webhook_endpoint e SET disabled_at = :at, disabled_reason = :reason
FROM customer c WHERE c.customer_id = e.customer_id AND e.endpoint_id = :endpoint_id AND e.disabled_at IS NULL
RETURNING c.code
""")


class DeliveryDesk:
    """Deliveries and endpoints, through an engine's connections. Every change has its audit record; secrets are in none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def deliveries(
        self, *, state: DeliveryState | None, account: str | None, limit: int = 200
    ) -> Sequence[Mapping[str, Any]]:
        """Deliveries, the latest first."""
        return self._rows(_LIST, {"state": state, "account": account, "limit": limit})

    def attempts(self, delivery_id: int) -> Sequence[Mapping[str, Any]]:
        """Every try of a delivery that came to an end."""
        return self._rows(_ATTEMPTS, {"delivery_id": delivery_id})

    def unreadable(self, *, limit: int = 200) -> Sequence[Mapping[str, Any]]:
        """Records of the topic that could not be read, the latest first."""
        return self._rows(_UNREADABLE, {"limit": limit})

    def resend(self, delivery_id: int, *, by: str, at: datetime) -> None:
        """Have a delivery sent again, whatever became of it. Raises NotFound, IllegalTransition without a sender for it."""
        with transaction(self._engine) as connection:
            row = connection.execute(_LOCK, {"delivery_id": delivery_id}).one_or_none()
            if row is None:
                raise NotFound(f"delivery {delivery_id} does not exist: `billing notifications list` shows them")
            if row.channel not in ("email", "webhook"):
                raise IllegalTransition(f"delivery {delivery_id} goes by {row.channel}, for which there is no sender")
            connection.execute(_RESEND, {"delivery_id": delivery_id, "at": at})
            facts = {"delivery": delivery_id, "was": row.state}
            _audit(connection, "notification.resent", row.account, facts, by=by, at=at)

    def resend_exhausted(self, *, by: str, at: datetime) -> int:
        """Have everything that was given up sent again; returns how many."""
        with transaction(self._engine) as connection:
            numbers = list(connection.execute(_EXHAUSTED).scalars())
        for number in numbers:
            self.resend(number, by=by, at=at)
        return len(numbers)

    def endpoints(self) -> Sequence[Mapping[str, Any]]:
        """Every webhook endpoint, without its secrets."""
        return self._rows(_ENDPOINTS, {})

    def add_endpoint(self, customer: str, url: str, *, secret: str, by: str, at: datetime) -> int:
        """A customer's endpoint. Raises NotFound, InvalidInput for one the customer has."""
        try:
            with transaction(self._engine) as connection:
                facts = {"customer": customer, "url": url, "secret": secret, "at": at}
                number = connection.execute(_ADD_ENDPOINT, facts).scalar()
                if number is None:
                    raise NotFound(f"customer {customer!r} does not exist: `billing customers list` shows them")
                _audit(connection, "webhook.endpoint_added", customer, {"endpoint": number, "url": url}, by=by, at=at)
        except IntegrityError as error:
            raise InvalidInput(
                f"url: {customer} has the endpoint {url} already; rotate-secret changes its secret"
            ) from error
        return int(number)

    def rotate_secret(self, endpoint_id: int, *, secret: str, by: str, at: datetime) -> datetime:
        """A new secret; returns until when the one before signs as well. Raises NotFound."""
        until = at + ROTATION
        with transaction(self._engine) as connection:
            facts = {"endpoint_id": endpoint_id, "secret": secret, "until": until}
            customer = connection.execute(_ROTATE, facts).scalar()
            changed = {"endpoint": endpoint_id, "previous_until": until}
            _audit(connection, "webhook.secret_rotated", _found(customer, endpoint_id), changed, by=by, at=at)
        return until

    def disable_endpoint(self, endpoint_id: int, *, reason: str, by: str, at: datetime) -> None:
        """Send nothing more to an endpoint. Raises NotFound."""
        with transaction(self._engine) as connection:
            facts = {"endpoint_id": endpoint_id, "reason": reason, "at": at}
            customer = connection.execute(_DISABLE, facts).scalar()
            changed = {"endpoint": endpoint_id, "reason": reason}
            _audit(connection, "webhook.endpoint_disabled", _found(customer, endpoint_id), changed, by=by, at=at)

    def _rows(self, statement: Any, wanted: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        with transaction(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(statement, wanted)]


def _found(customer: str | None, endpoint_id: int) -> str:
    if customer is None:
        raise NotFound(f"endpoint {endpoint_id} is not in use: `billing notifications endpoints` shows them")
    return customer


def _audit(connection: Connection, action: str, subject: str, after: Mapping[str, Any], *, by: str, at: datetime) -> None:
    audit.record(connection, [audit.Change(subject, None, after)], action=action, actor=by, at=at)
