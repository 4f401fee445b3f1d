"""Sorting out received events: each is accepted, a duplicate or a conflict, and the first under an id decides."""

from hypothesis import given
from hypothesis import strategies as st

from domain.metering import DeadLetter, Outcome
from domain.receiving import Event, Family, Received, body_digest, sort_out
from domain.usage import RefusalReason, event_key
from tests.builders_usage import an_origin


def an_event(event_id, body="1", *, partition=0):
    digest = body_digest("payment.captured", "acme", body)
    event = Event("/tests", event_id, "payment.captured", "acme", 0, {}, body, event_key("/tests", event_id), digest)
    return Received(event, None, an_origin(partition=partition), 0, b"")


def names(items):
    return [(item.event.id, item.event.data_json) for item in items]


def test_the_first_under_an_id_is_accepted_the_same_again_is_a_duplicate_and_another_body_a_conflict():
    events = sort_out([an_event("a"), an_event("a"), an_event("a", "2"), an_event("b")], [], {})
    assert names(events.accepted) == [("a", "1"), ("b", "1")]
    assert names(events.duplicates) == [("a", "1")]
    assert names(events.conflicts) == [("a", "2")]


def test_what_was_stored_before_decides_over_the_batch():
    known = {an_event("a", "2").event.key: an_event("a", "2").event.body_digest}
    events = sort_out([an_event("a", "1"), an_event("a", "2")], [], known)
    assert (names(events.accepted), names(events.conflicts), names(events.duplicates)) == ([], [("a", "1")], [("a", "2")])


batches = st.lists(
    st.builds(an_event, st.sampled_from("abcd"), st.sampled_from("12"), partition=st.integers(0, 1)), max_size=20
)


@given(batches, batches)
def test_received_is_the_sum_of_what_became_of_it_and_no_id_is_accepted_twice(first, second):
    letters = [DeadLetter(an_origin(partition=1), None, RefusalReason.NOT_JSON, "", b"")]
    before = sort_out(first, [], {})
    known = {item.event.key: item.event.body_digest for item in before.accepted}
    events = sort_out(second, letters, known)
    counts = events.counts()
    assert sum(sum(count.values()) for count in counts.values()) == len(second) + 1
    assert counts["test.usage.events", 1][Outcome.DEAD_LETTERED] == 1
    ids = [item.event.id for item in [*before.accepted, *events.accepted]]
    assert len(ids) == len(set(ids))


def test_the_digest_of_a_body_keeps_its_parts_apart():
    assert body_digest("ab", "c", "{}") != body_digest("a", "bc", "{}")


def test_each_family_has_its_topic():
    assert [family.topic for family in Family] == ["payment.events", "config.events"]
