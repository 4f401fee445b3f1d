"""What a cache was not told yet: the newest of each wallet or account, since an older version would change nothing there."""

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar


class Versioned(Protocol):
    """A balance or a standing."""

    @property
    def version(self) -> int:
        """Rises with each change."""


_V = TypeVar("_V", bound=Versioned)


def keep_newest(untold: dict[int, _V], items: Iterable[_V], whose: Callable[[_V], int]) -> None:
    """Keep each item in place of an older one of the same wallet or account; an older one is let go of."""
    for item in items:
        known = untold.get(whose(item))
        if known is None or item.version > known.version:
            untold[whose(item)] = item
