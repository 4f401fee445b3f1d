"""Workers that book usage into the test database, the topic they take it from, and the books as a test looks at them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import Engine, text

from connectors import metering_wiring
from connectors.postgres.books import PostgresBooks
from connectors.settings import PROJECT_ROOT
from invoicing.meter_usage import Metered, MeterUsage
from invoicing.records import Record
from tests.builders_usage import RECEIVED_AT, a_record


class Topic:
    """Partitions that remember how far they are."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def append(self, *values: bytes, partition: int = 0, received_at: datetime = RECEIVED_AT) -> list[Record]:
        """Records with the next offsets."""
        first = self._next.get(partition, 0)
        self._next[partition] = first + len(values)
        return [
            a_record(value, first + place, partition=partition, received_at=received_at)
            for place, value in enumerate(values)
        ]


class Worker:
    """One metering worker: a store of its own, and what it remembers between batches."""

    def __init__(self, name: str = "worker") -> None:
        self.store = metering_wiring.metering_store(name)
        self.metering: MeterUsage = metering_wiring.metering(self.store)

    def take(self, records: Sequence[Record]) -> Metered:
        """Book records."""
        return self.metering.meter(records)

    def restart(self) -> None:
        """Forget everything, as a new process does."""
        self.metering = metering_wiring.metering(self.store)


def at_once(*takings: tuple[Worker, Sequence[Record]]) -> list[Metered]:
    """Let workers take records side by side, each in a thread of its own; what they did, in their order."""
    with ThreadPoolExecutor(len(takings)) as threads:
        taken = [threads.submit(worker.take, records) for worker, records in takings]
        return [future.result() for future in taken]


class KilledBeforeCommit(Exception):
    """Stands for the end of a process."""


class DyingStore:
    """A store whose transactions write everything and end before they commit."""

    def __init__(self, store) -> None:
        self._store = store
        self.config = store.config
        self.balances = store.balances

    @contextmanager
    def begin(self):
        with self._store.begin() as transaction:
            yield transaction
            raise KilledBeforeCommit


class Books:
    """The books of the test database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rows(self, statement: str, **parameters: object) -> list[tuple]:
        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement), parameters)]

    def outcomes(self) -> dict[str, int]:
        """How many events ended how, over all batches, without the kinds that did not happen."""
        kinds = ("rated", "accepted", "duplicate", "conflict", "dead_lettered", "quarantined")
        ((*sums,),) = self.rows(
            "SELECT " + ", ".join(f"coalesce(sum({kind}), 0)::int" for kind in kinds) + " FROM batch_range"
        )
        return {kind: number for kind, number in zip(kinds, sums, strict=True) if number}

    def balance(self, account: str) -> Decimal:
        """A wallet's balance in currency units."""
        ((micros,),) = self.rows(
            "SELECT balance_micros FROM wallet JOIN account USING (account_id) WHERE code = :code", code=account
        )
        return Decimal(micros).scaleb(-6)

    def totals(self, account: str) -> dict[tuple[date, str], tuple[Decimal, Decimal, int]]:
        """Quantity in units, amount in currency units and number of events, by month and price cell."""
        rows = self.rows(
            "SELECT service_month, price_cell, quantity_millionths, amount_micros, event_count"
            " FROM usage_total JOIN account USING (account_id) WHERE code = :code",
            code=account,
        )
        return {(month, cell): (Decimal(q).scaleb(-6), Decimal(a).scaleb(-6), n) for month, cell, q, a, n in rows}

    def count(self, table: str) -> int:
        """Rows of a table."""
        ((number,),) = self.rows(f"SELECT count(*) FROM {table}")
        return number

    def failing_checks(self) -> dict[str, Sequence]:
        """The queries of sql/checks/ that return rows."""
        examined = PostgresBooks(self._engine, PROJECT_ROOT / "sql" / "checks").examine(rows_shown=3)
        return {check.name: check.first_rows for check in examined.checks if check.rows}
