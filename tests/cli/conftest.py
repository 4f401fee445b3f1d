"""Running the `billing` command in this process."""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def billing(capsys, monkeypatch) -> Callable[..., Ran]:
    """Runs `billing ARGUMENTS` and gives its exit code and what it printed."""
    from cli.main import main

    def run(*arguments: str) -> Ran:
        monkeypatch.setattr(sys, "argv", ["billing", *arguments])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return Ran(code, captured.out, captured.err)

    return run
