"""What-if for fees: what those of some months come to as things are, and with a candidate plan from the first month on.

Subscriptions stay what they were: who paused, cancelled or began within the months did so under the candidate, too, and a
one-time fee a subscription has paid is not paid again. Contracts stay. Both sides are what is due by now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from domain.attribution import Account
from domain.fee_reading import read_terms
from domain.fee_terms import Commitment, FeeTerms, on_other_terms
from domain.fees import ONCE, FeeKey
from domain.period import BillingMonth
from domain.plans import PlanDocument
from domain.rating.unused import Unused, unused_prices
from invoicing.accrue_fees import differences
from invoicing.fee_ports import FeeAccount, UsageMoney


@dataclass(slots=True)
class Simulated:
    """Usage of accounts under the candidate, as commitments count it."""

    usage: dict[int, list[UsageMoney]] = field(default_factory=dict)

    def add(self, account_id: int, money: UsageMoney) -> None:
        """Add what a charge or adjustment came to in a month."""
        self.usage.setdefault(account_id, []).append(money)


@dataclass(frozen=True, slots=True)
class Months:
    """Months, both included."""

    first: BillingMonth
    last: BillingMonth

    def have(self, key: FeeKey, *, whole: bool) -> bool:
        """Whether the period of a fee begins in them, and, if it is to be `whole`, ends with them or before.

        Of a fee that is paid once, whether it is on the invoice of one of them.
        """
        after = self.last.next()
        begins, ends = date(self.first.year, self.first.month, 1), date(after.year, after.month, 1)
        if key.price_cell == ONCE:
            return begins <= key.service_month < ends
        first_day, _, day_after = key.price_cell.partition("/")
        return begins <= date.fromisoformat(first_day) < ends and (not whole or date.fromisoformat(day_after) <= ends)


def candidate_terms(plan: PlanDocument) -> FeeTerms:
    """What a plan that is not stored says about fees; its charges have ids below zero."""
    rows = ((-number, row.kind, row.document) for number, row in enumerate(plan.rows(), 1) if row.kind != "usage")
    return read_terms(rows)


def fees_of(
    account: FeeAccount, months: Months, terms: FeeTerms, *, usage: Sequence[UsageMoney], now: datetime
) -> tuple[int, int]:
    """What an account's fees of the months come to as things are and with the candidate's terms, in micros.

    A commitment counts only if all its period is among the months: there is no usage of the others to compare it with.
    """
    present = replace(account, booked={})
    changed = account.segments
    for subscription_id in dict.fromkeys(segment.subscription_id for segment in account.segments):
        at = months.first.span(account.time_zone).start
        changed = on_other_terms(changed, subscription_id=subscription_id, at=at, terms=terms)
    return _due(present, months, now=now), _due(replace(present, segments=changed, usage=usage), months, now=now)


def unused_in(
    candidates: Sequence[Account], bearers: Sequence[FeeAccount], months: Months, *, now: datetime
) -> Iterator[Unused]:
    """Prices of accounts on the candidate that are due without usage by now, of the months."""
    by_id = {bearer.account_id: bearer for bearer in bearers}
    for account in candidates:
        bearer = by_id.get(account.account_id)
        if bearer is not None:
            until = min(now, months.last.span(account.time_zone).end)
            prices = unused_prices(account, bearer.active(), over=bearer.over(), until=until)
            yield from (one for one in prices if one.due_at <= now)


def bears_fees(account: FeeAccount) -> bool:
    """Whether a fee may be due from an account as things are."""
    return any(terms.fees for terms in _terms(account))


def _terms(account: FeeAccount) -> list[FeeTerms]:
    return [*(segment.terms for segment in account.segments), *(contract.terms for contract in account.contracts)]


def _due(account: FeeAccount, months: Months, *, now: datetime) -> int:
    fees = (fee for terms in _terms(account) for fee in terms.fees.values())
    minimums = {fee.charge_id for fee in fees if isinstance(fee, Commitment)}
    return sum(
        fee.amount_micros
        for key, fee in differences(account, now=now).items()
        if months.have(key, whole=key.charge_id in minimums)
    )
