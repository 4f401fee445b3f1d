"""What a run must do to the books, counted while its traffic is made. Whole numbers and plain fractions only."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final, NamedTuple

from cli.demonstration.second_rater import amount_micros, choose_price

OUTCOMES: Final = ("rated", "duplicate", "conflict", "dead_lettered", "quarantined")


class UsageKey(NamedTuple):
    """What a price is applied to: the running total of one price of one meter, of one account and month."""

    account: str
    month: str
    meter: str
    price: str


@dataclass(slots=True)
class Used:
    """A running total: quantity in millionths of a unit, charge in micros."""

    quantity_millionths: int = 0
    events: int = 0
    amount_micros: int = 0


@dataclass(slots=True)
class Expectation:
    """Counts of one run. What waits for its alias counts as quarantined when it comes, and as rated when released."""

    prices: Mapping[tuple[str, str], Mapping[str, Any]]
    """By plan code and meter: the price document."""
    month: str
    outcomes: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    """By reason."""
    usage: dict[UsageKey, Used] = field(default_factory=dict)
    """Quantity and number of events; their charge depends on what was used before (`charged`)."""
    _rows: dict[UsageKey, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def received(self) -> int:
        """Everything that comes in, each event once for each time it comes."""
        return sum(self.outcomes[outcome] for outcome in OUTCOMES)

    def good(self, account: str, plan: str, event: Mapping[str, Any], *, quantity_millionths: int, known: bool) -> None:
        """A well-formed event came for the first time; `known` says whether its alias is mapped then."""
        self.outcomes["rated"] += 1
        if not known:
            self.outcomes["quarantined"] += 1  # it is received twice: once to wait, once when it is released
        name, row = choose_price(self.prices[plan, event["type"]], event["data"])
        key = UsageKey(account, self.month, event["type"], name)
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

    def charged(self, before: Mapping[UsageKey, Used]) -> dict[UsageKey, Used]:
        """The running totals this run has to lead to, given those it began from: each is the price of its whole quantity."""
        after = {}
        for key, used in self.usage.items():
            start = before.get(key, Used())
            quantity = start.quantity_millionths + used.quantity_millionths
            amount = amount_micros(self._rows[key], Fraction(quantity, 1_000_000))
            after[key] = Used(quantity, start.events + used.events, amount)
        return after
