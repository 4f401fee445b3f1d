"""Holds in Redis: the script is the rule of domain/holds.py, under any number of clients and after every loss."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import metering_wiring
from connectors.redis.holds import RedisHolds
from domain.errors import EngineUnavailable
from domain.holds import Answer, Holdings
from invoicing.hold_ports import CachedStanding
from invoicing.metering_ports import Balance
from tests.law_examples import examples

pytestmark = pytest.mark.engines
LONG_MS = 3_600_000


@pytest.fixture
def balances(cache):
    balances = metering_wiring.balance_cache()
    yield balances
    balances.close()


@pytest.fixture
def holds(balances):
    holds = metering_wiring.holds()
    yield holds
    holds.close()


def tell(balances, micros, *, version=1, status="active", floor=0, standing_version=1, account_id=1):
    balances.put([Balance(account_id + 100, account_id, micros, version)])
    balances.put_standings([CachedStanding(account_id, status, floor, standing_version)])


def test_an_account_nobody_told_of_is_not_known(holds, balances):
    assert holds.may_send(1, 0).answer is None
    balances.put([Balance(101, 1, 500, 1)])
    assert holds.hold(1, "h", 1, lifetime_ms=LONG_MS).answer is None


def test_an_answer_tells_balance_reservations_version_status_and_end(holds, balances):
    tell(balances, 1_000, version=7, status="low")
    before_ms = time.time() * 1000
    said = holds.hold(1, "h", 600, lifetime_ms=10_000)
    assert (said.answer, said.balance_micros, said.reserved_micros, said.version, said.status) == (
        Answer.YES, 1_000, 600, 7, "low",
    )  # fmt: skip
    assert before_ms + 9_000 <= said.ends_ms <= before_ms + 12_000


def test_a_hold_ends_by_itself_and_is_not_reserved_any_more(holds, balances):
    tell(balances, 1_000)
    holds.hold(1, "h", 600, lifetime_ms=30)
    assert holds.may_send(1, 500).answer is Answer.NO_CREDIT
    time.sleep(0.05)
    assert holds.may_send(1, 1_000).answer is Answer.YES


def test_many_holds_that_are_over_are_all_let_go(holds, balances):
    tell(balances, 5_000)
    for number in range(1_200):
        holds.hold(1, f"h{number}", 1, lifetime_ms=400)
    time.sleep(0.5)
    for _ in range(3):
        said = holds.may_send(1, 0)
    assert said.reserved_micros == 0


def test_the_script_is_loaded_again_after_redis_forgot_it(holds, balances, cache):
    tell(balances, 1_000)
    cache.script_flush()
    assert holds.may_send(1, 1).answer is Answer.YES


def test_a_suspension_stops_new_holds_and_leaves_the_others_alone(holds, balances):
    tell(balances, 1_000)
    holds.hold(1, "h", 600, lifetime_ms=LONG_MS)
    tell(balances, 1_000, status="suspended", standing_version=2)
    assert holds.hold(1, "g", 1, lifetime_ms=LONG_MS).answer is Answer.SUSPENDED
    assert holds.hold(1, "h", 600, lifetime_ms=LONG_MS).answer is Answer.YES
    assert holds.release(1, ["h", "h", "never"]) == 1


@pytest.mark.parametrize("micros", [2**53 + 1, 10**18, 10**18 + 1])
def test_rooms_are_exact_beyond_what_a_double_holds(holds, balances, micros):
    tell(balances, micros)
    holds.hold(1, "h", 10**15, lifetime_ms=LONG_MS)
    tell(balances, 10**15 + 1, version=2)
    assert holds.may_send(1, 1).answer is Answer.YES
    assert holds.may_send(1, 2).answer is Answer.NO_CREDIT


def test_clients_at_once_are_never_promised_more_than_there_is(holds, balances):
    tell(balances, 1_000)
    clients = [metering_wiring.holds() for _ in range(8)]

    def ask(client: RedisHolds, name: int) -> int:
        said = [client.hold(1, f"{name}-{number}", 7, lifetime_ms=LONG_MS).answer for number in range(40)]
        return said.count(Answer.YES)

    with ThreadPoolExecutor(8) as threads:
        granted = sum(threads.map(ask, clients, range(8)))
    for client in clients:
        client.close()
    assert granted == 1_000 // 7
    assert holds.may_send(1, 0).reserved_micros == 7 * granted


def test_after_redis_lost_everything_balances_are_told_anew_and_nothing_is_reserved(holds, balances, cache):
    tell(balances, 1_000, version=9)
    holds.hold(1, "h", 600, lifetime_ms=LONG_MS)
    cache.flushdb()
    tell(balances, 400, version=10)
    assert holds.may_send(1, 400).answer is Answer.YES
    assert holds.release(1, ["h"]) == 0


def test_a_balance_tells_which_wallets_have_something_reserved(holds, balances):
    tell(balances, 1_000)
    tell(balances, 1_000, account_id=2)
    holds.hold(2, "h", 600, lifetime_ms=LONG_MS)
    told = [Balance(101, 1, 900, 2), Balance(102, 2, 900, 2)]
    assert balances.put(told) == told[1:]
    holds.release(2, ["h"])
    assert balances.put(told) == []


def test_mending_adds_up_anew_what_is_reserved(holds, balances, cache):
    tell(balances, 1_000)
    holds.hold(1, "h", 600, lifetime_ms=LONG_MS)
    cache.hset("balance:1", "reserved_micros", 5)
    assert holds.mend([1, 2]) == 1
    assert holds.may_send(1, 0).reserved_micros == 600
    assert holds.mend([1, 2]) == 0


def test_a_redis_that_does_not_answer_is_one_sentence():
    nobody = RedisHolds(host="127.0.0.1", port=1, database=0)
    with pytest.raises(EngineUnavailable, match="Redis does not answer"):
        nobody.may_send(1, 1)


_names = st.sampled_from(["a", "b", "c"])
_amounts = st.one_of(st.integers(0, 300), st.integers(0, 10**15))
_micros = st.one_of(st.integers(-500, 1_500), st.integers(-(10**17), 10**17))
_steps = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), _names, _amounts),
        st.tuples(st.just("ask"), _amounts),
        st.tuples(st.just("release"), st.lists(_names, max_size=3)),
        st.tuples(st.just("balance"), _micros, st.integers(1, 12)),
        st.tuples(
            st.just("standing"),
            st.sampled_from(["active", "low", "grace", "suspended", "closed"]),
            st.none() | _micros,
            st.integers(2, 12),
        ),
    ),
    max_size=25,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(150))
@given(_micros, _steps)
def test_the_script_does_what_the_rule_says_whatever_the_order(holds, balances, cache, opening, steps):
    cache.flushdb()
    tell(balances, opening)
    model = Holdings(opening, 1, standing_version=1)
    for what, *how in steps:
        if what == "hold":
            name, amount = how
            answer, model = model.hold(name, amount, ends_ms=10**15)
            said = holds.hold(1, name, amount, lifetime_ms=LONG_MS)
            assert said.answer is answer
        elif what == "ask":
            assert holds.may_send(1, how[0]).answer is model.may_send(how[0])
        elif what == "release":
            before = len(model.holds)
            for name in how[0]:
                model = model.release(name)
            assert holds.release(1, how[0]) == before - len(model.holds)
        elif what == "balance":
            model = model.tell_balance(*how)
            balances.put([Balance(101, 1, *how)])
        else:
            status, floor, version = how
            model = model.tell_standing(status, floor, version)
            balances.put_standings([CachedStanding(1, status, floor, version)])
    said = holds.may_send(1, 0)
    assert (said.balance_micros, said.version, said.status, said.reserved_micros) == (
        model.balance_micros, model.version, model.status, model.reserved_micros,
    )  # fmt: skip
