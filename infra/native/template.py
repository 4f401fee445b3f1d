"""Configuration files with ${NAMES} in them, filled in from an instance's settings."""

from pathlib import Path
from string import Template

from infra.native.stack import Stack


def render(stack: Stack, source: str, target: Path) -> Path:
    """Write the file `source` (from the project's folder) to `target` with every ${NAME} filled in.

    Raises KeyError for a name that is neither a setting nor STACK_LOCAL: the file and .env.example disagree.
    """
    values = {**stack.settings, "STACK_LOCAL": str(stack.local)}
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(Template((stack.root / source).read_text()).substitute(values))
    return target
