"""Compute accounts' charges of a month anew, from raw events, and compare them with the books to the micro."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any

from domain.errors import BooksDoNotBalance
from domain.period import BillingMonth
from invoicing.recompute.adjusting import adjust
from invoicing.recompute.compare import Difference, differences
from invoicing.recompute.counted import Counted, amounts, committed, months_counted
from invoicing.recompute.evidence import AccountFacts, Booked, Evidence, EvidenceRoom
from invoicing.recompute.fee_spans import has_fees
from invoicing.recompute.fees import fees_of_month
from invoicing.recompute.positions import Recomputed, Running, TotalKey, period_start, recompute_totals
from invoicing.recompute.spans import Slots, TermsReader, slots_for
from invoicing.recompute.unused import unused_months


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was compared, and where the two raters differ."""

    month: BillingMonth

    accounts: int
    events: int
    totals: int
    amount_micros: dict[str, int]
    """What usage and adjustments came to as booked, by currency."""
    fees: int
    """How many running totals of fees."""
    fees_micros: dict[str, int]
    """What those came to by the second rater, by currency."""
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


def recompute_accounts(month: BillingMonth, codes: Sequence[str] | None, *, room: EvidenceRoom, now: datetime) -> Comparison:
    """Compute the totals of some accounts, or all, anew, and of the whole periods and trees their prices reach over.

    Fees are those that fell due by now and are on the invoice of the month. Raises NotFound for an account there is not.
    """
    first_day = date(month.year, month.month, 1)
    with room.open() as evidence:
        chosen = evidence.accounts(codes)
        accounts, months, slots = _reach(chosen, first_day, evidence, now=now)
        telling = slots.telling()
        with evidence.usage(slots.slots, telling) as usage:
            names = [told.property for told in telling]
            recomputed = recompute_totals(usage, slots.legend, names, unused=slots.unused)
        booked = evidence.booked(accounts, months)
        adjust(recomputed, booked.totals)
        booked = _only_of(booked, chosen, first_day)
        counted = _counted(recomputed, booked, (chosen, months), first_day, evidence)
        charges = evidence.charges()
    for account in filter(has_fees, chosen):
        spent = partial(counted.spent, account.account_id)
        recomputed.fees.update(fees_of_month(account, first_day, now=now, spent=spent))
    currencies = {account.account_id: account.currency for account in accounts}
    return Comparison(
        month,
        accounts=len(chosen),
        events=sum(total.events for total in recomputed.totals.values()),
        totals=len(recomputed.totals),
        amount_micros=_by_currency(booked.totals, currencies),
        fees=len(recomputed.fees),
        fees_micros=_by_currency(recomputed.fees, currencies),
        differences=tuple(differences(recomputed, booked)),
        accounts_by_id={account.account_id: account.code for account in accounts},
        charges_by_id={charge_id: f"{charge.owner}, {charge.code}" for charge_id, charge in charges.items()},
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
    if any(row["of"] == "fee" for row in rows):
        others += ": what is due and not accrued yet is no error, `billing fees accrue` books it; then compute anew"
    raise BooksDoNotBalance(
        f"the second rater comes to another number for the {first['of']} of {where}: {numbers}{others}",
        differences=len(rows),
    )


def _only_of(booked: Booked, chosen: Sequence[AccountFacts], month: date) -> Booked:
    """Without the fees of other accounts and months, which are not computed anew."""
    ids = {account.account_id for account in chosen}
    fees = {key: total for key, total in booked.fees.items() if key.account_id in ids and key.service_month == month}
    return booked._replace(fees=fees)


def _counted(
    recomputed: Recomputed,
    booked: Booked,
    reached: tuple[Sequence[AccountFacts], Sequence[date]],
    month: date,
    evidence: Evidence,
) -> Counted:
    """Usage as commitments count it: of months computed anew as they came out, of others as it is booked."""
    chosen, months = reached
    counted = Counted(evidence.charges())
    those = committed(chosen)
    if those:
        counted.add(amounts(recomputed, booked))
        others = sorted(months_counted(those, month) - set(months))
        earlier = evidence.booked(those, others).totals if others else {}
        counted.add((key, total.amount_micros) for key, total in earlier.items())
    return counted


def _by_currency(totals: Mapping[TotalKey, Running], currencies: Mapping[int, str]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for key, total in totals.items():
        sums[currencies[key.account_id]] = sums.get(currencies[key.account_id], 0) + total.amount_micros
    return sums


def _reach(
    chosen: Sequence[AccountFacts], month: date, evidence: Evidence, *, now: datetime
) -> tuple[Sequence[AccountFacts], Sequence[date], Slots]:
    """The accounts and months that have to be looked at together: those whose usage moves the same prices.

    A month that is reached may have prices of its own that reach further, when a contract or another plan was in force then.
    """
    meters = evidence.meters()
    there = evidence.months()
    accounts, months = chosen, [month]
    while True:
        unused = [each for account in accounts for each in unused_months(account, months, TermsReader(meters), now=now)]
        slots = slots_for(accounts, months, meters)._replace(unused=unused)
        reached = _months_reached(months, there, slots.resets() - {"month"})
        in_trees = accounts is not chosen or "account_tree" not in slots.sharings()
        if in_trees and reached == months:
            return accounts, months, slots
        if not in_trees:
            accounts = evidence.trees(sorted({account.tree_id for account in chosen}))
        months = reached


def _months_reached(months: Sequence[date], there: Iterable[date], resets: Set[str]) -> list[date]:
    """These months, and of those there are all that share a price's period with one of them."""
    periods = {(reset, period_start(reset, known)) for reset in resets for known in months}
    shared = {other for other in there if any((reset, period_start(reset, other)) in periods for reset in resets)}
    return sorted(shared.union(months))
