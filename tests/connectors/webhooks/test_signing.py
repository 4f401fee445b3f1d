"""Signatures of webhooks, with the example that the Standard Webhooks libraries are tested with."""

import pytest

from connectors.webhooks.signing import is_signed, new_secret, signatures
from domain.errors import InvalidInput
from tests.builders_notices import SECRET

BODY = b'{"test": 2432232314}'
ID, AT = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def checked(header, secret=SECRET, body=BODY, message_id=ID, now=AT):
    return is_signed(body, message_id=message_id, timestamp=AT, header=header, secret=secret, now_seconds=now)


def test_the_known_example_comes_out():
    assert signatures(BODY, message_id=ID, timestamp=AT, with_secrets=[SECRET]) == SIGNATURE
    assert checked(SIGNATURE)


@pytest.mark.parametrize(
    "changes", [{"body": BODY + b" "}, {"message_id": "msg_other"}, {"secret": new_secret()}, {"now": AT + 301}]
)
def test_anything_else_does_not(changes):
    assert not checked(SIGNATURE, **changes)


def test_while_a_secret_changes_a_receiver_may_have_either():
    fresh = new_secret()
    header = signatures(BODY, message_id=ID, timestamp=AT, with_secrets=[fresh, SECRET])
    assert checked(header, fresh)
    assert checked(header, SECRET)
    assert not checked(header, new_secret())


@pytest.mark.parametrize("secret", ["whsec_", "whsec_!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="])
def test_a_secret_that_is_none_is_refused(secret):
    with pytest.raises(InvalidInput, match="secret: must be whsec_"):
        signatures(BODY, message_id=ID, timestamp=AT, with_secrets=[secret])
