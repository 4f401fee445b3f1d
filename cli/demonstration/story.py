"""What happened to the one wallet that runs dry: its moments, how often each was told, and how that is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from domain.money import decimal_from_micros

STATES: Final = ("low", "grace", "suspended", "active")
"""What its account is, one after the other."""


@dataclass(slots=True)
class Moment:
    """What followed one event. Times are milliseconds since the Unix epoch, None for what did not happen."""

    state: str
    """The state it led to."""
    appended_ms: int = 0
    """When the broker appended the event."""
    balance_micros: int = 0
    balance_ms: int | None = None
    """When the balance was in Redis."""
    alert_ms: int | None = None
    status_ms: int | None = None
    """When the status was appended to its topic."""
    in_redis_ms: int | None = None
    """When the status was in Redis, where core asks."""
    voucher_ms: int | None = None


@dataclass(slots=True)
class Story:
    """Everything that happened to the wallet, and how often it was told."""

    account: str
    moments: list[Moment] = field(default_factory=list)
    events: int = 0
    """Usage events it took."""
    statuses: list[str] = field(default_factory=list)
    """As they were told on their topic, in order."""
    alerts: list[str] = field(default_factory=list)
    """Thresholds, one for each alert."""
    vouchers: list[str] = field(default_factory=list)
    credited_micros: int = 0
    """By the payment."""

    def rows(self) -> list[dict[str, str]]:
        """A row a state: the balance that led to it, and how long after its event each thing was there."""
        return [
            {
                "status": moment.state,
                "balance": f"{decimal_from_micros(moment.balance_micros):,.2f}",
                "in Redis": _after(moment, moment.balance_ms),
                "alert": _after(moment, moment.alert_ms),
                "account.status": _after(moment, moment.status_ms),
                "status in Redis": _after(moment, moment.in_redis_ms),
                "voucher": _after(moment, moment.voucher_ms),
            }
            for moment in self.moments
        ]

    def facts(self) -> list[dict[str, int | str | None]]:
        """The same for a program, times in milliseconds since the event."""
        return [
            {
                "state": moment.state,
                "balance_micros": moment.balance_micros,
                "balance_ms": _since(moment, moment.balance_ms),
                "alert_ms": _since(moment, moment.alert_ms),
                "status_ms": _since(moment, moment.status_ms),
                "status_in_redis_ms": _since(moment, moment.in_redis_ms),
                "voucher_ms": _since(moment, moment.voucher_ms),
            }
            for moment in self.moments
        ]


def told_letters(letters: Mapping[str, int]) -> str:
    """What became of the letters to its customer, in a sentence; `letters` counts them by state."""
    if not letters:
        return "No letter about it is written: the notifier does that (`make logs s=notifier`)."
    counted = ", ".join(f"{number} {_LETTERS.get(state, state)}" for state, number in sorted(letters.items()))
    return f"Letters about it: {counted}; see `billing notifications list`."


_LETTERS: Final = {"waiting": "waiting (mail needs SMTP_HOST)", "exhausted": "given up"}


def _since(moment: Moment, at_ms: int | None) -> int | None:
    return None if at_ms is None else at_ms - moment.appended_ms


def _after(moment: Moment, at_ms: int | None) -> str:
    since = _since(moment, at_ms)
    return "" if since is None else f"{since:,} ms"
