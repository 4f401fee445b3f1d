"""What differs between two plan documents, by charge, price row and tier; not by how they are written."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from domain.money import divide_half_away_from_zero, micros_from_decimal
from domain.plans.document import PlanDocument

_MISSING: Any = object()
_PRICES: Final = ("unit_price", "flat_fee", "package_price", "fixed", "minimum", "maximum", "amount")
"""Fields that hold money: of a change of one, people ask by how many percent."""


class What(StrEnum):
    """What happened to a part of a plan."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Change(NamedTuple):
    """One difference; `path` names parts by their code or values: charges[otp].price.rows[channel sms].unit_price."""

    path: str
    what: What
    old: Any
    """None when it was added."""
    new: Any
    """None when it was removed."""

    @property
    def percent(self) -> str | None:
        """Of a price that changed: by how much, "+2.70"; None for anything else, and for a price that was zero."""
        if self.what is not What.CHANGED or self.path.rpartition(".")[2] not in _PRICES:
            return None
        old, new = (micros_from_decimal(Decimal(price)) for price in (self.old, self.new))
        if not old:
            return None
        hundredths = divide_half_away_from_zero((new - old) * 100 * 100, old)
        return f"{Decimal(hundredths) / 100:+,.2f}"


def plan_changes(old: PlanDocument | None, new: PlanDocument) -> tuple[Change, ...]:
    """Everything that differs; of a plan that is new, everything."""
    before = {} if old is None else old.normal_form()
    after = new.normal_form()
    changes = list(_of_mappings(before, after, ""))
    if old is not None:
        changes.extend(_of_order(before.get("adjustments", ()), after.get("adjustments", ())))
    return tuple(changes)


def _of_mappings(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        yield from _of_values(old.get(name, _MISSING), new.get(name, _MISSING), f"{path}.{name}" if path else name, name)


def _of_values(old: Any, new: Any, path: str, name: str) -> Iterator[Change]:
    if old == new and name not in ("meters", "charges", "adjustments"):
        return
    if name in ("meters", "charges", "adjustments", "rows", "tiers") and _are_lists_of_parts(old, new):
        yield from _of_parts(old, new, path, name)
    elif isinstance(old, Mapping) and isinstance(new, Mapping) and _is_same_kind(old, new):
        yield from _of_mappings(old, new, path)
    elif old is _MISSING:
        yield Change(path, What.ADDED, None, new)
    elif new is _MISSING:
        yield Change(path, What.REMOVED, old, None)
    elif old != new:
        yield Change(path, What.CHANGED, old, new)


def _are_lists_of_parts(*lists: Any) -> bool:
    return all(
        value is _MISSING or (isinstance(value, list) and all(isinstance(part, Mapping) for part in value))
        for value in lists
    )


def _is_same_kind(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether two prices or charges can be compared field by field; otherwise one stands in place of the other."""
    return all(old.get(name) == new.get(name) for name in ("model", "kind", "dimensions"))


def _of_parts(old: Any, new: Any, path: str, name: str) -> Iterator[Change]:
    lists = [[] if value is _MISSING else value for value in (old, new)]
    if name == "tiers" and len(lists[0]) != len(lists[1]):
        # One tier more or less: by their numbers all that follow it would differ.
        name = "ends"
    before, after = (_by_name(parts, name) for parts in lists)
    for part in dict.fromkeys((*before, *after)):
        yield from _of_values(before.get(part, _MISSING), after.get(part, _MISSING), f"{path}[{part}]", "")


def _by_name(parts: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    if name == "rows":
        return {_words(row.get("when", {})): row for row in parts}
    if name == "tiers":
        return {str(number): tier for number, tier in enumerate(parts)}
    if name == "ends":
        return {f"up to {tier['up_to']}" if "up_to" in tier else "the rest": tier for tier in parts}
    return {part["code"]: part for part in parts}


def _words(when: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in when.items()) or "anything"


def _of_order(old: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> Iterator[Change]:
    """Discounts are made in their order, so their order is part of the price."""
    codes = [part["code"] for part in old], [part["code"] for part in new]
    before, after = ([code for code in one if code in other] for one, other in (codes, codes[::-1]))
    if before != after:
        yield Change("adjustments", What.CHANGED, before, after)
