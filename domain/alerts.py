"""Low-balance alerts: which thresholds a wallet's balance has just crossed; exactly one alert a crossing.

Every kind of threshold comes to a level in micros. An armed threshold fires when the balance is at its level or below, and
is armed again only when the balance has risen above the level by a margin, so a balance that hovers there alerts once. A
threshold the balance was never above has not been crossed: it waits in silence until it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from domain.customers.thresholds import DAYS_MAX, ThresholdKind
from domain.errors import InvalidInput

MARGIN_PERCENT: Final = 10
"""How far above its level a balance must rise to arm a threshold again: this share of the level, at least one micro."""
LEVEL_MICROS_MAX: Final = 10**15


@dataclass(frozen=True, slots=True)
class Threshold:
    """A threshold of one wallet; `value` is micros, percent or days. Raises InvalidInput when it cannot be meant."""

    kind: ThresholdKind
    value: int

    def __post_init__(self) -> None:
        least, most, unit = _RANGES[self.kind]
        if not least <= self.value <= most:
            raise InvalidInput(f"thresholds: {self.kind} must be {least:,} to {most:,} {unit}, not {self.value:,}")

    @property
    def code(self) -> str:
        """Its name in the books: "percent_of_last_top_up:20"."""
        return f"{self.kind.value}:{self.value}"


_RANGES: Final = {
    ThresholdKind.ABSOLUTE: (-LEVEL_MICROS_MAX, LEVEL_MICROS_MAX, "micros"),
    ThresholdKind.PERCENT_OF_LAST_TOP_UP: (1, 100, "percent"),
    ThresholdKind.DAYS_OF_RUNWAY: (1, DAYS_MAX, "days"),
}
DEFAULT_THRESHOLDS: Final = (
    Threshold(ThresholdKind.PERCENT_OF_LAST_TOP_UP, 20),
    Threshold(ThresholdKind.PERCENT_OF_LAST_TOP_UP, 5),
    Threshold(ThresholdKind.DAYS_OF_RUNWAY, 2),
    Threshold(ThresholdKind.ABSOLUTE, 0),
)
"""What an account that chose nothing is warned at."""


def read_threshold(code: str) -> Threshold:
    """A threshold by its code. Raises InvalidInput."""
    kind, _, value = code.partition(":")
    if kind not in list(ThresholdKind) or not value.removeprefix("-").isdecimal():
        raise InvalidInput(f"thresholds: {code!r} is not one; write {' or '.join(f'{kind}:20' for kind in ThresholdKind)}")
    return Threshold(ThresholdKind(kind), int(value))


@dataclass(frozen=True, slots=True)
class WalletFacts:
    """What thresholds are held against. Amounts are micros."""

    balance_micros: int
    last_top_up_micros: int | None = None
    """None when it was never topped up."""
    burnt_a_day_micros: int = 0
    """The recent rate of debits; runway has no end at 0."""
    version: int = 0
    """Of the wallet: which of its balances this is."""


class Arm(StrEnum):
    """Where a threshold stands; one that is not listed yet is new."""

    ARMED = "armed"
    FIRED = "fired"


@dataclass(frozen=True, slots=True)
class Crossing:
    """A threshold that has been crossed, with its level then and the balance that crossed it."""

    threshold: Threshold
    level_micros: int
    balance_micros: int
    version: int
    """Of the wallet, with that balance."""
    over: bool = False
    """Whether the balance has risen again since, so that the threshold is armed again."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a look at a wallet found."""

    crossings: tuple[Crossing, ...]
    """In the order in which the balance met them: of one fall, the highest level first."""
    arms: Mapping[str, Arm]
    """By threshold code; to be kept for the next look."""
    recovered: frozenset[str]
    """Codes of thresholds that had fired before, and are armed again or watched no longer."""


def level_micros(threshold: Threshold, facts: WalletFacts) -> int | None:
    """The balance at which a threshold is crossed; None while there is nothing to reckon it from."""
    match threshold.kind:
        case ThresholdKind.ABSOLUTE:
            return threshold.value
        case ThresholdKind.PERCENT_OF_LAST_TOP_UP:
            return None if facts.last_top_up_micros is None else facts.last_top_up_micros * threshold.value // 100
        case ThresholdKind.DAYS_OF_RUNWAY:
            return facts.burnt_a_day_micros * threshold.value if facts.burnt_a_day_micros > 0 else None


def rearm_micros(level: int) -> int:
    """The balance from which on a threshold that fired is armed again."""
    return level + max(abs(level) * MARGIN_PERCENT // 100, 1)


def watch_all(thresholds: Sequence[Threshold], arms: Mapping[str, Arm], balances: Sequence[WalletFacts]) -> Watched:
    """Hold every balance a wallet had against its thresholds, in order, whether anybody looked then or not."""
    crossings: list[Crossing] = []
    recovered: set[str] = set()
    for facts in balances:
        watched = watch(thresholds, arms, facts)
        arms = watched.arms
        if watched.recovered:
            recovered |= watched.recovered - {crossing.threshold.code for crossing in crossings if not crossing.over}
            crossings = [replace(one, over=one.over or one.threshold.code in watched.recovered) for one in crossings]
        crossings += watched.crossings
    return Watched(tuple(crossings), arms, frozenset(recovered))


def watch(thresholds: Sequence[Threshold], arms: Mapping[str, Arm], facts: WalletFacts) -> Watched:
    """Hold a wallet against its thresholds. The same look twice fires nothing the second time."""
    crossings: list[Crossing] = []
    after: dict[str, Arm] = {}
    for threshold in dict.fromkeys(thresholds):
        arm, level = arms.get(threshold.code), level_micros(threshold, facts)
        if level is not None:
            armed = _arm(arm, level, facts.balance_micros)
            if armed is Arm.FIRED and arm is Arm.ARMED:
                crossings.append(Crossing(threshold, level, facts.balance_micros, facts.version))
            arm = armed
        if arm is not None:
            after[threshold.code] = arm
    crossings.sort(key=lambda crossing: (-crossing.level_micros, crossing.threshold.code))
    recovered = (code for code, arm in arms.items() if arm is Arm.FIRED and after.get(code) is not Arm.FIRED)
    return Watched(tuple(crossings), after, frozenset(recovered))


def _arm(arm: Arm | None, level: int, balance: int) -> Arm | None:
    match arm:
        case None:
            return Arm.ARMED if balance > level else None
        case Arm.ARMED:
            return Arm.FIRED if balance <= level else Arm.ARMED
        case Arm.FIRED:
            return Arm.ARMED if balance >= rearm_micros(level) else Arm.FIRED
