"""The programs the stack needs: what is missing, and installing it where this user may."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from infra.native import clickhouse, kafka, postgres
from infra.native.command import run
from infra.native.stack import Stack, StackError

JAVA_MAJOR_MIN = 17
POLICY = Path("/usr/sbin/policy-rc.d")
FONT = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")


@dataclass(frozen=True)
class Requirement:
    """Something a service needs: its name for a person, its Debian package, and whether it is here."""

    what: str
    package: str
    services: frozenset[str]
    present: Callable[[Stack], bool]


def _program(name: str) -> Callable[[Stack], bool]:
    return lambda _: shutil.which(name) is not None


def _java_is_new_enough(_: Stack) -> bool:
    if not shutil.which("java"):
        return False
    said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', said)
    return version is not None and int(version[1]) >= JAVA_MAJOR_MIN


def _maven_or_jars(stack: Stack) -> bool:
    return kafka.kafka_jars_path(stack).exists() or shutil.which("mvn") is not None


def _postgres_or_debootstrap(stack: Stack) -> bool:
    if not postgres.needs_rootfs(stack) or postgres.ROOTFS.at_hand(postgres.postgres_rootfs(stack)):
        return True
    return _program("debootstrap")(stack)


def _clickhouse_or_debootstrap(stack: Stack) -> bool:
    """A distribution that has the server installs it with apt; where none has, debootstrap gets Debian's."""
    if clickhouse.host_has_clickhouse() or clickhouse.ROOTFS.at_hand(clickhouse.clickhouse_rootfs(stack)):
        return True
    return not _apt_has(clickhouse.PROGRAM) and os.geteuid() == 0 and _program("debootstrap")(stack)


def _apt_or_debootstrap(stack: Stack) -> bool:
    return _apt_has(clickhouse.PROGRAM) or _clickhouse_or_debootstrap(stack) or _program("debootstrap")(stack)


def _apt_has(package: str) -> bool:
    found = subprocess.run(["apt-cache", "show", package], capture_output=True, check=False)
    return found.returncode == 0


def _for(*services: str) -> frozenset[str]:
    return frozenset(services)


REQUIREMENTS = (
    Requirement(f"Java {JAVA_MAJOR_MIN} or newer", "default-jre-headless", _for("kafka"), _java_is_new_enough),
    Requirement("mvn (fetches Kafka)", "maven", _for("kafka"), _maven_or_jars),
    Requirement("debootstrap (installs PostgreSQL)", "debootstrap", _for("postgres"), _postgres_or_debootstrap),
    Requirement("redis-server", "redis-server", _for("redis"), _program("redis-server")),
    Requirement("debootstrap (installs ClickHouse)", "debootstrap", _for("clickhouse"), _apt_or_debootstrap),
    Requirement("clickhouse-server", "clickhouse-server", _for("clickhouse"), _clickhouse_or_debootstrap),
    Requirement(
        "DejaVu fonts (the rupee sign)",
        "fonts-dejavu-core",
        _for("airflow", "tests"),
        lambda _: FONT.exists(),
    ),
    Requirement("pdftoppm (shows invoices)", "poppler-utils", _for("tests"), _program("pdftoppm")),
    Requirement("docker-compose (checks its file)", "docker-compose", _for("tests"), _program("docker-compose")),
)


def missing(stack: Stack, needed_by: Iterable[str]) -> list[Requirement]:
    """What the services named (or the tests) need and this machine does not have."""
    wanted = set(needed_by)
    return [need for need in REQUIREMENTS if need.services & wanted and not need.present(stack)]


def install(stack: Stack, needed_by: Iterable[str]) -> None:
    """Install what is missing with apt where this user may.

    Raises StackError naming what is missing and the command that installs it, when this user may not.
    """
    wanted = set(needed_by)
    if "postgres" in wanted:
        postgres.check_possible(stack)
    lacking = missing(stack, wanted)
    if not lacking:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _apt_install([need.package for need in lacking])
        lacking = missing(stack, wanted)
    if lacking:
        raise StackError(
            f"Missing: {', '.join(need.what for need in lacking)}. Run `apt-get install --no-install-recommends"
            f" {' '.join(dict.fromkeys(need.package for need in lacking))}` as root, then this again."
        )


def _apt_install(packages: list[str]) -> None:
    """Install Debian packages without letting Debian start the daemons in them."""
    print(f"Installing {', '.join(packages)} ...", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    # An unrelated source that is down makes `update` fail; what matters is whether the packages install.
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, capture_output=True, check=False)
    packages = [package for package in dict.fromkeys(packages) if _apt_has(package)]
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    try:
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
        run(command, doing=f"Installing {', '.join(packages)}", environment=quiet)
    finally:
        if ours:
            POLICY.unlink()
