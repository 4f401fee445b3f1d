"""A look at a wallet: where its owner stands, which thresholds it has crossed, and at which balance to look again.

Looking at every wallet after every debit would cost more than the debit. So a look also says between which two balances
nothing can change; the books compare each new balance with those two numbers, and only a balance outside them is looked at.

By the time of the look the wallet may hold something else. Thresholds are held against every balance it had since it was
asked for, so each crossing is an alert, also of a dip that is over. Standing goes by what the wallet holds now alone: for
what has passed, service is neither stopped nor its grace begun.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from domain.alerts import Arm, Crossing, Threshold, WalletFacts, level_micros, rearm_micros, watch_all
from domain.customers.thresholds import ThresholdKind
from domain.money import Currency
from domain.suspension import CreditFacts, Override, Standing, State, Terms, effective, look_again_at, step

ALWAYS_BELOW: Final = 2**63 - 1
"""The lower number of a wallet that is looked at whatever its next balance; also its upper number when nothing is above."""
NEVER_BELOW: Final = -(2**63)
RUNWAY_LOOKS: Final = timedelta(hours=1)
"""How often a wallet is looked at whose runway is warned about: its rate changes without its balance."""
GRACE: Final = timedelta(days=3)
GRACE_MICROS: Final = {Currency.INR: 500_000_000, Currency.USD: 10_000_000, Currency.IDR: 150_000_000_000}
"""How far an account may go beyond its credit when nothing else was agreed: ₹500, $10, Rp150,000."""
LOW_PERCENT: Final = 10
"""Credit is little at this share of the last top-up, or of the credit limit, when nothing else was agreed."""


@dataclass(frozen=True, slots=True)
class ChosenTerms:
    """What was agreed for an account; None is the default of its currency."""

    prepaid: bool
    currency: Currency
    low_level_micros: int | None = None
    grace_hours: int | None = None
    grace_micros: int | None = None
    credit_limit_micros: int | None = None

    def terms(self, last_top_up_micros: int | None) -> Terms:
        """With the defaults filled in."""
        whole = last_top_up_micros if self.prepaid else self.credit_limit_micros
        low = (whole or 0) * LOW_PERCENT // 100 if self.low_level_micros is None else self.low_level_micros
        return Terms(
            prepaid=self.prepaid,
            low_level_micros=low,
            grace=GRACE if self.grace_hours is None else timedelta(hours=self.grace_hours),
            grace_micros=GRACE_MICROS[self.currency] if self.grace_micros is None else self.grace_micros,
            credit_limit_micros=self.credit_limit_micros,
        )


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of a wallet before a look."""

    chosen: ChosenTerms
    thresholds: Sequence[Threshold]
    wallet: WalletFacts
    credit: CreditFacts
    standing: Standing
    override: Override | None
    arms: Mapping[str, Arm]
    used_before: bool = True
    """False for a prepaid wallet that never held anything: it is not out of credit, it has not begun."""
    top_up_at_micros: int | None = None
    """The balance at which a rule tops the wallet up; None without a rule."""
    past: Sequence[WalletFacts] = ()
    """What the wallet held since it was last looked at, oldest first."""
    past_is_whole: bool = True
    """False where a look has to be short: the next one goes on from there."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look found."""

    standing: Standing
    effective: State
    floor_micros: int | None
    crossings: tuple[Crossing, ...]
    recovered: frozenset[str]
    """Codes of thresholds whose alerts of earlier looks are over."""
    arms: Mapping[str, Arm]
    look_below_micros: int
    """A balance at or below it is looked at."""
    look_above_micros: int
    """A balance at or above it is looked at."""
    look_again_at: datetime | None


def look(watched: Watched, *, now: datetime) -> Look:
    """Look at a wallet. The same look twice finds nothing new the second time."""
    terms = watched.chosen.terms(watched.wallet.last_top_up_micros)
    balance = watched.wallet.balance_micros
    begun = watched.used_before or not terms.prepaid or balance != 0 or watched.credit.closed
    standing = step(terms, watched.credit, watched.standing, now=now) if begun else watched.standing
    balances = [*watched.past, watched.wallet] if watched.past_is_whole else watched.past
    alerts = watch_all(watched.thresholds, watched.arms, balances)
    below, above = _bounds(terms, watched, alerts.arms)
    return Look(
        standing=standing,
        effective=effective(standing, watched.override, now=now),
        floor_micros=terms.floor_micros(grace=standing.state is not State.SUSPENDED),
        crossings=alerts.crossings,
        recovered=alerts.recovered,
        arms=alerts.arms,
        look_below_micros=max((level for level in below if level < balance), default=NEVER_BELOW),
        look_above_micros=min((level for level in above if level > balance), default=ALWAYS_BELOW),
        look_again_at=_look_again_at(terms, standing, watched, now),
    )


def _bounds(terms: Terms, watched: Watched, arms: Mapping[str, Arm]) -> tuple[list[int], list[int]]:
    """Balances at which something changes on the way down, and on the way up."""
    below: list[int] = []
    above: list[int] = []
    credit = terms.credit_micros(0)
    if credit is not None:
        levels = [terms.low_level_micros, 0] + ([] if terms.grace_micros is None else [-terms.grace_micros - 1])
        below += [level - credit for level in levels]
        above += [level - credit + 1 for level in levels]
    if watched.top_up_at_micros is not None:
        below.append(watched.top_up_at_micros)
    for threshold in watched.thresholds:
        level = level_micros(threshold, watched.wallet)
        if level is None:
            continue
        match arms.get(threshold.code):
            case Arm.ARMED:
                below.append(level)
            case Arm.FIRED:
                above.append(rearm_micros(level))
            case None:
                above.append(level + 1)
    return below, above


def _look_again_at(terms: Terms, standing: Standing, watched: Watched, now: datetime) -> datetime | None:
    moments = [look_again_at(terms, standing, watched.override, now=now)]
    overdue = watched.credit.overdue_since
    if overdue is not None and overdue > now:
        moments.append(overdue)
    if watched.wallet.burnt_a_day_micros > 0 and any(
        threshold.kind is ThresholdKind.DAYS_OF_RUNWAY for threshold in watched.thresholds
    ):
        moments.append(now + RUNWAY_LOOKS)
    return min((moment for moment in moments if moment is not None), default=None)
