"""What every DAG of billing has alike: the owner, and how a task is tried again."""

from datetime import timedelta
from typing import Any

from _billing import BillingRefused
from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

REFUSALS_ARE_FINAL = ExceptionRetryPolicy(
    rules=[RetryRule(exception=BillingRefused, action=RetryAction.FAIL, reason="the answer is no: see the log's last line")]
)


def default_args(*, execution_timeout: timedelta) -> dict[str, Any]:
    """A task tries again by itself when an engine did not answer, and never when the answer is no."""
    return {
        "owner": "finance",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=10),
        "retry_policy": REFUSALS_ARE_FINAL,
        "execution_timeout": execution_timeout,
    }
