"""# Expire credits

Takes what is left of credit whose day has come out of the wallets.

**When.** Every hour at five past. Usage is kept from such credit to the second whether or not this has run; the hour is
only how long a balance may still show it.

| task | what it does |
|---|---|
| `expire` | books the expiry of every lot that is due, each once, and tells Redis |

**When a task fails.** *An engine does not answer*: it is tried again by itself. Anything else is in the task's last line.

**Running again.** Always safe: a lot that has expired is empty.
"""

from datetime import timedelta
from typing import Any

from _billing import billing
from _defaults import default_args
from airflow.sdk import CronTriggerTimetable, dag, task


@task(multiple_outputs=False)
def expire() -> dict[str, Any]:
    """Expire what is due."""
    return dict(billing("wallets", "expire"))


@dag(
    dag_display_name="Expire credits",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("5 * * * *", timezone="Asia/Kolkata"),
    catchup=False,
    max_active_runs=1,
    tags=["billing", "wallets"],
    default_args=default_args(execution_timeout=timedelta(minutes=30)),
)
def expire_credits() -> None:
    """One task."""
    expire()


expire_credits()
