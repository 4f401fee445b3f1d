"""What becomes of a subscription's segments."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import IllegalTransition, Invalid
from domain.money import Currency
from domain.subscriptions import (
    Change,
    PlanChoice,
    Segment,
    Subscriptions,
    cancel,
    change,
    end_of_period,
    gave_way,
    pause,
    reactivate,
    resume,
    start,
)

KOLKATA = ZoneInfo("Asia/Kolkata")
BASIC, DEARER, OTHER = (
    PlanChoice(number, label, Currency.INR) for number, label in ((1, "basic v1"), (2, "dearer v1"), (4, "other v1"))
)
DOLLARS = PlanChoice(3, "global v1", Currency.USD)
OCTOBER_1 = datetime(2026, 10, 1, tzinfo=UTC)


def day(number):
    return OCTOBER_1 + timedelta(days=number - 1)


def on(number, *, now=None, **more):
    return Change(day(number), day(number if now is None else now), **more)


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
    begun = start(subscribed(), BASIC, on(5))
    assert shown(begun) == [("basic v1", 5, None)]
    assert begun.segments[0].began_at == day(5)


def test_a_second_subscription_is_refused_while_one_runs():
    with pytest.raises(Invalid, match="is on basic v1 from 2026-10-01"):
        start(subscribed(on_basic()), DEARER, on(5))


def test_a_change_ends_a_segment_and_begins_another_of_the_same_subscription():
    changed = change(subscribed(on_basic()), DEARER, on(10))
    assert shown(changed) == [("basic v1", 1, 10), ("dearer v1", 10, None)]
    assert {one.subscription_id for one in changed.segments} == {3}
    assert [one.began_at for one in changed.segments] == [day(1), day(1)]


def test_a_change_at_the_very_beginning_leaves_nothing_of_what_was():
    assert shown(change(subscribed(on_basic()), DEARER, on(1))) == [("dearer v1", 1, None)]


def test_a_change_replaces_what_was_planned_for_later():
    planned = change(subscribed(on_basic()), DEARER, on(20))
    assert shown(change(planned, DEARER, on(10))) == [("basic v1", 1, 10), ("dearer v1", 10, None)]


def test_a_change_to_the_same_plan_is_refused():
    with pytest.raises(IllegalTransition, match="already"):
        change(subscribed(on_basic()), BASIC, on(10))


def test_a_plan_in_another_currency_is_refused_and_every_fault_is_named():
    with pytest.raises(Invalid) as refused:
        change(subscribed(on_basic(), open_from=day(9)), DOLLARS, on(2))
    assert [fault.path for fault in refused.value.errors] == ["at", "plan"]


def test_invoiced_time_does_not_change():
    with pytest.raises(Invalid, match="is invoiced"):
        cancel(subscribed(on_basic(), open_from=day(32)), on(20))


def test_a_pause_can_be_resumed_once():
    paused = pause(subscribed(on_basic()), on(10))
    assert [one.paused for one in paused.segments] == [False, True]
    running = resume(paused, on(20))
    assert shown(running) == [("basic v1", 1, 10), ("basic v1", 10, 20), ("basic v1", 20, None)]
    with pytest.raises(IllegalTransition, match="not paused"):
        resume(running, on(25))
    with pytest.raises(IllegalTransition, match="paused already"):
        pause(paused, on(12))


def test_a_cancelled_subscription_ends_and_another_may_begin():
    ended = cancel(subscribed(on_basic()), on(10))
    assert shown(ended) == [("basic v1", 1, 10)]
    again = start(ended, DEARER, on(15))
    assert again.segments[-1].subscription_id == 0
    with pytest.raises(IllegalTransition, match="has no subscription"):
        cancel(ended, on(12))


def test_what_follows_of_another_subscription_stays():
    later = on_basic(20, subscription_id=4, segment_id=8)
    assert shown(change(subscribed(on_basic(end=day(15)), later), DEARER, on(10))) == [
        ("basic v1", 1, 10),
        ("dearer v1", 10, 15),
        ("basic v1", 20, None),
    ]


def test_a_subscription_since_ever_can_be_changed():
    assert shown(change(subscribed(on_basic(start=None)), DEARER, on(10))) == [
        ("basic v1", None, 10),
        ("dearer v1", 10, None),
    ]


def test_a_change_of_plan_leaves_a_planned_cancellation_and_a_planned_pause_as_they_are():
    ending = cancel(subscribed(on_basic()), on(32))
    assert shown(change(ending, DEARER, on(10))) == [("basic v1", 1, 10), ("dearer v1", 10, 32)]
    resting = change(pause(subscribed(on_basic()), on(20)), DEARER, on(10))
    assert shown(resting) == [("basic v1", 1, 10), ("dearer v1", 10, 20), ("dearer v1", 20, None)]
    assert [one.paused for one in resting.segments] == [False, False, True]


def test_a_pause_leaves_a_planned_change_of_plan_as_it_is():
    planned = change(subscribed(on_basic()), DEARER, on(32))
    paused = pause(planned, on(10))
    assert shown(paused) == [("basic v1", 1, 10), ("basic v1", 10, 32), ("dearer v1", 32, None)]
    assert [one.paused for one in paused.segments] == [False, True, True]
    assert gave_way(planned, paused, at=day(10)) == ()


def test_a_pause_of_what_is_paused_later_anyhow_begins_earlier():
    earlier = pause(pause(subscribed(on_basic()), on(20)), on(10))
    assert shown(earlier) == [("basic v1", 1, 10), ("basic v1", 10, None)]


def test_a_planned_change_is_called_off_by_changing_to_the_present_plan_and_said_to_give_way():
    planned = change(subscribed(on_basic()), DEARER, on(32, now=5))
    called_off = change(planned, BASIC, on(10))
    assert [(one.plan.label, one.start, one.end) for one in called_off.segments if one.end is None] == [
        ("basic v1", day(10), None)
    ]
    assert [(one.plan, one.start) for one in gave_way(planned, called_off, at=day(10))] == [(DEARER, day(32))]


def test_what_has_begun_gives_way_only_when_that_is_said():
    changed = change(subscribed(on_basic()), DEARER, on(10))
    with pytest.raises(Invalid, match=r"at: account acme is on dearer v1 since 2026-10-10 .* to give way"):
        change(changed, OTHER, on(5, now=20))
    assert shown(change(changed, OTHER, on(5, now=20, replacing=True))) == [("basic v1", 1, 5), ("other v1", 5, None)]
    with pytest.raises(Invalid, match="since 2026-10-10"):
        cancel(changed, on(5, now=20))
    assert shown(cancel(changed, on(5, now=20, replacing=True))) == [("basic v1", 1, 5)]


def test_a_change_that_was_entered_too_late_is_moved_to_when_it_should_have_been():
    changed = change(subscribed(on_basic()), DEARER, on(10))
    assert shown(change(changed, DEARER, on(5, now=20))) == [("basic v1", 1, 5), ("dearer v1", 5, None)]


def test_a_back_dated_change_of_plan_leaves_pauses_where_they_were():
    rested = resume(pause(subscribed(on_basic()), on(10)), on(12))
    changed = change(rested, DEARER, on(5, now=20))
    assert [((one.start - OCTOBER_1).days + 1, one.plan.label, one.paused) for one in changed.segments] == [
        (1, "basic v1", False),
        (5, "dearer v1", False),
        (10, "dearer v1", True),
        (12, "dearer v1", False),
    ]


def test_a_change_to_the_present_plan_is_refused_while_it_is_paused_too():
    with pytest.raises(IllegalTransition, match="already"):
        change(pause(subscribed(on_basic()), on(10)), BASIC, on(12))


def test_a_cancellation_can_be_taken_back_before_and_after_it_took_effect():
    ending = cancel(subscribed(on_basic()), on(20, now=5))
    for now in (10, 25):
        (restored,) = reactivate(ending, now=day(now)).segments
        assert (restored.segment_id, restored.start, restored.end) == (7, day(1), None)
    with pytest.raises(IllegalTransition, match="is on basic v1 without end"):
        reactivate(subscribed(on_basic()), now=day(10))
    with pytest.raises(IllegalTransition, match="was never on a plan"):
        reactivate(subscribed(), now=day(10))
    with pytest.raises(Invalid, match="is invoiced"):
        reactivate(subscribed(on_basic(end=day(20)), open_from=day(32)), now=day(40))


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(Invalid, match="needs a time zone"):
        cancel(subscribed(on_basic()), Change(datetime(2026, 10, 5), day(5)))  # noqa: DTZ001


def test_period_end_is_the_accounts_month():
    assert end_of_period(subscribed(), now=datetime(2026, 10, 31, 18, 29, tzinfo=UTC)) == datetime(
        2026, 10, 31, 18, 30, tzinfo=UTC
    )


STEPS = {
    "start": lambda present, when: start(present, BASIC, when),
    "change": lambda present, when: change(present, DEARER, when),
    "change back": lambda present, when: change(present, BASIC, when),
    "pause": pause,
    "resume": resume,
    "cancel": cancel,
    "reactivate": lambda present, when: reactivate(present, now=when.now),
}


def stored(subscriptions):
    """With the ids the books would give."""
    begun = {one.began_at: number for number, one in enumerate(subscriptions.segments, 1)}
    return replace(
        subscriptions,
        segments=tuple(
            replace(one, segment_id=number, subscription_id=begun[one.began_at])
            for number, one in enumerate(subscriptions.segments, 1)
        ),
    )


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(list(STEPS)), st.integers(1, 90), st.integers(0, 30), st.booleans()), max_size=12
    )
)
def test_whatever_is_done_segments_follow_each_other_and_what_was_before_stays(steps):
    subscriptions = subscribed()
    for what, number, back, replacing in steps:
        when = on(number, now=number + back, replacing=replacing)
        try:
            after = stored(STEPS[what](subscriptions, when))
        except (Invalid, IllegalTransition):
            continue
        segments = after.segments
        assert all(one.end is None or one.start < one.end for one in segments)
        assert all(one.end is not None and one.end <= two.start for one, two in pairwise(segments))
        # The segments of one subscription cover it exactly.
        assert all(one.end == two.start for one, two in pairwise(segments) if one.began_at == two.began_at)
        for moment in (day(each) for each in range(1, number)):
            was, is_ = subscriptions.at(moment), after.at(moment)
            if what != "reactivate":
                assert (was and (was.plan, was.paused)) == (is_ and (is_.plan, is_.paused))
        subscriptions = after


def test_nobody_is_on_a_version_before_it_holds():
    announced = PlanChoice(5, "basic v2", Currency.INR, day(20))
    for rule, present in ((start, subscribed()), (change, subscribed(on_basic()))):
        with pytest.raises(Invalid, match=r"plan: basic v2 holds from .*: choose that instant or a later one"):
            rule(present, announced, on(19))
        assert rule(present, announced, on(20)).at(day(20)).plan is announced
