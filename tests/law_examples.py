"""On how many examples a law is tried: always the same ones in `make test`, new ones and many more in `make explore`."""

from typing import Final

import hypothesis
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

USUAL: Final = 100
"""For a law that does not say how many it needs."""


def load_profile(explored: int | None) -> None:
    """Set what every law goes by; `explored` is how many new random examples take the place of the usual ones, if any do.

    The usual ones are drawn from the law's own source, so that the same code gets the same verdict on every run. How long
    one takes says nothing about the law, and much about what else the machine is doing.
    """
    tools = hypothesis.settings.get_profile("default")
    same = hypothesis.settings(tools, max_examples=USUAL, deadline=None, derandomize=True)
    new = hypothesis.settings(tools, max_examples=explored or USUAL, deadline=None, derandomize=False, print_blob=True)
    hypothesis.settings.register_profile("billing", same if explored is None else new)
    hypothesis.settings.load_profile("billing")
    if explored is None:
        # Hypothesis also draws constants of the modules that happen to be imported, and so by which tests ran before.
        assert callable(providers._get_local_constants)
        providers._get_local_constants = Constants


def examples(number: int) -> int:
    """That many, or in proportion more where laws are explored."""
    return number * hypothesis.settings.default.max_examples // USUAL
