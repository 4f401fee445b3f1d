"""Which fees are in force when: segments, contracts over them, trials."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from domain.fee_reading import read_terms
from domain.fee_terms import NO_TERMS, FeeSegment, FeeTerms, OneTimeFee, RecurringFee, TermOfContract, Trial, fee_spans
from domain.fees import fees_until

KOLKATA = ZoneInfo("Asia/Kolkata")
NEW_YORK = ZoneInfo("America/New_York")
PLATFORM = RecurringFee(1, "platform", 310_000_000)


def at(text, zone=KOLKATA):
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def terms(*fees, trial=None):
    return FeeTerms({fee.code: fee for fee in fees}, {} if trial is None else {"trial": Trial("trial", trial)})


def a_segment(start="2026-10-01", end=None, *, of=None, zone=KOLKATA):
    began = at(start, zone)
    return FeeSegment(1, began, began, end and at(end, zone), False, terms(PLATFORM) if of is None else of)


def a_contract(start, end, *fees, trial=None):
    return TermOfContract(at(start), end and at(end), terms(*fees, trial=trial))


def spans(*segments, contracts=(), zone=KOLKATA):
    return fee_spans(segments, contracts, time_zone=zone)


def due(now, found):
    sums = {}
    for key, total in fees_until(at(now), found, time_zone=KOLKATA, spent=lambda *_: 0).items():
        sums[key.charge_id, key.price_cell] = sums.get((key.charge_id, key.price_cell), 0) + total.amount_micros
    return sums


def test_a_contract_puts_its_fee_in_the_place_of_the_plans_while_it_is_in_force():
    contract = a_contract("2026-10-11", "2026-10-21", RecurringFee(9, "platform", 31_000_000))
    found = spans(a_segment(), contracts=[contract])
    assert [span.fees["platform"].charge_id for span in found] == [1, 9, 1]
    assert due("2026-10-31", found) == {
        (1, "2026-10-01/2026-11-01"): 100_000_000 + 110_000_000,
        (9, "2026-10-01/2026-11-01"): 10_000_000,
    }


def test_the_strongest_contract_wins():
    strong = a_contract("2026-10-11", None, RecurringFee(8, "platform", 1))
    weak = a_contract("2026-10-01", None, RecurringFee(9, "platform", 1))
    assert [span.fees["platform"].charge_id for span in spans(a_segment(), contracts=[strong, weak])] == [9, 8]


def test_a_contract_that_does_not_change_a_fee_does_not_cut_it():
    contract = a_contract("2026-10-11", None, OneTimeFee(9, "other", 5))
    cut = due("2026-10-31", spans(a_segment(), contracts=[contract]))
    assert {key: micros for key, micros in cut.items() if key[0] == 1} == due("2026-10-31", spans(a_segment()))


def test_a_trial_is_free_of_fees():
    assert spans(a_segment("2026-10-01", "2026-10-10", of=terms(PLATFORM, trial=14))) == []
    (paid,) = spans(a_segment(of=terms(PLATFORM, trial=14)))
    assert paid.start == at("2026-10-15")


def test_a_trial_ends_at_the_same_hour_of_the_clock_on_the_wall_though_the_clocks_went_back():
    (paid,) = spans(a_segment("2026-10-25T09:00", of=terms(PLATFORM, trial=14), zone=NEW_YORK), zone=NEW_YORK)
    assert paid.start == at("2026-11-08T09:00", NEW_YORK)


def test_a_contracts_trial_stands_in_place_of_the_plans_and_counts_from_its_own_beginning():
    longer = a_contract("2026-10-01", None, trial=30)
    (paid,) = spans(a_segment(of=terms(PLATFORM, trial=14)), contracts=[longer])
    assert paid.start == at("2026-10-31")
    later = a_contract("2026-11-01", None, trial=10)
    assert [(span.start, span.end) for span in spans(a_segment(), contracts=[later])] == [
        (at("2026-10-01"), at("2026-11-01")),
        (at("2026-11-11"), None),
    ]


def test_only_a_trial_of_everything_with_an_end_frees_of_fees():
    document = {"code": "t", "kind": "trial", "days": 14}
    read = [
        read_terms([(1, "adjustment", document | more)]).trials for more in ({}, {"applies_to": ["otp"]}, {"days": None})
    ]
    assert [list(trials) for trials in read] == [["t"], [], []]


@given(
    edges=st.lists(st.integers(0, 200), min_size=4, max_size=4, unique=True).map(sorted),
    trial=st.integers(1, 60),
)
def test_spans_never_overlap_and_lie_within_their_segments(edges, trial):
    first, second, third, last = (datetime.fromtimestamp(1_790_000_000 + day * 86_400, UTC) for day in edges)
    segments = [
        FeeSegment(1, first, first, third, False, terms(PLATFORM, trial=trial)),
        FeeSegment(1, first, third, last, False, NO_TERMS),
    ]
    contract = TermOfContract(second, last, terms(RecurringFee(2, "platform", 5), trial=3))
    found = fee_spans(segments, [contract], time_zone=KOLKATA)
    assert all(one.start < one.end for one in found)
    assert all(one.end <= two.start for one, two in pairwise(found))
    assert all(first <= one.start and one.end <= last for one in found)
