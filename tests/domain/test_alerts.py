"""Low-balance alerts: one a crossing, armed again after recovery, and what each kind of threshold is reckoned from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts import (
    DEFAULT_THRESHOLDS,
    Arm,
    Threshold,
    ThresholdKind,
    WalletFacts,
    level_micros,
    read_threshold,
    rearm_micros,
    watch,
    watch_all,
)
from domain.errors import InvalidInput

RUPEE = 1_000_000


def at(rupees: int) -> Threshold:
    return Threshold(ThresholdKind.ABSOLUTE, rupees * RUPEE)


def percent(value: int) -> Threshold:
    return Threshold(ThresholdKind.PERCENT_OF_LAST_TOP_UP, value)


def days(value: int) -> Threshold:
    return Threshold(ThresholdKind.DAYS_OF_RUNWAY, value)


def facts(rupees: int, *, last_top_up: int | None = None, a_day: int = 0) -> WalletFacts:
    return WalletFacts(rupees * RUPEE, None if last_top_up is None else last_top_up * RUPEE, a_day * RUPEE)


def crossed(thresholds, *rupees):
    """The codes that fire at each of a row of balances."""
    arms, fired = {}, []
    for balance in rupees:
        watched = watch(thresholds, arms, facts(balance))
        arms = watched.arms
        fired.append([crossing.threshold.code for crossing in watched.crossings])
    return fired


def test_a_balance_that_falls_to_the_level_alerts_once():
    assert crossed([at(100)], 150, 101, 100, 99, 20) == [[], [], ["absolute:100000000"], [], []]


def test_a_balance_that_hovers_at_the_level_alerts_once_and_again_only_after_it_has_recovered():
    assert crossed([at(100)], 150, 99, 101, 99, 109, 99, 110, 99) == [[], [at(100).code], [], [], [], [], [], [at(100).code]]


def test_a_balance_that_falls_past_several_levels_alerts_at_each_the_highest_first():
    assert crossed([at(0), at(100), at(50)], 150, -5) == [[], [at(100).code, at(50).code, at(0).code]]


def test_a_wallet_that_was_never_above_a_level_has_not_crossed_it():
    assert crossed([at(0), at(100)], 0, 50, 0, 200, 80) == [[], [], [at(0).code], [], [at(100).code]]


def crossed_unseen(before, *rupees):
    """Crossings of 100 and which of them are over, whether an earlier alert is, and how the threshold stands."""
    balances = [WalletFacts(balance * RUPEE, version=version) for version, balance in enumerate(rupees, 1)]
    found = watch_all([at(100)], before, balances)
    return [(one.version, one.over) for one in found.crossings], bool(found.recovered), found.arms[at(100).code]


@pytest.mark.parametrize(
    ("before", "rupees", "found"),
    [
        ("armed", (99, 150), ([(1, True)], False, "armed")),
        ("armed", (99, 105), ([(1, False)], False, "fired")),
        ("armed", (99, 150, 90, 80), ([(1, True), (3, False)], False, "fired")),
        ("armed", (99, 150, 90, 150), ([(1, True), (3, True)], False, "armed")),
        ("fired", (150, 99), ([(2, False)], True, "fired")),
        ("fired", (105, 99), ([], False, "fired")),
        ("fired", (150, 99, 150), ([(2, True)], True, "armed")),
    ],
)
def test_every_crossing_since_the_last_look_is_found_and_whether_it_is_over(before, rupees, found):
    assert crossed_unseen({at(100).code: Arm(before)}, *rupees) == found


def test_a_wallet_that_rose_above_a_level_and_fell_before_anybody_looked_has_crossed_it():
    assert crossed_unseen({}, 50, 150, 90) == ([(3, False)], False, "fired")


def test_an_alert_of_a_threshold_that_is_watched_no_longer_is_over():
    assert watch([at(50)], {at(100).code: Arm.FIRED, at(50).code: Arm.ARMED}, facts(90)).recovered == {at(100).code}


@pytest.mark.parametrize(
    ("threshold", "wallet", "level"),
    [
        (at(100), facts(0), 100 * RUPEE),
        (percent(20), facts(0, last_top_up=1_000), 200 * RUPEE),
        (percent(20), facts(0), None),
        (days(2), facts(0, a_day=30), 60 * RUPEE),
        (days(2), facts(0), None),
    ],
)
def test_each_kind_of_threshold_comes_to_a_level(threshold, wallet, level):
    assert level_micros(threshold, wallet) == level


def test_a_level_that_rises_above_the_balance_is_crossed_too():
    armed = watch([days(2)], {}, facts(100, a_day=30)).arms
    assert [one.level_micros for one in watch([days(2)], armed, facts(100, a_day=60)).crossings] == [120 * RUPEE]


def test_a_top_up_arms_a_percentage_anew_at_its_new_level():
    arms = watch([percent(20)], {}, facts(500, last_top_up=1_000)).arms
    arms = watch([percent(20)], arms, facts(150, last_top_up=1_000)).arms
    assert arms == {percent(20).code: Arm.FIRED}
    arms = watch([percent(20)], arms, facts(250, last_top_up=100)).arms
    assert arms == {percent(20).code: Arm.ARMED}


@pytest.mark.parametrize("code", ["", "absolute", "absolute:", "absolute:1.5", "share:20", "percent_of_last_top_up:0",
                                  "percent_of_last_top_up:101", "days_of_runway:-1", "absolute:" + "9" * 20])  # fmt: skip
def test_a_threshold_that_cannot_be_meant_is_refused(code):
    with pytest.raises(InvalidInput, match="thresholds"):
        read_threshold(code)


@pytest.mark.parametrize("threshold", DEFAULT_THRESHOLDS, ids=lambda threshold: threshold.code)
def test_a_threshold_reads_back_from_its_code(threshold):
    assert read_threshold(threshold.code) == threshold


_levels = st.lists(st.integers(-50, 200).map(at), max_size=4)
_balances = st.lists(st.integers(-100, 300), max_size=30)


@given(_levels, _balances)
def test_between_two_alerts_of_a_threshold_the_balance_has_recovered(thresholds, balances):
    arms, since_fired = {}, {}
    for balance in balances:
        watched = watch(thresholds, arms, facts(balance))
        arms = watched.arms
        for code, high in since_fired.items():
            since_fired[code] = max(high, balance * RUPEE)
        for crossing in watched.crossings:
            code, level = crossing.threshold.code, crossing.level_micros
            assert crossing.balance_micros <= level
            assert since_fired.get(code, rearm_micros(level)) >= rearm_micros(level)
            since_fired[code] = balance * RUPEE


@given(_levels, _balances, st.integers(-100, 300))
def test_the_same_look_twice_fires_nothing_the_second_time(thresholds, balances, last):
    arms = {}
    for balance in [*balances, last]:
        arms = watch(thresholds, arms, facts(balance)).arms
    again = watch(thresholds, arms, facts(last))
    assert again.crossings == ()
    assert again.arms == arms


@given(_levels, _balances)
def test_every_level_below_which_a_balance_fell_from_above_it_is_told_by_the_end(thresholds, balances):
    arms, told = {}, set()
    for balance in balances:
        watched = watch(thresholds, arms, facts(balance))
        arms = watched.arms
        told |= {crossing.threshold for crossing in watched.crossings}
    for threshold in thresholds:
        above = next((place for place, balance in enumerate(balances) if balance * RUPEE > threshold.value), None)
        fell = above is not None and any(balance * RUPEE <= threshold.value for balance in balances[above:])
        assert (threshold in told) == fell
