"""Months without usage anew: prices that cost something although nothing was used, of the months they fell due in."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from fractions import Fraction

from invoicing.recompute.cells import ANY
from invoicing.recompute.evidence import BEGINNING, END, AccountFacts
from invoicing.recompute.positions import SlotOf
from invoicing.recompute.prices import is_per_event, total_micros
from invoicing.recompute.spans import Span, TermsReader, month_span, spans_of
from invoicing.recompute.terms import Adjustment, Part, Terms, UsageCharge


def unused_months(
    account: AccountFacts, months: Sequence[date], reader: TermsReader, *, now: datetime
) -> Iterator[tuple[SlotOf, Part]]:
    """What would be due by now of some months: of each code the price that was in force last, outside pauses and trials."""
    spans = sorted(_bearing(account, reader), key=lambda span: span.start)
    ends = [plan.end for plan in account.plans if plan.priority is None]
    over = max(ends, default=END)
    for month in months:
        start, end = month_span(month, account.time_zone)
        if min(end, over) > now:
            continue
        last: dict[str, tuple[UsageCharge, Terms]] = {}
        for span in spans:
            if span.start < end and span.end > start:
                last |= {
                    charge.code: (charge, span.terms) for charge in span.terms.charges if not _on_trial(span.terms, charge)
                }
        for charge, terms in last.values():
            if _costs(charge) and not any(_goes_on(one) for one in terms.adjustments if one.is_over(charge.code)):
                part = Part(charge, charge.meters, ANY + terms.cell_tags(charge), charge.price)
                yield SlotOf(account.account_id, account.tree_id, month, terms), part


def _bearing(account: AccountFacts, reader: TermsReader) -> Iterator[Span]:
    """Spans outside pauses; what has no beginning bears what is due from when the account was opened."""
    for span in spans_of(account, reader):
        for plan in account.plans:
            if plan.priority is None and not plan.paused and plan.start <= span.start < plan.end:
                start = max(span.start, account.opened_at if plan.start == BEGINNING else plan.start)
                if start < span.end:
                    yield span._replace(start=start)


def _on_trial(terms: Terms, charge: UsageCharge) -> bool:
    return any(one.kind == "trial" and one.is_over(charge.code) for one in terms.adjustments)


def _goes_on(adjustment: Adjustment) -> bool:
    return (adjustment.reset, adjustment.shared) != ("month", "account")


def _costs(charge: UsageCharge) -> bool:
    """Only prices of a month of one account, for whatever is used, are due without usage."""
    if (
        charge.leaves_unused_free
        or charge.price["model"] == "matrix"
        or (charge.reset, charge.shared) != ("month", "account")
    ):
        return False
    return not is_per_event(charge.price) and total_micros(charge.price, Fraction(0)) != 0
