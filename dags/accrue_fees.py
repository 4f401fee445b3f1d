"""
# Fees

Books recurring charges, one-time charges and commitments on the day they fall due, and takes them from the wallets: a
prepaid balance is right every morning, not only after the invoice run.

**When.** Every day at 00:20 IST, when the day has begun in every zone from India to Japan; accounts further west follow on
the next day, or with the invoice run, which begins with the same step. Or any time by *Trigger*.

**What each task does**

| task | what it does |
|---|---|
| `accrue_fees` | Books what every fee should come to by now, less what was booked of it |

**When a task fails.** Its log ends with one sentence that says what is wrong and what to do. It tries again by itself only
when an engine did not answer; whole accounts are booked or not at all, so it goes on where it was.

**Running again.** Always safe: what is booked already makes no difference. To see what it would book:
`billing fees accrue --preview`.
"""

from datetime import timedelta
from typing import Any

from _billing import BillingRefused, billing
from airflow.sdk import CronTriggerTimetable, ExceptionRetryPolicy, RetryAction, RetryRule, dag, task

REFUSALS_ARE_FINAL = ExceptionRetryPolicy(
    rules=[RetryRule(exception=BillingRefused, action=RetryAction.FAIL, reason="the answer is no: see the log's last line")]
)


@task(task_id="accrue_fees", multiple_outputs=False)
def accrue() -> dict[str, Any]:
    """Book the fees that are due by now."""
    return dict(billing("fees", "accrue"))


@dag(
    dag_display_name="Fees",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("20 0 * * *", timezone="Asia/Kolkata"),
    catchup=False,
    max_active_runs=1,
    tags=["billing", "fees"],
    default_args={
        "owner": "finance",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": REFUSALS_ARE_FINAL,
        "execution_timeout": timedelta(hours=1),
    },
)
def accrue_fees() -> None:
    """One task."""
    accrue()


accrue_fees()
