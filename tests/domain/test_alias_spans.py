"""Aliases in time: spans are half-open and never overlap, and whatever was done, an instant has the account it was given."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alias_spans import Change, NamedSpan, end_alias, map_alias, move_alias
from domain.attribution import DISTANT_FUTURE, DISTANT_PAST, AliasSpan
from domain.errors import BillingError, InvalidInput, NotFound
from tests.builders_usage import a_config, an_account, micros_of

NOON = datetime(2026, 10, 15, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
DAY = timedelta(days=1)
ALWAYS = NamedSpan("acme", None, None)


def test_an_alias_that_nobody_has_is_mapped_for_ever_or_from_a_time_on():
    assert map_alias("shop", [], account="acme", start=None) == ALWAYS
    assert map_alias("shop", [], account="acme", start=NOON) == NamedSpan("acme", NOON, None)


@pytest.mark.parametrize("start", [None, NOON])
def test_mapping_an_alias_to_the_account_it_names_already_changes_nothing(start):
    assert map_alias("shop", [ALWAYS], account="acme", start=start) is None


def test_mapping_an_alias_that_another_account_has_is_refused_with_that_account_and_its_span():
    span = NamedSpan("acme", NOON, NOON + DAY)
    with pytest.raises(InvalidInput) as refusal:
        map_alias("shop", [span], account="bolt", start=NOON + DAY - TICK)
    assert "'shop' names account acme already (from 2026-10-15T12:00:00Z until 2026-10-16T12:00:00Z)" in str(refusal.value)


def test_an_alias_that_ended_is_mapped_again_from_the_instant_it_ended():
    ended = NamedSpan("acme", None, NOON)
    assert map_alias("shop", [ended], account="bolt", start=NOON) == NamedSpan("bolt", NOON, None)
    with pytest.raises(InvalidInput, match=r"names account acme already \(until 2026-10-15T12:00:00Z\)"):
        map_alias("shop", [ended], account="bolt", start=None)


def test_a_mapping_that_was_to_begin_later_does_not_begin_earlier_by_itself():
    with pytest.raises(InvalidInput, match="names account acme already"):
        map_alias("shop", [NamedSpan("acme", NOON, None)], account="acme", start=NOON - DAY)


def test_a_move_splits_the_span_at_its_instant_which_belongs_to_the_new_account():
    change = move_alias("shop", [ALWAYS], to="bolt", at=NOON)
    assert change == Change(ALWAYS, (NamedSpan("acme", None, NOON), NamedSpan("bolt", NOON, None)))
    assert [span.account for span in change.after if span.contains(NOON)] == ["bolt"]
    assert [span.account for span in change.after if span.contains(NOON - TICK)] == ["acme"]


def test_a_move_at_the_very_beginning_of_a_span_leaves_nothing_of_it():
    span = NamedSpan("acme", NOON, NOON + DAY)
    assert move_alias("shop", [span], to="bolt", at=NOON) == Change(span, (NamedSpan("bolt", NOON, NOON + DAY),))


def test_a_move_lasts_until_the_span_it_splits_would_have_ended():
    spans = [NamedSpan("acme", None, NOON), NamedSpan("bolt", NOON, None)]
    change = move_alias("shop", spans, to="calm", at=NOON - DAY)
    assert change.after == (NamedSpan("acme", None, NOON - DAY), NamedSpan("calm", NOON - DAY, NOON))


def test_an_alias_that_ends_names_nobody_from_that_instant_on():
    assert end_alias("shop", [ALWAYS], at=NOON) == Change(ALWAYS, (NamedSpan("acme", None, NOON),))


def test_a_move_to_the_account_that_is_named_and_one_of_a_time_without_an_account_are_refused():
    with pytest.raises(InvalidInput, match=r"to: alias 'shop' names account acme at 2026-10-15T12:00:00Z already"):
        move_alias("shop", [ALWAYS], to="acme", at=NOON)
    with pytest.raises(NotFound, match=r"'shop' names no account at .* \(it names acme until 2026-10-15T12:00:00Z\)"):
        move_alias("shop", [NamedSpan("acme", None, NOON)], to="bolt", at=NOON)
    with pytest.raises(NotFound, match="it names nobody ever"):
        end_alias("shop", [], at=NOON)


def test_a_time_without_a_zone_is_refused_with_the_way_out():
    naive = datetime(2026, 10, 15)  # noqa: DTZ001 - the point of the test
    with pytest.raises(InvalidInput, match=r"at: 2026-10-15T00:00:00 has no time zone: add one"):
        move_alias("shop", [ALWAYS], to="bolt", at=naive)
    with pytest.raises(InvalidInput, match=r"from: .* has no time zone"):
        map_alias("shop", [], account="acme", start=naive)


@pytest.mark.parametrize("alias", ["", "x" * 129])
def test_an_alias_has_a_length_the_books_can_hold(alias):
    with pytest.raises(InvalidInput, match="alias: must have 1 to 128 characters"):
        map_alias(alias, [], account="acme", start=None)


# The law: the spans, the worker that reads them, and a plain replay in which the last word wins agree at every instant.

HOURS = 12
codes = st.sampled_from(["acme", "bolt", "calm"])
hours = st.integers(0, HOURS - 1)
steps = st.one_of(
    st.tuples(st.just("map"), codes, st.one_of(st.none(), hours)),
    st.tuples(st.just("move"), codes, hours),
    st.tuples(st.just("end"), codes, hours),
)


def moment(hour: int) -> datetime:
    return NOON + timedelta(hours=hour)


def applied(spans, step):
    kind, code, hour = step
    if kind == "map":
        added = map_alias("shop", spans, account=code, start=None if hour is None else moment(hour))
        return [*spans, *([added] if added else [])]
    change = (
        move_alias("shop", spans, to=code, at=moment(hour)) if kind == "move" else end_alias("shop", spans, at=moment(hour))
    )
    return [*(span for span in spans if span != change.before), *change.after]


@given(st.lists(steps, max_size=12))
def test_after_any_sequence_of_changes_each_instant_has_the_one_account_a_plain_replay_gives_it(sequence):
    spans: list[NamedSpan] = []
    replay: list[tuple[datetime | None, datetime | None, str | None]] = []
    for step in sequence:
        try:
            after = applied(spans, step)
        except BillingError:
            continue
        if after != spans:
            kind, code, hour = step
            start = None if hour is None else moment(hour)
            # Mapping goes on for ever; a move or an end lasts as long as the span it cuts.
            until = None if kind == "map" else next(span.end for span in spans if span.contains(moment(hour)))
            replay.append((start, until, None if kind == "end" else code))
        spans = after
    config = a_config(aliases={"shop": [as_rated(span) for span in spans]})
    for hour in range(-1, HOURS + 1):
        for instant in (moment(hour) - TICK, moment(hour), moment(hour) + TICK):
            holding = [span for span in spans if span.contains(instant)]
            assert len(holding) <= 1
            expected = None
            for start, until, code in replay:
                if (start is None or start <= instant) and (until is None or instant < until):
                    expected = code
            rated = config.account_at("shop", micros_of(instant))
            assert (rated and rated.code) == expected


def as_rated(span: NamedSpan) -> AliasSpan:
    """The span as the worker has it."""
    start = DISTANT_PAST if span.start is None else micros_of(span.start)
    return AliasSpan(an_account(span.account), start, DISTANT_FUTURE if span.end is None else micros_of(span.end))
