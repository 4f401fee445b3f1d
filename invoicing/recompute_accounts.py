"""Compute accounts' charges of a month anew, from raw events, and compare them with the books to the micro."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from domain.errors import BooksDoNotBalance
from domain.period import BillingMonth
from invoicing.recompute.adjusting import adjust
from invoicing.recompute.compare import Difference, differences
from invoicing.recompute.evidence import AccountFacts, Evidence, EvidenceRoom
from invoicing.recompute.positions import period_start, recompute_totals
from invoicing.recompute.spans import Slots, slots_for


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, and where the two raters differ."""

    month: BillingMonth

    accounts: int
    events: int
    totals: int
    amount_micros: dict[str, int]
    """What the totals came to by the second rater, by currency."""
    differences: tuple[Difference, ...]
    accounts_by_id: Mapping[int, str]
    charges_by_id: Mapping[int, str]
    """ "otp-india v1, otp" by charge."""

    def rows(self) -> list[dict[str, Any]]:
        """The differences as a person or a program reads them."""
        return [
            {
                "account": self.accounts_by_id.get(difference.account_id, str(difference.account_id)),
                "month": f"{difference.month:%Y-%m}",
                "charge": self.charges_by_id.get(difference.charge_id, f"charge {difference.charge_id}"),
                "price": difference.cell,
                "of": difference.of,
                "what": difference.what,
                "recomputed": difference.recomputed,
                "booked": difference.booked,
            }
            for difference in self.differences
        ]


def recompute_accounts(month: BillingMonth, codes: Sequence[str] | None, *, room: EvidenceRoom) -> Comparison:
    """Compute the totals of some accounts, or all, anew, and of the whole periods and trees their prices reach over.

    Raises NotFound for an account there is not.
    """
    with room.open() as evidence:
        chosen = evidence.accounts(codes)
        accounts, months, slots = _reach(chosen, date(month.year, month.month, 1), evidence)
        telling = slots.telling()
        with evidence.usage(slots.slots, telling) as usage:
            recomputed = recompute_totals(usage, slots.legend, [told.property for told in telling])
        booked = evidence.booked(accounts, months)
    adjust(recomputed, booked.totals)
    currencies = {account.account_id: account.currency for account in accounts}
    sums: dict[str, int] = {}
    for key, total in booked.totals.items():
        sums[currencies[key.account_id]] = sums.get(currencies[key.account_id], 0) + total.amount_micros
    return Comparison(
        month,
        accounts=len(chosen),
        events=sum(total.events for total in recomputed.totals.values()),
        totals=len(recomputed.totals),
        amount_micros=sums,
        differences=tuple(differences(recomputed, booked)),
        accounts_by_id={account.account_id: account.code for account in accounts},
        charges_by_id={
            charge.charge_id: f"{charge.owner}, {charge.code}"
            for account in accounts
            for plan in account.plans
            for charge in plan.charges
        },
    )


def require_agreement(comparison: Comparison) -> None:
    """Raises BooksDoNotBalance naming the first difference."""
    rows = comparison.rows()
    if not rows:
        return
    first = rows[0]
    where = f"{first['account']}, {first['month']}, {first['charge']}, price {first['price']!r}"
    numbers = f"{first['what']} {first['recomputed']} recomputed, {first['booked']} booked"
    others = f" (and {len(rows) - 1:,} more differences)" if len(rows) > 1 else ""
    raise BooksDoNotBalance(
        f"the second rater comes to another number for the {first['of']} of {where}: {numbers}{others}",
        differences=len(rows),
    )


def _reach(
    chosen: Sequence[AccountFacts], month: date, evidence: Evidence
) -> tuple[Sequence[AccountFacts], Sequence[date], Slots]:
    """The accounts and months that have to be looked at together: those whose usage moves the same prices."""
    meters = evidence.meters()
    slots = slots_for(chosen, [month], meters)
    accounts = chosen
    if "account_tree" in slots.sharings():
        accounts = evidence.trees(sorted({account.tree_id for account in chosen}))
        slots = slots_for(accounts, [month], meters)
    resets = slots.resets() - {"month"}
    months = [
        other
        for other in evidence.months()
        if other == month or any(period_start(reset, other) == period_start(reset, month) for reset in resets)
    ]
    return accounts, months, slots if months in ([], [month]) else slots_for(accounts, months, meters)
