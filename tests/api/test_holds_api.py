"""The endpoint core asks: shapes, statuses, the token; what is answered is tested with the use case."""

from decimal import Decimal

import pytest
from fastapi.testclient import TestClient

from api import app as api_app
from api import holds
from connectors import wiring
from connectors.settings import settings
from domain.errors import BillingError
from invoicing.administer import top_up
from tests.books import AUTHOR, open_account

SMS = {"alias": "acme", "type": "otp.delivered", "properties": {"channel": "sms"}}


@pytest.fixture
def client():
    holds._credit.cache_clear()
    return TestClient(api_app.create_app())


@pytest.fixture
def acme(shop, cache, client):
    open_account("acme", mode="prepaid")
    top_up(wiring.administration(), account_code="acme", amount=Decimal("0.50"), reference="one", author=AUTHOR)
    return client


@pytest.mark.engines
def test_a_hold_is_answered_then_refused_for_want_of_credit_then_voided(acme):
    for number, allowed in ((1, True), (2, True), (3, False)):
        said = acme.post("/v1/holds", json={**SMS, "hold_id": f"h{number}"})
        assert (said.status_code, said.json()["allowed"]) == (200, allowed)
    assert said.json() == {
        "allowed": False, "answer": "no_credit", "account": "acme",
        "wallet": "acme", "amount_micros": 200_002, "balance_micros": 500_000,
        "reserved_micros": 400_004, "status": "active", "held_until": None, "from_cache": True,
    }  # fmt: skip
    assert acme.post("/v1/holds/void", json={"alias": "acme", "hold_ids": ["h1", "h9"]}).json() == {"released": 1}
    assert acme.post("/v1/holds/settle", json={"alias": "acme", "hold_ids": ["h2"]}).json() == {"released": 1}
    assert acme.post("/v1/may-send", json={**SMS, "messages": 2}).json()["allowed"] is True


@pytest.mark.engines
def test_an_unknown_alias_is_not_found_in_one_sentence(acme):
    said = acme.post("/v1/may-send", json={**SMS, "alias": "nobody"})
    assert (said.status_code, said.json()["code"]) == (404, "not_found")
    assert "nobody" in said.json()["message"]


@pytest.mark.parametrize(
    "changes",
    [{"messages": 0}, {"messages": -1}, {"messages": 10**20}, {"messages": "1"}, {"alias": ""}, {"extra": 1},
     {"properties": {"channel": 5}}, {"hold_id": "x" * 129}, {"lifetime_seconds": 0}],
)  # fmt: skip
def test_a_field_that_cannot_be_meant_is_named(client, changes):
    said = client.post("/v1/holds", json={**SMS, "hold_id": "h", **changes})
    assert said.status_code == 422
    assert next(iter(changes)) in said.text


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (r'{"alias": "\ud800", "type": "x", "hold_id": "h"}', "alias"),
        (r'{"alias": "a", "type": "x\u0000", "hold_id": "h"}', "type"),
        (r'{"alias": "a", "type": "x", "hold_id": "\udfff"}', "hold_id"),
        (r'{"alias": "a", "type": "x", "hold_id": "h", "properties": {"\ud800": "y"}}', "properties"),
        (r'{"alias": "a", "type": "x", "hold_id": "h", "messages": NaN}', "messages"),
        (r'{"alias": "a", "type": "x", "hold_id": "h", "\ud800": 1}', "unicode"),
        ("{", "JSON"),
    ],
)
def test_what_json_can_escape_and_nobody_can_keep_is_refused_by_its_field(client, body, field):
    said = client.post("/v1/holds", content=body, headers={"content-type": "application/json"})
    assert (said.status_code, said.json()["code"]) == (422, "invalid_input")
    assert field in said.json()["message"]


def test_with_a_token_set_nobody_is_answered_without_it(client, monkeypatch):
    monkeypatch.setattr(api_app, "settings", lambda: settings().model_copy(update={"api_token": "open sesame"}))
    assert client.post("/v1/may-send", json=SMS).status_code == 401
    for token, status in (("another", 401), ("open sesame", 200)):
        headers = {"Authorization": f"Bearer {token}"}
        assert client.post("/v1/may-send", json=SMS, headers=headers).status_code == status


def test_whether_it_is_alive_is_said_to_everybody(client, monkeypatch):
    monkeypatch.setattr(api_app, "settings", lambda: settings().model_copy(update={"api_token": "open sesame"}))
    assert client.get("/health").json() == {"status": "alive"}


def test_every_error_has_a_status():
    def leaves(kind):
        return [kind, *(leaf for child in kind.__subclasses__() for leaf in leaves(child))]

    for kind in leaves(BillingError):
        assert any(issubclass(kind, listed) for listed, _ in api_app.STATUSES)
