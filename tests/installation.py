"""An installation of its own on the running engines: database, topics, Redis number and worker, gone afterwards."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from clickhouse_driver import Client
from psycopg import sql

from connectors.clickhouse.schema import apply_schema, connect
from connectors.kafka.topics import TopicAdmin, defined_topics
from connectors.postgres.administration import PostgresAdministrationStore
from connectors.postgres.database import open_engine
from connectors.postgres.migrations import Migrations
from connectors.settings import PROJECT_ROOT, Settings, child_environment

FAUST = Path(sys.executable).with_name("faust")
_READY_SECONDS = 60


@dataclass
class Installation:
    """One installation; `name` is its topic prefix and the end of its databases' names.

    `engines` are settings that lead to other engines than those of `.env`.
    """

    name: str
    redis_db: int
    worker_port: int
    engines: Mapping[str, str] = field(default_factory=dict)
    settings: Settings = field(init=False)
    _kept: threading.local = field(default_factory=threading.local, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.settings = Settings(**{name.lower(): value for name, value in self.variables().items()})

    def __reduce__(self) -> tuple[object, ...]:
        """In another process it is the same, with connections of its own."""
        return Installation, (self.name, self.redis_db, self.worker_port, self.engines)

    def variables(self) -> dict[str, str]:
        """The settings in which it differs from the installation of `.env`."""
        return {
            **self.engines,
            "KAFKA_TOPIC_PREFIX": f"{self.name}.",
            "POSTGRES_DB": f"billing_{self.name}",
            "REDIS_DB": str(self.redis_db),
            "CLICKHOUSE_DB": f"billing_{self.name}",
            "WORKER_PORT": str(self.worker_port),
            "INVOICE_DIR": f".local/{self.name}/invoices",
        }

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of its processes."""
        return child_environment(**{**self.variables(), **more})

    @property
    def log_folder(self) -> Path:
        """Where its workers' logs are."""
        return PROJECT_ROOT / ".local" / self.name

    def topic(self, name: str) -> str:
        """A topic's full name."""
        return self.settings.kafka_topic_prefix + name

    def create(self) -> None:
        """Make everything anew and empty."""
        self.drop()
        with self._server() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.settings.postgres_db)))
        Migrations(PROJECT_ROOT / "sql" / "postgres", self.settings.postgres_dsn).apply()
        apply_schema(PROJECT_ROOT / "sql" / "clickhouse", self._clickhouse("default"), database=self.settings.clickhouse_db)
        TopicAdmin(self.settings.kafka_bootstrap).create_missing(self._topics())

    def drop(self) -> None:
        """Remove everything, as far as it exists."""
        if (kept := getattr(self._kept, "connection", None)) is not None:
            kept.close()
        with self._server() as connection:
            name = sql.Identifier(self.settings.postgres_db)
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
        self._clickhouse("default").execute(f"DROP DATABASE IF EXISTS {self.settings.clickhouse_db}")
        admin = TopicAdmin(self.settings.kafka_bootstrap)
        present = admin.partitions()
        names = [topic.name for topic in self._topics() if topic.name in present]
        if names:
            admin.delete(names)
            wait_until(lambda: not set(names) & set(admin.partitions()), "the old topics are gone")
        self.redis().flushdb()

    def administration(self) -> PostgresAdministrationStore:
        """Where its accounts and plans are kept."""
        return PostgresAdministrationStore(open_engine(self.settings.postgres_dsn))

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Rows of its PostgreSQL database.

        Whoever waits asks many times a second, so each thread has a connection that stays; one that was lost with its server
        is opened again.
        """
        kept: psycopg.Connection[tuple[Any, ...]] | None = getattr(self._kept, "connection", None)
        if kept is not None and not kept.closed:
            try:
                return kept.execute(statement, parameters or None).fetchall()
            except psycopg.OperationalError:
                kept.close()
        self._kept.connection = psycopg.connect(self.settings.postgres_dsn, autocommit=True, prepare_threshold=None)
        return self._kept.connection.execute(statement, parameters or None).fetchall()

    def execute(self, statements: str) -> None:
        """Statements on its PostgreSQL database, all or none."""
        with psycopg.connect(self.settings.postgres_dsn) as connection:
            connection.execute(statements)

    def clickhouse(self) -> Client:
        """Its ClickHouse database."""
        return self._clickhouse(self.settings.clickhouse_db)

    def redis(self) -> Any:
        """Its Redis database."""
        from redis import Redis

        return Redis(host=self.settings.redis_host, port=self.settings.redis_port, db=self.redis_db, decode_responses=True)

    def failing_checks(self) -> dict[str, list[tuple[Any, ...]]]:
        """Checks of sql/checks/ that return rows, with their first rows: empty when the books balance."""
        failing = {}
        for path in sorted((PROJECT_ROOT / "sql" / "checks").glob("*.sql")):
            rows = self.query(path.read_text())
            if rows:
                failing[path.stem] = rows[:3]
        return failing

    def outcomes(self) -> dict[str, int]:
        """How many events ended how, over all batches."""
        names = ("received", "rated", "accepted", "duplicate", "conflict", "dead_lettered", "quarantined")
        sums = ", ".join(f"coalesce(sum({name}), 0)::bigint" for name in names)
        return dict(zip(names, self.query(f"SELECT {sums} FROM batch_range")[0], strict=True))

    @contextmanager
    def worker(self, *, app: str = "streams.app", **variables: str) -> Iterator["Worker"]:
        """A metering worker, ended by SIGTERM when left."""
        worker = self.start_worker(app=app, **variables)
        try:
            worker.wait_until_ready()
            yield worker
        finally:
            worker.stop()

    def start_worker(self, *, app: str = "streams.app", port: int | None = None, **variables: str) -> "Worker":
        """Start a metering worker; does not wait for it."""
        port = port or self.worker_port
        self.log_folder.mkdir(parents=True, exist_ok=True)
        log = self.log_folder / f"worker-{port}.log"
        command = [str(FAUST), "-L", "uvloop", "-A", app, "worker", "--loglevel", "info"]
        with log.open("w") as output:
            process = subprocess.Popen(
                command,
                cwd=PROJECT_ROOT,
                env=self.environment(**{**variables, "WORKER_PORT": str(port)}),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Worker(process, port, log)

    def _topics(self) -> list[Any]:
        return defined_topics(PROJECT_ROOT / "infra" / "kafka" / "topics.yml", prefix=self.settings.kafka_topic_prefix)

    def _clickhouse(self, database: str) -> Client:
        chosen = self.settings
        return connect(
            host=chosen.clickhouse_host,
            port=chosen.clickhouse_port,
            database=database,
            user=chosen.clickhouse_user,
            password=chosen.clickhouse_password,
        )

    def _server(self) -> psycopg.Connection[tuple[Any, ...]]:
        dsn = self.settings.postgres_dsn.rsplit("/", 1)[0] + "/postgres"
        return psycopg.connect(dsn, autocommit=True)


@dataclass
class Worker:
    """A running worker process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def page(self, path: str) -> tuple[int, str]:
        """Status and body of one of its pages; status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def health(self) -> dict[str, Any]:
        """Its health page; empty while nobody answers, or not yet with it: before its consumer is there, that is a 500."""
        status, body = self.page("/health")
        return json.loads(body) if status in (200, 503) else {}

    def wait_until_ready(self) -> None:
        """Wait until it has partitions."""

        def ready() -> bool:
            if self.process.poll() is not None:
                raise AssertionError(f"the worker ended: {self.log.read_text()[-2000:]}")
            return bool(self.health().get("partitions"))

        wait_until(ready, "the worker has its partitions", seconds=_READY_SECONDS)

    def metric(self, line: str) -> float:
        """The value of one line of its metrics page, e.g. billing_records_total."""
        for text in self.page("/metrics")[1].splitlines():
            if text.startswith(line + " "):
                return float(text.rsplit(" ", 1)[1])
        return 0.0

    def kill(self) -> None:
        """SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, *, seconds: float = 30) -> int:
        """SIGTERM, and wait; returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
        return self.process.returncode


def wait_until(happened: Any, what: str, *, seconds: float = 60, pause_seconds: float = 0.1) -> None:
    """Wait for a condition; fails naming it when it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")
        time.sleep(pause_seconds)
