"""A taken port gets a sentence before anything starts: which setting, who holds it, what to do."""

import errno
import socket

import psutil

from infra.native.services import Service
from infra.native.stack import Stack, StackError


def check_ports(stack: Stack, services: list[Service]) -> None:
    """Raises StackError naming every port of these services that something else already listens on."""
    sentences = []
    seen: dict[str, str] = {}
    for service in services:
        for setting in service.ports:
            port = stack.settings[setting]
            if not port.isdigit() or not 0 < int(port) < 65536:
                sentences.append(f"{setting}={port} is not a port number: give it one from 1 to 65535 in .env.")
            elif port in seen:
                sentences.append(f"{seen[port]} and {setting} are both {port}: give one of them another port in .env.")
            elif _is_taken(stack.settings[service.host], int(port)):
                sentences.append(
                    f"Port {port} ({setting}) is held by {_holder(int(port))}: stop that program, "
                    f"or set {setting} in .env to a free port."
                )
            seen[port] = setting
    if sentences:
        raise StackError("\n".join(sentences))


def _is_taken(host: str, port: int) -> bool:
    with socket.socket() as listener:
        # As the servers do: a port whose last connections are still winding down is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return True
            raise StackError(f"Port {port} on {host} cannot be used: {error.strerror}.") from error
    return False


def _holder(port: int) -> str:
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
            if connection.pid:
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
            break
    return "a program of another user"
