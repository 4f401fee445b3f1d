"""Looking at wallets: the bounds between which nothing changes, whatever the balance does inside them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.alerts import DEFAULT_THRESHOLDS, Arm, Threshold, ThresholdKind, WalletFacts
from domain.money import Currency
from domain.suspension import CreditFacts, Standing, State
from domain.wallet_watch import ALWAYS_BELOW, NEVER_BELOW, ChosenTerms, Watched, look

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
PREPAID = ChosenTerms(True, Currency.INR, low_level_micros=200, grace_hours=72, grace_micros=500)
HALF = Threshold(ThresholdKind.PERCENT_OF_LAST_TOP_UP, 50)


def a_wallet(balance, *, chosen=PREPAID, thresholds=(HALF,), top_up=1_000, standing=None, arms=None, **changes):
    watched = Watched(
        chosen, thresholds, WalletFacts(balance, top_up), CreditFacts(balance), standing or Standing(), None, arms or {}
    )
    return replace(watched, **changes)


def again(watched, found, balance):
    """The same wallet after a look, at another balance."""
    return replace(
        watched,
        wallet=replace(watched.wallet, balance_micros=balance),
        credit=replace(watched.credit, balance_micros=balance),
        standing=found.standing,
        arms=found.arms,
    )


def test_a_full_wallet_is_looked_at_when_it_comes_to_the_highest_level_below():
    found = look(a_wallet(1_000), now=NOW)
    assert (found.effective, found.look_below_micros, found.look_above_micros) == (State.ACTIVE, 500, ALWAYS_BELOW)


def test_a_wallet_in_grace_is_looked_at_when_grace_is_used_up_or_credit_is_back():
    found = look(a_wallet(-100, thresholds=()), now=NOW)
    assert (found.effective, found.look_below_micros, found.look_above_micros) == (State.GRACE, -501, 1)
    assert found.look_again_at == NOW + timedelta(hours=72)


def test_a_prepaid_wallet_that_never_held_anything_is_not_out_of_credit():
    found = look(a_wallet(0, top_up=None, used_before=False), now=NOW)
    assert found.effective is State.ACTIVE


def test_a_postpaid_wallet_without_a_limit_is_looked_at_for_its_thresholds_only():
    found = look(a_wallet(-(10**15), chosen=ChosenTerms(False, Currency.INR), thresholds=()), now=NOW)
    assert (found.look_below_micros, found.look_above_micros, found.floor_micros) == (NEVER_BELOW, ALWAYS_BELOW, None)


def test_what_is_promised_goes_down_to_the_grace_and_when_suspended_no_further_than_credit():
    assert look(a_wallet(1_000), now=NOW).floor_micros == -500
    assert look(a_wallet(-501), now=NOW).floor_micros == 0


def test_a_wallet_whose_runway_is_warned_about_is_looked_at_every_hour():
    wallet = a_wallet(1_000, thresholds=DEFAULT_THRESHOLDS)
    assert look(wallet, now=NOW).look_again_at is None
    burning = replace(wallet, wallet=replace(wallet.wallet, burnt_a_day_micros=10))
    assert look(burning, now=NOW).look_again_at == NOW + timedelta(hours=1)


def fell_meanwhile(balance, *past, **changes):
    """A wallet that held 1,000 and now `balance`, and held others in between."""
    first = look(a_wallet(1_000, **changes), now=NOW)
    seen = again(a_wallet(1_000, **changes), first, balance)
    return look(replace(seen, past=[WalletFacts(one, 1_000) for one in past]), now=NOW)


def test_a_dip_that_is_over_is_an_alert_that_is_over_and_moves_neither_standing_nor_grace():
    found = fell_meanwhile(900, -600, 900)
    assert [(one.balance_micros, one.over) for one in found.crossings] == [(-600, True)]
    assert (found.effective, found.standing, found.recovered) == (State.ACTIVE, Standing(), frozenset())
    assert (found.look_below_micros, found.look_again_at, found.floor_micros) == (500, None, -500)


def test_a_recovery_that_is_over_ends_no_suspension_and_begins_no_second_grace():
    since = NOW - timedelta(hours=71)
    for state in (State.GRACE, State.SUSPENDED):
        wallet = a_wallet(-1, standing=Standing(state, since), past=[WalletFacts(700, 1_000), WalletFacts(-1, 1_000)])
        assert look(wallet, now=NOW).standing == Standing(state, since)


def test_a_look_that_has_to_be_short_judges_standing_by_what_is_held_now_and_leaves_the_other_balances_to_the_next():
    wallet = a_wallet(-1, arms={HALF.code: Arm.ARMED}, past=[WalletFacts(800, 1_000)], past_is_whole=False)
    found = look(wallet, now=NOW)
    assert (found.effective, found.crossings, found.arms) == (State.GRACE, (), {HALF.code: Arm.ARMED})


_chosen = st.builds(
    ChosenTerms,
    st.booleans(),
    st.just(Currency.INR),
    low_level_micros=st.none() | st.integers(0, 300),
    grace_hours=st.just(72),
    grace_micros=st.integers(0, 300),
    credit_limit_micros=st.none() | st.integers(0, 500),
)
_thresholds = st.lists(
    st.one_of(
        st.integers(-300, 600).map(lambda value: Threshold(ThresholdKind.ABSOLUTE, value)),
        st.integers(1, 100).map(lambda value: Threshold(ThresholdKind.PERCENT_OF_LAST_TOP_UP, value)),
    ),
    max_size=4,
)
_balances = st.lists(st.integers(-1_000, 1_200), min_size=1, max_size=12)


@given(_chosen, _thresholds, _balances, st.integers(-1_200, 1_400))
def test_between_its_bounds_nothing_changes_about_a_wallet(chosen, thresholds, balances, somewhere):
    """The law that lets the books pass over a wallet: a look inside the bounds would find nothing."""
    watched = a_wallet(balances[0], chosen=chosen, thresholds=thresholds)
    found = look(watched, now=NOW)
    for balance in balances[1:]:
        watched = again(watched, found, balance)
        found = look(watched, now=NOW)
    if found.look_below_micros < somewhere < found.look_above_micros:
        inside = look(again(watched, found, somewhere), now=NOW)
        assert inside.crossings == ()
        assert inside.standing == found.standing
        assert (inside.arms, inside.floor_micros) == (found.arms, found.floor_micros)
        assert (inside.look_below_micros, inside.look_above_micros) == (found.look_below_micros, found.look_above_micros)


@given(_chosen, _thresholds, _balances)
def test_the_same_look_twice_finds_nothing_new(chosen, thresholds, balances):
    watched = a_wallet(balances[0], chosen=chosen, thresholds=thresholds)
    for balance in balances:
        found = look(again(watched, look(watched, now=NOW), balance), now=NOW)
        watched = again(watched, found, balance)
        same = look(watched, now=NOW)
        assert (same.standing, same.crossings, same.recovered, same.arms) == (found.standing, (), frozenset(), found.arms)
