"""ClickHouse: the host's server, else Debian bookworm's out of a root file system (later releases have none).

The server does not need root, but it needs /proc, which a chroot without mounts does not have: it is started by
bookworm's own dynamic loader, with bookworm's libraries, in the host's file system.
"""

import platform
import shlex
import shutil
from pathlib import Path

from infra.native.rootfs import RootFilesystem
from infra.native.stack import Stack, StackError
from infra.native.template import render

PROGRAM = "clickhouse-server"
ROOTFS = RootFilesystem("clickhouse-rootfs.tar", "bookworm", (PROGRAM,))


def host_has_clickhouse() -> bool:
    """Whether this machine's own server is installed."""
    return shutil.which(PROGRAM) is not None


def clickhouse_rootfs(stack: Stack) -> Path:
    """The folder the server is unpacked to where the host has none."""
    return stack.local / "clickhouse" / "rootfs"


def clickhouse_environment(stack: Stack) -> dict[str, str]:
    """How the server is started, and where infra/clickhouse/config.xml finds its folders."""
    home = stack.local / "clickhouse"
    return {
        "CLICKHOUSE_COMMAND": shlex.join(_command(stack)),
        "CLICKHOUSE_DATA": f"{home}/data/",
        "CLICKHOUSE_TMP": f"{home}/tmp/",  # noqa: S108  in the project, not in the system's folder
        "CLICKHOUSE_USERS": f"{home}/users.xml",
    }


def prepare_clickhouse(stack: Stack) -> None:
    """Unpack the server where the host has none, and write its users."""
    if not host_has_clickhouse():
        ROOTFS.unpack(clickhouse_rootfs(stack))
        if not Path(_command(stack)[0]).exists():
            raise StackError(f"ClickHouse cannot be started on {platform.machine()}: run it with docker-compose.")
    render(stack, "infra/clickhouse/users.xml", stack.local / "clickhouse" / "users.xml")


def _command(stack: Stack) -> list[str]:
    if host_has_clickhouse():
        return [PROGRAM]
    rootfs, machine = clickhouse_rootfs(stack), platform.machine()
    libraries = f"{rootfs}/usr/lib/{machine}-linux-gnu"
    # By its own name: the usual link to it is absolute and would lead to the host's loader.
    loaders = {"x86_64": "ld-linux-x86-64.so.2", "aarch64": "ld-linux-aarch64.so.1"}
    loader = f"{libraries}/{loaders.get(machine, 'no-loader-known')}"
    return [loader, "--library-path", libraries, f"{rootfs}/usr/sbin/{PROGRAM}"]
