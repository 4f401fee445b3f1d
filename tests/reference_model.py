"""The reference model: what the books must say, from the bytes that were sent. It shares no code with the system.

It is sequential and knows no crash, batch, offset or transaction: every sent record is booked exactly once, in the order it
is given. That order matters only between records of one identity with different bodies or times, and around a change of
terms; whoever compares gives the order in which the system booked them, and the model decides everything else. Prices are
exact fractions, rounded once for each running total.

Terms are plain data, times microseconds since the Unix epoch:

    {"meters": {"otp.delivered"},
     "aliases": {"acme-web": [(from, to, "acme")]},                     half-open spans
     "accounts": {"acme": {"opening_micros": 0, "time_zone": "Asia/Kolkata",
                           "plans": [(from, to, "label", {"otp.delivered": price})]}}}

A price is what a plan file says: {"model": "per_unit" | "graduated" | "matrix", ...}.
"""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000
_HOUR = 3_600_000_000
_MILLION = 1_000_000


class Standing(NamedTuple):
    """An account's books: rated events, quantity in millionths of a unit, charge and balance in micros."""

    events: int
    quantity_millionths: int
    charge_micros: int
    balance_micros: int


class _Event(NamedTuple):
    identity: tuple[str, str]
    time: int
    meter: str
    alias: str
    quantity: Fraction
    properties: tuple[tuple[str, Any], ...]

    def body(self) -> tuple[Any, ...]:
        return (self.meter, self.alias, self.quantity, self.properties)


class ReferenceModel:
    """Books sent records one after the other. `terms` may be replaced between records: a change of configuration."""

    def __init__(self, terms: Mapping[str, Any], *, late_limit_days: int = 400, future_hours: int = 1) -> None:
        self.terms = terms
        self.outcomes: Counter[str] = Counter()
        self.rated: dict[tuple[tuple[str, str], int], tuple[Any, ...]] = {}
        """Bodies of the rated events, by identity and event time."""
        self._late_limit = late_limit_days * _DAY
        self._future = future_hours * _HOUR
        self._claims: dict[tuple[str, str], tuple[tuple[Any, ...], int]] = {}
        self._waiting: dict[tuple[str, str], tuple[Any, ...]] = {}
        self._totals: dict[tuple[str, ...], Fraction] = {}
        self._tariffs: dict[tuple[str, ...], Mapping[str, Any]] = {}
        self._events: Counter[str] = Counter()

    def book(self, value: bytes, received_micros: int) -> Counter[str]:
        """Book one record; how many of its events ended how."""
        ended: Counter[str] = Counter()
        for event in _read_record(value):
            ended["dead_lettered" if event is None else self._book_event(event, received_micros)] += 1
        self.outcomes.update(ended)
        return ended

    def standing(self, account: str) -> Standing:
        """What the books say of an account."""
        mine = {key: quantity for key, quantity in self._totals.items() if key[0] == account}
        charge = sum(_rounded(_amount(self._tariffs[key], quantity)) for key, quantity in mine.items())
        opening = self.terms["accounts"][account]["opening_micros"]
        quantity = int(sum(mine.values(), Fraction(0)) * _MILLION)
        return Standing(self._events[account], quantity, charge, opening - charge)

    def _book_event(self, event: _Event, received: int) -> str:
        age = received - event.time
        if event.meter not in self.terms["meters"] or age < -self._future or age > 3_653 * _DAY:
            return "dead_lettered"
        place = None if age > self._late_limit else self._place(event)
        first = self._first_body(event, received, waits=place is None)
        if first is not None:
            return "duplicate" if first == event.body() else "conflict"
        self._claims[event.identity] = (event.body(), received)
        if place is None:
            self._waiting[event.identity] = event.body()
            return "quarantined"
        key, tariff = place
        self._totals[key] = self._totals.get(key, Fraction(0)) + event.quantity
        self._tariffs[key] = tariff
        self._events[key[0]] += 1
        self.rated[event.identity, event.time] = event.body()
        return "rated"

    def _first_body(self, event: _Event, received: int, *, waits: bool) -> tuple[Any, ...] | None:
        """What was booked under this identity: within 24 hours, at the same event time ever, or waiting still."""
        body, claimed = self._claims.get(event.identity, (None, 0))
        if body is not None and claimed > received - _DAY:
            return body
        if waits:
            return self._waiting.get(event.identity)
        return self.rated.get((event.identity, event.time))

    def _place(self, event: _Event) -> tuple[tuple[str, ...], Mapping[str, Any]] | None:
        """The running total an event belongs to and its tariff; None when it has to wait for a person."""
        code = _at(self.terms["aliases"].get(event.alias, ()), event.time)
        if code is None:
            return None
        account = self.terms["accounts"][code[0]]
        plan = _at(account["plans"], event.time)
        if plan is None or event.meter not in plan[1]:
            return None
        cell = _cell(plan[1][event.meter], dict(event.properties))
        if cell is None:
            return None
        local = (_EPOCH + timedelta(microseconds=event.time)).astimezone(ZoneInfo(account["time_zone"]))
        return (code[0], f"{local:%Y-%m}", plan[0], event.meter, cell[0]), cell[1]


def _at(spans: Any, time: int) -> tuple[Any, ...] | None:
    return next((tuple(rest) for start, end, *rest in spans if start <= time < end), None)


def _cell(price: Mapping[str, Any], properties: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """The most specific row of a matrix; between equals the one that names the earlier dimension."""
    if price["model"] != "matrix":
        return "*", price
    rows = [row for row in price["rows"] if all(properties.get(name) == value for name, value in row["when"].items())]
    if not rows:
        return None
    names = price["dimensions"]
    best = max(rows, key=lambda row: (len(row["when"]), [name in row["when"] for name in names]))
    return "/".join(best["when"].get(name, "*") for name in names), best


def _amount(tariff: Mapping[str, Any], quantity: Fraction) -> Fraction:
    """The price of a running total in currency units, exactly."""
    if "tiers" not in tariff:
        return quantity * Fraction(tariff["unit_price"])
    amount, below = Fraction(0), Fraction(0)
    for tier in tariff["tiers"]:
        top = min(quantity, Fraction(tier.get("up_to", quantity)))
        amount += max(Fraction(0), top - below) * Fraction(tier["unit_price"])
        below = max(below, top)
    return amount


def _rounded(amount: Fraction) -> int:
    """Micros, halves away from zero; usage is never negative."""
    return int(amount * _MILLION + Fraction(1, 2))


def _read_record(value: bytes) -> list[_Event | None]:
    """The events of a record; None for each that is none."""
    try:
        document = json.loads(value, parse_float=Fraction, object_pairs_hook=_object)
    except ValueError:
        return [None]
    if isinstance(document, list):
        return [_read_event(member) for member in document] if 1 <= len(document) <= 500 else [None]
    return [_read_event(document)]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key appears twice")
    return members


def _read_event(document: Any) -> _Event | None:
    """An event, or None. Loads for this model break events plainly: the fine print of the schema is tested elsewhere."""
    if not isinstance(document, dict) or document.get("specversion") != "1.0":
        return None
    texts = [document.get(name) for name in ("source", "id", "type", "subject", "time")]
    data = document.get("data", {})
    if not all(isinstance(text, str) and text for text in texts) or not isinstance(data, dict):
        return None
    quantity = data.get("quantity", 1)
    if type(quantity) not in (int, Fraction) or not 0 <= quantity <= _MILLION or (quantity * _MILLION) % 1:
        return None
    if any(isinstance(value, dict | list) for value in data.values()):
        return None
    source, event_id, meter, alias, time = texts
    try:
        moment = datetime.fromisoformat(time)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    properties = tuple(sorted((name, value) for name, value in data.items() if name != "quantity"))
    micros = (moment - _EPOCH) // timedelta(microseconds=1)
    return _Event((source, event_id), micros, meter, alias, Fraction(quantity), properties)
