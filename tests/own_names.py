"""The settings of the test instance, and what differs in them between processes that run tests at the same time."""

from collections.abc import Mapping
from typing import Final

from dotenv import dotenv_values

from connectors.settings import PROJECT_ROOT

_FIRST_FREE_REDIS_DB: Final = 12
"""Numbers below it are of the demo, the first process, the measurements and the installations that tests make."""


def own_names(process: str) -> Mapping[str, str]:
    """The variables for a process that pytest-xdist calls `gw0`, `gw1` and so on, or "" when it is the only one."""
    names = {name: value or "" for name, value in dotenv_values(PROJECT_ROOT / "infra/native/test.env").items()}
    number = int(process.removeprefix("gw") or 0)
    if number == 0:
        return names
    return {
        **names,
        "KAFKA_TOPIC_PREFIX": f"test{number}.",
        "POSTGRES_DB": f"{names['POSTGRES_DB']}_{number}",
        "REDIS_DB": str(_FIRST_FREE_REDIS_DB + number - 1),
        "CLICKHOUSE_DB": f"{names['CLICKHOUSE_DB']}_{number}",
        "INVOICE_DIR": f".local/test/invoices-{number}",
    }
