"""Posting webhooks: signed, to the address that was checked, within a time, following no redirect."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Final

from connectors.webhooks.public_addresses import AddressRefused, Target, public_address, read_url
from connectors.webhooks.signing import signatures
from domain.errors import InvalidInput
from invoicing.notice_ports import Delivery, DeliveryFailed

_ANSWER_SECONDS: Final = 10
_WHOLE_SECONDS: Final = 20
"""For everything together: an endpoint that answers a byte a second must not hold a sender."""
_GONE: Final = 410


class WebhookSender:
    """The channel `webhook`. Only the hosts of `private_hosts` may have addresses that are not public."""

    def __init__(self, *, private_hosts: Collection[str], epoch_seconds: Callable[[], int]) -> None:
        self._private_hosts = private_hosts
        self._epoch_seconds = epoch_seconds

    def send(self, delivery: Delivery) -> None:
        """Send one delivery. Raises DeliveryFailed; it may have been sent then. Sending twice shows the same id."""
        endpoint = delivery.endpoint
        if endpoint is None:
            raise DeliveryFailed("the endpoint was disabled", permanent=True)
        body, timestamp = body_of(delivery), self._epoch_seconds()
        try:
            target = read_url(endpoint.url, private_hosts=self._private_hosts)
            address = public_address(target, private_hosts=self._private_hosts)
            signed = signatures(body, message_id=delivery.stable_id, timestamp=timestamp, with_secrets=endpoint.secrets)
        except InvalidInput as error:
            raise DeliveryFailed(str(error), permanent=True) from error
        except AddressRefused as error:
            raise DeliveryFailed(str(error)) from error
        port = "" if target.port == (443 if target.secure else 80) else f":{target.port}"
        headers = {
            "host": f"[{target.host}]{port}" if ":" in target.host else f"{target.host}{port}",
            "content-type": "application/json",
            "user-agent": "OTPless-Billing-Webhooks/1",
            "webhook-id": delivery.stable_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signed,
        }
        _judge(_post(target, address, body, headers))


def body_of(delivery: Delivery) -> bytes:
    """What is posted: the same bytes at every try."""
    notice = delivery.notice
    document = {
        "type": notice.type.removeprefix("notification."),
        "timestamp": notice.occurred_at.isoformat(),
        "kind": str(delivery.kind),
        "account": notice.account,
        "data": notice.data,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _post(target: Target, address: str, body: bytes, headers: dict[str, str]) -> int:
    """Post, and return the status of the answer, of which nothing else is read."""
    connection = http.client.HTTPConnection(target.host, target.port)
    try:
        connection.sock = socket.create_connection((address, target.port), timeout=_ANSWER_SECONDS)
        watchdog = threading.Timer(_WHOLE_SECONDS, _cut, [connection])
        watchdog.daemon = True
        watchdog.start()
        try:
            if target.secure:
                _secure(connection, target)
            connection.request("POST", target.path, body=body, headers=headers)
            with connection.getresponse() as answer:
                return answer.status
        finally:
            watchdog.cancel()
    except (OSError, http.client.HTTPException) as error:
        raise DeliveryFailed(f"the endpoint did not answer: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()


def _secure(connection: Any, target: Target) -> None:
    # The handshake comes when the watchdog can see the socket, since it may be what takes for ever.
    connection.sock = ssl.create_default_context().wrap_socket(
        connection.sock, server_hostname=target.host, do_handshake_on_connect=False
    )
    connection.sock.do_handshake()


def _cut(connection: Any) -> None:
    with suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(socket.SHUT_RDWR)


def _judge(status: int) -> None:
    if 200 <= status < 300:
        return
    if status == _GONE:
        raise DeliveryFailed("the endpoint answered 410, that it wants nothing more", gone=True)
    redirects = ", and redirects are not followed" if 300 <= status < 400 else ""
    raise DeliveryFailed(f"the endpoint answered {status}{redirects}")
