"""Starting: engines in parallel, schemas and topics, Airflow and our own processes; harmless a second time."""

import fcntl
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from infra.native import supervision
from infra.native.airflow import migrate_airflow, prepare_airflow
from infra.native.clickhouse import clickhouse_environment, prepare_clickhouse
from infra.native.command import run
from infra.native.databases import make_clickhouse_database, make_postgres_databases
from infra.native.health import require_healthy, wait_healthy
from infra.native.install import install
from infra.native.kafka import kafka_jars_path, prepare_kafka
from infra.native.ports import check_ports
from infra.native.postgres import postgres_server, prepare_postgres
from infra.native.services import ENGINES, SERVICES, Service
from infra.native.stack import Stack


def up(stack: Stack, services: list[Service]) -> None:
    """Start these services and return once all are healthy; raises StackError when one cannot be."""
    chosen = {service.name for service in services}
    with _alone(stack):
        install(stack, chosen)
        supervision.clear_after_kill(stack)
        states = supervision.processes(stack)
        asleep = [s for s in services if not any(p in states and states[p].alive for p in s.programs)]
        check_ports(stack, asleep)
        needed = {need for service in services for need in service.needs} - chosen
        require_healthy(stack, [SERVICES[name] for name in ENGINES if name in needed])
        supervision.ensure_supervisor(stack, _environment(stack))
        _start_in_order(stack, chosen)


def _start_in_order(stack: Stack, chosen: set[str]) -> None:
    """Run every step as soon as those it waits for are done; a failed step fails those that wait for it."""
    with ThreadPoolExecutor(max_workers=len(STEPS)) as pool:
        running: dict[str, Future[None]] = {}

        def after(waits: list[Future[None]], work: Callable[[Stack], None]) -> None:
            for wait in waits:
                wait.result()
            work(stack)

        for step in STEPS:
            if step.needed_by & chosen:
                waits = [running[name] for name in step.after if name in running]
                running[step.name] = pool.submit(after, waits, step.work)
        for done in running.values():
            done.result()


def _starter(name: str, prepare: Callable[[Stack], None]) -> Callable[[Stack], None]:
    service = SERVICES[name]

    def bring_up(stack: Stack) -> None:
        prepare(stack)
        for program in service.programs:
            supervision.start(stack, program)
        wait_healthy(stack, service)
        print(f"  {service.name} is healthy", flush=True)

    return bring_up


def _prepare_redis(stack: Stack) -> None:
    (stack.local / "redis").mkdir(parents=True, exist_ok=True)


def _prepare_nothing(stack: Stack) -> None:
    """Our own processes check what they need themselves when they start."""


def _billing(*words: str, doing: str) -> Callable[[Stack], None]:
    def call(stack: Stack) -> None:
        program = stack.root / ".venv" / "bin" / "billing"
        run([program, *words], doing=doing, environment=stack.environment(), folder=stack.root)

    return call


@dataclass(frozen=True)
class Step:
    """Something to do once `after` is done, when one of the services in `needed_by` was asked for."""

    name: str
    work: Callable[[Stack], None]
    needed_by: frozenset[str]
    after: tuple[str, ...] = ()


def _for(*services: str) -> frozenset[str]:
    return frozenset(services)


OURS = ("worker", "notifier", "api")
STEPS = (
    Step("kafka", _starter("kafka", prepare_kafka), _for("kafka")),
    Step("postgres", _starter("postgres", prepare_postgres), _for("postgres")),
    Step("redis", _starter("redis", _prepare_redis), _for("redis")),
    Step("clickhouse", _starter("clickhouse", prepare_clickhouse), _for("clickhouse")),
    Step("databases", make_postgres_databases, _for("postgres", "airflow", *OURS), ("postgres",)),
    Step("analysts", make_clickhouse_database, _for("clickhouse", "airflow", *OURS), ("clickhouse",)),
    # The slowest step comes as soon as it can, while Kafka is still starting.
    Step("airflow schema", migrate_airflow, _for("airflow"), ("databases",)),
    Step(
        "schema",
        _billing("schema", "migrate", doing="Migrating the schemas"),
        _for("airflow", *OURS),
        ("databases", "analysts"),
    ),
    Step(
        "topics",
        _billing("topics", "create", doing="Creating the topics"),
        _for("airflow", *OURS),
        ("kafka",),
    ),
    Step("airflow", _starter("airflow", prepare_airflow), _for("airflow"), ("airflow schema", "schema")),
    Step("worker", _starter("worker", _prepare_nothing), _for("worker"), ("schema", "topics", "redis")),
    Step("notifier", _starter("notifier", _prepare_nothing), _for("notifier"), ("schema", "topics")),
    Step("api", _starter("api", _prepare_nothing), _for("api"), ("schema", "redis")),
)


def _environment(stack: Stack) -> dict[str, str]:
    """What supervisord hands to its programs, whichever of them are started first."""
    return {
        **stack.environment(),
        **clickhouse_environment(stack),
        "KAFKA_JARS": str(kafka_jars_path(stack)),
        "POSTGRES_COMMAND": postgres_server(stack).command,
    }


@contextmanager
def _alone(stack: Stack) -> Iterator[None]:
    """One `up` at a time in an instance; a second one waits and then finds everything done."""
    stack.local.mkdir(parents=True, exist_ok=True)
    with (stack.local / "up.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
