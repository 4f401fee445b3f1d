"""Sustained rate of one worker on single-event records, beside the bare transaction, bare COPY and stock Faust."""

from tests.bench.bare import bare_transaction_rate
from tests.bench.bare_copy import copy_rate
from tests.bench.figures import Figure, at_least, observed
from tests.bench.load import Load, open_accounts
from tests.bench.rate import Rate, sustained_rate
from tests.installation import Installation

ACCOUNTS = 5_000
SECONDS = 30
FASTEST = 45_000
STOCK_FASTEST = 12_000
WHAT = f"{ACCOUNTS} accounts, 8 partitions, events of about 200 bytes with random ids, every engine on the box"


def measure(portion: float) -> list[Figure]:
    """The limit, the worker and its peer, one after the other, each on an empty installation."""
    seconds = SECONDS * portion
    installation = Installation("bench", redis_db=2, worker_port=16068)
    bare = bare_transaction_rate(installation, new_load(installation), seconds=seconds)
    limit = copy_rate(installation, seconds=seconds)
    ours = sustained_rate(installation, new_load(installation), seconds=seconds, fastest=FASTEST)
    stock = sustained_rate(
        installation,
        new_load(installation),
        seconds=seconds,
        fastest=STOCK_FASTEST,
        app="tests.bench.stock_worker",
    )
    installation.drop()
    what = f"single-event records, {WHAT}, over {seconds:.0f} s"
    return [
        at_least("events_per_second", ours.per_second, "ev/s", 30_000, compared_with="the three below", conditions=what),
        observed("bare_transactions_events_per_second", bare, "ev/s", conditions=f"{what}; {_BARE}"),
        observed("stock_faust_events_per_second", stock.per_second, "ev/s", conditions=f"{what}; {_STOCK}"),
        observed("copy_limit_rows_per_second", limit, "rows/s", conditions=f"{what}; {_COPY}"),
        observed(
            "events_per_second_over_copy_limit",
            ours.per_second / limit,
            "times",
            compared_with="copy_limit_rows_per_second",
            conditions=_COPY,
        ),
        at_least(
            "events_per_second_over_bare_transaction",
            ours.per_second / bare,
            "times",
            0.5,
            compared_with="bare_transactions_events_per_second",
            conditions=_BARE,
        ),
        observed(
            "events_per_second_over_stock_faust",
            ours.per_second / stock.per_second,
            "times",
            compared_with="stock_faust_events_per_second",
            conditions=_STOCK,
        ),
        *costs("one_worker", ours, what),
    ]


_BARE = (
    "the project's own store books batches that were decoded and prepared before the clock runs, and nothing else: "
    "claim, settle, COPY, debit, ledger, commit"
)
_COPY = "COPY of the same rows into a table without an index, a commit every 4,000 rows, alone on the box"
_STOCK = "the same use case on stock Faust, one message an event; no publisher beside it"


def new_load(installation: Installation, *, events_per_record: int = 1) -> Load:
    """Make the installation anew and open its accounts; returns the load for it."""
    installation.create()
    open_accounts(installation, ACCOUNTS)
    return Load(installation, accounts=ACCOUNTS, events_per_record=events_per_record)


def costs(prefix: str, rate: Rate, what: str) -> list[Figure]:
    """What a rate cost, and what of it was still to be sent on when it was measured."""
    behind = (
        f"after {rate.events} events in {rate.usage.seconds:.0f} s and a warm-up: {rate.not_announced} not on their "
        f"topic yet, {rate.not_in_warehouse} not in ClickHouse; the publisher runs at low priority"
    )
    return [
        observed(
            f"{prefix}_cpu_per_event",
            sum(rate.usage.cpu_seconds.values()) / rate.events * 1e6,
            "µs",
            conditions=f"{what}; {rate.usage.sentence(rate.events)}; first to saturate: {rate.usage.first_to_saturate()}",
        ),
        observed(
            f"{prefix}_publisher_behind",
            max(rate.not_announced, rate.not_in_warehouse),
            "events",
            conditions=f"{what}; {behind}",
        ),
    ]
