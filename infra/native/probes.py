"""One question to each service that only a working one answers: a probe returns, or raises the reason."""

import json
import logging
import urllib.request
from collections.abc import Mapping

import clickhouse_driver
import confluent_kafka
import confluent_kafka.admin
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from infra.native.stack import StackError

ANSWER_SECONDS = 3
# The driver logs every refused connection with its stack; while a server starts, refusals are what is waited for.
logging.getLogger("clickhouse_driver").addHandler(logging.NullHandler())
AIRFLOW_PARTS = ("metadatabase", "scheduler", "dag_processor", "triggerer")


def probe_kafka(settings: Mapping[str, str]) -> None:
    """The broker answers a metadata request."""
    address = f"{settings['KAFKA_HOST']}:{settings['KAFKA_PORT']}"
    quiet = {"bootstrap.servers": address, "log_level": 0, "error_cb": lambda _: None}
    confluent_kafka.admin.AdminClient(quiet).list_topics(timeout=ANSWER_SECONDS)


def probe_postgres(settings: Mapping[str, str]) -> None:
    """The server lets the user in and answers a query."""
    try:
        with connect_postgres(settings) as connection:
            connection.execute("SELECT 1")
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise StackError(
                f"PostgreSQL on port {settings['POSTGRES_PORT']} refuses the password in .env: put back the "
                "POSTGRES_PASSWORD that its data folder was made with."
            ) from error
        raise


def connect_postgres(settings: Mapping[str, str], *, database: str = "postgres") -> psycopg.Connection:
    """A connection for administration, each statement its own transaction."""
    return psycopg.connect(
        host=settings["POSTGRES_HOST"],
        port=int(settings["POSTGRES_PORT"]),
        dbname=database,
        user=settings["POSTGRES_USER"],
        password=settings["POSTGRES_PASSWORD"],
        connect_timeout=ANSWER_SECONDS,
        autocommit=True,
    )


def probe_redis(settings: Mapping[str, str]) -> None:
    """The server answers PING."""
    with redis.Redis(
        settings["REDIS_HOST"],
        int(settings["REDIS_PORT"]),
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    ) as client:
        client.ping()


def probe_clickhouse(settings: Mapping[str, str]) -> None:
    """The server lets the user in and answers a query."""
    with connect_clickhouse(settings) as client:
        client.execute("SELECT 1")


def connect_clickhouse(settings: Mapping[str, str]) -> clickhouse_driver.Client:
    """A connection for administration."""
    return clickhouse_driver.Client(
        settings["CLICKHOUSE_HOST"],
        port=int(settings["CLICKHOUSE_PORT"]),
        user=settings["CLICKHOUSE_USER"],
        password=settings["CLICKHOUSE_PASSWORD"],
        connect_timeout=ANSWER_SECONDS,
        send_receive_timeout=ANSWER_SECONDS,
    )


def probe_airflow(settings: Mapping[str, str]) -> None:
    """The API server answers, and each part has reported to the metadata database lately."""
    url = f"http://{settings['AIRFLOW_HOST']}:{settings['AIRFLOW_PORT']}/api/v2/monitor/health"
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
        parts = json.load(answer)
    ill = [f"{part} is {parts[part]['status']}" for part in AIRFLOW_PARTS if parts[part]["status"] != "healthy"]
    if ill:
        raise ConnectionError(", ".join(ill))


def probe_worker(settings: Mapping[str, str]) -> None:
    """The worker's own health endpoint says that the stream moves."""
    _probe_health(settings, "WORKER")


def probe_notifier(settings: Mapping[str, str]) -> None:
    """The notifier's own health endpoint says that its turns come to an end."""
    _probe_health(settings, "NOTIFIER")


def probe_api(settings: Mapping[str, str]) -> None:
    """The API answers."""
    _probe_health(settings, "API")


def _probe_health(settings: Mapping[str, str], name: str) -> None:
    url = f"http://{settings[f'{name}_HOST']}:{settings[f'{name}_PORT']}/health"
    with urllib.request.urlopen(url, timeout=ANSWER_SECONDS):
        return
