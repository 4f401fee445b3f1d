"""What a person reads before approving a month's invoices, in Markdown, from the summary of the run."""

from collections.abc import Mapping, Sequence
from typing import Any

FAILURES_SHOWN = 30


def approval_body(summary: Mapping[str, Any]) -> str:
    """Totals of each currency, late usage, and the accounts left out with what has to be repaired."""
    parts = [_totals(summary["drafts"])]
    if summary["issued"]:
        count = sum(row["invoices"] for row in summary["issued"])
        parts.append(
            f"Issued already: {count} ({summary['first_number']} to {summary['last_number']}); they stay as they are."
        )
    if summary["late_lines"]:
        parts.append(f"Lines for usage of earlier months that arrived late: {summary['late_lines']}.")
    parts.append(_failures(summary["failures"]))
    parts.append(
        "**Approve** issues the drafts: each gets its number and can never be changed again. **Reject** leaves them drafts."
    )
    return "\n\n".join(parts)


def _totals(drafts: Sequence[Mapping[str, Any]]) -> str:
    if not drafts:
        return "There are no drafts: nothing will be issued."
    head = "| currency | drafts | before tax | tax | total | settled from wallets |\n|---|---:|---:|---:|---:|---:|"
    amounts = ("subtotal", "tax", "total", "prepaid")
    rows = (
        f"| {row['currency']} | {row['invoices']} | " + " | ".join(row[name] for name in amounts) + " |" for row in drafts
    )
    return "\n".join([head, *rows])


def _failures(failures: Sequence[Mapping[str, Any]]) -> str:
    if not failures:
        return "Every account with something due has a draft."
    listed = [f"- `{failure['account']}`: {failure['reason']}" for failure in failures[:FAILURES_SHOWN]]
    if len(failures) > FAILURES_SHOWN:
        listed.append(f"- and {len(failures) - FAILURES_SHOWN} more: `billing invoices summary --month ...` lists them")
    return f"**{len(failures)} accounts are left out** until they are repaired:\n\n" + "\n".join(listed)
