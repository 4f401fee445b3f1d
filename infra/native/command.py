"""Running another program to its end, and saying in one sentence when it failed."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.native.stack import StackError

TAIL_LINES = 15


def run(
    command: Sequence[str | Path],
    *,
    doing: str,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> str:
    """Run a program and return its standard output.

    Raises StackError with what was being done and the last lines the program wrote.
    """
    done = subprocess.run(
        [str(word) for word in command],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(f"    {line}" for line in done.stdout.splitlines()[-TAIL_LINES:])
        raise StackError(f"{doing} failed ({Path(command[0]).name} ended with {done.returncode}):\n{tail}")
    return done.stdout
