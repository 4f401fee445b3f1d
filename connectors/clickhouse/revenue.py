"""Revenue as ClickHouse has it. FINAL counts an event once however often it was sent, on old and new servers alike."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from clickhouse_driver import Client
from clickhouse_driver.errors import Error as ClickHouseError

from domain.errors import EngineUnavailable
from domain.money import Currency
from domain.period import Period
from invoicing.books_ports import Revenue

# Events and their further parts; as many as the running totals of the books count.
_RATED: Final = """
SELECT currency, sum(amount), sum(events) FROM (
    SELECT currency, sum(amount_micros) AS amount, toInt64(count()) AS events FROM usage_event FINAL CONDITION
    GROUP BY currency
    UNION ALL
    SELECT currency, sum(amount_micros) AS amount, toInt64(sum(event_count)) AS events FROM further_charge FINAL CONDITION
    GROUP BY currency
) GROUP BY currency
"""
_OF_EVERYTHING: Final = _RATED.replace("CONDITION", "")
# Instants travel as epoch seconds: a DateTime literal would be read in the server's own time zone.
_OF_ACCOUNTS: Final = _RATED.replace(
    "CONDITION",
    """WHERE account IN (SELECT code FROM wanted)
  AND event_time >= toDateTime(%(start)s) AND event_time < toDateTime(%(end)s)""",
)


@dataclass(frozen=True, slots=True)
class ClickHouseRevenue:
    """The Warehouse port on a native-protocol client."""

    client: Client

    def revenue_of(self, accounts: Sequence[str], period: Period) -> Mapping[Currency, Revenue]:
        """Rated usage of some accounts in a span of event time, by currency."""
        wanted = {"name": "wanted", "structure": [("code", "String")], "data": [{"code": code} for code in accounts]}
        span = {"start": int(period.start.timestamp()), "end": int(period.end.timestamp())}
        return self._query(_OF_ACCOUNTS, span, external_tables=[wanted])

    def revenue_of_everything(self) -> Mapping[Currency, Revenue]:
        """Rated usage of every account and all time, by currency."""
        return self._query(_OF_EVERYTHING, {})

    def _query(self, query: str, parameters: Mapping[str, int], **options: Any) -> dict[Currency, Revenue]:
        with _told_in_a_sentence():
            rows = self.client.execute(query, parameters, **options)
        return {Currency(currency): Revenue(amount, events) for currency, amount, events in rows}


@contextmanager
def _told_in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (ClickHouseError, OSError, EOFError) as error:
        reason = str(error).strip().splitlines()[0]
        raise EngineUnavailable(f"ClickHouse does not answer ({reason}): start it with `make up`") from error
