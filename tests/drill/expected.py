"""What the books must say, from the producer's log alone: a small model that shares no code with the system.

Quantities are added up as decimals and priced as exact fractions; nothing is rounded before a total is complete.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.drill import world
from tests.drill.load import Event, SentRecord

_INDIA = ZoneInfo("Asia/Kolkata")


@dataclass(frozen=True, slots=True)
class Standing:
    """An account: units in millionths, money in micros."""

    events: int = 0
    quantity_millionths: int = 0
    charge_micros: int = 0
    balance_micros: int = 0


@dataclass
class Expected:
    """Identities and who they belong to, how many events end how, and every account's standing."""

    account_of: dict[str, str] = field(default_factory=dict)
    events: int = 0
    duplicates: int = 0
    conflicts: int = 0
    dead_letters: int = 0
    standings: dict[str, Standing] = field(default_factory=dict)


def expect(log: Iterable[SentRecord]) -> Expected:
    """The outcome of these records. Copies of an event are in one partition, so the first by offset counts."""
    expected = Expected()
    firsts: dict[str, Event] = {}
    for record in sorted(log, key=lambda sent: (sent.partition, sent.offset)):
        expected.events += len(record.events) + record.unreadable
        expected.dead_letters += record.unreadable
        for event in record.events:
            if event.id not in firsts:
                firsts[event.id] = event
                expected.account_of[event.id] = _account(event.alias)
            elif _body(firsts[event.id]) == _body(event):
                expected.duplicates += 1
            else:
                expected.conflicts += 1
    expected.standings = _standings(firsts.values())
    return expected


def _body(event: Event) -> tuple[object, ...]:
    """What two copies of an event have in common; their times may differ."""
    return event.alias, event.meter, event.channel, event.quantity


def _standings(events: Iterable[Event]) -> dict[str, Standing]:
    used: dict[str, dict[tuple[str, str, str], Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    counts: Counter[str] = Counter()
    for event in events:
        account = _account(event.alias)
        month = event.time.astimezone(_INDIA).strftime("%Y-%m")
        price = event.channel if event.meter == "otp.delivered" else "any"
        used[account][month, event.meter, price] += event.quantity
        counts[account] += 1
    standings = {}
    for number in range(world.ACCOUNTS):
        code = world.code_of(number)
        charge = sum(_micros(_price(meter, price, Fraction(q))) for (_, meter, price), q in used[code].items())
        quantity = int(sum(used[code].values(), Decimal(0)) * 1_000_000)
        credit = world.TOP_UP_MICROS if world.is_prepaid(number) else 0
        standings[code] = Standing(counts[code], quantity, charge, credit - charge)
    return standings


def _price(meter: str, price: str, quantity: Fraction) -> Fraction:
    if meter == "voice.minutes":
        return _tiered(world.VOICE, quantity)
    if price == "sms":
        return quantity * Fraction(str(world.SMS["unit_price"]))
    return _tiered(world.WHATSAPP, quantity)


def _tiered(model: Mapping[str, Any], quantity: Fraction) -> Fraction:
    total, left, below = Fraction(0), quantity, 0
    for tier in model["tiers"]:
        width = left if "up_to" not in tier else min(left, Fraction(tier["up_to"] - below))
        total += width * Fraction(tier["unit_price"])
        left -= width
        below = tier.get("up_to", below)
    return total


def _micros(amount: Fraction) -> int:
    """Half away from zero; amounts are never negative."""
    return int(amount * 1_000_000 + Fraction(1, 2))


def _account(alias: str) -> str:
    return world.account_of_late_alias(alias) if alias in world.LATE_ALIASES else world.code_of(int(alias[-4:]))
