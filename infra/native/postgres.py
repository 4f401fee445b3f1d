"""PostgreSQL 17 with TimescaleDB: the host's own, or Debian trixie's in a root file system of its own.

Debian bookworm has no TimescaleDB, so trixie's packages are installed with debootstrap into a folder, and the
server runs there under chroot. PostgreSQL refuses to run as root, so root hands it to the user postgres.
"""

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.native.command import run
from infra.native.rootfs import RootFilesystem
from infra.native.stack import Stack, StackError

MAJOR = "17"
PACKAGES = (f"postgresql-{MAJOR}", f"postgresql-{MAJOR}-timescaledb")
ROOTFS = RootFilesystem("postgres-rootfs.tar", "trixie", PACKAGES)
BIN = f"/usr/lib/postgresql/{MAJOR}/bin"
HOST_FILES = (f"{BIN}/postgres", f"/usr/share/postgresql/{MAJOR}/extension/timescaledb.control")


@dataclass(frozen=True)
class Server:
    """Where the server lives.

    A program is run there with `enter` before it, and as the user postgres with `become` after that. `home`
    is the server's folder as it sees it, `outside` the same folder as this program sees it.
    """

    enter: tuple[str, ...]
    become: tuple[str, ...]
    home: str
    outside: Path

    @property
    def command(self) -> str:
        """The server's command line, without address and port."""
        words = [*self.enter, *self.become, f"{BIN}/postgres", "-D", f"{self.home}/data"]
        files = ["-c", f"config_file={self.home}/postgresql.conf", "-c", f"hba_file={self.home}/pg_hba.conf"]
        return shlex.join([*words, *files])


def host_has_postgres() -> bool:
    """Whether this machine's own PostgreSQL 17 and TimescaleDB are installed."""
    return all(Path(file).exists() for file in HOST_FILES)


def needs_rootfs(stack: Stack) -> bool:
    """Whether the server has to come from a root file system of its own.

    True also for root on a machine with the packages, when the user postgres cannot reach the project.
    """
    return not host_has_postgres() or (os.geteuid() == 0 and not _others_may_enter(stack.local))


def check_possible(stack: Stack) -> None:
    """Raises StackError when this user can run PostgreSQL neither from the host nor under chroot."""
    if needs_rootfs(stack) and os.geteuid() != 0:
        raise StackError(
            f"PostgreSQL {MAJOR} with TimescaleDB is not installed, and only root can run it in a folder: "
            f"install {' and '.join(PACKAGES)}, or run make as root, or use docker-compose, or point "
            "POSTGRES_HOST and POSTGRES_PORT in .env at a server and run `make up ARGS='--without postgres'`."
        )


def postgres_rootfs(stack: Stack) -> Path:
    """The folder the server is unpacked to where the host's cannot be used."""
    return stack.local / "postgres" / "rootfs"


def postgres_server(stack: Stack) -> Server:
    """How to run the server of this instance."""
    home = stack.local / "postgres"
    become = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups") if os.geteuid() == 0 else ()
    if needs_rootfs(stack):
        rootfs, inside = postgres_rootfs(stack), "/var/lib/postgresql/billing"
        return Server(("chroot", str(rootfs)), become, inside, rootfs / inside[1:])
    return Server((), become, str(home), home)


def prepare_postgres(stack: Stack) -> None:
    """Unpack the root file system and make the data folder if they are missing; write the configuration."""
    if needs_rootfs(stack):
        ROOTFS.unpack(postgres_rootfs(stack))
    server = postgres_server(stack)
    server.outside.mkdir(parents=True, exist_ok=True)
    for name in ("postgresql.conf", "pg_hba.conf"):
        shutil.copyfile(stack.root / "infra" / "postgres" / name, server.outside / name)
    if not (server.outside / "data" / "PG_VERSION").exists():
        _make_data_folder(stack, server)


def _others_may_enter(folder: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in [folder, *folder.parents] if parent.exists())


def _make_data_folder(stack: Stack, server: Server) -> None:
    """Run initdb with the settings' user as owner of everything, as the container image does."""
    password = server.outside / "password"
    password.touch(mode=0o600)
    password.write_text(stack.settings["POSTGRES_PASSWORD"])
    try:
        if server.become:
            owner = [*server.enter, "chown", "postgres:postgres", server.home, f"{server.home}/password"]
            run(owner, doing="Giving PostgreSQL its folder")
        run(
            [*server.enter, *server.become, f"{BIN}/initdb", "-D", f"{server.home}/data", "--encoding=UTF8",
             "--locale-provider=builtin", "--locale=C.UTF-8", "--auth=scram-sha-256",
             f"--username={stack.settings['POSTGRES_USER']}", f"--pwfile={server.home}/password"],
            doing="Making PostgreSQL's data folder",
            environment={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
    finally:
        password.unlink()
