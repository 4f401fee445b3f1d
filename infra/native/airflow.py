"""Airflow's home: the password file of its login and its metadata schema."""

import hashlib
import json

from infra.native.command import run
from infra.native.probes import connect_postgres
from infra.native.stack import Stack


def prepare_airflow(stack: Stack) -> None:
    """Write the login of .env into the file that Airflow's simple auth manager reads."""
    home = stack.local / "airflow"
    home.mkdir(parents=True, exist_ok=True)
    passwords = home / "passwords.json"
    passwords.touch(mode=0o600)
    passwords.write_text(json.dumps({stack.settings["AIRFLOW_USER"]: stack.settings["AIRFLOW_PASSWORD"]}))


def migrate_airflow(stack: Stack) -> None:
    """Bring the metadata database to Airflow's schema.

    Starting Airflow only to learn that there is nothing to do takes ten seconds, so the revision that this
    lock file led to is remembered and compared with the database's.
    """
    lock = hashlib.sha256((stack.root / "requirements-airflow.lock").read_bytes()).hexdigest()
    note = stack.local / "airflow" / "migrated.json"
    if note.exists() and json.loads(note.read_text()) == {"lock": lock, "revision": _revision(stack)}:
        return
    airflow = stack.root / ".venv-airflow" / "bin" / "airflow"
    run([airflow, "db", "migrate"], doing="Migrating Airflow's database", environment=stack.environment())
    note.write_text(json.dumps({"lock": lock, "revision": _revision(stack)}))


def _revision(stack: Stack) -> str | None:
    with connect_postgres(stack.settings, database=stack.settings["AIRFLOW_DB"]) as connection:
        if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None
