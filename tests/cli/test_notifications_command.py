"""`billing notifications`: what was told, what could not be, and where webhooks go."""

import json

import pytest

from connectors import clock, notice_wiring
from invoicing.deliver_notices import receive_notices
from tests.books import open_account, open_shop
from tests.builders_notices import a_notice
from tests.invoicing.test_deliver_notices import Topic, taken

pytestmark = pytest.mark.engines
ENDPOINT = "https://hooks.acme.example/billing"


@pytest.fixture
def told(database):
    """A delivery that waits."""
    open_shop()
    open_account("acme", mode="prepaid")
    receive_notices(notice_wiring.notices(), Topic(taken(a_notice())), now=clock.now())
    return database


def test_deliveries_are_listed_by_state_and_account(told, billing):
    (row,) = json.loads(billing("notifications", "list", "--json").out)
    assert (row["account"], row["channel"], row["address"], row["state"]) == (
        "acme", "email", "accounts@acme.example", "waiting",
    )  # fmt: skip
    assert json.loads(billing("notifications", "list", "--state", "exhausted", "--json").out) == []
    assert "no such deliveries" in billing("notifications", "list", "--account", "other").out
    assert "not tried yet" in billing("notifications", "attempts", "1").out
    assert "every record could be read" in billing("notifications", "unreadable").out


def test_mail_waits_where_there_is_no_mail_server(told, billing):
    assert json.loads(billing("notifications", "deliver", "--json").out) == {"sent": 0, "failed": 0}


def test_a_delivery_is_sent_again_by_its_number_and_everything_given_up_by_a_word(told, billing):
    assert json.loads(billing("notifications", "resend", "1", "--json").out) == {"delivery": 1, "resent_by": "operator"}
    assert json.loads(billing("notifications", "resend", "--exhausted", "--json").out) == {"resent": 0}
    for words in ((), ("1", "--exhausted")):
        ran = billing("notifications", "resend", *words)
        assert (ran.code, "delivery: name one" in ran.err) == (2, True)
    assert billing("notifications", "resend", "99").code == 1


def test_a_secret_is_shown_once_and_another_one_on_request(told, billing):
    added = json.loads(billing("notifications", "add-endpoint", "customer-acme", ENDPOINT, "--json").out)
    rotated = json.loads(billing("notifications", "rotate-secret", "1", "--json").out)
    assert added["secret"].startswith("whsec_")
    assert rotated["secret"] not in ("", added["secret"])
    listed = billing("notifications", "endpoints", "--json").out
    assert ENDPOINT in listed
    assert "whsec_" not in listed
    assert billing("notifications", "disable-endpoint", "1", "--reason", "replaced").code == 0
    assert billing("notifications", "rotate-secret", "1").code == 1


@pytest.mark.parametrize("url", ["http://hooks.acme.example/", "https://user@acme.example/", "nonsense"])
def test_an_endpoint_that_cannot_be_meant_is_refused(told, billing, url):
    ran = billing("notifications", "add-endpoint", "customer-acme", url)
    assert (ran.code, "url: must" in ran.err) == (2, True)
