"""The faults something is refused with, as their author reads them."""

from collections.abc import Callable

import pytest

from domain.errors import Invalid


def faults_of(act: Callable[[], object]) -> list[str]:
    """Every fault of what must be refused."""
    with pytest.raises(Invalid) as refused:
        act()
    return [str(fault) for fault in refused.value.errors]
