"""# Sweep the cache

Compares every balance, standing and reservation in Redis with the books, and puts right what differs.

**When.** Every hour at twenty-five past. Redis is told of every change at once, so this finds nothing unless something died
at a bad moment: what it finds is worth a look at the logs of that hour.

| task | what it does |
|---|---|
| `sweep` | compares all wallets with Redis, tells Redis what differs, and says how many that were |

**When a task fails.** *An engine does not answer*: it is tried again by itself. *Ended with 1*: Redis held something that
cannot come from the books (`ahead` or `different` in the line above); it was put right, but find out who else writes there.

**Running again.** Always safe, also under load: an older version never replaces a newer one.
"""

from datetime import timedelta
from typing import Any

from _billing import billing
from _defaults import default_args
from airflow.sdk import CronTriggerTimetable, dag, task


@task(multiple_outputs=False)
def sweep() -> dict[str, Any]:
    """Compare and put right."""
    return dict(billing("wallets", "sweep-cache"))


@dag(
    dag_display_name="Sweep the cache",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("25 * * * *", timezone="Asia/Kolkata"),
    catchup=False,
    max_active_runs=1,
    tags=["billing", "wallets"],
    default_args=default_args(execution_timeout=timedelta(minutes=30)),
)
def sweep_cache() -> None:
    """One task."""
    sweep()


sweep_cache()
