"""One instance of the stack: its settings, its folders and the environment its processes get.

Settings come from .env, then the shell's environment, then the instance's own file (infra/native/test.env), then what is
changed for one start: a later one wins. The demo instance lives in .local/, another one in .local/NAME/. An instance whose
file names every engine's port has engines of its own (infra/native/drill.env); one whose file does not uses the demo's.
"""

import base64
import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parents[2]
DEMO = "demo"
ENGINE_PORTS = {
    "KAFKA_PORT", "KAFKA_CONTROLLER_PORT", "POSTGRES_PORT", "REDIS_PORT", "CLICKHOUSE_PORT", "CLICKHOUSE_HTTP_PORT",
}  # fmt: skip
SOCKET_PATH_BYTES_MAX = 100  # the kernel allows 107; the supervisor adds a suffix while it binds

GENERATED_SECRETS = {
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(16),
    "AIRFLOW_PASSWORD": lambda: secrets.token_hex(8),
    "AIRFLOW_SECRET_KEY": lambda: secrets.token_hex(32),
    "AIRFLOW_JWT_SECRET": lambda: secrets.token_hex(32),
    "AIRFLOW_FERNET_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
}


class StackError(Exception):
    """One sentence for the person at the terminal: what is wrong, and what to do about it."""


@dataclass(frozen=True)
class Stack:
    """An instance: `settings` has the names of .env.example, `local` its data, logs and rendered files."""

    name: str
    settings: Mapping[str, str]
    root: Path = ROOT
    local: Path = field(default=ROOT / ".local")
    own_engines: bool = True
    """Whether it has engines of its own; otherwise it uses the demo's."""

    @property
    def logs(self) -> Path:
        """The folder with one log file for each process."""
        return self.local / "logs"

    @property
    def socket(self) -> Path:
        """The supervisor's control socket: in the temporary folder when the project's path is too long."""
        path = self.local / "supervisor.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
            return path
        key = hashlib.sha256(os.fsencode(self.local)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"otpless-billing-{os.getuid()}-{key}.sock"

    @property
    def airflow_url(self) -> str:
        """Where Airflow's pages and API are."""
        return f"http://{self.settings['AIRFLOW_HOST']}:{self.settings['AIRFLOW_PORT']}"

    def environment(self) -> dict[str, str]:
        """The environment of every process of this instance."""
        return {
            **os.environ,
            **self.settings,
            **airflow_environment(self),
            "STACK_ROOT": str(self.root),
            "STACK_LOCAL": str(self.local),
            "STACK_SOCKET": str(self.socket),
        }


def airflow_environment(stack: Stack) -> dict[str, str]:
    """Airflow's own settings, from infra/airflow/airflow.env and from the stack's addresses and secrets."""
    s = stack.settings
    home = stack.local / "airflow"
    database = (
        f"postgresql+psycopg2://{s['POSTGRES_USER']}:{s['POSTGRES_PASSWORD']}"
        f"@{s['POSTGRES_HOST']}:{s['POSTGRES_PORT']}/{s['AIRFLOW_DB']}"
    )
    return {
        **_read_env_file(stack.root / "infra" / "airflow" / "airflow.env"),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(stack.root / "dags"),
        "AIRFLOW__CORE__FERNET_KEY": s["AIRFLOW_FERNET_KEY"],
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{s['AIRFLOW_USER']}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
        # Tasks report to this address; with another port than Airflow's own they fail without a log.
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{stack.airflow_url}/execution/",
        "AIRFLOW__API__BASE_URL": stack.airflow_url,
        "AIRFLOW__API__SECRET_KEY": s["AIRFLOW_SECRET_KEY"],
        "AIRFLOW__API_AUTH__JWT_SECRET": s["AIRFLOW_JWT_SECRET"],
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
    }


def load_stack(name: str = DEMO, *, root: Path = ROOT, changed: Mapping[str, str] | None = None) -> Stack:
    """Read the settings of an instance, making .env first where there is none; `changed` ones have the last word.

    Raises StackError when the instance or a changed setting is unknown, or a setting has no value.
    """
    changed = changed or {}
    overrides: dict[str, str] = {}
    if name != DEMO:
        path = root / "infra" / "native" / f"{name}.env"
        if not path.exists():
            raise StackError(f"There is no instance {name!r}: make {path.relative_to(root)} with what it changes.")
        overrides = _read_env_file(path)
    written = write_env_file(root)
    if unknown := sorted(changed.keys() - written.keys()):
        raise StackError(f"There is no setting {', '.join(unknown)}: .env.example lists them.")
    shell = {key: os.environ[key] for key in written if key in os.environ}
    local = root / ".local" if name == DEMO else root / ".local" / name
    own_engines = name == DEMO or overrides.keys() >= ENGINE_PORTS
    settings = {**written, **shell, **overrides, **changed}
    return Stack(name=name, settings=settings, root=root, local=local, own_engines=own_engines)


def write_env_file(root: Path) -> dict[str, str]:
    """Make .env from .env.example with fresh secrets; add to an older .env the names it lacks, saying which.

    Values that are already there are never touched. Returns the settings the file now holds.
    """
    example, target = root / ".env.example", root / ".env"
    names = _read_env_file(example)
    if not target.exists():
        lines = [_with_secret(line) for line in example.read_text().splitlines()]
        _write_private(target, "\n".join(lines) + "\n")
        print("Made .env from .env.example, with new secrets.")
    present = _read_env_file(target)
    added = [name for name in names if name not in present]
    if added:
        more = [_with_secret(f"{name}={names[name]}") for name in added]
        _write_private(target, target.read_text().rstrip("\n") + "\n" + "\n".join(more) + "\n")
        print(f"Added to .env what .env.example has gained: {', '.join(added)}.")
    settings = {**names, **_read_env_file(target)}
    for name in GENERATED_SECRETS:
        if not settings[name]:
            raise StackError(f"{name} is empty in .env: give it a value, or delete the line and a new one is made.")
    return settings


def _with_secret(line: str) -> str:
    name, _, value = line.partition("=")
    return f"{name}={GENERATED_SECRETS[name]()}" if name in GENERATED_SECRETS and not value else line


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)


def _read_env_file(path: Path) -> dict[str, str]:
    return {key: value or "" for key, value in dotenv_values(path, interpolate=False).items()}
