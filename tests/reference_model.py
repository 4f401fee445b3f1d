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

An account may have further wallets, "wallets": {"acme/voice": [meter, ...]}, each meter {"event_type": ..., "filter": ...}.
An event is taken from the wallet whose meter counts it, of several from that with the most conditions, else from its own.

A price is what a plan file says: {"model": "per_unit" | "graduated" | "matrix", ...}. A plan of several charges for an event
type, of adjustments, and of meters that do not sum up quantities is {"charges": [...], "adjustments": [...]}
(tests/reference_charges.py).
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.reference_charges import adjusted, amount_of, cell_of, charges_of, counts, quantity_of

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = 86_400_000_000
_HOUR = 3_600_000_000
_MILLION = 1_000_000


class Standing(NamedTuple):
    """An account's books: rated parts of events, quantity in millionths of a unit, charge and balance in micros."""

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


class _Total(NamedTuple):
    account: str
    period: str
    label: str
    code: str
    cell: str


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
        self._parts: dict[_Total, list[_Event]] = {}
        self._told: dict[_Total, tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]] = {}
        """Plan, charge and tariff of each running total."""
        self._taken: dict[str, Counter[str]] = {}
        """What was taken from each further wallet, by account."""
        self._charged: Counter[str] = Counter()
        """What accounts that ever had further wallets were charged so far."""

    def book(self, value: bytes, received_micros: int) -> Counter[str]:
        """Book one record; how many of its events ended how."""
        ended: Counter[str] = Counter()
        for event in _read_record(value):
            ended["dead_lettered" if event is None else self._book_event(event, received_micros)] += 1
        self.outcomes.update(ended)
        return ended

    def standing(self, account: str) -> Standing:
        """What the books say of an account."""
        parts, quantity, charge = 0, Fraction(0), 0
        money: dict[tuple[str, str], Counter[str]] = {}
        plans: dict[tuple[str, str], Mapping[str, Any]] = {}
        for total, events in self._parts.items():
            if total.account != account:
                continue
            plan, priced, tariff = self._told[total]
            used = sum(
                (
                    quantity_of(meter, counted)
                    for meter in priced["meters"]
                    if (counted := [event for event in events if counts(meter, event.meter, dict(event.properties))])
                ),
                Fraction(0),
            )
            amount = amount_of(tariff, used)
            parts, quantity, charge = parts + len(events), quantity + used, charge + amount
            money.setdefault((total.period, total.label), Counter())[total.code] += amount
            plans[total.period, total.label] = plan
        charge += sum(
            adjusted(plan.get("adjustments", ()), money[place]) for place, plan in plans.items() if "charges" in plan
        )
        opening = self.terms["accounts"][account]["opening_micros"]
        return Standing(parts, int(quantity * _MILLION), charge, opening - charge)

    def wallets(self, account: str) -> dict[str, int]:
        """The balance of each wallet an account ever had, by its code: its own holds what the others do not."""
        taken = self._taken.get(account, Counter())
        further = {code: -micros for code, micros in taken.items()}
        return {account: self.standing(account).balance_micros - sum(further.values()), **further}

    def _take(self, account: str, event: _Event) -> None:
        """Charge an event to its wallet: what the account's charge grew by."""
        charged = self.standing(account).charge_micros
        grown, self._charged[account] = charged - self._charged[account], charged
        found = [
            (-len(meter.get("filter", {})), code)
            for code, meters in self.terms["accounts"][account].get("wallets", {}).items()
            for meter in meters
            if counts(meter, event.meter, dict(event.properties))
        ]
        if found:
            self._taken.setdefault(account, Counter())[min(found)[1]] += grown

    def _book_event(self, event: _Event, received: int) -> str:
        age = received - event.time
        if event.meter not in self.terms["meters"] or age < -self._future or age > 3_653 * _DAY:
            return "dead_lettered"
        place = () if age > self._late_limit else self._place(event)
        if place is None:
            return "dead_lettered"
        first = self._first_body(event, received, waits=not place)
        if first is not None:
            return "duplicate" if first == event.body() else "conflict"
        self._claims[event.identity] = (event.body(), received)
        if not place:
            self._waiting[event.identity] = event.body()
            return "quarantined"
        for total, told in place:
            self._parts.setdefault(total, []).append(event)
            self._told[total] = told
        account = place[0][0].account
        if "wallets" in self.terms["accounts"][account]:
            self._take(account, event)
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

    def _place(self, event: _Event) -> Sequence[tuple[_Total, Any]] | None:
        """The running totals an event belongs to, each with its plan, charge and tariff.

        None of them when the event has to wait for a person; None when it says something its charges do not take.
        """
        code = _at(self.terms["aliases"].get(event.alias, ()), event.time)
        if code is None:
            return ()
        account = self.terms["accounts"][code[0]]
        found = _at(account["plans"], event.time)
        if found is None:
            return ()
        label, plan = found
        local = (_EPOCH + timedelta(microseconds=event.time)).astimezone(ZoneInfo(account["time_zone"]))
        properties = dict(event.properties)
        place = []
        for charge in charges_of(plan):
            meters = [meter for meter in charge["meters"] if counts(meter, event.meter, properties)]
            cell = cell_of(charge["price"], properties) if meters else None
            if cell is None:
                continue
            if any(meter.get("property", "quantity") not in {"quantity", *properties} for meter in meters):
                return None
            if event.quantity < 0 and (cell[1].get("corrections") != "reprice" or any(_forgets(meter) for meter in meters)):
                return None
            period = f"{local:%Y}" if charge.get("reset") == "year" else f"{local:%Y-%m}"
            place.append((_Total(code[0], period, label, charge["code"], cell[0]), (plan, charge, cell[1])))
        return place


def _forgets(meter: Mapping[str, Any]) -> bool:
    """Whether one event cannot be taken out of what a meter made of many."""
    return meter.get("aggregation", "sum") not in ("sum", "count")


def _at(spans: Any, time: int) -> tuple[Any, ...] | None:
    return next((tuple(rest) for start, end, *rest in spans if start <= time < end), None)


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
    if type(quantity) not in (int, Fraction) or not -_MILLION <= quantity <= _MILLION or (quantity * _MILLION) % 1:
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
