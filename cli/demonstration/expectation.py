"""What a run must do to the books, counted while its traffic is made. Whole numbers and plain fractions only."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, NamedTuple

from cli.demonstration.second_rater import (
    FEES,
    adjustments_of,
    amount_micros,
    charges_of,
    counts_earlier,
    fee_micros,
    is_made_on,
    taken_off_micros,
)

OUTCOMES: Final = ("rated", "duplicate", "conflict", "dead_lettered", "quarantined")


class UsageKey(NamedTuple):
    """What a price is applied to: the running total of one price of one charge, of one account and month."""

    account: str
    month: str
    charge: str
    """Its code; or that of an adjustment, or of a fee."""
    price: str


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
    outcomes: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    """By reason."""
    usage: dict[UsageKey, Used] = field(default_factory=dict)
    """Quantity and number of events of usage charges; what they cost depends on what was used before (`charged`)."""
    _rows: dict[UsageKey, Mapping[str, Any]] = field(default_factory=dict)
    _plan_of: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """Everything that comes in, each event once for each time it comes."""
        return sum(self.outcomes[outcome] for outcome in OUTCOMES)

    def good(self, account: str, plan: str, event: Mapping[str, Any], *, quantity_millionths: int, known: bool) -> None:
        """A well-formed event came for the first time; `known` says whether its alias is mapped then."""
        self.outcomes["rated"] += 1
        if not known:
            self.outcomes["quarantined"] += 1  # it is received twice: once to wait, once when it is released
        self._plan_of[account] = self.plans[plan]
        for charge, name, row in charges_of(self.plans[plan], event["type"], event["data"]):
            key = UsageKey(account, self.month, charge, name)
            self._rows[key] = row
            used = self.usage.setdefault(key, Used())
            used.quantity_millionths += quantity_millionths
            used.events += 1

    def bad(self, reason: str) -> None:
        """A record or a member of an array came that cannot be read."""
        self.outcomes["dead_lettered"] += 1
        self.dead_letters[reason] += 1

    def again(self, outcome: str) -> None:
        """An event came under an id that came before: a duplicate or a conflict."""
        self.outcomes[outcome] += 1

    def charged(self, before: Mapping[UsageKey, Used], since: Mapping[str, str | None]) -> dict[UsageKey, Used]:
        """The running totals this run has to lead to, given those it began from: each is the price of its whole quantity.

        `since` says by account in which month its subscription began: discounts of first months and fees go by it.
        """
        after: dict[UsageKey, Used] = {}
        for key, used in self.usage.items():
            later = [one for one in self._adjustments(key.account, since) if is_made_on(one, key.charge)]
            total = key._replace(price=key.price + _under(later))
            start = before.get(total, Used())
            quantity = start.quantity_millionths + used.quantity_millionths
            amount = amount_micros(self._rows[key], Fraction(quantity, 1_000_000))
            after[total] = Used(quantity, start.events + used.events, amount)
        for account in self._plan_of:
            self._adjust(account, before, after, since)
        for account in self._plan_of:
            for month in _months(since.get(account) or self.month, self.month):
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

    def _bear_fees(self, account: str, month: str, before: Mapping[UsageKey, Used], after: dict[UsageKey, Used]) -> None:
        fees = self._codes(account, FEES)
        spent = [key for key in {**before, **after} if key[:2] == (account, month) and key.charge not in fees]
        for code, fee in fees.items():
            amount = fee_micros(fee, spent_micros=_money(spent, before, after))
            after[UsageKey(account, month, code, f"{month}-01/{_next(month)}-01")] = Used(1_000_000, 0, amount)

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
        year, month = map(int, months[0].split("-"))
        months.insert(0, f"{year - (month == 1):04d}-{(month - 2) % 12 + 1:02d}")
    return months


def _next(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"
