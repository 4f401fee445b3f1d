"""Reconcile the warehouse: find what ClickHouse has too little, too much or otherwise than the books, and mend it.

Sums of a day and a few thousand batches are compared first, then batches, then rows, each only where the step before saw a
difference. Batches without their mark are on their way and not judged. The books are read before the warehouse, so that what
they call sent must be there; what only the warehouse has is looked up in the books once more before it is called foreign.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from domain.errors import IllegalTransition
from invoicing.reconcile_ports import BookedUsage, Days, Slice, Sums, UsageRow, WarehousedUsage

WIDTH: Final = 4_096
"""Batches compared as one at first."""
_ROWS_MAX: Final = 50_000
_INSERT_MAX: Final = 10_000
_KEYS_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Difference:
    """Where the two do not say the same: one batch of one day, or `batches` of them that are missing altogether."""

    day: date
    first_batch: int
    batches: int
    booked: int
    warehoused: int
    missing: int = 0
    """Events of the books that are not there."""
    doubled: int = 0
    """Rows too many of events that are there."""
    foreign: int = 0
    """Rows of events the books do not have."""
    changed: int = 0
    """Events that are there otherwise than booked."""
    keys: Sequence[str] = ()
    """Identities of some of them."""

    @property
    def surplus(self) -> bool:
        """Something has to be taken out."""
        return bool(self.doubled or self.foreign or self.changed)


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What was compared, what differed, and what was done about it."""

    booked: Sums
    warehoused: Sums
    on_their_way: int
    """Batches booked and not sent yet; they are in neither sum's judgement."""
    differences: Sequence[Difference]
    removed: int = 0
    inserted: int = 0
    left: Sequence[Difference] = ()
    """What still differs after the repair."""

    @property
    def equal(self) -> bool:
        """Nothing differs now."""
        return not (self.left if self.repaired else self.differences)

    @property
    def repaired(self) -> bool:
        """A repair was made."""
        return bool(self.removed or self.inserted)


def reconcile(books: BookedUsage, warehouse: WarehousedUsage, days: Days, *, repair: bool = False) -> Reconciliation:
    """Compare events of some days, and with `repair` make the warehouse say what the books say and compare again.

    Raises IllegalTransition while another repair runs. A repair that is interrupted leaves differences that the next finds.
    """
    found = _compare(books, warehouse, days)
    if not repair or not found.differences:
        return found
    with books.hold_repair() as held:
        if not held:
            raise IllegalTransition("another repair of the warehouse is running: wait for its end")
        removed = warehouse.remove([Slice(gap.day, gap.first_batch) for gap in found.differences if gap.surplus])
        inserted = sum(
            _insert_missing(books, warehouse, day, list(gaps))
            for day, gaps in groupby(found.differences, key=lambda gap: gap.day)
        )
        left = _compare(books, warehouse, days).differences
    return replace(found, removed=removed, inserted=inserted, left=left)


def _compare(books: BookedUsage, warehouse: WarehousedUsage, days: Days) -> Reconciliation:
    on_their_way = books.on_their_way()
    booked = books.sums(days, width=WIDTH)
    warehoused = warehouse.sums(days, width=WIDTH)
    differences = [
        difference
        for place in sorted(_differing(booked, warehoused))
        for difference in _narrow(books, warehouse, place, booked.get(place), warehoused.get(place))
    ]
    return Reconciliation(_together(booked.values()), _together(warehoused.values()), on_their_way, differences)


def _narrow(
    books: BookedUsage, warehouse: WarehousedUsage, place: Slice, booked: Sums | None, warehoused: Sums | None
) -> Iterator[Difference]:
    """The batches of a slice that differ."""
    if booked is not None and warehoused is None:
        yield Difference(place.day, place.first_batch, WIDTH, booked.events, 0, missing=booked.events)
        return
    day = Days(place.day, place.day + timedelta(days=1))
    batches = range(place.first_batch, place.first_batch + WIDTH)
    of_books = books.sums(day, width=1, batches=batches)
    there = warehouse.sums(day, width=1, batches=batches)
    differing = sorted(_differing(of_books, there))
    if not differing:
        return
    arrived = books.sums(day, width=1, batches=batches, sent=False)
    both: dict[int, int] = {}
    for batch in differing:
        mine, theirs = of_books.get(batch), there.get(batch)
        if theirs is None and mine is not None:
            yield Difference(place.day, batch.first_batch, 1, mine.events, 0, missing=mine.events)
        elif mine is None and theirs is not None and batch not in arrived:
            yield Difference(place.day, batch.first_batch, 1, 0, theirs.events, foreign=theirs.events)
        elif mine is not None and theirs is not None:
            both[batch.first_batch] = mine.events + theirs.events
    for some in _in_portions(both, rows_max=_ROWS_MAX):
        booked_rows, rows = books.rows(place.day, some), warehouse.rows(place.day, some)
        for batch_id in some:
            yield from _difference(place.day, batch_id, booked_rows.get(batch_id, ()), rows.get(batch_id, ()))


def _difference(day: date, batch_id: int, booked: Sequence[UsageRow], there: Sequence[UsageRow]) -> Iterator[Difference]:
    """Row by row. An event is known by its identity and time; anything else that differs is a change of it."""
    rows = {_identity(row): row for row in booked}
    found = Counter(_identity(row) for row in there)
    missing = [key for key in rows if key not in found]
    foreign = [key for key in found if key not in rows]
    doubled = [key for key, number in found.items() if number > 1 and key in rows]
    changed = {_identity(row) for row in there if rows.get(_identity(row), row) != row}
    if missing or foreign or doubled or changed:
        yield Difference(
            day,
            batch_id,
            1,
            len(booked),
            len(there),
            missing=len(missing),
            doubled=sum(found[key] - 1 for key in doubled),
            foreign=sum(found[key] for key in foreign),
            changed=len(changed),
            keys=[key for key, _ in [*missing, *foreign, *doubled, *changed][:_KEYS_SHOWN]],
        )


def _identity(row: UsageRow) -> tuple[str, int]:
    return row.event_key, row.time_millis


def _insert_missing(books: BookedUsage, warehouse: WarehousedUsage, day: date, gaps: Sequence[Difference]) -> int:
    """Insert what the books have in these batches of a day and the warehouse has not. Returns how many events."""
    span = Days(day, day + timedelta(days=1))
    sizes: dict[int, int] = {}
    for gap in gaps:
        batches = range(gap.first_batch, gap.first_batch + gap.batches)
        sizes |= {place.first_batch: sums.events for place, sums in books.sums(span, width=1, batches=batches).items()}
    inserted = 0
    for some in _in_portions(sizes, rows_max=_INSERT_MAX):
        missing = warehouse.missing(some, books.lines(day, some))
        if missing:
            warehouse.insert(missing)
        inserted += len(missing)
    return inserted


def _differing(one: Mapping[Slice, Sums], other: Mapping[Slice, Sums]) -> set[Slice]:
    return {place for place in one.keys() | other.keys() if one.get(place) != other.get(place)}


def _in_portions(sizes: Mapping[int, int], *, rows_max: int) -> Iterator[list[int]]:
    """Batches in groups of about as many rows; a large one alone."""
    portion: list[int] = []
    rows = 0
    for batch_id, size in sizes.items():
        if portion and rows + size > rows_max:
            yield portion
            portion, rows = [], 0
        portion.append(batch_id)
        rows += size
    if portion:
        yield portion


def _together(sums: Iterable[Sums]) -> Sums:
    total = Sums(0, 0, 0, 0)
    for each in sums:
        total = Sums(
            total.events + each.events,
            total.quantity_millionths + each.quantity_millionths,
            total.amount_micros + each.amount_micros,
            total.digest ^ each.digest,
        )
    return total
