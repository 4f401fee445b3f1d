"""Both raters on PostgreSQL: generated catalogues and usage, booked by the worker's code and computed anew in SQL."""

import itertools
import json

import pytest
from hypothesis import HealthCheck, given, settings, target
from hypothesis import strategies as st
from sqlalchemy import text

from connectors import batch_wiring, proof_wiring
from domain.period import BillingMonth
from invoicing.accrue_fees import accrue_fees
from invoicing.recompute_accounts import recompute_accounts
from invoicing.rerate_usage import preview_rerating
from tests.books import book, open_account, open_shop
from tests.invoicing.selling import publish, write_contract
from tests.law_examples import examples
from tests.laws import catalogues, fee_worlds
from tests.laws.catalogues import METERS, SEPTEMBER, instant

pytestmark = pytest.mark.engines

MONTHS = [BillingMonth(2026, month) for month in (8, 9, 10, 11, 12)]
_COMMON = {"description": "Generated", "sac": "998319", "unit": "message"}


def written(engine, customers, fees):
    """The catalogue and the accounts, in the database; the n-th of what is sold has the n-th of the fees, too."""
    for customer in customers:
        open_account(customer.code, time_zone=customer.time_zone)
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM subscription"))
        for customer in customers:
            if customer.below:
                statement = (
                    "UPDATE account SET parent_id = (SELECT account_id FROM account WHERE code = :below) WHERE code = :code"
                )
                connection.execute(text(statement), {"below": customer.below, "code": customer.code})
    extra = itertools.chain(fees, itertools.repeat([]))
    subscribe(engine, customers, extra, name="plan")
    for customer in customers:
        for span in customer.contracts:
            charges = [{**_COMMON, **charge} for charge in (*span.sold.charges, *next(extra))]
            write_contract(engine, customer.code, charges, start=instant(span.start), end=instant(span.end))


def subscribe(engine, customers, extra, *, name):
    """Put accounts on their plans, each published under a name with a number, with the next of the extra charges."""
    plans, extra = {}, itertools.chain(extra, itertools.repeat([]))
    for customer in customers:
        for span in customer.plans:
            if id(span.sold) not in plans:
                charges = [{**_COMMON, **charge} for charge in (*span.sold.charges, *next(extra))]
                plans[id(span.sold)] = publish(engine, f"{name}-{len(plans)}", charges, meters=METERS)
            statement = """
                INSERT INTO subscription (account_id, plan_version_id, validity, began_at)
                SELECT account_id, :plan, tstzrange(:start, :end), :since FROM account WHERE code = :code
            """
            facts = {"plan": plans[id(span.sold)], "start": instant(span.start), "end": instant(span.end)}
            since = instant(span.start if span.since is None else span.since)
            with engine.begin() as connection:
                connection.execute(text(statement), {**facts, "since": since, "code": customer.code})


def as_sent(event):
    """An event as its producer sends it."""
    properties = {name: value for name, value in event.properties.items() if value is not None}
    data = {"quantity": event.quantity_millionths / 1_000_000, **properties}
    at = SEPTEMBER.timestamp() + (event.time_micros - int(SEPTEMBER.timestamp()) * 1_000_000) / 1_000_000
    document = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.meter, "subject": event.subject}
    time = SEPTEMBER.fromtimestamp(at, SEPTEMBER.tzinfo).isoformat()
    return json.dumps({**document, "time": time, "data": data}, default=float).encode()


def rated_events(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM usage_event")).scalar_one()


def _fees_under(*codes):
    counted = (*catalogues.CODES, "platform")
    return st.tuples(*(fee_worlds.fees(code, counted) for code in codes))


_fees = st.one_of(_fees_under("platform", "minimum"), _fees_under("platform", "setup", "minimum"), _fees_under("setup"))


@settings(max_examples=examples(12), suppress_health_check=list(HealthCheck))
@given(catalogues.worlds(), catalogues.usage(), catalogues.usage(), st.lists(_fees, min_size=3, max_size=4))
def test_both_raters_come_to_the_same_books(emptied, database, cache, customers, events, later, fees):
    emptied()
    open_shop()
    written(database, customers, fees)
    for number, event in enumerate(later):
        event.id = f"later-{number}"
    for part in (events, later):
        if part:
            book(database, [as_sent(event) for event in part], received_at=instant(catalogues.DAYS + 1), warehouse=False)

    now = instant(catalogues.DAYS + 1)
    accrue_fees(batch_wiring.fee_books(), batch_wiring.balances(), now=now)
    target(rated_events(database), label="events that were rated")
    for month in MONTHS:
        assert recompute_accounts(month, None, room=proof_wiring.evidence_room(), now=now).rows() == []
    assert [check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows] == []
    for customer in customers:
        assert preview_rerating(customer.code, SEPTEMBER, store=proof_wiring.rerating()).moved == 0
