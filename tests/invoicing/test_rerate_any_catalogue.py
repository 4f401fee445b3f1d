"""Re-rating from any catalogue to any other: the second rater, which knows only what is in force now, agrees afterwards."""

import pytest
from hypothesis import HealthCheck, given, settings, target
from sqlalchemy import text

from connectors import batch_wiring, proof_wiring
from domain.errors import IllegalTransition
from invoicing.accrue_fees import accrue_fees
from invoicing.recompute_accounts import recompute_accounts
from invoicing.rerate_usage import preview_rerating, rerate_usage
from tests.books import AUTHOR, book, open_shop
from tests.invoicing.test_two_raters import MONTHS, as_sent, subscribe, written
from tests.law_examples import examples
from tests.laws import catalogues
from tests.laws.catalogues import SEPTEMBER, instant

pytestmark = pytest.mark.engines


@settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
@given(catalogues.worlds(), catalogues.worlds(), catalogues.usage(at_least=12))
def test_the_books_are_those_of_the_plans_now_in_force(emptied, database, cache, customers, later_customers, events):
    emptied()
    open_shop()
    written(database, customers, [])
    if events:
        book(database, [as_sent(each) for each in events], received_at=instant(catalogues.DAYS + 1), warehouse=False)
    # What is due without usage is booked before the change, and follows it when it is accrued again.
    now = instant(catalogues.DAYS + 1)
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=now)
    with database.begin() as connection:
        connection.execute(text("DELETE FROM subscription"))
    subscribe(database, later_customers, [], name="later")

    store, moved = proof_wiring.rerating(), 0
    for customer in customers:
        try:
            outcome = rerate_usage(customer.code, SEPTEMBER, store=store, balances=None, author=AUTHOR, why="generated")
        except IllegalTransition:
            # Some event has no price in its new plan: nothing is booked, and nothing can be compared.
            return
        moved += outcome.moved
    target(moved, label="events that moved")

    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=now)
    for month in MONTHS:
        assert recompute_accounts(month, None, room=proof_wiring.evidence_room(), now=now).rows() == []
    assert [check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows] == []
    for customer in customers:
        assert preview_rerating(customer.code, SEPTEMBER, store=store).moved == 0
