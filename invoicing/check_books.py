"""Check the books: every rule of sql/checks/, the conservation certificate, and PostgreSQL against ClickHouse."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.errors import BooksDoNotBalance
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.books_ports import (
    Books,
    CachedBalance,
    CachedBalances,
    CheckResult,
    PartitionCount,
    Revenue,
    RevenueKey,
    Warehouse,
)

ROWS_SHOWN: Final = 5


@dataclass(frozen=True, slots=True)
class RevenuePair:
    """One currency and service month in both databases; `month` is None for everything ClickHouse holds."""

    currency: Currency
    month: BillingMonth | None
    postgres: Revenue
    clickhouse: Revenue

    @property
    def equal(self) -> bool:
        """The same number of events, and the same amount to the last micro."""
        return self.postgres == self.clickhouse


@dataclass(frozen=True, slots=True)
class StaleBalance:
    """A balance the cache has not, or not as the books have it."""

    account_id: int
    booked: CachedBalance
    cached: CachedBalance | None


@dataclass(frozen=True, slots=True)
class BooksReport:
    """What was looked at and what was found, all of PostgreSQL as of one instant."""

    as_of: datetime
    checks: Sequence[CheckResult]
    partitions: Sequence[PartitionCount]
    revenue: Sequence[RevenuePair]
    """Empty when ClickHouse was not asked."""
    batches_to_warehouse: int
    """Booked batches the worker has not sent to ClickHouse yet: they explain a difference, and do not excuse it."""
    wallets: int | None = None
    """How many wallets were compared with the cache; None when it was not asked."""
    stale_balances: Sequence[StaleBalance] = ()

    @property
    def faults(self) -> list[str]:
        """One sentence for each thing that differs; none when the books balance."""
        found = [
            f"{check.name}: {check.rows} row{'s' if check.rows != 1 else ''} where none may be ({check.rule})"
            for check in self.checks
            if check.rows
        ]
        found += [_difference(pair, waiting=self.batches_to_warehouse) for pair in self.revenue if not pair.equal]
        if self.stale_balances:
            found.append(
                f"balances: {len(self.stale_balances)} of {self.wallets} wallets are not in Redis as in PostgreSQL; "
                "`billing wallets refill-cache` tells them again"
            )
        return found

    def certificate(self) -> dict[str, Any]:
        """The conservation certificate (DESIGN §3.3) as kept with an invoice run."""
        return {
            "as_of": self.as_of.isoformat(),
            "balanced": not self.faults,
            "checks": [check.name for check in self.checks],
            "partitions": [asdict(count) for count in self.partitions],
            "totals": _totals(self.partitions),
        }


def check_books(
    books: Books,
    *,
    now: datetime,
    month: BillingMonth | None = None,
    warehouse: Warehouse | None = None,
    cache: CachedBalances | None = None,
) -> BooksReport:
    """Look at everything and decide nothing. `month` limits the comparison with the warehouse to one service month."""
    examined = books.examine(rows_shown=ROWS_SHOWN)
    booked = books.balances() if cache is not None else None
    return BooksReport(
        as_of=now,
        checks=examined.checks,
        partitions=examined.partitions,
        revenue=_compare(books, warehouse, month) if warehouse is not None else [],
        batches_to_warehouse=examined.batches_to_warehouse,
        wallets=None if booked is None else len(booked),
        stale_balances=_stale(booked, cache) if cache is not None and booked is not None else [],
    )


def require_balance(report: BooksReport) -> None:
    """Raises BooksDoNotBalance naming what differs."""
    if report.faults:
        raise BooksDoNotBalance("the books do not balance: " + "; ".join(report.faults), faults=report.faults)


def _stale(booked: Mapping[int, CachedBalance], cache: CachedBalances) -> list[StaleBalance]:
    cached = cache.read(sorted(booked))
    return [
        StaleBalance(account_id, balance, cached.get(account_id))
        for account_id, balance in booked.items()
        if cached.get(account_id) != balance
    ]


def _compare(books: Books, warehouse: Warehouse, month: BillingMonth | None) -> list[RevenuePair]:
    booked = books.revenue(month)
    zones = books.accounts_by_time_zone()
    pairs = []
    for service_month in sorted({key.month for key in booked}):
        stored = _warehouse_month(warehouse, service_month, zones)
        currencies = {key.currency for key in booked if key.month == service_month} | set(stored)
        pairs += [
            RevenuePair(
                currency,
                service_month,
                booked.get(RevenueKey(currency, service_month), Revenue()),
                stored.get(currency, Revenue()),
            )
            for currency in sorted(currencies)
        ]
    return pairs if month is not None else pairs + _compare_everything(booked, warehouse)


def _warehouse_month(
    warehouse: Warehouse, month: BillingMonth, zones: Mapping[str, Sequence[str]]
) -> dict[Currency, Revenue]:
    stored: dict[Currency, Revenue] = {}
    for zone, accounts in zones.items():
        for currency, part in warehouse.revenue_of(accounts, month.span(ZoneInfo(zone))).items():
            stored[currency] = stored.get(currency, Revenue()) + part
    return stored


def _compare_everything(booked: Mapping[RevenueKey, Revenue], warehouse: Warehouse) -> list[RevenuePair]:
    """Catches what no month of PostgreSQL covers: events of unknown accounts, or of months it never booked."""
    totals: dict[Currency, Revenue] = {}
    for key, part in booked.items():
        totals[key.currency] = totals.get(key.currency, Revenue()) + part
    stored = warehouse.revenue_of_everything()
    return [
        RevenuePair(currency, None, totals.get(currency, Revenue()), stored.get(currency, Revenue()))
        for currency in sorted(set(totals) | set(stored))
    ]


def _totals(partitions: Sequence[PartitionCount]) -> dict[str, int]:
    counted = [field.name for field in fields(PartitionCount) if field.name not in _PLACE]
    return {name: sum(getattr(count, name) for count in partitions) for name in counted}


_PLACE = {"topic", "partition", "first_offset", "next_offset"}


def _difference(pair: RevenuePair, *, waiting: int) -> str:
    span = str(pair.month) if pair.month is not None else "all months"
    sentence = (
        f"revenue {pair.currency} {span}: PostgreSQL has {pair.postgres.amount_micros} micros in "
        f"{pair.postgres.event_count} events, ClickHouse {pair.clickhouse.amount_micros} in {pair.clickhouse.event_count}"
    )
    return sentence + (f" ({waiting} batches wait to be sent)" if waiting else "")
