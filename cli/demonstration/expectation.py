"""What a run must do to the books, counted while its traffic is made. Whole numbers and plain fractions only."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, NamedTuple

from cli.demonstration.second_rater import (
    FEES,
    adjustments_of,
    agreed,
    amount_micros,
    charges_of,
    counts_earlier,
    fee_micros,
    is_made_on,
    is_per_event,
    measured,
    taken_off_micros,
)

ONCE: Final = "once"
_PERIOD: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9]{4}-[0-9]{2}-[0-9]{2}")
OUTCOMES: Final = ("rated", "duplicate", "conflict", "dead_lettered", "quarantined")


class UsageKey(NamedTuple):
    """What a price is applied to: the running total of one price of one charge, of one account and month."""

    account: str
    month: str
    charge: str
    """Its code; or that of an adjustment, or of a fee."""
    price: str
    """The row that prices it; of a fee, its period or ONCE."""

    @property
    def is_of_a_fee(self) -> bool:
        """Whether it is of a fee, which no event brings."""
        return self.price == ONCE or _PERIOD.fullmatch(self.price) is not None


@dataclass(slots=True)
class Used:
    """A running total: quantity in millionths of a unit (of an adjustment, money in micros), charge in micros."""

    quantity_millionths: int = 0
    events: int = 0
    amount_micros: int = 0


@dataclass(slots=True)
class Expectation:
    """Counts of one run. What waits for its alias counts as quarantined when it comes, and as rated when released."""

    plans: Mapping[str, Mapping[str, Any]]
    """Plan documents by code."""
    month: str
    contracts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Contract documents by account: each holds since the account's subscription began."""
    outcomes: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    """By reason."""
    usage: dict[UsageKey, Used] = field(default_factory=dict)
    """Quantity and number of events of usage charges, and what those cost that are priced one by one; what others cost
    depends on what was used before (`charged`)."""
    _rows: dict[UsageKey, Mapping[str, Any]] = field(default_factory=dict)
    _plan_of: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _values: set[tuple[UsageKey, str]] = field(default_factory=set)
    """Of which meters count how many there are; every run has values of its own."""

    @property
    def received(self) -> int:
        """Everything that comes in, each event once for each time it comes."""
        return sum(self.outcomes[outcome] for outcome in OUTCOMES)

    def good(self, account: str, plan: str, event: Mapping[str, Any], *, quantity_millionths: int, known: bool) -> None:
        """A well-formed event came for the first time; `known` says whether its alias is mapped then."""
        self.outcomes["rated"] += 1
        if not known:
            self.outcomes["quarantined"] += 1  # it is received twice: once to wait, once when it is released
        if account not in self._plan_of:
            contract = self.contracts.get(account)
            self._plan_of[account] = agreed(self.plans[plan], contract) if contract else self.plans[plan]
        for counted in charges_of(self._plan_of[account], event["type"], event["data"]):
            key = UsageKey(account, self.month, counted.charge, counted.price)
            self._rows[key] = counted.row
            quantity = self._gained(key, measured(counted.meter, event["data"], quantity_millionths))
            used = self.usage.setdefault(key, Used())
            used.quantity_millionths += quantity
            used.events += 1
            if is_per_event(counted.row):
                used.amount_micros += amount_micros(counted.row, Fraction(quantity, 1_000_000))

    def _gained(self, key: UsageKey, read: int | str) -> int:
        """Millionths of a unit that a total gains by what was read off an event: of a value seen before, none."""
        if isinstance(read, int):
            return read
        place = (key._replace(price=""), read)
        is_new = place not in self._values
        self._values.add(place)
        return 1_000_000 if is_new else 0

    def bad(self, reason: str) -> None:
        """A record or a member of an array came that cannot be read."""
        self.outcomes["dead_lettered"] += 1
        self.dead_letters[reason] += 1

    def again(self, outcome: str) -> None:
        """An event came under an id that came before: a duplicate or a conflict."""
        self.outcomes[outcome] += 1

    def charged(
        self,
        before: Mapping[UsageKey, Used],
        since: Mapping[str, str | None],
        ended: Mapping[str, str] | None = None,
    ) -> dict[UsageKey, Used]:
        """The running totals this run has to lead to, given those it began from: each is the price of its whole quantity.

        `since` says by account in which month its subscription began: discounts of first months and fees go by it. `ended`
        says which month was the last to end in its time zone when fees were accrued, if that is later than the run's.
        """
        after: dict[UsageKey, Used] = {}
        for key, used in self.usage.items():
            later = [one for one in self._adjustments(key.account, since) if is_made_on(one, key.charge)]
            total = key._replace(price=key.price + _under(later))
            start = before.get(total, Used())
            quantity = start.quantity_millionths + used.quantity_millionths
            row = self._rows[key]
            one_by_one = start.amount_micros + used.amount_micros
            amount = one_by_one if is_per_event(row) else amount_micros(row, Fraction(quantity, 1_000_000))
            after[total] = Used(quantity, start.events + used.events, amount)
        for account in self._plan_of:
            self._adjust(account, before, after, since)
        for account in self._plan_of:
            last = max(self.month, (ended or {}).get(account, self.month))
            months = _months(since.get(account) or self.month, last)
            self._bear_fees_ahead(account, [*months, _next(last)], after)
            for month in months:
                self._bear_fees(account, month, before, after)
        return after

    def _adjustments(self, account: str, since: Mapping[str, str | None]) -> list[Mapping[str, Any]]:
        number = len(_months(since.get(account) or self.month, self.month)) - 1
        return adjustments_of(self._plan_of[account], month_number=number)

    def _adjust(
        self,
        account: str,
        before: Mapping[UsageKey, Used],
        after: dict[UsageKey, Used],
        since: Mapping[str, str | None],
    ) -> None:
        adjustments = self._adjustments(account, since)
        usage = [key for key in {**before, **after} if key[:2] == (account, self.month)]
        for place, one in enumerate(adjustments):
            made_on = [
                key for key in usage if key.charge in self._codes(account, ("usage",)) and is_made_on(one, key.charge)
            ]
            if not made_on:
                continue
            earlier = [other for other in adjustments[:place] if counts_earlier(one, other)]
            made_on += [key for key in after if key[:2] == (account, self.month) and key.charge in _codes(earlier)]
            money = _money(made_on, before, after)
            later = [other for other in adjustments[place + 1 :] if counts_earlier(other, one)]
            key = UsageKey(account, self.month, one["code"], one["code"] + _under(later))
            after[key] = Used(money, 0, taken_off_micros(one, money))

    def _bear_fees_ahead(self, account: str, months: Sequence[str], after: dict[UsageKey, Used]) -> None:
        """What is due when its month begins is invoiced with the month before; what is paid once, with the first."""
        for code, fee in self._codes(account, FEES).items():
            ahead = fee["kind"] == "recurring" and fee.get("billed", "in_advance") == "in_advance"
            for month in months if ahead else months[:1] if fee["kind"] == "one_time" else ():
                period = f"{month}-01/{_next(month)}-01" if ahead else ONCE
                amount = fee_micros(fee, spent_micros=0)
                invoiced = _previous(month) if ahead else month
                after[UsageKey(account, invoiced, code, period)] = Used(1_000_000, 0, amount)

    def _bear_fees(self, account: str, month: str, before: Mapping[UsageKey, Used], after: dict[UsageKey, Used]) -> None:
        fees = self._codes(account, FEES)
        spent = [key for key in {**before, **after} if key[:2] == (account, month) and key.charge not in fees]
        for code, fee in fees.items():
            if fee["kind"] != "commitment" and fee.get("billed") != "in_arrears":
                continue
            key = UsageKey(account, month, code, f"{month}-01/{_next(month)}-01")
            amount = fee_micros(fee, spent_micros=_money(spent, before, after))
            if amount:
                after[key] = Used(1_000_000, 0, amount)
            elif key in before:  # what lacked of a minimum once, and does not any more, stands as nothing
                after[key] = Used()

    def _codes(self, account: str, kinds: Sequence[str]) -> dict[str, Mapping[str, Any]]:
        charges = [one for one in self._plan_of[account]["charges"] if one.get("kind", "usage") in kinds]
        return {one.get("code", one.get("meter")): one for one in charges}


def _codes(adjustments: Sequence[Mapping[str, Any]]) -> set[str]:
    return {one["code"] for one in adjustments}


def _under(adjustments: Sequence[Mapping[str, Any]]) -> str:
    """Usage under a discount of the first months has totals of its own, which the books name so."""
    return "".join(f"//{one['code']}" for one in adjustments if "periods" in one)


def _money(keys: Iterable[UsageKey], before: Mapping[UsageKey, Used], after: Mapping[UsageKey, Used]) -> int:
    return sum((after.get(key) or before[key]).amount_micros for key in keys)


def _months(first: str, last: str) -> list[str]:
    """Months as "2026-10", both included; the last alone when the first is later."""
    months = [last]
    while months[0] > first:
        months.insert(0, _previous(months[0]))
    return months


def _previous(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year - (number == 1):04d}-{(number - 2) % 12 + 1:02d}"


def _next(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"
