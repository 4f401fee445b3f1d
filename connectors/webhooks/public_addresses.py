"""Where webhooks may go: to public addresses. Whoever names an endpoint must not reach what only this machine can reach.

The name is looked up once and the connection is made to that very address, so that a name cannot answer with a public
address when it is checked and with a private one when it is used.
"""

import ipaddress
import socket
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from domain.errors import InvalidInput

_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_URL_MAX: Final = 2000
_PORTS: Final = {"https": 443, "http": 80}


class AddressRefused(Exception):
    """The endpoint's name leads nowhere, or to an address that is not public."""


@dataclass(frozen=True, slots=True)
class Target:
    """An endpoint's URL, taken apart."""

    secure: bool
    host: str
    port: int
    path: str


def read_url(url: str, *, private_hosts: Collection[str]) -> Target:
    """An endpoint's URL. Raises InvalidInput; plain http is for the hosts of `private_hosts` only."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"url: {error}") from error
    if len(url) > _URL_MAX or not url.isascii() or not url.isprintable() or " " in url:
        raise InvalidInput(f"url: must be at most {_URL_MAX:,} printable ASCII characters")
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InvalidInput("url: must be https://HOST/PATH")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidInput("url: must hold neither a user nor a password nor a fragment")
    if parts.scheme == "http" and parts.hostname not in private_hosts:
        raise InvalidInput("url: must begin with https://, so that nobody reads it on its way")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme == "https", parts.hostname, port or _PORTS[parts.scheme], path)


def public_address(target: Target, *, private_hosts: Collection[str]) -> str:
    """The address to connect to. Raises AddressRefused unless every address of the name is public."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"the name {target.host} cannot be looked up: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses:
        raise AddressRefused(f"the name {target.host} has no address")
    refused = [address for address in addresses if not is_public(address)]
    if refused and target.host not in private_hosts:
        raise AddressRefused(f"{target.host} is at {refused[0]}, which is not a public address: webhooks do not go there")
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is reachable by everybody, also that hidden in an IPv6 address that leads to an IPv4 one."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if inner is not None:
            parsed = inner
        elif parsed.teredo is not None:
            return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
