"""The books as PostgreSQL has them: the checks of sql/checks/, conservation by partition, revenue by month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import snapshot
from connectors.postgres.months import first_day, month_from
from domain.money import Currency
from domain.period import BillingMonth
from invoicing.books_ports import CachedBalance, CheckResult, ExaminedBooks, PartitionCount, Revenue, RevenueKey

_PARTITIONS = text("""
SELECT topic, partition, min(first_offset) AS first_offset, max(next_offset) AS next_offset,
       sum(records)::bigint AS records, sum(received)::bigint AS received,
       sum(rated)::bigint AS rated, sum(accepted)::bigint AS accepted, sum(duplicate)::bigint AS duplicate,
       sum(conflict)::bigint AS conflict, sum(dead_lettered)::bigint AS dead_lettered,
       sum(quarantined)::bigint AS quarantined
FROM batch_range GROUP BY topic, partition ORDER BY topic, partition
""")

_REVENUE = text("""
SELECT a.currency, t.service_month, sum(t.amount_micros)::bigint AS amount_micros, sum(t.event_count)::bigint AS event_count
FROM (SELECT account_id, service_month, charge_id, amount_micros, event_count FROM usage_total
      UNION ALL SELECT account_id, service_month, charge_id, -amount_micros, 0 FROM unused_booking) t
JOIN account a USING (account_id) JOIN charge c USING (charge_id)
WHERE c.kind IN ('usage', 'adjustment')     -- fees, of whatever kind, come of no event, and do not go to the warehouse
  AND (t.service_month = CAST(:month AS date) OR CAST(:month AS date) IS NULL)
GROUP BY a.currency, t.service_month
""")


@dataclass(frozen=True, slots=True)
class PostgresBooks:
    """The Books port on the billing database; `checks` is the folder of queries that must return no rows."""

    engine: Engine
    checks: Path

    def examine(self, *, rows_shown: int) -> ExaminedBooks:
        """Every check and every partition's counts, as of one instant."""
        with snapshot(self.engine) as connection:
            results = [_run(path, connection, rows_shown=rows_shown) for path in sorted(self.checks.glob("*.sql"))]
            partitions = [PartitionCount(**row) for row in connection.execute(_PARTITIONS).mappings()]
            waiting = connection.execute(text("SELECT count(*) FROM batch WHERE warehoused_at IS NULL")).scalar_one()
        return ExaminedBooks(results, partitions, waiting)

    def revenue(self, month: BillingMonth | None) -> Mapping[RevenueKey, Revenue]:
        """Rated usage by currency and service month, from the running totals."""
        with snapshot(self.engine) as connection:
            rows = connection.execute(_REVENUE, {"month": first_day(month) if month else None}).all()
        return {
            RevenueKey(Currency(currency), month_from(first)): Revenue(amount, events)
            for currency, first, amount, events in rows
        }

    def accounts_by_time_zone(self) -> Mapping[str, Sequence[str]]:
        """Account codes by time zone."""
        grouped = text("SELECT time_zone, array_agg(code ORDER BY code) FROM account GROUP BY time_zone")
        with snapshot(self.engine) as connection:
            return dict(connection.execute(grouped).all())

    def balances(self) -> Mapping[int, CachedBalance]:
        """Balance and version of every wallet that has an entry, by account id."""
        with snapshot(self.engine) as connection:
            rows = connection.execute(text("SELECT account_id, balance_micros, version FROM wallet WHERE version > 0"))
            return {account_id: CachedBalance(balance, version) for account_id, balance, version in rows}


def _run(path: Path, connection: Connection, *, rows_shown: int) -> CheckResult:
    query = path.read_text()
    rule = query.splitlines()[0].removeprefix("--").strip().rstrip(".")
    # A driver-level statement: the text of a check may hold colons and percent signs that are no parameters.
    rows = connection.exec_driver_sql(query.replace("%", "%%")).mappings().all()
    return CheckResult(path.stem, rule, len(rows), [dict(row) for row in rows[:rows_shown]])
