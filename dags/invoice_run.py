"""
# Invoice run

Makes the GST invoices of one billing month: accrues fees, checks the books, drafts, waits for a person's approval,
issues, prints.

**When.** On the 1st of each month at 18:30 IST, for the month before: it is over by then in every time zone on earth. Or
any time by *Trigger*, with a month of your choice; left empty it is last month. One run works at a time.

**What each task does**

| task | what it does |
|---|---|
| `accrue_fees` | Books recurring charges, one-time charges and commitments as far as they are due |
| `check_books` | Runs every check, compares PostgreSQL with ClickHouse, keeps the conservation certificate with the run |
| `batches` | Splits the accounts into batches |
| `draft` | Drafts one batch. An account that cannot be invoiced is left out with its reason; the others go on |
| `recompute` | Computes every charge and fee anew with the second rater; a difference of one micro stops the run |
| `review` | Adds up the drafts and lists the accounts left out |
| `approve` | **Waits for you**: open it, read the totals, choose Approve or Reject |
| `record_approval` | Writes who approved, and when, into the books |
| `issue` | Numbers the invoices without a gap, freezes them, settles postpaid wallets |
| `print_copies` | Writes the PDFs of one batch |
| `run_summary` | Says what came of it: numbers, totals, PDFs, accounts left out |

**When a task fails.** Its log ends with one sentence that says what is wrong and what to do. A task tries again by itself
only when an engine did not answer; everything else needs you first.

- `check_books`: *the books do not balance* names the check. If usage waits to be sent to ClickHouse, see that the worker
  runs, then clear the task. Anything else is an incident: nothing can be invoiced until it is understood.
- `recompute`: *the second rater comes to another number* names the first difference; `billing recompute --all` lists them.
  That is an incident: an error in prices or in the books, before anybody was billed for it. Fees that only fell behind late
  usage are accrued by the task itself. `issue` refuses a run that this task has not agreed to since it was started.
- `draft` and `issue` stop for nothing an account has wrong: repair the accounts listed and run the month again.
- `approve` asks again when it was answered within seconds of asking, before Airflow was ready: answer again.
- `issue` interrupted half-way: clear it. It goes on with the next number.
- `print_copies`: clear it. Copies that are there are left alone.

**Running again.** Always safe. Clear any task, or trigger the month anew: drafts are made again only where usage moved,
what is issued stays as it is, no number is taken twice, no PDF is written twice. A second run of a month asks for a new
approval only when accounts are still to be invoiced. Rejecting issues nothing and leaves the drafts as they are.
"""

from datetime import timedelta
from typing import Any

from _approval import approval_body
from _billing import billing, billing_month
from _defaults import default_args
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import CronTriggerTimetable, Param, dag, task

MONTH = Param(
    None,
    type=["null", "string"],
    pattern=r"^\d{4}-(0[1-9]|1[0-2])$",
    title="Billing month",
    description="YYYY-MM, for example 2026-10. Left empty: the month before the run.",
)


@task(multiple_outputs=False)
def accrue_fees() -> dict[str, Any]:
    """Book the fees that are due by now."""
    return dict(billing("fees", "accrue"))


@task
def check_books(params: dict[str, Any], dag_run: Any) -> str:
    """Check the books and open the run; returns the month."""
    month = billing_month(params["month"], dag_run.run_after)
    return str(billing("invoices", "start", "--month", month)["month"])


@task
def batches(month: str) -> list[list[str]]:
    """The options that name each batch."""
    planned = billing("invoices", "batches", "--month", month)
    return [["--month", month, "--batch", str(row["batch"]), "--of", str(row["of"])] for row in planned]


@task(max_active_tis_per_dagrun=2, multiple_outputs=False)
def draft(batch: list[str]) -> dict[str, Any]:
    """Draft one batch."""
    return dict(billing("invoices", "draft", *batch))


@task(multiple_outputs=False)
def recompute(month: str) -> dict[str, Any]:
    """Compute everything anew and compare."""
    return dict(billing("invoices", "recompute", "--month", month))


@task(multiple_outputs=False)
def review(month: str) -> dict[str, Any]:
    """What the approver reads."""
    summary = billing("invoices", "summary", "--month", month)
    drafts = sum(row["invoices"] for row in summary["drafts"])
    return {"subject": f"Issue {drafts} invoices for {month}?", "body": approval_body(summary)}


@task(multiple_outputs=False)
def record_approval(month: str, answer: dict[str, Any]) -> dict[str, Any]:
    """Keep who approved."""
    return dict(billing("invoices", "approve", "--month", month, "--by", answer["responded_by_user"]["name"]))


@task(multiple_outputs=False)
def issue(month: str) -> dict[str, Any]:
    """Issue what is approved."""
    return dict(billing("invoices", "issue", "--month", month))


@task(max_active_tis_per_dagrun=2, multiple_outputs=False)
def print_copies(batch: list[str]) -> dict[str, Any]:
    """Print one batch."""
    return dict(billing("invoices", "print", *batch))


@task(trigger_rule="none_failed", multiple_outputs=False)
def run_summary(month: str) -> dict[str, Any]:
    """Where the run stands in the end, approved or rejected."""
    return dict(billing("invoices", "summary", "--month", month))


@dag(
    dag_display_name="Invoice run",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 18 1 * *", timezone="Asia/Kolkata"),
    catchup=False,
    max_active_runs=1,
    params={"month": MONTH},
    tags=["billing", "invoices"],
    default_args=default_args(execution_timeout=timedelta(hours=1)),
)
def invoice_run() -> None:
    """The tasks of the run, in order."""
    month = check_books()
    accrue_fees() >> month
    planned = batches(month)
    reviewed = review(month)
    approve = ApprovalOperator(
        task_id="approve",
        subject="{{ ti.xcom_pull(task_ids='review')['subject'] }}",
        body="{{ ti.xcom_pull(task_ids='review')['body'] }}",
        execution_timeout=None,  # a person may take days
        retry_delay=timedelta(seconds=10),
        retry_exponential_backoff=0,
    )
    issued = issue(month)
    printed = print_copies.expand(batch=planned)
    draft.expand(batch=planned) >> recompute(month) >> reviewed >> approve
    approve >> record_approval(month, approve.output) >> issued >> printed >> run_summary(month)


invoice_run()
