"""What a worker remembers from one batch to the next: hints that save statements, each checked where it is used.

A hint that is wrong costs a second attempt and never a wrong number: the transaction that went by it writes nothing.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from domain.metering import Total, TotalKey

_TOTALS_MAX: Final = 50_000
_CAREFUL_BATCHES: Final = 16


class MeteringHints:
    """Running totals as they were last seen, and whether identities came again lately."""

    def __init__(self) -> None:
        self._totals: dict[TotalKey, Total] = {}
        self._careful_batches = 0

    @property
    def repeats_expected(self) -> bool:
        """Whether a batch lately held identities that were booked before."""
        return self._careful_batches > 0

    def repeats_seen(self, repeats: int) -> None:
        """How many identities of a batch were booked before."""
        self._careful_batches = _CAREFUL_BATCHES if repeats else max(self._careful_batches - 1, 0)

    def totals(self, keys: Iterable[TotalKey]) -> dict[TotalKey, Total]:
        """The running totals that are remembered."""
        remembered = self._totals
        return {key: remembered[key] for key in keys if key in remembered}

    def remember(self, totals: Mapping[TotalKey, Total]) -> None:
        """Running totals after a commit. Beyond a number, those that were not seen for the longest time are forgotten."""
        remembered = self._totals
        for key, total in totals.items():
            remembered.pop(key, None)
            remembered[key] = total
        while len(remembered) > _TOTALS_MAX:
            del remembered[next(iter(remembered))]

    def forget(self) -> None:
        """A total was not what was remembered: they are read again, as they come."""
        self._totals.clear()
