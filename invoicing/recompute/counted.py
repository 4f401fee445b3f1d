"""Usage and adjustments as commitments count them: money of an account by month and by the charges it is of."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import NamedTuple

from invoicing.recompute.evidence import AccountFacts, Booked, ChargeFacts
from invoicing.recompute.positions import Recomputed, TotalKey

_MONTHS = {"month": 1, "quarter": 3, "year": 12}


class _Money(NamedTuple):
    month: date
    codes: frozenset[str]
    """The usage charges it is of; none when it is an adjustment on all of them."""
    micros: int


class Counted:
    """Money of accounts, asked for by account, months and codes."""

    def __init__(self, charges: Mapping[int, ChargeFacts]) -> None:
        self._charges = charges
        self._by_account: dict[int, list[_Money]] = {}

    def add(self, amounts: Iterable[tuple[TotalKey, int]]) -> None:
        """Add running totals of usage and adjustments, in micros."""
        for key, micros in amounts:
            charge = self._charges[key.charge_id]
            codes = [charge.code] if charge.kind == "usage" else charge.document.get("applies_to") or ()
            self._by_account.setdefault(key.account_id, []).append(_Money(key.service_month, frozenset(codes), micros))

    def spent(self, account_id: int, first: date, after: date, codes: frozenset[str] | None) -> int:
        """Micros in the months from a first day up to another; with codes, only what is of nothing else."""
        return sum(
            money.micros
            for money in self._by_account.get(account_id, ())
            if first <= money.month < after and (codes is None or (money.codes and money.codes <= codes))
        )


def amounts(recomputed: Recomputed, booked: Booked) -> Iterable[tuple[TotalKey, int]]:
    """What totals come to: as priced anew, and as booked where a price reaches over more than the total."""
    for key, total in recomputed.totals.items():
        if recomputed.is_whole(key):
            yield key, total.amount_micros
        elif key in booked.totals:
            yield key, booked.totals[key].amount_micros


def committed(accounts: Iterable[AccountFacts]) -> list[AccountFacts]:
    """The accounts that ever had a commitment."""
    return [
        account
        for account in accounts
        if any(charge.kind == "commitment" for plan in account.plans for charge in plan.charges)
    ]


def months_counted(accounts: Iterable[AccountFacts], month: date) -> set[date]:
    """The first days of the months whose usage commitments that end with a month may count."""
    spans = {
        _MONTHS[charge.document.get("every", "month")]
        for account in accounts
        for plan in account.plans
        for charge in plan.charges
        if charge.kind == "commitment"
    }
    number = month.year * 12 + month.month - 1
    back = range(max(spans, default=0))
    return {date((number - before) // 12, (number - before) % 12 + 1, 1) for before in back}
