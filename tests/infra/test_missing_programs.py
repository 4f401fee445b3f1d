"""A missing program is named with the package that has it, and installed only by who may."""

import os
import shlex
from pathlib import Path

import pytest

from infra.native import clickhouse, postgres
from infra.native import install as installation
from infra.native.stack import StackError
from tests.infra.stacks import a_stack

SERVICES_AND_TESTS = ["kafka", "redis", "clickhouse", "airflow", "tests"]


@pytest.fixture(name="bare_machine")
def _bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing on PATH, nothing cached, nothing unpacked, and not root."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(installation.shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(installation, "FONT", tmp_path / "no-font")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    return tmp_path


def test_every_missing_program_is_named_with_the_command_that_installs_it(bare_machine: Path):
    with pytest.raises(StackError) as refusal:
        installation.install(a_stack(bare_machine), SERVICES_AND_TESTS)

    sentence = str(refusal.value)
    for what in ("Java 17", "mvn", "redis-server", "clickhouse-server", "DejaVu", "pdftoppm", "docker-compose"):
        assert what in sentence
    assert "apt-get install --no-install-recommends default-jre-headless maven redis-server" in sentence


def test_only_what_the_chosen_services_need_is_asked_for(bare_machine: Path):
    lacking = installation.missing(a_stack(bare_machine), ["redis"])

    assert [need.package for need in lacking] == ["redis-server"]


def test_jars_in_the_cache_make_maven_needless(bare_machine: Path):
    stack = a_stack(bare_machine)
    installation.kafka.kafka_jars_path(stack).mkdir(parents=True)

    assert "maven" not in {need.package for need in installation.missing(stack, ["kafka"])}


def test_without_root_and_without_the_packages_postgres_gets_a_sentence_with_the_ways_out(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(postgres, "host_has_postgres", lambda: False)

    with pytest.raises(StackError) as refusal:
        installation.install(a_stack(bare_machine), ["postgres"])

    for way_out in ("postgresql-17-timescaledb", "as root", "docker-compose", "POSTGRES_HOST"):
        assert way_out in str(refusal.value)


def test_with_the_packages_an_ordinary_user_runs_postgres_directly(bare_machine: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(postgres, "host_has_postgres", lambda: True)
    stack = a_stack(bare_machine)

    installation.install(stack, ["postgres"])

    assert postgres.postgres_server(stack).command.startswith("/usr/lib/postgresql/17/bin/postgres -D ")


def test_root_hands_postgres_to_the_user_postgres(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    assert "setpriv --reuid=postgres" in postgres.postgres_server(a_stack(tmp_path)).command


def test_where_no_package_exists_clickhouse_runs_out_of_its_folder_with_its_own_libraries(
    bare_machine: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clickhouse.platform, "machine", lambda: "x86_64")
    rootfs = clickhouse.clickhouse_rootfs(a_stack(bare_machine))

    loader, option, libraries, server = shlex.split(
        clickhouse.clickhouse_environment(a_stack(bare_machine))["CLICKHOUSE_COMMAND"]
    )

    assert (option, libraries) == ("--library-path", f"{rootfs}/usr/lib/x86_64-linux-gnu")
    assert loader == f"{libraries}/ld-linux-x86-64.so.2"
    assert server == f"{rootfs}/usr/sbin/clickhouse-server"


def test_an_unpacked_folder_makes_debootstrap_needless(bare_machine: Path):
    stack = a_stack(bare_machine)
    clickhouse.clickhouse_rootfs(stack).mkdir(parents=True)

    assert installation.missing(stack, ["clickhouse"]) == []
