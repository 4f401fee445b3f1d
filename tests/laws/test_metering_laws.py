"""The laws of metering (DESIGN §3.1, §3.3, §3.5): nothing lost, nothing twice, and charges no batching changes."""

from collections import Counter, defaultdict
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.metering import Total, prepare, settle
from tests.builders_usage import WINDOW
from tests.laws.batches import CONFIG, batches, distinct_usage
from tests.laws.exact_prices import exact_price, rounded


def booked(batch, known=None, totals=None):
    """What a batch does to books that know some identities and totals; the books after it."""
    known, totals = dict(known or {}), dict(totals or {})
    settled = settle(prepare(batch, CONFIG, WINDOW), known, totals)
    for first in [*(usage.received for usage in settled.rated), *(wait.received for wait in settled.waiting)]:
        known[first.event.key] = first.event.body_digest
    for key, added in settled.totals.items():
        before = totals.get(key, Total())
        totals[key] = Total(
            before.quantity_millionths + added.quantity_millionths,
            before.amount_micros + added.amount_micros,
            before.event_count + added.event_count,
        )
    return settled, known, totals


def in_parts(items, cuts):
    edges = [0, *sorted(cut for cut in cuts if cut < len(items)), len(items)]
    return [items[start:end] for start, end in pairwise(edges)]


def is_refused(item):
    return item.event.meter not in CONFIG.meters or item.event.time_micros > item.origin.received_micros


cuts = st.lists(st.integers(0, 40), max_size=5)


@given(batches, batches)
def test_received_is_rated_and_duplicate_and_conflict_and_dead_lettered_and_quarantined(earlier, batch):
    _, known, totals = booked(earlier)
    settled, _, _ = booked(batch, known, totals)
    received = Counter((item.origin.topic, item.origin.partition) for item in batch)
    assert {partition: sum(counts.values()) for partition, counts in settled.counts().items()} == received


@given(batches, cuts)
def test_every_identity_is_booked_at_most_once_however_its_events_are_batched(batch, where):
    known, totals, booked_keys = {}, {}, Counter()
    for part in in_parts(batch, where):
        settled, known, totals = booked(part, known, totals)
        booked_keys.update(usage.received.event.key for usage in settled.rated)
        booked_keys.update(wait.received.event.key for wait in settled.waiting)
    assert set(booked_keys.values()) <= {1}
    assert {item.event.key for item in batch if not is_refused(item)} <= set(booked_keys)


@given(batches)
def test_a_batch_booked_again_changes_nothing(batch):
    first, known, totals = booked(batch)
    again, _, after = booked(batch, known, totals)
    assert (again.rated, again.waiting, again.debits, again.totals) == ([], [], {}, {})
    assert after == totals
    assert len(again.dead_letters) == len(first.dead_letters)


@given(distinct_usage, cuts, st.randoms(use_true_random=False))
def test_totals_and_debits_do_not_depend_on_the_order_of_events_or_the_cut_of_batches(events, where, random):
    _, _, in_one = booked(events)
    shuffled = random.sample(events, len(events))
    known, totals, debits = {}, {}, Counter()
    for part in in_parts(shuffled, where):
        settled, known, totals = booked(part, known, totals)
        debits.update(settled.debits)
    assert totals == in_one
    assert sum(debits.values()) == sum(total.amount_micros for total in totals.values())


@given(distinct_usage, cuts)
def test_charges_are_those_of_an_independent_computation_in_fractions(events, where):
    known, totals = {}, {}
    so_far = defaultdict(int)
    for part in in_parts(events, where):
        settled, known, totals = booked(part, known, totals)
        for usage in settled.rated:
            before = so_far[usage.total_key]
            after = before + usage.received.event.quantity_millionths
            so_far[usage.total_key] = after
            tariff = usage.cell.tariff
            assert usage.amount_micros == rounded(exact_price(tariff, after)) - rounded(exact_price(tariff, before))
    assert {key: total.quantity_millionths for key, total in totals.items()} == dict(so_far)


@given(batches)
def test_wallets_are_debited_what_was_rated(batch):
    settled, _, _ = booked(batch)
    by_wallet = defaultdict(int)
    for usage in settled.rated:
        by_wallet[usage.account.wallet_id] += usage.amount_micros
    assert settled.debits == by_wallet
    assert sum(total.event_count for total in settled.totals.values()) == len(settled.rated)
