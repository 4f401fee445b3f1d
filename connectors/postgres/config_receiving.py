"""The store of config events: they are applied, answered and stored by one transaction, with the batch side's own means.

Locks are taken in the order everybody takes them: the family's turn, partitions, the configuration, customers, wallets, and
the audit trail last; records of it are therefore kept back until everything else is written.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import psycopg
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DataError, IntegrityError

from connectors.postgres.administration import JoinedAdministrationStore, KeptBack, record_kept_back
from connectors.postgres.database import transaction
from connectors.postgres.receiving import PostgresReceivingTransaction
from domain.config_results import ConfigAnswer
from domain.errors import EngineUnavailable, InvalidInput
from domain.metering import Partition
from domain.receiving import Family, Sorted
from invoicing.administration_ports import AdministrationStore
from invoicing.metering_ports import OffsetRange

# For this transaction only: the pool gives the connection to the next one.
_LIMITS: Final = """
SELECT set_config('statement_timeout', '30s', true), set_config('lock_timeout', '20s', true),
       set_config('idle_in_transaction_session_timeout', '60s', true)
"""
_HOLD: Final = text("LOCK TABLE config_version IN EXCLUSIVE MODE")
_VERSION: Final = text("SELECT version FROM config_version")
_INSERT_RESULT: Final = """
WITH answered AS (
    INSERT INTO config_result (event_key, batch_id, outcome, code, errors, facts, config_version, decided_at)
    VALUES (%s, %s, %s, %s, %s::jsonb, %s::jsonb, %s, %s) RETURNING config_result_id)
INSERT INTO config_result_to_send SELECT config_result_id FROM answered
"""


class PostgresConfigStore:
    """Config events in PostgreSQL."""

    def __init__(self, engine: Engine, *, worker: str, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._worker = worker
        self._clock = clock

    @contextmanager
    def begin(self) -> Iterator["PostgresConfigTransaction"]:
        """A transaction: commits when left normally, rolls back when left by an exception.

        Raises EngineUnavailable for everything that may pass: a lost connection, a lock not given, a deadlock.
        """
        with transaction(self._engine) as connection:
            try:
                yield PostgresConfigTransaction(connection, worker=self._worker, booked_at=self._clock())
            except psycopg.OperationalError as error:
                connection.invalidate()
                reason = str(error).strip().splitlines()[0]
                raise EngineUnavailable(f"PostgreSQL does not answer ({reason}): see `make status`") from error

    def close(self) -> None:
        """Close the connections; the next use opens others."""
        self._engine.dispose()


class PostgresConfigTransaction(PostgresReceivingTransaction):
    """One batch's transaction, in which its events are applied one after the other."""

    def __init__(self, connection: Connection, *, worker: str, booked_at: datetime) -> None:
        driver: Any = connection.connection.driver_connection
        super().__init__(driver, Family.CONFIG, worker=worker, booked_at=booked_at)
        self.decided_at = booked_at
        self._administered = connection
        self._answers: dict[bytes, tuple[ConfigAnswer, int]] = {}
        self._audits: list[KeptBack] = []
        driver.execute(_LIMITS)

    def hold_configuration(self) -> None:
        """Wait for the running batches, and let others wait: nothing is rated until this transaction ends."""
        self._administered.execute(_HOLD)

    @contextmanager
    def applying(self) -> Iterator[AdministrationStore]:
        """A part of the transaction for one event: when left by an exception, nothing of it is written."""
        audits: list[KeptBack] = []
        try:
            with self._administered.begin_nested():
                yield JoinedAdministrationStore(self._administered, audits)
        except (IntegrityError, DataError) as error:
            raise InvalidInput(f"the books refuse it: {_sentence(error)}") from error
        self._audits += audits

    def answer(self, event_key: bytes, answer: ConfigAnswer) -> None:
        """Keep the answer to an event, with the version of the configuration that holds it."""
        version = int(self._administered.execute(_VERSION).scalar_one())
        self._answers[event_key] = (answer, version)

    def save(self, events: Sorted[Any], handled_as: Sequence[str], ranges: Mapping[Partition, OffsetRange]) -> None:
        """Write the batch with its events, the answers, and last the audit records."""
        batch_id = self._write_batch(events, handled_as, ranges)
        answered = [item.event.key for item in events.accepted if item.event.key in self._answers]
        with self._connection.cursor() as cursor:
            cursor.executemany(_INSERT_RESULT, [self._result_row(batch_id, key) for key in answered])
        record_kept_back(self._administered, self._audits)

    def _result_row(self, batch_id: int, event_key: bytes) -> tuple[Any, ...]:
        answer, version = self._answers[event_key]
        errors = [{"field": error.path, "reason": error.reason} for error in answer.errors]
        return (
            UUID(bytes=event_key),
            batch_id,
            answer.outcome.value,
            answer.code,
            json.dumps(errors),
            json.dumps(answer.facts, default=str),
            version,
            self.decided_at,
        )


def _sentence(error: IntegrityError | DataError) -> str:
    return str(error.orig).strip().splitlines()[0]
