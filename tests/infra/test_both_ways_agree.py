"""The native stack and docker-compose.yml: same engines, same settings, same ports."""

import configparser
import re
import tomllib
from typing import Any

import pytest
import yaml
from dotenv import dotenv_values

from connectors.settings import Settings
from infra.native.postgres import MAJOR
from infra.native.probes import connect_postgres
from infra.native.services import ENGINES, SERVICES, select
from infra.native.stack import GENERATED_SECRETS, ROOT, Stack, StackError, airflow_environment, load_stack
from infra.native.up import OURS
from tests.infra.stacks import EXAMPLE

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, Any] = COMPOSE["services"]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
SUPERVISOR_TEXT = (ROOT / "infra/native/supervisord.conf").read_text()


def image_tag(container: str) -> str:
    return str(CONTAINERS[container]["image"]).partition(":")[2]


def locked_version(lock: str, package: str) -> str:
    found = re.search(rf"^{re.escape(package)}==(\S+)", (ROOT / lock).read_text(), flags=re.MULTILINE)
    assert found, f"{package} is not in {lock}"
    return found[1]


def test_the_example_names_every_setting_of_the_programs_with_its_default():
    shown = dict(re.findall(r"^#?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), flags=re.MULTILINE))
    settings = {name.upper(): field for name, field in Settings.model_fields.items()}

    assert settings.keys() <= shown.keys()
    for name, field in settings.items():
        assert shown[name] == ("" if field.is_required() else str(field.default)), name


def test_every_service_of_the_native_stack_has_a_container():
    programs = {program for service in SERVICES.values() for program in service.programs}

    assert programs <= CONTAINERS.keys()


def test_the_containers_that_have_no_native_service_only_prepare_schemas():
    programs = {program for service in SERVICES.values() for program in service.programs}

    assert CONTAINERS.keys() - programs == {"schema", "airflow-schema"}


def test_the_supervisor_knows_the_programs_of_every_service():
    parser = configparser.RawConfigParser()
    parser.read_string(SUPERVISOR_TEXT)
    programs = {name.removeprefix("program:") for name in parser.sections() if name.startswith("program:")}

    assert programs == {program for service in SERVICES.values() for program in service.programs}
    for program in programs - {"worker", "notifier", "api"}:
        assert parser[f"program:{program}"]["autorestart"] == "false", "a crash must show, not be hidden"


def test_kafka_is_the_same_version_both_ways():
    pom = (ROOT / "infra/native/kafka/pom.xml").read_text()

    assert f"<kafka.version>{image_tag('kafka')}</kafka.version>" in pom


def test_airflow_is_the_same_version_both_ways():
    version = locked_version("requirements-airflow.lock", "apache-airflow")
    dockerfile = (ROOT / "infra/docker/airflow.Dockerfile").read_text()

    assert f"FROM apache/airflow:{version}-python3" in dockerfile


def test_postgres_and_redis_are_the_same_major_version_both_ways():
    assert image_tag("postgres").endswith(f"-pg{MAJOR}")
    assert image_tag("redis").startswith("7.")


@pytest.mark.engines
def test_timescaledb_is_the_same_version_both_ways():
    with connect_postgres(load_stack().settings) as connection:
        query = "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"
        row = connection.execute(query).fetchone()

    assert row == (image_tag("postgres").partition("-")[0],)


def test_every_published_port_is_the_setting_the_native_service_listens_on():
    for service in SERVICES.values():
        published = CONTAINERS[service.programs[0]].get("ports", [])
        for setting in service.ports:
            # The controller's port is inside the broker's container and nobody else's business.
            if setting != "KAFKA_CONTROLLER_PORT":
                wanted = f"127.0.0.1:${{{setting}:-{EXAMPLE[setting]}}}:"
                assert any(port.startswith(wanted) for port in published), f"{setting} is not published"


def test_no_container_is_reachable_from_another_machine():
    ports = [port for container in CONTAINERS.values() for port in container.get("ports", [])]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_defaults_in_the_compose_file_are_those_of_the_example():
    defaults = dict(re.findall(r"\$\{(\w+):?-([^}]*)\}", COMPOSE_TEXT))

    assert {name: EXAMPLE[name] for name in defaults} == defaults


def test_the_compose_file_asks_for_every_secret_and_holds_none():
    asked = set(re.findall(r"\$\{(\w+):\?", COMPOSE_TEXT))

    # Airflow's login is read from .env inside the container, the rest is spelt out.
    assert asked == GENERATED_SECRETS.keys() - {"AIRFLOW_PASSWORD"}
    assert not re.search(r"(PASSWORD|SECRET|KEY)\w*: [^$\s]", COMPOSE_TEXT.replace("PASSWORDS_FILE", ""))


def test_our_own_containers_read_env_and_change_addresses_only():
    for name in ("worker", "notifier", "api", "schema", *(p for p in SERVICES["airflow"].programs)):
        container = CONTAINERS[name]
        own = {key for key in container["environment"] if not key.startswith("AIRFLOW__")}

        assert ".env" in container["env_file"]
        assert own <= EXAMPLE.keys()
        assert all(key.endswith(("_HOST", "_PORT", "_DIR")) for key in own)


def test_every_variable_of_the_supervisor_is_a_setting_or_made_by_the_stack():
    used = set(re.findall(r"%\(ENV_(\w+)\)s", SUPERVISOR_TEXT))
    made = {"STACK_ROOT", "STACK_LOCAL", "STACK_SOCKET", "KAFKA_JARS", "POSTGRES_COMMAND", "CLICKHOUSE_COMMAND"}

    assert used - made <= EXAMPLE.keys()
    assert made <= used


def test_airflow_has_the_same_settings_both_ways():
    stack = Stack("demo", {**EXAMPLE, **dict.fromkeys(GENERATED_SECRETS, "x")})
    native = {key for key in airflow_environment(stack) if key.startswith("AIRFLOW__")}
    shared = {line.partition("=")[0] for line in (ROOT / "infra/airflow/airflow.env").read_text().splitlines()}
    container = {key for key in CONTAINERS["airflow-scheduler"]["environment"] if key.startswith("AIRFLOW__")}

    assert native == container | {key for key in shared if key.startswith("AIRFLOW__")}


def test_the_broker_has_the_same_limits_both_ways():
    container = CONTAINERS["kafka"]["environment"]
    native = dict(
        line.split("=", 1)
        for line in (ROOT / "infra/native/kafka/server.properties").read_text().splitlines()
        if line and not line.startswith("#")
    )
    addresses = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}

    for name in native.keys() - addresses - {"listener.security.protocol.map"}:
        assert str(container[f"KAFKA_{name.upper().replace('.', '_')}"]) == native[name]


def test_a_5_mb_record_fits_through_the_broker():
    assert int(CONTAINERS["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) >= 8 * 1024 * 1024


def test_postgres_and_redis_read_the_same_configuration_both_ways():
    assert "./infra/postgres/postgresql.conf:/etc/billing/postgresql.conf:ro" in CONTAINERS["postgres"]["volumes"]
    assert "./infra/redis/redis.conf:/etc/billing/redis.conf:ro" in CONTAINERS["redis"]["volumes"]
    assert "infra/redis/redis.conf" in SUPERVISOR_TEXT
    assert "fsync = on" in (ROOT / "infra/postgres/postgresql.conf").read_text()


def test_every_container_that_stays_up_says_whether_it_is_healthy():
    staying = CONTAINERS.keys() - {"schema", "airflow-schema"}

    assert all("healthcheck" in CONTAINERS[name] for name in staying)


def test_the_data_of_every_engine_that_keeps_some_is_in_a_named_volume():
    named = COMPOSE["volumes"].keys()

    for engine in set(ENGINES) - {"redis"}:
        volumes = {volume.partition(":")[0] for volume in CONTAINERS[engine]["volumes"]}
        assert volumes & named, f"{engine} keeps its data in no named volume"


def test_the_engines_need_no_profile_and_the_rest_has_one():
    for name, container in CONTAINERS.items():
        assert ("profiles" in container) == (name not in ENGINES)


def test_the_test_instance_shares_no_database_topic_or_port_with_the_demo():
    changed = dotenv_values(ROOT / "infra/native/test.env")
    apart = {"KAFKA_TOPIC_PREFIX", "POSTGRES_DB", "REDIS_DB", "CLICKHOUSE_DB", "INVOICE_DIR"}
    apart |= {"AIRFLOW_PORT", "AIRFLOW_DB", "WORKER_PORT", "NOTIFIER_PORT", "API_PORT"}

    assert changed.keys() == apart | {"SMTP_HOST"}
    assert changed["SMTP_HOST"] == "", "tests write to nobody"
    assert all(changed[name] != EXAMPLE[name] for name in apart)


def test_the_drill_shares_no_engine_with_the_demo_because_it_kills_its_own():
    drill, demo = load_stack("drill").settings, EXAMPLE

    assert load_stack("drill").own_engines
    assert not load_stack("test").own_engines
    own = {name for name in demo if name.endswith(("_PORT", "_DB"))} - {"REDIS_DB", "SMTP_PORT"}
    assert all(drill[name] != demo[name] for name in own)
    chosen = select(instance="drill", own_engines=True, only="kafka,postgres", without=None)
    assert [service.name for service in chosen] == ["kafka", "postgres"]


def test_another_instance_runs_on_the_engines_of_the_demo():
    assert [service.name for service in select(instance="test", only=None, without=None)] == ["airflow", *OURS]
    with pytest.raises(StackError, match="uses the demo's kafka"):
        select(instance="test", only="kafka,worker", without=None)


def test_a_service_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(StackError, match="no service 'mysql': choose from kafka, postgres"):
        select(instance="demo", only="mysql", without=None)


def test_the_locks_name_no_registry_and_hash_everything():
    fewest = {"requirements-billing.lock": 50, "requirements-airflow.lock": 50, "requirements-bench.lock": 20}
    for lock, packages_min in fewest.items():
        text = (ROOT / lock).read_text()
        pinned = re.findall(r"^[a-z0-9][\w.\[\]-]*==", text, flags=re.MULTILINE)

        assert "://" not in text
        assert "--index" not in text
        assert len(pinned) > packages_min
        assert text.count("--hash=") >= len(pinned)


def test_the_lock_has_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]

    for requirement in wanted:
        assert locked_version("requirements-billing.lock", re.split(r"[\[<>=]", requirement)[0].lower())
