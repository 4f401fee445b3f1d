"""Builders for these tests: an instance of the stack with settings and folders of its own, beside the shared one."""

import socket
from pathlib import Path

from dotenv import dotenv_values

from infra.native.stack import GENERATED_SECRETS, ROOT, Stack

EXAMPLE = {name: value or "" for name, value in dotenv_values(ROOT / ".env.example").items()}


def a_stack(local: Path, **settings: str) -> Stack:
    """A demo instance in a folder of its own, with the example's settings, fixed secrets and these changes."""
    secrets = dict.fromkeys(GENERATED_SECRETS, "0" * 32)
    return Stack(name="demo", settings={**EXAMPLE, **secrets, **settings}, local=local)


def a_free_port() -> str:
    """A port that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return str(listener.getsockname()[1])
