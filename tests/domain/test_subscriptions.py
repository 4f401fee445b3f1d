"""What becomes of a subscription's segments."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IllegalTransition, Invalid
from domain.money import Currency
from domain.subscriptions import PlanChoice, Segment, Subscriptions, cancel, change, end_of_period, pause, resume, start

KOLKATA = ZoneInfo("Asia/Kolkata")
BASIC, DEARER = PlanChoice(1, "basic v1", Currency.INR), PlanChoice(2, "dearer v1", Currency.INR)
DOLLARS = PlanChoice(3, "global v1", Currency.USD)
OCTOBER_1 = datetime(2026, 10, 1, tzinfo=UTC)


def day(number):
    return OCTOBER_1 + timedelta(days=number - 1)


def subscribed(*segments, open_from=None):
    return Subscriptions("acme", Currency.INR, KOLKATA, open_from, segments)


def on_basic(first=1, end=None, **changes):
    facts = {"segment_id": 7, "subscription_id": 3, "plan": BASIC, "start": day(first), "end": end, "began_at": day(first)}
    return Segment(**{**facts, **changes})


def shown(subscriptions):
    return [
        (one.plan.label, (one.start - OCTOBER_1).days + 1 if one.start else None, one.end and (one.end - OCTOBER_1).days + 1)
        for one in subscriptions.segments
    ]


def test_a_subscription_starts_where_none_is():
    begun = start(subscribed(), BASIC, at=day(5), why="signed up")
    assert shown(begun) == [("basic v1", 5, None)]
    assert begun.segments[0].began_at == day(5)


def test_a_second_subscription_is_refused_while_one_runs():
    with pytest.raises(Invalid, match="is on basic v1 from 2026-10-01"):
        start(subscribed(on_basic()), DEARER, at=day(5), why="")


def test_a_change_ends_a_segment_and_begins_another_of_the_same_subscription():
    changed = change(subscribed(on_basic()), DEARER, at=day(10), why="upgrade")
    assert shown(changed) == [("basic v1", 1, 10), ("dearer v1", 10, None)]
    assert {one.subscription_id for one in changed.segments} == {3}
    assert [one.began_at for one in changed.segments] == [day(1), day(1)]


def test_a_change_at_the_very_beginning_leaves_nothing_of_what_was():
    assert shown(change(subscribed(on_basic()), DEARER, at=day(1), why="")) == [("dearer v1", 1, None)]


def test_a_change_replaces_what_was_planned_for_later():
    planned = change(subscribed(on_basic()), DEARER, at=day(20), why="at period end")
    assert shown(change(planned, DEARER, at=day(10), why="now")) == [("basic v1", 1, 10), ("dearer v1", 10, None)]


def test_a_change_to_the_same_plan_is_refused():
    with pytest.raises(IllegalTransition, match="already"):
        change(subscribed(on_basic()), BASIC, at=day(10), why="")


def test_a_plan_in_another_currency_is_refused_and_every_fault_is_named():
    with pytest.raises(Invalid) as refused:
        change(subscribed(on_basic(), open_from=day(9)), DOLLARS, at=day(2), why="")
    assert [fault.path for fault in refused.value.errors] == ["at", "plan"]


def test_invoiced_time_does_not_change():
    with pytest.raises(Invalid, match="is invoiced"):
        cancel(subscribed(on_basic(), open_from=day(32)), at=day(20))


def test_a_pause_can_be_resumed_once():
    paused = pause(subscribed(on_basic()), at=day(10), why="holidays")
    assert [one.paused for one in paused.segments] == [False, True]
    running = resume(paused, at=day(20), why="back")
    assert shown(running) == [("basic v1", 1, 10), ("basic v1", 10, 20), ("basic v1", 20, None)]
    with pytest.raises(IllegalTransition, match="not paused"):
        resume(running, at=day(25), why="")
    with pytest.raises(IllegalTransition, match="paused already"):
        pause(paused, at=day(12), why="")


def test_a_cancelled_subscription_ends_and_another_may_begin():
    ended = cancel(subscribed(on_basic()), at=day(10))
    assert shown(ended) == [("basic v1", 1, 10)]
    again = start(ended, DEARER, at=day(15), why="came back")
    assert again.segments[-1].subscription_id == 0
    with pytest.raises(IllegalTransition, match="has no subscription"):
        cancel(ended, at=day(12))


def test_what_follows_of_another_subscription_stays():
    later = on_basic(20, subscription_id=4, segment_id=8)
    assert shown(change(subscribed(on_basic(end=day(15)), later), DEARER, at=day(10), why="")) == [
        ("basic v1", 1, 10),
        ("dearer v1", 10, 20),
        ("basic v1", 20, None),
    ]


def test_a_subscription_since_ever_can_be_changed():
    assert shown(change(subscribed(on_basic(start=None)), DEARER, at=day(10), why="")) == [
        ("basic v1", None, 10),
        ("dearer v1", 10, None),
    ]


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(Invalid, match="needs a time zone"):
        cancel(subscribed(on_basic()), at=datetime(2026, 10, 5))  # noqa: DTZ001


def test_period_end_is_the_accounts_month():
    assert end_of_period(subscribed(), now=datetime(2026, 10, 31, 18, 29, tzinfo=UTC)) == datetime(
        2026, 10, 31, 18, 30, tzinfo=UTC
    )


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["start", "change", "change back", "pause", "resume", "cancel"]), st.integers(1, 90)),
        max_size=12,
    )
)
def test_segments_never_overlap_and_are_in_order_whatever_is_done(steps):
    subscriptions = subscribed()
    for what, number in steps:
        try:
            match what:
                case "start":
                    subscriptions = start(subscriptions, BASIC, at=day(number), why="")
                case "change":
                    subscriptions = change(subscriptions, DEARER, at=day(number), why="")
                case "change back":
                    subscriptions = change(subscriptions, BASIC, at=day(number), why="")
                case "pause":
                    subscriptions = pause(subscriptions, at=day(number), why="")
                case "resume":
                    subscriptions = resume(subscriptions, at=day(number), why="")
                case _:
                    subscriptions = cancel(subscriptions, at=day(number))
        except (Invalid, IllegalTransition):
            continue
    segments = subscriptions.segments
    assert all(one.end is None or one.start < one.end for one in segments)
    assert all(one.end is not None and one.end <= two.start for one, two in pairwise(segments))
