"""Signing webhooks, and checking a signature, as the Standard Webhooks specification (version 1, symmetric) says.

The signature is HMAC-SHA256 over `id.timestamp.body`, base64, after "v1,". While a secret is being changed, one signature
by each secret is sent, separated by spaces, so that a receiver may change over at any moment.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

from domain.errors import InvalidInput

PREFIX: Final = "whsec_"
TOLERANCE_SECONDS: Final = 300
"""How far a receiver lets a timestamp be from its clock."""
_SECRET_BYTES: Final = 32
_SECRET_BYTES_RANGE: Final = range(24, 65)


def new_secret() -> str:
    """A secret of 32 random bytes, as it is given to the receiver."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signatures(body: bytes, *, message_id: str, timestamp: int, with_secrets: Sequence[str]) -> str:
    """The value of the header `webhook-signature`. Raises InvalidInput for a secret that is none."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(
        "v1," + base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode() for secret in with_secrets
    )


def is_signed(body: bytes, *, message_id: str, timestamp: int, header: str, secret: str, now_seconds: int) -> bool:
    """What a receiver asks: whether one of the signatures is by its secret, and the timestamp is not old or to come."""
    if abs(now_seconds - timestamp) > TOLERANCE_SECONDS:
        return False
    wanted = signatures(body, message_id=message_id, timestamp=timestamp, with_secrets=[secret])
    return any(hmac.compare_digest(wanted, given) for given in header.split())


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as error:
        raise InvalidInput("secret: must be whsec_ and base64") from error
    if not secret.startswith(PREFIX) or len(key) not in _SECRET_BYTES_RANGE:
        raise InvalidInput("secret: must be whsec_ and the base64 of 24 to 64 bytes")
    return key
