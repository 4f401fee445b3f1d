"""Events of unknown aliases wait, are released when the alias is mapped, and are rated once (DESIGN §3.9)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from connectors import wiring
from invoicing.administer import map_aliases
from invoicing.release_quarantine import release_quarantine
from invoicing.sending_again import Choice, Place
from tests.books import AUTHOR
from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, a_usage_event

pytestmark = pytest.mark.engines

NOW = datetime(2026, 10, 16, tzinfo=UTC)


class SentAgain:
    """A resender that keeps what it sends; dies after sending when told to."""

    def __init__(self, *, dies=False):
        self.events = []
        self._dies = dies

    def send(self, events):
        self.events += events
        if self._dies:
            raise RuntimeError("killed between sending and marking")
        return [Place(0, number) for number, _ in enumerate(events)]


def release(resender, *, alias=None, reason=None):
    choice = Choice(alias=alias, reason=reason)
    return release_quarantine(wiring.waiting_events(), resender, choice=choice, now=NOW).released


def map_shop_to_acme():
    assert map_aliases(wiring.administration(), {"shop": "acme"}, author=AUTHOR) == 1


def take_again(worker, topic, resender):
    return worker.take(
        topic.append(*(event.payload for event in resender.events), received_at=RECEIVED_AT + timedelta(hours=2))
    )


def test_an_event_of_an_unknown_alias_waits_with_its_bytes_and_costs_nothing(worker, topic, books):
    event = a_usage_event(subject="shop")
    metered = worker.take(topic.append(event))
    assert books.outcomes() == {"quarantined": 1}
    assert list(metered.balances) == []
    ((subject, reason, happened_at, payload),) = books.rows(
        "SELECT subject, reason, event_time, payload FROM quarantined_event"
    )
    assert (subject, reason, happened_at, bytes(payload)) == ("shop", "unknown_alias", HAPPENED_AT, event)


def test_mapped_and_released_it_is_rated_once(worker, topic, books):
    worker.take(topic.append(a_usage_event(subject="shop")))
    map_shop_to_acme()
    resender = SentAgain()
    assert release(resender) == 1
    assert [(event.topic, event.key) for event in resender.events] == [("test.usage.events", "shop")]
    take_again(worker, topic, resender)
    assert books.outcomes() == {"quarantined": 1, "rated": 1}
    assert books.balance("acme") == Decimal("-0.20")


def test_released_twice_it_is_sent_once(worker, topic, books):
    worker.take(topic.append(a_usage_event(subject="shop")))
    map_shop_to_acme()
    resender = SentAgain()
    assert (release(resender), release(resender)) == (1, 0)
    take_again(worker, topic, resender)
    assert release(resender) == 0
    assert books.outcomes() == {"quarantined": 1, "rated": 1}


def test_a_release_that_broke_off_after_sending_is_finished_by_the_next_and_rated_once(worker, topic, books):
    worker.take(topic.append(a_usage_event(subject="shop")))
    map_shop_to_acme()
    with pytest.raises(RuntimeError, match="killed"):
        release(dying := SentAgain(dies=True))
    again = SentAgain()
    assert release(again) == 1
    take_again(worker, topic, dying)
    take_again(worker, topic, again)
    assert books.outcomes() == {"quarantined": 1, "rated": 1, "duplicate": 1}


def test_a_retry_of_a_waiting_event_is_a_duplicate_also_once_its_alias_is_mapped(worker, topic, books):
    event = a_usage_event(subject="shop")
    worker.take(topic.append(event, event))
    worker.take(topic.append(event))
    map_shop_to_acme()
    worker.take(topic.append(event))
    assert books.outcomes() == {"quarantined": 1, "duplicate": 3}
    release(resender := SentAgain())
    take_again(worker, topic, resender)
    worker.take(topic.append(event))
    assert books.outcomes() == {"quarantined": 1, "duplicate": 4, "rated": 1}


def test_an_event_waits_once_also_when_its_retry_comes_days_later(worker, topic, books):
    worker.take(topic.append(a_usage_event(subject="shop")))
    worker.take(topic.append(a_usage_event(subject="shop"), received_at=RECEIVED_AT + timedelta(days=3)))
    assert books.outcomes() == {"quarantined": 1, "duplicate": 1}
    assert books.count("quarantined_event") == 1


def test_another_body_under_the_id_of_a_waiting_event_is_a_conflict(worker, topic, books):
    worker.take(topic.append(a_usage_event(subject="shop")))
    worker.take(topic.append(a_usage_event(subject="shop", data={"quantity": 3})))
    assert books.outcomes() == {"quarantined": 1, "conflict": 1}


def test_released_before_its_alias_is_mapped_it_waits_again(worker, topic, books):
    worker.take(topic.append(a_usage_event(subject="shop")))
    release(early := SentAgain())
    take_again(worker, topic, early)
    assert books.outcomes() == {"quarantined": 2}
    map_shop_to_acme()
    release(resender := SentAgain())
    take_again(worker, topic, resender)
    assert books.outcomes() == {"quarantined": 2, "rated": 1}


def test_one_alias_or_one_reason_can_be_released_alone(worker, topic, books):
    unpriced = a_usage_event("event-3", type="voice.minutes", at=HAPPENED_AT - timedelta(days=450))
    worker.take(topic.append(a_usage_event("event-1", subject="shop"), a_usage_event("event-2", subject="stall"), unpriced))
    assert release(SentAgain(), alias="stall") == 1
    assert release(SentAgain(), reason="too_late") == 1
    assert [row["alias"] for row in wiring.refused_events().quarantine(limit=10)] == ["shop"]


def test_many_events_are_released_in_the_order_they_came(worker, topic, books):
    worker.take(topic.append(*(a_usage_event(f"event-{number}", subject="shop") for number in range(1_100))))
    map_shop_to_acme()
    resender = SentAgain()
    assert release(resender) == 1_100
    assert [event.id for event in resender.events] == sorted(event.id for event in resender.events)
    take_again(worker, topic, resender)
    assert books.outcomes() == {"quarantined": 1_100, "rated": 1_100}
