"""docker-compose.yml, as Debian's docker-compose reads it; it needs no engine for that."""

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from infra.native.stack import ROOT, write_env_file

pytestmark = pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="docker-compose is missing: `make install` installs it"
)
EVERYTHING = ("--profile", "airflow", "--profile", "worker")


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    shutil.copy(ROOT / ".env.example", tmp_path)
    (tmp_path / "infra/airflow").mkdir(parents=True)
    shutil.copy(ROOT / "infra/airflow/airflow.env", tmp_path / "infra/airflow")
    write_env_file(tmp_path)
    return tmp_path


def compose(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker-compose", *words], cwd=project, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )


def test_the_file_is_valid_with_every_profile(project: Path):
    done = compose(project, *EVERYTHING, "config")

    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["services"].keys() >= {"kafka", "postgres", "worker", "airflow-scheduler"}


def test_a_port_in_env_is_the_port_that_is_published(project: Path):
    with (project / ".env").open("a") as env:
        env.write("REDIS_PORT=26379\n")

    done = compose(project, "config")

    assert "127.0.0.1:26379:6379" in done.stdout


def test_a_missing_secret_stops_it_with_a_sentence(project: Path):
    with (project / ".env").open("a") as env:
        env.write("POSTGRES_PASSWORD=\n")

    done = compose(project, "config")

    assert done.returncode != 0
    assert "give it a value in .env" in done.stderr


def test_the_files_that_containers_mount_and_build_from_exist():
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"].values()
    mounted = [
        volume.partition(":")[0] for service in services for volume in service.get("volumes", []) if volume.startswith("./")
    ]
    built = [service["build"]["dockerfile"] for service in services if "build" in service]

    assert mounted
    assert built
    assert all((ROOT / path).is_file() for path in [*mounted, *built])


def test_images_are_built_from_what_is_named_and_never_from_env():
    for dockerfile in (ROOT / "infra/docker").glob("*.Dockerfile"):
        copied = [
            word
            for line in dockerfile.read_text().splitlines()
            if line.startswith("COPY ")
            for word in line.split()[1:-1]
            if not word.startswith("--")
        ]

        assert copied
        assert all((ROOT / path).exists() for path in copied)
        assert not {".", ".env"} & set(copied)
    assert ".env" in (ROOT / ".dockerignore").read_text().splitlines()
