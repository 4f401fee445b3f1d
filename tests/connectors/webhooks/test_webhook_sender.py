"""Posting webhooks to a real server on this machine."""

import json
import ssl
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from connectors.webhooks import webhook_sender
from connectors.webhooks.signing import is_signed, new_secret
from connectors.webhooks.webhook_sender import WebhookSender
from invoicing.notice_ports import DeliveryFailed
from tests.builders_notices import NOON, SECRET, a_delivery, a_webhook

NOW_SECONDS = 1_795_935_000


@pytest.fixture
def endpoint():
    """An endpoint that answers as it is told, and remembers what it was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            server.posts.append((self.path, dict(self.headers.items()), body))
            server.wait.wait(server.silent_seconds)
            self.send_response(server.status)
            self.send_header("location", "http://127.0.0.1:9/")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.posts, server.status, server.silent_seconds, server.wait = [], 204, 0, threading.Event()
    server.url = f"http://127.0.0.1:{server.server_port}/hooks?for=acme"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.wait.set()
    server.shutdown()


def a_sender(*allowed):
    return WebhookSender(private_hosts=allowed, epoch_seconds=lambda: NOW_SECONDS)


def test_a_webhook_is_posted_signed_and_says_what_happened(endpoint):
    a_sender("127.0.0.1").send(a_webhook(endpoint.url))
    ((path, headers, body),) = endpoint.posts
    assert path == "/hooks?for=acme"
    assert {name.lower(): value for name, value in headers.items()}["host"] == f"127.0.0.1:{endpoint.server_port}"
    assert headers["webhook-id"] == "ntf_17_4"
    assert is_signed(
        body,
        message_id="ntf_17_4",
        timestamp=int(headers["webhook-timestamp"]),
        header=headers["webhook-signature"],
        secret=SECRET,
        now_seconds=NOW_SECONDS,
    )
    said = json.loads(body)
    assert (said["type"], said["account"], said["kind"]) == ("wallet_alert", "acme", "balance_low")
    assert said["timestamp"] == NOON.isoformat()
    assert said["data"]["balance_micros"] == 187_345_678


def test_every_try_says_the_same_under_the_same_id(endpoint):
    for attempt in (1, 2):
        a_sender("127.0.0.1").send(a_webhook(endpoint.url, attempt=attempt))
    first, second = endpoint.posts
    assert first[2] == second[2]
    assert first[1]["webhook-id"] == second[1]["webhook-id"]


def test_two_secrets_sign_twice(endpoint):
    a_sender("127.0.0.1").send(a_webhook(endpoint.url, new_secret(), SECRET))
    assert len(endpoint.posts[0][1]["webhook-signature"].split()) == 2


@pytest.mark.parametrize(("status", "gone"), [(500, False), (404, False), (302, False), (410, True)])
def test_any_answer_but_success_is_a_failure_and_redirects_are_not_followed(endpoint, status, gone):
    endpoint.status = status
    with pytest.raises(DeliveryFailed, match=f"answered {status}") as failed:
        a_sender("127.0.0.1").send(a_webhook(endpoint.url))
    assert failed.value.gone is gone
    assert len(endpoint.posts) == 1


def test_an_endpoint_on_this_machine_is_not_reached_unless_it_is_allowed(endpoint):
    with pytest.raises(DeliveryFailed, match="must begin with https"):
        a_sender().send(a_webhook(endpoint.url))
    with pytest.raises(DeliveryFailed, match="not a public address"):
        a_sender().send(a_webhook(endpoint.url.replace("http:", "https:")))
    assert endpoint.posts == []


def test_an_endpoint_that_is_silent_is_left_after_a_while(endpoint, monkeypatch):
    monkeypatch.setattr(webhook_sender, "_WHOLE_SECONDS", 0.2)
    endpoint.silent_seconds = 20
    with pytest.raises(DeliveryFailed, match="did not answer"):
        a_sender("127.0.0.1").send(a_webhook(endpoint.url))


def test_an_endpoint_that_nobody_listens_at_is_a_failure():
    with pytest.raises(DeliveryFailed, match="did not answer"):
        a_sender("127.0.0.1").send(a_webhook("http://127.0.0.1:9/"))


def test_plain_text_on_a_secure_port_is_a_failure(endpoint):
    with pytest.raises(DeliveryFailed, match="did not answer"):
        a_sender("127.0.0.1").send(a_webhook(endpoint.url.replace("http:", "https:")))


@pytest.fixture
def secured(endpoint, tmp_path, monkeypatch):
    """The endpoint behind TLS, with a certificate for localhost that the sender trusts."""
    files = {name: str(tmp_path / f"{name}.pem") for name in ("key", "certificate")}
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", files["key"], "-out", files["certificate"]],
        check=True, capture_output=True,
    )  # fmt: skip
    of_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    of_server.load_cert_chain(files["certificate"], files["key"])
    endpoint.socket = of_server.wrap_socket(endpoint.socket, server_side=True)
    trusting = ssl.create_default_context(cafile=files["certificate"])
    monkeypatch.setattr(webhook_sender.ssl, "create_default_context", lambda: trusting)
    return endpoint


def test_a_webhook_over_tls_arrives_when_the_certificate_is_for_the_name(secured):
    a_sender("localhost").send(a_webhook(f"https://localhost:{secured.server_port}/hooks"))
    assert [path for path, _, _ in secured.posts] == ["/hooks"]


def test_a_certificate_for_another_name_is_not_taken(secured):
    with pytest.raises(DeliveryFailed, match="certificate"):
        a_sender("127.0.0.1").send(a_webhook(f"https://127.0.0.1:{secured.server_port}/hooks"))
    assert secured.posts == []


def test_an_endpoint_that_was_disabled_meanwhile_gets_nothing():
    with pytest.raises(DeliveryFailed, match="was disabled") as failed:
        a_sender().send(a_delivery())
    assert failed.value.permanent
