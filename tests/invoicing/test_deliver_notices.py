"""Delivering notices on the real books: kept once, one delivery a recipient, tried until through, never lost."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from itertools import count

import pytest
from confluent_kafka import Producer
from sqlalchemy import text

from connectors import notice_wiring, wallet_wiring
from connectors.kafka.notices_topic import NoticesTopic
from connectors.settings import settings
from domain.alert_follow_up import acknowledge, snooze
from domain.customers.contacts import Channel
from domain.deliveries import LEASE, PAUSES, DeliveryState
from domain.errors import IllegalTransition, InvalidInput, NotFound
from invoicing.deliver_notices import deliver_due, deliver_next, escalate_alerts, receive_notices
from invoicing.notice_ports import DeliveryFailed, TakenNotice
from tests.books import open_account
from tests.builders_notices import NOON, SECRET, a_notice

pytestmark = pytest.mark.engines
_offset = count()


class Post:
    """A channel that remembers what it sent, and fails as it is told."""

    def __init__(self, *outcomes):
        self.sent, self.outcomes = [], list(outcomes)

    def send(self, delivery):
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.sent.append((delivery.stable_id, delivery.address))


class Topic:
    """Records to be taken."""

    def __init__(self, *taken):
        self.taken, self.acknowledged = list(taken), 0

    def take(self):
        return self.taken

    def done(self):
        self.acknowledged += len(self.taken)
        self.taken = []


@pytest.fixture
def acme(shop):
    """A prepaid account whose customer has three contacts."""
    open_account("acme", mode="prepaid")
    execute(
        shop,
        "INSERT INTO customer_contact VALUES (1, 1, 'Asha', 'asha@acme.example', NULL, '{billing}'),"
        " (1, 2, 'Ravi', 'ravi@acme.example', NULL, '{finance,billing}'),"
        " (1, 3, 'Omi', 'omi@acme.example', NULL, '{owner}')",
    )
    return shop


def execute(shop, statement):
    with shop.begin() as connection:
        connection.execute(text(statement))


def rows(shop, statement):
    with shop.connect() as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


def taken(notice, **changes):
    facts = {"topic": "test.notifications", "partition": 0, "offset": next(_offset), "payload": b"{}"}
    return TakenNotice(**{**facts, "notice": notice, **changes})


def receive(*notices, now=NOON):
    return receive_notices(notice_wiring.notices(), Topic(*map(taken, notices)), now=now)


def deliver(post, now=NOON, channel=Channel.EMAIL):
    return list(deliver_due(notice_wiring.notices(), {channel: post}, now=now))


def states(shop):
    return rows(shop, "SELECT address, state, attempts FROM notification_delivery ORDER BY delivery_id")


def test_everybody_of_the_first_circle_gets_one_delivery_and_the_history_stays(acme):
    assert receive(a_notice()) == 1
    post = Post()
    assert deliver(post) == [True, True]
    assert deliver(post) == []
    assert post.sent == [("ntf_17_1", "asha@acme.example"), ("ntf_17_2", "ravi@acme.example")]
    assert states(acme) == [("asha@acme.example", "sent", 1), ("ravi@acme.example", "sent", 1)]
    assert rows(acme, "SELECT delivery_id, attempt, reason FROM delivery_attempt ORDER BY 1") == [(1, 1, None), (2, 1, None)]


def test_a_record_that_is_read_again_is_known_by_its_id(acme):
    assert [receive(a_notice()), receive(a_notice()), receive(a_notice(event_id="18"))] == [1, 0, 1]
    assert rows(acme, "SELECT count(*) FROM notification_delivery") == [(4,)]


def test_two_readers_of_one_record_keep_it_once(acme):
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(lambda _: receive(a_notice()), range(2))) == 1
    assert rows(acme, "SELECT count(*) FROM notification_delivery") == [(2,)]


def test_what_is_not_kept_is_not_acknowledged(acme, monkeypatch):
    topic = Topic(taken(a_notice()), taken(a_notice(event_id="18", threshold="\0")))
    with suppress(Exception):
        receive_notices(notice_wiring.notices(), topic, now=NOON)
    assert topic.acknowledged == 0
    assert rows(acme, "SELECT count(*) FROM notification") == [(0,)]


def test_a_failure_is_tried_again_after_growing_pauses_and_given_up_with_its_reason(acme):
    execute(acme, "DELETE FROM customer_contact WHERE place > 1")
    receive(a_notice())
    post, now = Post(*(DeliveryFailed(f"refused {n}") for n in range(99))), NOON
    assert deliver(post, now) == [False]
    for pause in PAUSES:
        assert deliver(post, now + pause - timedelta(milliseconds=1)) == []
        now += pause
        assert deliver(post, now) == [False]
    assert deliver(post, now + timedelta(days=30)) == []
    assert states(acme) == [("asha@acme.example", "exhausted", 10)]
    ((listed),) = notice_wiring.delivery_desk().deliveries(state=DeliveryState.EXHAUSTED, account="acme")
    assert listed["last_reason"] == "refused 9"
    assert len(notice_wiring.delivery_desk().attempts(1)) == 10


def test_a_mailbox_that_does_not_exist_is_given_up_at_once_and_can_be_sent_again(acme):
    receive(a_notice())
    post = Post(DeliveryFailed("550 no such user", permanent=True))
    assert deliver(post) == [False, True]
    assert states(acme)[0] == ("asha@acme.example", "exhausted", 1)
    desk = notice_wiring.delivery_desk()
    assert desk.resend_exhausted(by="asha", at=NOON) == 1
    assert deliver(post) == [True]
    assert post.sent[-1] == ("ntf_17_1", "asha@acme.example")
    assert [row["outcome"] for row in desk.attempts(1)] == ["550 no such user", "sent"]
    with pytest.raises(NotFound, match="delivery 99 does not exist"):
        desk.resend(99, by="asha", at=NOON)


def test_a_sender_that_dies_after_claiming_is_followed_by_another_under_the_same_id(acme):
    receive(a_notice())
    died = Post(*[KeyboardInterrupt()] * 2)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            deliver(died)
    post = Post()
    assert deliver(post, NOON + LEASE - timedelta(seconds=1)) == []
    assert deliver(post, NOON + LEASE) == [True, True]
    assert {stable_id for stable_id, _ in post.sent} == {"ntf_17_1", "ntf_17_2"}
    assert [attempts for _, _, attempts in states(acme)] == [2, 2]


def test_a_late_failure_of_a_sender_that_lost_its_lease_changes_nothing(acme):
    execute(acme, "DELETE FROM customer_contact WHERE place > 1")
    receive(a_notice())
    store, later = notice_wiring.notices(), NOON + LEASE

    class Slow:
        def send(self, delivery):
            assert deliver(Post(), later) == [True]
            raise DeliveryFailed("too slow")

    assert deliver_next(store, {Channel.EMAIL: Slow()}, now=NOON) is False
    assert states(acme) == [("asha@acme.example", "sent", 2)]


def test_many_senders_at_once_send_each_delivery_once(acme):
    receive(*(a_notice(event_id=str(n)) for n in range(20)))
    post = Post()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: deliver(post), range(4)))
    assert len(post.sent) == len(set(post.sent)) == 40


def test_a_channel_that_is_not_set_up_waits_and_is_not_used_up(acme):
    receive(a_notice())
    assert deliver(Post(), channel=Channel.WEBHOOK) == []
    assert [state for _, state, _ in states(acme)] == ["waiting", "waiting"]


def test_what_nobody_is_told_of_and_unknown_accounts_are_kept_without_deliveries(acme):
    stranger = a_notice(event_id="18")
    receive(a_notice("notification.account_status", status="low", was="active"))
    execute(acme, "UPDATE account SET code = 'renamed'")
    receive(stranger)
    assert rows(acme, "SELECT type, kind FROM notification ORDER BY 1") == [
        ("notification.account_status", None),
        ("notification.wallet_alert", "balance_low"),
    ]
    assert states(acme) == []


def test_a_record_that_cannot_be_read_is_kept_with_its_reason_and_does_not_stop_the_others(acme):
    topic = Topic(taken(None, payload=b"\xff", reason="not a CloudEvent"), taken(a_notice()))
    assert receive_notices(notice_wiring.notices(), topic, now=NOON) == 1
    assert [row["reason"] for row in notice_wiring.delivery_desk().unreadable()] == ["not a CloudEvent"]


def test_a_channel_without_a_sender_is_listed_with_the_reason_and_mail_stands_in(acme):
    execute(acme, "UPDATE customer_contact SET phone = '+919800000001' WHERE place = 1")
    execute(acme, "INSERT INTO customer_notification VALUES (1, 'balance_low', '{sms}')")
    receive(a_notice())
    assert rows(acme, "SELECT channel, state FROM notification_delivery ORDER BY delivery_id") == [
        ("sms", "exhausted"), ("email", "waiting"), ("email", "waiting"),
    ]  # fmt: skip
    with pytest.raises(IllegalTransition, match="no sender"):
        notice_wiring.delivery_desk().resend(1, by="asha", at=NOON)


def test_endpoints_are_signed_by_two_secrets_while_one_is_changed_and_end_when_they_say_so(acme):
    execute(acme, "INSERT INTO customer_notification VALUES (1, 'balance_low', '{webhook}')")
    desk, seen = notice_wiring.delivery_desk(), []
    number = desk.add_endpoint("customer-acme", "https://hooks.acme.example/", secret=SECRET, by="asha", at=NOON)
    fresh = notice_wiring.fresh_secret()
    until = desk.rotate_secret(number, secret=fresh, by="asha", at=NOON)

    class Gone:
        def send(self, delivery):
            seen.append(delivery.endpoint.secrets)
            if len(seen) == 3:
                raise DeliveryFailed("410", gone=True)

    for n, now in enumerate((NOON, until, until)):
        receive(a_notice(event_id=str(n)), now=now)
        deliver(Gone(), now, Channel.WEBHOOK)
    assert seen == [(fresh, SECRET), (fresh,), (fresh,)]
    assert [row["disabled_reason"] for row in desk.endpoints()] == ["410"]
    with pytest.raises(NotFound, match="not in use"):
        desk.rotate_secret(number, secret=fresh, by="asha", at=NOON)


def test_an_endpoint_is_added_once_and_no_secret_is_in_the_audit_trail(acme):
    desk = notice_wiring.delivery_desk()
    add = {"secret": SECRET, "by": "asha", "at": NOON}
    desk.add_endpoint("customer-acme", "https://hooks.acme.example/", **add)
    with pytest.raises(InvalidInput, match="url: customer-acme has"):
        desk.add_endpoint("customer-acme", "https://hooks.acme.example/", **add)
    with pytest.raises(NotFound, match="customer 'nobody'"):
        desk.add_endpoint("nobody", "https://hooks.acme.example/", **add)
    assert rows(acme, "SELECT count(*) FROM audit_record WHERE after::text LIKE '%whsec%'") == [(0,)]


def an_open_alert(shop, hours=4):
    execute(
        shop,
        "INSERT INTO balance_alert (account_id, threshold, level_micros, balance_micros, wallet_version, fired_at)"
        f" VALUES (1, 'absolute:9', 9, 5, 1, '{(NOON - timedelta(hours=hours)).isoformat()}')",
    )


def escalate(now=NOON):
    return escalate_alerts(notice_wiring.notices(), now=now)


def test_an_alert_nobody_takes_up_goes_to_the_next_circle_after_four_hours_and_the_last_after_a_day(acme):
    an_open_alert(acme)
    assert [escalate(NOON - timedelta(seconds=1)), escalate(), escalate()] == [0, 1, 0]
    assert escalate(NOON + timedelta(hours=20)) == 1
    assert escalate(NOON + timedelta(days=30)) == 0
    told = rows(acme, "SELECT type, key, (data ->> 'circle')::int, data ->> 'alert' FROM outbox_message ORDER BY message_id")
    assert told == [("notification.alert_escalated", "acme", circle, "1") for circle in (1, 2)]


def test_the_circle_of_an_escalation_decides_who_hears_of_it(acme):
    for circle in (1, 2):
        receive(a_notice("notification.alert_escalated", event_id=str(circle), circle=circle))
    assert [address for address, _, _ in states(acme)] == ["ravi@acme.example", "omi@acme.example"]


def test_an_alert_that_was_taken_up_or_put_off_goes_to_nobody(acme):
    an_open_alert(acme)
    standings = wallet_wiring.standings()
    until = NOON + timedelta(hours=9)
    with standings.begin() as connection:
        account, alert = standings.alert(connection, 1)
        standings.follow(connection, 1, snooze(alert, until=until, now=NOON), account=account, by="asha", at=NOON)
    assert [escalate(), escalate(until)] == [0, 1]
    with standings.begin() as connection:
        account, alert = standings.alert(connection, 1)
        standings.follow(connection, 1, acknowledge(alert, by="asha"), account=account, by="asha", at=NOON)
    assert escalate(NOON + timedelta(days=2)) == 0


def test_two_at_once_escalate_once(acme):
    an_open_alert(acme)
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: escalate(), range(4))) == 1


def test_notices_are_read_from_kafka_again_until_they_are_done(acme):
    name = f"test.notices-{next(_offset)}-{id(acme)}"
    producer = Producer({"bootstrap.servers": settings().kafka_bootstrap})
    event = {
        "specversion": "1.0", "id": "9", "source": "/otpless/billing", "type": "notification.wallet_alert",
        "subject": "acme", "time": NOON.isoformat(), "data": dict(a_notice().data),
    }  # fmt: skip
    from confluent_kafka.admin import NewTopic

    admin = notice_wiring_admin()
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(10)
    for payload in (json.dumps(event).encode(), b"not json"):
        producer.produce(name, payload)
    producer.flush(10)
    topic = NoticesTopic(settings().kafka_bootstrap, topic=name, group=name)
    try:
        first = poll(topic)
        assert poll(topic) == first
        assert [one.notice is not None for one in first] == [True, False]
        assert receive_notices(notice_wiring.notices(), topic, now=NOON) == 1
    finally:
        topic.close()
    again = NoticesTopic(settings().kafka_bootstrap, topic=name, group=name)
    try:
        assert poll(again, tries=8) == []
    finally:
        again.close()
        admin.delete_topics([name])[name].result(10)
    assert rows(acme, "SELECT event_id, kind FROM notification") == [("9", "balance_low")]


def notice_wiring_admin():
    from confluent_kafka.admin import AdminClient

    return AdminClient({"bootstrap.servers": settings().kafka_bootstrap})


def poll(topic, tries=40):
    for _ in range(tries):
        if (found := topic.take()) and len(found) == 2:
            return found
    return []
