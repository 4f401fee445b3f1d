"""The services of the stack: the programs of each, its ports, what it needs, how its health is asked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.native import probes
from infra.native.stack import DEMO, StackError


@dataclass(frozen=True)
class Service:
    """One service: `programs` are names in supervisord.conf, `ports` the settings with its port numbers."""

    name: str
    programs: tuple[str, ...]
    host: str
    ports: tuple[str, ...]
    needs: tuple[str, ...]
    probe: Callable[[Mapping[str, str]], None]
    ready_within_seconds: int


SERVICES = {
    service.name: service
    for service in (
        Service(
            name="kafka",
            programs=("kafka",),
            host="KAFKA_HOST",
            ports=("KAFKA_PORT", "KAFKA_CONTROLLER_PORT"),
            needs=(),
            probe=probes.probe_kafka,
            ready_within_seconds=60,
        ),
        Service(
            name="postgres",
            programs=("postgres",),
            host="POSTGRES_HOST",
            ports=("POSTGRES_PORT",),
            needs=(),
            probe=probes.probe_postgres,
            ready_within_seconds=120,  # after a crash it replays its log first
        ),
        Service(
            name="redis",
            programs=("redis",),
            host="REDIS_HOST",
            ports=("REDIS_PORT",),
            needs=(),
            probe=probes.probe_redis,
            ready_within_seconds=20,
        ),
        Service(
            name="clickhouse",
            programs=("clickhouse",),
            host="CLICKHOUSE_HOST",
            ports=("CLICKHOUSE_PORT", "CLICKHOUSE_HTTP_PORT"),
            needs=(),
            probe=probes.probe_clickhouse,
            ready_within_seconds=60,
        ),
        Service(
            name="airflow",
            programs=(
                "airflow-api-server",
                "airflow-scheduler",
                "airflow-dag-processor",
                "airflow-triggerer",
            ),
            host="AIRFLOW_HOST",
            ports=("AIRFLOW_PORT",),
            needs=("postgres",),
            probe=probes.probe_airflow,
            ready_within_seconds=180,
        ),
        Service(
            name="worker",
            programs=("worker",),
            host="WORKER_HOST",
            ports=("WORKER_PORT",),
            needs=("kafka", "postgres", "redis", "clickhouse"),
            probe=probes.probe_worker,
            ready_within_seconds=60,
        ),
        Service(
            name="notifier",
            programs=("notifier",),
            host="NOTIFIER_HOST",
            ports=("NOTIFIER_PORT",),
            needs=("kafka", "postgres"),
            probe=probes.probe_notifier,
            ready_within_seconds=60,
        ),
        Service(
            name="api",
            programs=("api",),
            host="API_HOST",
            ports=("API_PORT",),
            needs=("postgres", "redis"),
            probe=probes.probe_api,
            ready_within_seconds=60,
        ),
    )
}
ENGINES = ("kafka", "postgres", "redis", "clickhouse")


def select(*, instance: str, only: str | None, without: str | None, own_engines: bool = False) -> list[Service]:
    """The services that a command means, in starting order.

    The demo instance has all of them, as has one with engines of its own; another has Airflow and our own
    processes only.
    Raises StackError for a name that does not exist or an engine asked of another instance.
    """
    all_names = list(SERVICES)
    for name in [*_names(only), *_names(without)]:
        if name not in SERVICES:
            raise StackError(f"There is no service {name!r}: choose from {', '.join(all_names)}.")
    has_engines = instance == DEMO or own_engines
    chosen = _names(only) or [name for name in all_names if has_engines or name not in ENGINES]
    chosen = [name for name in chosen if name not in _names(without)]
    engines = [name for name in chosen if name in ENGINES]
    if engines and not has_engines:
        raise StackError(f"The instance {instance!r} uses the demo's {engines[0]}: start it there, without --instance.")
    return [SERVICES[name] for name in all_names if name in chosen]


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]
