"""On how many examples a law is tried: always the same ones in `make test`, new ones and many more in `make explore`."""

from typing import Final

import hypothesis

USUAL: Final = 100
"""For a law that does not say how many it needs."""


def load_profile(explored: int | None) -> None:
    """Set what every law goes by; `explored` is how many new random examples take the place of the usual ones, if any do.

    The usual ones are drawn from the law's own source, so that the same code gets the same verdict on every run. How long
    one takes says nothing about the law, and much about what else the machine is doing.
    """
    if explored is None:
        hypothesis.settings.register_profile("the same", max_examples=USUAL, deadline=None, derandomize=True)
        hypothesis.settings.load_profile("the same")
    else:
        hypothesis.settings.register_profile("explore", max_examples=explored, deadline=None, print_blob=True)
        hypothesis.settings.load_profile("explore")


def examples(number: int) -> int:
    """That many, or in proportion more where laws are explored."""
    return number * hypothesis.settings.default.max_examples // USUAL
