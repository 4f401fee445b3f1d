"""What the second rater came to beside what is booked, and where they differ."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final, NamedTuple

from invoicing.recompute.evidence import Booked
from invoicing.recompute.positions import PositionKey, Recomputed, Running, TotalKey

_NOTHING: Final = Running()


class Difference(NamedTuple):
    """One number that two ways of computing it do not agree on."""

    of: str
    """total: a running total; fee: that of a fee, or of a price without usage; position: what a price is a function of;
    parts: the totals it is the sum of; line: what invoices have of a total; price: an event no price fits."""
    account_id: int
    month: date
    """The service month, or the beginning of the position's period."""
    charge_id: int
    cell: str
    what: str
    """quantity_millionths, amount_micros or events."""
    recomputed: int
    booked: int


def differences(recomputed: Recomputed, booked: Booked) -> Iterator[Difference]:
    """Every difference, prices first, then totals in their order, fees, and positions."""
    for slot, group in recomputed.unpriced:
        yield Difference("price", slot.account_id, slot.service_month, 0, group.event_type, "events", 0, group.events)
    for total_key in sorted({*recomputed.totals, *booked.totals}):
        mine = recomputed.totals.get(total_key, _NOTHING)
        whole = total_key not in recomputed.totals or recomputed.is_whole(total_key)
        theirs = booked.totals.get(total_key, _NOTHING)
        # Of what nothing was used, only an accrual books the price, or gives it back.
        nothing = {(each.events, each.quantity_millionths) for each in (mine, theirs)} == {(0, 0)}
        yield from _compare("fee" if nothing else "total", total_key, mine, theirs, whole=whole)
    for fee_key in sorted({*recomputed.fees, *booked.fees}):
        mine = recomputed.fees.get(fee_key, _NOTHING)
        yield from _compare("fee", fee_key, mine, booked.fees.get(fee_key, _NOTHING), whole=True)
    yield from _positions(recomputed, booked)
    yield from _lines(recomputed, booked)


def _lines(recomputed: Recomputed, booked: Booked) -> Iterator[Difference]:
    """Lines of the same usage at another amount. What came after a draft is no difference: the draft is made again."""
    for key, lines in sorted(booked.lines.items()):
        total = booked.totals.get(key, _NOTHING)
        same = (lines.events, lines.quantity_millionths) == (total.events, total.quantity_millionths)
        # Of a price without usage these say nothing: sql/checks/ compare what was invoiced of it.
        if same and (lines.events or lines.quantity_millionths):
            mine = recomputed.totals.get(key, _NOTHING)
            amount = mine.amount_micros if key not in recomputed.wide else total.amount_micros
            if amount != lines.amount_micros:
                yield Difference("line", *key, "amount_micros", amount, lines.amount_micros)


def _positions(recomputed: Recomputed, booked: Booked) -> Iterator[Difference]:
    """Positions that are no total by themselves: as booked, and as the sum of the totals they are made of."""
    made_of: dict[PositionKey, Running] = {}
    for total_key, position_key in recomputed.position_of.items():
        if not recomputed.is_whole(total_key):
            part = booked.totals.get(total_key, _NOTHING)
            total = made_of.setdefault(position_key, Running())
            total.quantity_millionths += part.quantity_millionths
            total.amount_micros += part.amount_micros
            total.events += part.events
    for position_key in sorted(made_of):
        mine = recomputed.positions[position_key]
        yield from _compare("position", position_key, mine, booked.positions.get(position_key, _NOTHING), whole=True)
        yield from _compare("parts", position_key, mine, made_of[position_key], whole=True)


def _compare(of: str, key: TotalKey | PositionKey, mine: Running, theirs: Running, *, whole: bool) -> Iterator[Difference]:
    facts: Mapping[str, tuple[int, int]] = {
        "events": (mine.events, theirs.events),
        "quantity_millionths": (mine.quantity_millionths, theirs.quantity_millionths),
        "amount_micros": (mine.amount_micros, theirs.amount_micros),
    }
    for what, (recomputed, booked) in facts.items():
        # How a position's money falls on the months and accounts it spans depends on the order events came in.
        if recomputed != booked and (whole or what == "events"):
            owner, month, charge_id, cell = key
            yield Difference(of, owner, month, charge_id, cell, what, recomputed, booked)
