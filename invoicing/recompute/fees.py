"""Fees anew: what recurring charges, one-time charges and commitments of an account come to in one month's invoice.

A fee stands in the month that ends when it falls due, or in which it does; its price cell names the period it is for. What
is paid once is for no period: it stands in the month in which it falls due, also on that month's first instant.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from invoicing.recompute.evidence import AccountFacts, ChargeFacts
from invoicing.recompute.fee_periods import MICROSECOND, FeePeriod, calendar_day, due_month, midnight, periods
from invoicing.recompute.fee_spans import FeeRun, FeesInForce, fees_in_force, first_times, runs_of
from invoicing.recompute.positions import MILLION, Running, TotalKey
from invoicing.recompute.prices import to_micros

ONCE: Final = "once"
Spent = Callable[[date, date, frozenset[str] | None], int]
"""Micros of usage and adjustments in the months from a first day up to another, of some charges by code or of all."""
_WHOLE: Final = Fraction(1)


class _Charged(NamedTuple):
    fee: ChargeFacts
    month: date
    """Whose invoice has it."""
    day: date
    """The first of those it is for; of what is paid once, the first of its month."""
    cell: str
    share_millionths: int
    amount_micros: int


def fees_of_month(account: AccountFacts, month: date, *, now: datetime, spent: Spent) -> dict[TotalKey, Running]:
    """What the fees of an account that were due by now come to in the invoice of a month; `month` is its first day.

    Quantities are millionths of a period, amounts micros; fees count no events.
    """
    pieces = fees_in_force(account)
    history = _History(pieces, runs_of(pieces), ZoneInfo(account.time_zone), now)
    after = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    charged = [each for each in history.between(month, after, and_on=True) if each.month == month]
    charged += history.lacking(after, spent)
    totals: dict[TotalKey, Running] = {}
    for each in charged:
        total = totals.setdefault(TotalKey(account.account_id, month, each.fee.charge_id, each.cell), Running())
        total.quantity_millionths += each.share_millionths
        total.amount_micros += each.amount_micros
    return totals


class _History(NamedTuple):
    """The fees in force through time, looked at from a moment."""

    pieces: Sequence[FeesInForce]
    runs: Sequence[FeeRun]
    zone: ZoneInfo
    now: datetime

    def between(self, first: date, after: date, *, and_on: bool = False) -> Iterator[_Charged]:
        """Recurring charges of periods that have a day in [first, after), and every one-time charge.

        `and_on`: those of a period that begins on the day after, too.
        """
        start, end = midnight(first, self.zone), midnight(after, self.zone)
        for run in self.runs:
            if run.fee.kind == "recurring":
                yield from self._recurring(run, start, end + MICROSECOND if and_on else end)
        for fee, due_at in first_times(self.pieces):
            if due_at <= self.now:
                month = due_month(due_at + MICROSECOND, self.zone)
                yield _Charged(fee, month, month, ONCE, MILLION, to_micros(Fraction(fee.document["amount"])))

    def _recurring(self, run: FeeRun, start: datetime, end: datetime) -> Iterator[_Charged]:
        document = run.fee.document
        every, amount = document.get("every", "month"), Fraction(document["amount"])
        began = run.began.astimezone(self.zone).date()
        first_day = began if document.get("anchor") == "anniversary" else calendar_day(every, began)
        for period in periods(every, first_day, self.zone, start=start, end=end):
            begins, ends = max(run.start, period.start), min(run.end, period.end)
            due_at = ends if document.get("billed") == "in_arrears" else begins
            if begins >= ends or due_at > self.now:
                continue
            month, place = due_month(due_at, self.zone), (period.first, period.cell)
            if document.get("prorate", True):
                share, micros = period.part(_WHOLE, begins, ends), period.part(amount, begins, ends)
                yield _Charged(run.fee, month, *place, share, micros)
            elif not self._was_there(run, period, begins):
                yield _Charged(run.fee, month, *place, MILLION, to_micros(amount))

    def _was_there(self, run: FeeRun, period: FeePeriod, begins: datetime) -> bool:
        """Whether the subscription had a fee of this code earlier in the period: then that one was paid for all of it."""
        return any(
            piece.subscription == run.subscription
            and run.fee.code in piece.fees
            and max(piece.start, period.start) < min(piece.end, begins)
            for piece in self.pieces
        )

    def lacking(self, after: date, spent: Spent) -> Iterator[_Charged]:
        """Commitments of periods that end on a day: each minimum less what counts towards it.

        Those of one code share what was used, in the order they came: the later takes what the earlier left.
        """
        for (_, period), minimums in self._minimums(after).items():
            counts = next(iter(minimums.values()))[0].document.get("counts")
            codes = None if counts is None else frozenset(counts)
            left = spent(period.first, period.after, codes)
            if codes is not None:
                charged = self.between(period.first, period.after)
                inside = [each for each in charged if period.first <= each.day < period.after and each.fee.code in codes]
                left += sum(each.amount_micros for each in inside)
            for fee, minimum in minimums.values():
                missing = minimum - max(left, 0)
                left -= minimum
                if missing > 0:
                    month = due_month(period.end, self.zone)
                    yield _Charged(fee, month, period.first, period.cell, MILLION, missing)

    def _minimums(self, after: date) -> Mapping[tuple[str, FeePeriod], dict[int, tuple[ChargeFacts, int]]]:
        """By code and period: the minimums of each commitment in micros, for the time it was in force."""
        found: dict[tuple[str, FeePeriod], dict[int, tuple[ChargeFacts, int]]] = {}
        ends = midnight(after, self.zone)
        for run in self.runs:
            if run.fee.kind != "commitment" or run.start >= ends or ends > self.now:
                continue
            document = run.fee.document
            every, minimum = document.get("every", "month"), Fraction(document["minimum"])
            first_day = calendar_day(every, run.began.astimezone(self.zone).date())
            last_of = periods(every, first_day, self.zone, start=ends - MICROSECOND, end=ends)
            for period in last_of:
                if period.after != after or run.end <= period.start:
                    continue
                of_code = found.setdefault((run.fee.code, period), {})
                _, before = of_code.get(run.fee.charge_id, (run.fee, 0))
                if document.get("prorate", True):
                    part = period.part(minimum, max(run.start, period.start), min(run.end, period.end))
                    of_code[run.fee.charge_id] = run.fee, before + part
                else:
                    of_code[run.fee.charge_id] = run.fee, to_micros(minimum)
        return found
