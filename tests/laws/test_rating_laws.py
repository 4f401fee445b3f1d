"""The laws of rating in parts (DESIGN §3.5): no order, batching, restart or lateness changes what a month comes to."""

from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.attribution import DISTANT_FUTURE, Subscription
from domain.catalogue import ContractTerm
from domain.metering import Total
from tests.builders_rating import (
    VOLUME,
    Books,
    a_contract,
    a_meter,
    a_plan,
    a_usage_charge,
    an_adjustment,
    books_of,
    on_plan,
    with_terms,
)
from tests.builders_usage import HAPPENED_AT, a_received_event, an_event, an_origin, micros_of

MATRIX = {
    "model": "matrix",
    "dimensions": ["channel"],
    "rows": [{"when": {"channel": "sms"}, **VOLUME}, {"model": "package", "package_size": 7, "package_price": "3.00"}],
}
NUMBERS = a_meter("n", meter_id=2, aggregation="unique", measured="to")
PEAK = a_meter("p", meter_id=3, aggregation="max", measured="size", filter=(("channel", frozenset({"sms"})),))
MINUTES = a_meter("v", meter_id=6, event_type="voice.minutes")
SHARE = {"model": "percentage", "percent": "2.5", "minimum": "0.3"}
CHARGES = (
    a_usage_charge("otp", a_meter("otp", meter_id=1), charge_id=1, price=MATRIX),
    a_usage_charge("numbers", NUMBERS, charge_id=2),
    a_usage_charge("peak", PEAK, charge_id=3, price=VOLUME),
    a_usage_charge("last", a_meter("l", meter_id=4, aggregation="latest", measured="size"), charge_id=4, price=VOLUME),
    a_usage_charge("share", a_meter("s", meter_id=5), charge_id=5, price=SHARE),
    a_usage_charge("voice", MINUTES, charge_id=6, price=VOLUME),
)
ADJUSTMENTS = (
    an_adjustment("trial", charge_id=50, days=2, applies_to=["numbers", "voice"]),
    an_adjustment("free_amount", charge_id=51, amount="20"),
    an_adjustment("percentage", charge_id=52, percent="33.333333", applies_to=["otp", "voice"]),
    an_adjustment("maximum", charge_id=53, amount="60"),
)
BEGAN = micros_of(HAPPENED_AT - timedelta(days=10))
CONTRACT = a_contract(adjustments=[an_adjustment(code="loyal", charge_id=60, percent="12.5")])
TERM = ContractTerm(CONTRACT, micros_of(HAPPENED_AT - timedelta(days=4)), micros_of(HAPPENED_AT - timedelta(days=1)))


def narrow_books() -> Books:
    """Everything by month and account: a trial and a contract come and go within the month."""
    plan = a_plan(*CHARGES, adjustments=ADJUSTMENTS)
    return books_of(with_terms([Subscription(plan, BEGAN, DISTANT_FUTURE)], [TERM]))


def wide_books() -> Books:
    """Two accounts of a tree that share a volume price, distinct values by the quarter, a highest value of ever."""
    plan = a_plan(
        a_usage_charge("otp", a_meter("otp", meter_id=1), charge_id=1, price=MATRIX, shared="account_tree"),
        a_usage_charge("numbers", NUMBERS, charge_id=2, reset="quarter"),
        a_usage_charge("peak", PEAK, charge_id=3, reset="never"),
        a_usage_charge("voice", MINUTES, charge_id=6, price=VOLUME, reset="year"),
        adjustments=[an_adjustment("maximum", charge_id=53, amount="30", reset="never", shared="account_tree")],
    )
    return books_of(on_plan(plan, "acme", account_id=1), on_plan(plan, "acme-app", account_id=2, root_id=1))


def _event(number, drawn):
    meter, subject, age, quantity, channel, to, size = drawn
    if meter == "otp.delivered":
        quantity = abs(quantity)
    properties = {"channel": channel, "to": to, "size": size}
    at = HAPPENED_AT - timedelta(hours=age)
    event = an_event(f"event-{number}", meter=meter, subject=subject, at=at, quantity=quantity, **properties)
    return a_received_event(event, origin=an_origin(number))


def events(*subjects):
    return st.lists(
        st.tuples(
            st.sampled_from(["otp.delivered", "voice.minutes"]),
            st.sampled_from(subjects),
            st.sampled_from([0, 0, 1, 30, 50, 150, 230, 700]),
            st.decimals(min_value=-30, max_value=30, places=3),
            st.sampled_from(["sms", "whatsapp"]),
            st.integers(1, 5),
            st.integers(0, 60),
        ),
        max_size=25,
    ).map(lambda rows: [_event(number, drawn) for number, drawn in enumerate(rows)])


cuts = st.lists(st.integers(0, 25), max_size=5)


def in_batches(items, where):
    edges = [0, *sorted(cut for cut in where if cut < len(items)), len(items)]
    return [items[start:end] for start, end in pairwise(edges)]


def changed(totals):
    """Whether an adjustment of no money was ever one of some depends on the order."""
    return {key: total for key, total in totals.items() if total != Total()}


def nonzero(money):
    return {charge_id: micros for charge_id, micros in money.items() if micros}


def booked(books, batches):
    for batch in batches:
        books.book(batch)
    return books


@given(events("acme"), cuts, st.randoms(use_true_random=False))
def test_no_order_and_no_batching_changes_any_total(items, where, random):
    at_once = booked(narrow_books(), [items])
    shuffled = booked(narrow_books(), in_batches(random.sample(items, len(items)), where))
    assert shuffled.standing() == at_once.standing()


@given(events("acme"), cuts)
def test_every_total_is_the_price_of_its_quantity_and_every_adjustment_of_its_money(items, where):
    books = booked(narrow_books(), in_batches(items, where))
    charges = {charge.charge_id: charge for charge in CHARGES}
    adjustments = {one.charge_id: one for one in (*ADJUSTMENTS, *CONTRACT.adjustments)}
    for key, total in books.totals.items():
        if key.charge_id in adjustments:
            assert total.amount_micros == adjustments[key.charge_id].amount_micros(total.quantity_millionths)
        elif charges[key.charge_id].code != "share":
            cell, _ = charges[key.charge_id].cell_named(key.cell)
            assert total.amount_micros == cell.tariff.amount_micros(total.quantity_millionths)


@given(events("acme"), cuts)
def test_wallets_are_debited_what_the_parts_come_to(items, where):
    books = narrow_books()
    settled = [books.book(batch) for batch in in_batches(items, where)]
    parts = sum(usage.event_micros for each in settled for usage in each.rated)
    assert sum(books.debits.values()) == parts == sum(total.amount_micros for total in books.totals.values())


@given(events("acme"), cuts)
def test_the_month_never_comes_to_more_than_its_cap(items, where):
    books = booked(narrow_books(), in_batches(items, where))
    assert sum(books.debits.values()) <= 60_000_000


@given(events("acme", "acme-app"), cuts, st.randoms(use_true_random=False))
def test_positions_wider_than_a_month_or_an_account_do_not_depend_on_order_nor_does_their_money(items, where, random):
    at_once = booked(wide_books(), [items])
    shuffled = booked(wide_books(), in_batches(random.sample(items, len(items)), where))
    assert changed(shuffled.positions) == changed(at_once.positions)
    assert shuffled.values == at_once.values
    assert nonzero(shuffled.money()) == nonzero(at_once.money())
    assert sum(shuffled.debits.values()) == sum(at_once.debits.values())
    for money, found in ((at_once.positions, at_once.money()), (shuffled.positions, shuffled.money())):
        assert {
            charge_id: sum(total.amount_micros for key, total in money.items() if key.charge_id == charge_id)
            for charge_id in found
        } == found


@given(st.lists(st.integers(0, 100), max_size=12))
def test_events_and_their_corrections_leave_nothing(quantities):
    def minutes(sign):
        return [
            a_received_event(an_event(f"{sign}-{number}", meter="voice.minutes", quantity=sign * quantity))
            for number, quantity in enumerate(quantities)
        ]

    books = booked(narrow_books(), [minutes(1), minutes(-1)])
    assert {(total.quantity_millionths, total.amount_micros) for total in books.totals.values()} <= {(0, 0)}
