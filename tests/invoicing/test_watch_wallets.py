"""Watching wallets: one alert a crossing, standings with their history, messages with the change, Redis after the commit."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from connectors import batch_wiring, metering_wiring, wallet_wiring, wiring
from domain.alert_follow_up import acknowledge
from domain.errors import EngineUnavailable, IllegalTransition
from invoicing import arrange_accounts
from invoicing.administer import top_up
from invoicing.relay_outbox import relay_outbox
from invoicing.watch_wallets import WatchedWallets, watch_wallets
from tests.books import AUTHOR, an_event, book, open_account
from tests.installation import wait_until

pytestmark = pytest.mark.engines
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


class Topics:
    """What was sent, in order."""

    in_charge = True

    def __init__(self):
        self.sent = []

    def send(self, messages):
        self.sent += [(message.topic, message.key, message.data_json) for message in messages]


@pytest.fixture
def acme(shop, cache):
    """A prepaid account with 10.00; ₹5 of grace and little from 2.00 on. The books balance when the test is over."""
    open_account("acme", mode="prepaid")
    with shop.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO account_terms (account_id, low_level_micros, grace_hours, grace_micros)"
                " VALUES (1, 2000000, 24, 5000000)"
            )
        )
        connection.execute(text("INSERT INTO account_threshold VALUES (1, 'percent_of_last_top_up', 50)"))
    pay("10.00", "first")
    yield shop
    assert {check.name for check in batch_wiring.books().examine(rows_shown=1).checks if check.rows} == set()


def pay(amount, reference):
    top_up(wiring.administration(), account_code="acme", amount=Decimal(amount), reference=reference, author=AUTHOR)


def use(shop, messages, alias="acme"):
    """So many SMS at 0.20."""
    book(shop, [an_event(alias, quantity=messages)], warehouse=False)


def watch(now=NOW):
    store = metering_wiring.wallet_watch()
    try:
        return watch_wallets(store, metering_wiring.balance_cache(), now=now)
    finally:
        store.close()


def rows(shop, statement):
    with shop.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def status(cache):
    return cache.hmget("balance:1", "status", "floor_micros", "standing_version")


def test_a_first_look_sets_the_bounds_and_tells_redis(acme, cache):
    assert watch() == WatchedWallets(1, 1, 0)
    assert rows(acme, "SELECT look_below_micros, look_above_micros FROM wallet") == [(5_000_000, 2**63 - 1)]
    assert status(cache) == ["active", "-5000000", "1"]
    assert watch() == WatchedWallets(0, 0, 0)


def test_usage_within_the_bounds_asks_for_no_look_and_the_crossing_for_one(acme):
    watch()
    use(acme, 24)
    assert rows(acme, "SELECT count(*) FROM wallet_look") == [(0,)]
    use(acme, 1)
    assert watch() == WatchedWallets(1, 0, 1)
    use(acme, 1)
    assert watch() == WatchedWallets(0, 0, 0)
    assert rows(acme, "SELECT threshold, level_micros, balance_micros, recovered_at FROM balance_alert") == [
        ("percent_of_last_top_up:50", 5_000_000, 5_000_000, None)
    ]


ALERTS = "SELECT balance_micros, wallet_version, recovered_at IS NOT NULL FROM balance_alert ORDER BY alert_id"
TOLD = """
SELECT topic, data ->> 'balance_micros', data ->> 'balance_now_micros', data ->> 'over' FROM outbox_message
WHERE type LIKE '%alert' ORDER BY message_id
"""


def test_a_dip_that_is_over_before_anybody_looks_is_told_once_and_changes_nothing_else(acme, cache):
    watch()
    use(acme, 80)
    pay("20.00", "second")
    assert watch() == WatchedWallets(1, 0, 1)
    assert rows(acme, ALERTS) == [(-6_000_000, 2, True)]
    assert rows(acme, TOLD) == [
        ("wallet.alerts", "-6000000", "14000000", "true"),
        ("notifications", "-6000000", "14000000", "true"),
    ]
    assert (status(cache)[0], rows(acme, "SELECT grace_since FROM account_standing")) == ("active", [(None,)])
    assert watch() == WatchedWallets(0, 0, 0)


def test_a_recovery_that_is_over_ends_the_alert_before_it_and_the_next_dip_is_another(acme):
    watch()
    use(acme, 26)
    watch()
    pay("10.00", "second")
    use(acme, 50)
    assert watch().alerts == 1
    assert rows(acme, ALERTS) == [(4_800_000, 2, True), (4_800_000, 4, False)]


def test_a_dip_after_the_last_top_up_is_held_against_the_share_of_that_one(acme):
    watch()
    pay("90.00", "second")
    use(acme, 300)
    pay("10.00", "third")
    assert watch().alerts == 1
    assert rows(acme, "SELECT level_micros, balance_micros, recovered_at IS NULL FROM balance_alert") == [
        (45_000_000, 40_000_000, False)
    ]


def test_a_dip_before_the_last_top_up_is_held_against_the_share_of_the_one_before(acme):
    watch()
    use(acme, 26)
    pay("2.00", "second")
    watch()
    assert rows(acme, "SELECT level_micros, balance_micros FROM balance_alert") == [(5_000_000, 4_800_000)]


def test_after_an_outage_looks_are_short_standing_is_told_by_the_first_and_no_dip_is_left_out(acme, cache, monkeypatch):
    monkeypatch.setattr("connectors.postgres.wallet_watch._PAST_MAX", 3)
    with acme.begin() as connection:
        connection.execute(text("UPDATE account_threshold SET kind = 'absolute', value = 5000000"))
    watch()
    for number in range(4):
        use(acme, 30)
        pay("6.00", f"again {number}")
    use(acme, 80)
    assert watch().standings_changed == 1
    assert status(cache)[0] == "suspended"
    while watch().looks:
        pass
    assert [version for _, version, _ in rows(acme, ALERTS)] == [2, 4, 6, 8, 10]
    assert [over for _, _, over in rows(acme, ALERTS)] == [True] * 4 + [False]


def test_a_look_asked_for_by_a_change_of_terms_goes_on_from_the_entry_it_was_asked_at(acme):
    watch()
    with acme.begin() as connection:
        connection.execute(text("UPDATE account_terms SET grace_hours = 25"))
    use(acme, 26)
    pay("10.00", "second")
    assert watch().alerts == 1


def test_an_alert_of_a_threshold_that_is_chosen_no_longer_is_over_and_it_may_be_chosen_again(acme):
    watch()
    use(acme, 26)
    watch()
    for kind, value in (("absolute", 1_000_000), ("percent_of_last_top_up", 50)):
        with acme.begin() as connection:
            connection.execute(text("DELETE FROM account_threshold"))
            connection.execute(text("INSERT INTO account_threshold VALUES (1, :k, :v)"), {"k": kind, "v": value})
        watch()
        assert rows(acme, "SELECT count(*) FROM balance_alert WHERE recovered_at IS NULL") == [(0,)]
    pay("10.00", "second")
    watch()
    use(acme, 60)
    assert watch().alerts == 1


def test_an_account_runs_dry_goes_through_grace_into_suspension_and_comes_back_with_a_top_up(acme, cache):
    watch()
    seen = []
    for messages in (41, 10, 26):
        use(acme, messages)
        watch()
        seen.append(status(cache)[0])
    assert seen == ["low", "grace", "suspended"]
    pay("20.00", "second")
    watch()
    assert status(cache) == ["active", "-5000000", "5"]
    assert rows(acme, "SELECT version, state FROM standing_change ORDER BY version") == [
        (1, "active"), (2, "low"), (3, "grace"), (4, "suspended"), (5, "active"),
    ]  # fmt: skip
    assert rows(acme, "SELECT recovered_at IS NOT NULL FROM balance_alert") == [(True,)]


def test_what_is_on_its_way_is_charged_while_suspended(acme, cache):
    watch()
    use(acme, 80)
    watch()
    assert status(cache)[0] == "suspended"
    use(acme, 5)
    assert rows(acme, "SELECT balance_micros FROM wallet") == [(-7_000_000,)]


def test_time_alone_ends_a_grace(acme, cache):
    use(acme, 51)
    watch()
    assert status(cache)[0] == "grace"
    assert watch(NOW + timedelta(hours=23)).standings_changed == 0
    assert watch(NOW + timedelta(hours=24)).standings_changed == 1
    assert status(cache)[0] == "suspended"


def test_messages_are_saved_with_the_change_and_sent_once_in_order(acme):
    watch()
    use(acme, 51)
    watch()
    topics, store = Topics(), metering_wiring.messages()
    assert relay_outbox(store, topics) == 5
    assert relay_outbox(store, topics) == 0
    assert [(topic, key) for topic, key, _ in topics.sent] == [
        ("account.status", "acme"),
        ("account.status", "acme"),
        ("notifications", "acme"),
        ("wallet.alerts", "acme"),
        ("notifications", "acme"),
    ]
    assert '"status": "grace"' in topics.sent[1][2]
    store.close()


def test_a_message_that_could_not_be_sent_is_sent_later(acme):
    class Silent:
        in_charge = True

        def send(self, messages):
            raise EngineUnavailable("Kafka is away")

    watch()
    store, topics = metering_wiring.messages(), Topics()
    with pytest.raises(EngineUnavailable):
        relay_outbox(store, Silent())
    assert relay_outbox(store, topics) == 1
    store.close()


def test_accounts_that_pay_from_another_are_told_of_with_it(acme):
    open_account("branch", mode="prepaid")
    store = wiring.administration()
    arrange_accounts.set_parent(store, "branch", parent="acme", author=AUTHOR)
    arrange_accounts.set_pay_from(store, "branch", pay_from="acme", author=AUTHOR)
    watch()
    assert rows(acme, "SELECT key FROM outbox_message WHERE topic = 'account.status' ORDER BY key") == [
        ("acme",), ("branch",),
    ]  # fmt: skip


def test_a_look_rolled_back_leaves_the_wallet_in_line(acme):
    store = metering_wiring.wallet_watch()
    with suppress(ZeroDivisionError), store.begin() as transaction:
        assert len(transaction.to_look_at(now=NOW, limit=5)) == 1
        raise ZeroDivisionError
    assert rows(acme, "SELECT count(*) FROM wallet_look") == [(1,)]
    assert watch_wallets(store, metering_wiring.balance_cache(), now=NOW).looks == 1
    store.close()


def test_a_closed_account_is_closed_everywhere(acme, cache):
    watch()
    with acme.begin() as connection:
        connection.execute(text("UPDATE account SET status = 'closed'"))
    watch()
    assert status(cache)[0] == "closed"


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
def test_what_was_used_since_a_moment_is_found_among_other_entries(acme, after):
    with acme.connect() as connection:  # never committed: usage without events would not balance
        for hour, (micros, cause) in enumerate([(-10, "usage"), (50, "grant"), (-20, "usage"), (-40, "usage")], 1):
            booked = {"micros": micros, "cause": cause, "reference": str(hour), "at": NOW + timedelta(hours=hour)}
            connection.execute(text("SELECT move_wallet(1, :micros, :cause, :reference, :at)"), booked)
        used = connection.execute(
            text("SELECT usage_since(1, :since)"), {"since": NOW + timedelta(hours=after, minutes=30)}
        ).scalar_one()
    assert used == [70, 60, 60, 40, 0][after]


def test_of_two_who_take_up_an_alert_at_once_one_does(acme):
    watch()
    use(acme, 26)
    watch()
    ((alert_id,),) = rows(acme, "SELECT alert_id FROM balance_alert")

    def take_up(person):
        standings = wallet_wiring.standings()
        try:
            with standings.begin() as connection:
                account, alert = standings.alert(connection, alert_id)
                standings.follow(connection, alert_id, acknowledge(alert, by=person), account=account, by=person, at=NOW)
        except IllegalTransition:
            return False
        return True

    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with acme.connect() as third, ThreadPoolExecutor(2) as threads:
        third.execute(text("SELECT FROM balance_alert FOR UPDATE"))
        took = [threads.submit(take_up, person) for person in ("asha", "ravi")]
        wait_until(lambda: rows(acme, waiting) == [(2,)], "both wait", pause_seconds=0.01)
        third.rollback()
        assert sorted(one.result() for one in took) == [False, True]


def test_a_fall_past_several_thresholds_is_one_notice_and_an_alert_for_each(acme):
    with acme.begin() as connection:
        connection.execute(text("INSERT INTO account_threshold VALUES (1, 'percent_of_last_top_up', 30)"))
    watch()
    use(acme, 40)
    assert watch().alerts == 2
    assert rows(
        acme, "SELECT topic, data ->> 'threshold' FROM outbox_message WHERE type LIKE '%alert' ORDER BY message_id"
    ) == [
        ("wallet.alerts", "percent_of_last_top_up:50"),
        ("wallet.alerts", "percent_of_last_top_up:30"),
        ("notifications", "percent_of_last_top_up:30"),
    ]
