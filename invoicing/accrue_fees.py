"""Accrue fees: book the difference between what every fee should come to by now and what was booked.

May run as often as wanted, beside running workers and beside itself: what is booked already makes no difference. A plan that
changed, a subscription that was cancelled or back-dated and usage that came late make one, in either direction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from domain.fees import FeeAmount, FeeKey, fees_until
from domain.period import Period
from invoicing.fee_ports import FeeAccount, FeeBooks
from invoicing.invoice_ports import Balances
from invoicing.metering_ports import Balance

_ACCOUNTS_MAX: Final = 200
_NOTHING: Final = FeeAmount(0, 0)


@dataclass(slots=True)
class Accrued:
    """What an accrual did."""

    accounts: int = 0
    """Looked at."""
    changed: int = 0
    """Of these, with a difference to book."""
    amount_micros: int = 0


def accrue_fees(books: FeeBooks, balances: Balances, *, now: datetime, accounts: Sequence[int] | None = None) -> Accrued:
    """Accrue the fees of some accounts, or of all that have any. Amounts are of several currencies when accounts are.

    Interrupted, it has booked whole transactions and goes on with the next run.
    """
    accrued = Accrued()
    account_ids = books.account_ids() if accounts is None else accounts
    for start in range(0, len(account_ids), _ACCOUNTS_MAX):
        told: list[Balance] = []
        with books.begin(account_ids[start : start + _ACCOUNTS_MAX], now=now) as transaction:
            for account in transaction.accounts:
                accrued.accounts += 1
                due = differences(account, now=now)
                if due:
                    told.append(transaction.book(account, due))
                    accrued.changed += 1
                    accrued.amount_micros += sum(amount.amount_micros for amount in due.values())
        balances.put(told)
    return accrued


def differences(account: FeeAccount, *, now: datetime) -> dict[FeeKey, FeeAmount]:
    """What is to be booked of an account's fees."""

    def spent(period: Period, counts: frozenset[str] | None) -> int:
        first, after = (_first_day(moment, account) for moment in (period.start, period.end))
        return sum(
            money.amount_micros
            for money in account.usage
            if first <= money.service_month < after and (counts is None or (money.counted_as and money.counted_as <= counts))
        )

    expected = fees_until(now, account.spans, time_zone=account.time_zone, spent=spent)
    found = {}
    for key in expected.keys() | account.booked.keys():
        should, is_ = expected.get(key, _NOTHING), account.booked.get(key, _NOTHING)
        if should != is_:
            found[key] = FeeAmount(
                should.quantity_millionths - is_.quantity_millionths, should.amount_micros - is_.amount_micros
            )
    return found


def _first_day(moment: datetime, account: FeeAccount) -> date:
    return moment.astimezone(account.time_zone).date()
