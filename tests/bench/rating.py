"""Rating in the worker before I/O, and the configuration of a large installation: its loading, its size, a change of it.

CPU time of this thread, which neighbours on the machine disturb least. Events are decoded beforehand; what the books know
is in memory, as `domain/metering.py` gets it.
"""

import gc
import random
import time
from collections.abc import Sequence

from domain.metering import ReceivedEvent, prepare
from tests.bench.figures import Figure, at_most, observed
from tests.builders_rating import Books, a_meter, a_plan, a_usage_charge, an_adjustment, books_of, on_plan
from tests.builders_usage import WINDOW, a_received_event, an_event, an_origin

EVENTS = 40_000
BATCH = 2_000
ACCOUNTS = 200
ROUNDS = 5
MICROS_MAX = 5
CHANNELS, COUNTRIES, OPERATORS = ("sms", "whatsapp", "voice"), ("IN", "US", "ID", "AE"), ("a", "b", "c", "d")
TIERS = [{"up_to": 10_000, "unit_price": "0.20"}, {"up_to": 100_000, "unit_price": "0.17"}, {"unit_price": "0.15"}]


def measure(portion: float) -> list[Figure]:
    """Microseconds an event for prepare and settle, of plans with and without parts."""
    number = max(BATCH, int(EVENTS * portion))
    what = f"{number:,} events of {ACCOUNTS} accounts in batches of {BATCH:,}; 5 charges, one a matrix of 3 dimensions"
    parted = f"{what}; an OTP is also counted by distinct recipient"
    adjusted = f"{parted}; 10% off and a spend cap: two or four parts an event"
    return [
        at_most("rating_micros", _micros(_plan(), number), "µs CPU/event", MICROS_MAX, conditions=what),
        observed("rating_parts_micros", _micros(_plan("numbers"), number), "µs CPU/event", conditions=parted),
        observed(
            "rating_adjusted_micros", _micros(_plan("numbers", "adjusted"), number), "µs CPU/event", conditions=adjusted
        ),
    ]


def _plan(*more: str):
    rows = [
        {"when": {"channel": channel, "country": country}, "model": "per_unit", "unit_price": f"0.{place}{weight}"}
        for place, channel in enumerate(CHANNELS, 1)
        for weight, country in enumerate(COUNTRIES, 1)
    ]
    operator = {"when": {"channel": "sms", "country": "IN", "operator": "a"}, "model": "graduated", "tiers": TIERS}
    other = {"model": "per_unit", "unit_price": "0.50"}
    matrix = {"model": "matrix", "dimensions": ["channel", "country", "operator"], "rows": [*rows, operator, other]}
    charges = [a_usage_charge("otp", a_meter("otp", meter_id=1), charge_id=1, price=matrix)]
    for place, price in enumerate(
        (
            {"model": "graduated", "tiers": TIERS},
            {"model": "volume", "tiers": TIERS},
            {"model": "package", "package_size": 100, "package_price": "9"},
        ),
        2,
    ):
        meter = a_meter(f"m{place}", meter_id=place, event_type=f"meter.{place}")
        charges.append(a_usage_charge(f"m{place}", meter, charge_id=place, price=price))
    numbers = a_meter("numbers", meter_id=9, aggregation="unique", measured="to")
    magic = a_meter("magic", meter_id=9, event_type="meter.9")
    charges.append(a_usage_charge("fifth", numbers if "numbers" in more else magic, charge_id=9))
    adjustments = [an_adjustment(charge_id=50), an_adjustment("maximum", charge_id=51, amount="100000")]
    return a_plan(*charges, adjustments=adjustments if "adjusted" in more else ())


def _micros(plan, number: int) -> float:
    """The best of some rounds, each over books that are empty at first."""
    accounts = [on_plan(plan, f"account-{place}", account_id=place) for place in range(1, ACCOUNTS + 1)]
    batches = _batches(number)
    best = float("inf")
    # A worker holds a batch or two, not the whole load: the collector is not to walk through what is yet to come.
    gc.collect()
    gc.freeze()
    for _ in range(ROUNDS):
        books = books_of(*accounts)
        books.config = _with_types(books)
        best = min(best, sum(_settled(books, batch) for batch in batches))
    gc.unfreeze()
    return best / number * 1e6


def _with_types(books: Books):
    types = frozenset({"otp.delivered", *(f"meter.{place}" for place in (2, 3, 4, 9))})
    return type(books.config)(1, books.config.aliases, books.config.accounts, types)


def _settled(books: Books, batch: Sequence[ReceivedEvent]) -> float:
    """CPU seconds of preparing and settling one batch; keeping what it does is the books' and not counted."""
    began = time.thread_time()
    prepared = prepare(batch, books.config, WINDOW)
    prepared_at = time.thread_time()
    settled, seconds = books.settle(prepared)
    if len(settled.rated) != len(batch):
        raise AssertionError(f"{len(settled.rated)} of {len(batch)} events were rated: {settled.dead_letters[:1]}")
    return prepared_at - began + seconds


def _batches(number: int) -> list[list[ReceivedEvent]]:
    dice = random.Random(5)
    items = []
    for place in range(number):
        event = an_event(
            f"event-{place}",
            subject=f"account-{dice.randint(1, ACCOUNTS)}",
            meter=dice.choice(("otp.delivered", "otp.delivered", "otp.delivered", "meter.2", "meter.3", "meter.4")),
            quantity=dice.choice((1, 1, 1, 3)),
            channel=dice.choices(CHANNELS, (7, 2, 1))[0],
            country=dice.choices(COUNTRIES, (17, 1, 1, 1))[0],
            operator=dice.choice(OPERATORS),
            to=f"recipient-{dice.randint(1, number // 4)}",
        )
        items.append(a_received_event(event, origin=an_origin(place)))
    return [items[start : start + BATCH] for start in range(0, number, BATCH)]
