"""Recompute an invoice run: the second rater over all its accounts, before a person approves it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from domain.period import BillingMonth
from invoicing.approve_run import started_run
from invoicing.invoice_ports import InvoiceRuns
from invoicing.recompute.evidence import EvidenceRoom
from invoicing.recompute_accounts import Comparison, recompute_accounts
from invoicing.second_rater_gate import RESULT
from invoicing.start_run import ACTOR

Accrue = Callable[[Sequence[str]], object]
"""Books what the fees of some accounts, by code, come to by now."""
_DIFFERENCES_KEPT: Final = 100


def recompute_run(
    month: BillingMonth, *, room: EvidenceRoom, runs: InvoiceRuns, accrue: Accrue, now: datetime
) -> Comparison:
    """Compute the month's charges anew and keep the result with the run, whatever it is.

    Fees follow usage and subscriptions only when they are accrued: accounts with one that differs are accrued, and looked
    at again. Only what differs even then is a difference. Raises NotFound when no run was started.
    """
    started_run(month, runs=runs)
    found = recompute_accounts(month, None, room=room, now=now)
    behind = sorted({found.accounts_by_id[one.account_id] for one in found.differences if one.of == "fee"})
    if behind:
        accrue(behind)
        again = recompute_accounts(month, behind, room=room, now=now)
        others = [one for one in found.differences if found.accounts_by_id[one.account_id] not in behind]
        found = replace(found, differences=tuple(dict.fromkeys((*others, *again.differences))))
    run = started_run(month, runs=runs)
    certificate = {**run.certificate, RESULT: _facts(found, now)}
    runs.save(replace(run, certificate=certificate), actor=ACTOR, now=now, action="invoice_run.recomputed")
    return found


def _facts(found: Comparison, now: datetime) -> dict[str, Any]:
    return {
        "recomputed_at": now.isoformat(),
        "agrees": not found.differences,
        "accounts": found.accounts,
        "events": found.events,
        "totals": found.totals,
        "amount_micros": dict(found.amount_micros),
        "fees": found.fees,
        "fees_micros": dict(found.fees_micros),
        "differences": found.rows()[:_DIFFERENCES_KEPT],
    }
