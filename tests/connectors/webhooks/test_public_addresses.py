"""Where webhooks may not go, however it is written."""

import pytest

from connectors.webhooks import public_addresses
from connectors.webhooks.public_addresses import AddressRefused, Target, is_public, public_address, read_url
from domain.errors import InvalidInput


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.1", "224.0.0.1",
        "255.255.255.255", "240.0.0.1", "192.0.2.1", "::1", "::", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:169.254.169.254", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    ],
)  # fmt: skip
def test_addresses_of_this_machine_and_its_neighbours_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"])
def test_others_are(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.acme.example/", "ftp://hooks.acme.example/", "https:///x", "hooks.acme.example",
        "https://user:secret@hooks.acme.example/", "https://hooks.acme.example/#x", "https://hooks.acme.example:99999/",
        "https://hooks.acme.example/a b", "https://hooks.acme.example/\r\nx: y", "https://h.example/" + "x" * 2000,
    ],
)  # fmt: skip
def test_urls_that_cannot_be_meant_are_refused(url):
    with pytest.raises(InvalidInput, match="url: "):
        read_url(url, private_hosts=())


def test_a_url_is_taken_apart():
    assert read_url("https://hooks.acme.example:8443/a?b=c", private_hosts=()) == Target(
        secure=True, host="hooks.acme.example", port=8443, path="/a?b=c"
    )
    assert read_url("http://127.0.0.1", private_hosts=("127.0.0.1",)) == Target(False, "127.0.0.1", 80, "/")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
def test_this_machine_is_refused_by_any_name_unless_it_is_allowed(host):
    target = read_url(f"https://{host}/", private_hosts=())
    with pytest.raises(AddressRefused, match="not a public address"):
        public_address(target, private_hosts=())
    assert public_address(target, private_hosts=(target.host,)) in ("127.0.0.1", "::1")


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch):
    answers = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(public_addresses.socket, "getaddrinfo", lambda *_, **__: answers)
    with pytest.raises(AddressRefused, match="which is not a public address"):
        public_address(Target(True, "both.example", 443, "/"), private_hosts=())


def test_a_name_that_leads_nowhere_is_said_so():
    with pytest.raises(AddressRefused, match="cannot be looked up"):
        public_address(Target(True, "nothing.invalid", 443, "/"), private_hosts=())
