"""The only reader of the environment: every setting, from the process environment and `.env` in the project's folder.

`.env.example` lists the same names with their meaning; a missing or malformed one is named in one sentence.
"""

import os
from functools import cache
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import InvalidInput

PROJECT_ROOT: Final = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Every setting of the billing processes; names in upper case are the environment variables."""

    model_config = SettingsConfigDict(env_file=PROJECT_ROOT / ".env", extra="ignore", frozen=True)

    kafka_host: str = "127.0.0.1"
    kafka_port: int = 19092
    kafka_topic_prefix: str = Field("", pattern=r"^[a-z0-9._-]*$")
    postgres_host: str = "127.0.0.1"
    postgres_port: int = 15432
    postgres_db: str = "billing"
    postgres_user: str = "billing"
    postgres_password: str
    redis_host: str = "127.0.0.1"
    redis_port: int = 16379
    redis_db: int = Field(0, ge=0)
    clickhouse_host: str = "127.0.0.1"
    clickhouse_port: int = 19000
    clickhouse_http_port: int = 18123
    clickhouse_db: str = "billing"
    clickhouse_user: str = "default"
    clickhouse_password: str = ""
    airflow_host: str = "127.0.0.1"
    airflow_port: int = 18080
    airflow_user: str = "admin"
    airflow_password: str
    worker_host: str = "127.0.0.1"
    worker_port: int = 16066
    api_host: str = "127.0.0.1"
    api_port: int = 16070
    api_token: str = ""
    notifier_host: str = "127.0.0.1"
    notifier_port: int = 16072
    smtp_host: str = ""
    smtp_port: int = 587
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    smtp_user: str = ""
    smtp_password: str = ""
    smtp_from: str = Field("billing@otpless.example", pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    webhook_private_hosts: str = ""
    invoice_dir: Path = Path(".local/invoices")
    batch_events_max: int = Field(4000, ge=1, le=50_000)
    batch_wait_seconds: float = Field(0.005, gt=0, le=5)
    future_tolerance_seconds: int = Field(3600, ge=0)
    late_limit_days: int = Field(400, ge=1)
    stall_seconds: float = Field(30, gt=1)

    @property
    def kafka_bootstrap(self) -> str:
        """host:port of the broker."""
        return f"{self.kafka_host}:{self.kafka_port}"

    @property
    def postgres_dsn(self) -> str:
        """libpq connection URI of the billing database."""
        login = f"{quote(self.postgres_user)}:{quote(self.postgres_password)}"
        return f"postgresql://{login}@{self.postgres_host}:{self.postgres_port}/{self.postgres_db}"

    @property
    def private_hosts(self) -> frozenset[str]:
        """Hosts that webhooks may reach although their addresses are not public."""
        return frozenset(host.strip() for host in self.webhook_private_hosts.split(",") if host.strip())

    @property
    def invoice_folder(self) -> Path:
        """Where invoice PDFs are written; a relative setting counts from the project's folder."""
        return PROJECT_ROOT / self.invoice_dir


@cache
def settings() -> Settings:
    """The settings of this process. Raises InvalidInput naming every missing or malformed variable."""
    try:
        return Settings()
    except ValidationError as error:
        faults = [(str(fault["loc"][0]).upper(), fault["msg"].lower()) for fault in error.errors()]
        listed = "; ".join(f"{name}: {message}" for name, message in faults)
        raise InvalidInput(
            f"settings are wrong or missing ({listed}): set them in the environment or in .env, see .env.example"
        ) from None


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a process started from here, with some variables replaced."""
    return {**os.environ, **changes}
