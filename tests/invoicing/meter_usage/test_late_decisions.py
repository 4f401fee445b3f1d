"""An event that is too late is rated only when a person accepts it, and never once one rejected it (DESIGN §3.7)."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy.exc import IntegrityError

from connectors import wiring
from domain.errors import IllegalTransition, InvalidInput
from invoicing.administer import Author, map_aliases
from invoicing.decide_waiting import accept_late, reject_waiting
from invoicing.release_quarantine import Released, release_quarantine
from invoicing.sending_again import Choice
from tests.books import AUTHOR
from tests.builders_usage import HAPPENED_AT, RECEIVED_AT, a_usage_event
from tests.invoicing.meter_usage.test_quarantine import SentAgain, take_again

pytestmark = pytest.mark.engines

ASHA = Author("asha", datetime(2026, 10, 17, tzinfo=UTC))
LONG_AGO = HAPPENED_AT - timedelta(days=450)
LATER = RECEIVED_AT + timedelta(days=2)


def accept(resender, *ids, **changes):
    return accept_late(
        wiring.waiting_events(), resender, choice=Choice(ids=ids or None, **changes), author=ASHA, why="agreed"
    )


def reject(*ids, **changes):
    return reject_waiting(
        wiring.waiting_events(), choice=Choice(ids=ids or None, **changes), author=ASHA, why="test traffic"
    )


def test_an_accepted_event_is_rated_once_in_its_own_month(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO)))
    decided = accept(resender := SentAgain(), 1)
    assert (decided.decided, decided.sent) == (1, 1)
    take_again(worker, topic, resender)
    take_again(worker, topic, resender)
    assert books.outcomes() == {"quarantined": 1, "rated": 1, "duplicate": 1}
    assert books.balance("acme") == Decimal("-0.20")
    assert [month.isoformat() for month, _ in books.totals("acme")] == ["2025-07-01"]
    assert books.failing_checks() == {}


def test_an_acceptance_is_in_the_audit_log_with_who_and_why(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO)))
    accept(SentAgain(), 1)
    ((actor, subject, before, after),) = books.rows(
        "SELECT actor, subject, before, after FROM audit_record WHERE action = 'usage.accepted'"
    )
    assert (actor, subject, before, after["why"], after["alias"]) == (
        "asha",
        "quarantine 1",
        {"reason": "too_late"},
        "agreed",
        "acme",
    )


def test_a_worker_that_runs_learns_of_an_acceptance_and_records_the_version_it_knew(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO), a_usage_event("event-2")))
    accept(resender := SentAgain(), 1)
    take_again(worker, topic, resender)
    versions = books.rows("SELECT config_version FROM batch ORDER BY batch_id")
    assert versions[1] > versions[0]


@pytest.mark.parametrize(
    "changes",
    [{"data": {"quantity": 1000, "channel": "sms", "country": "IN"}}, {"at": LONG_AGO - timedelta(days=40)}],
    ids=["another body", "another event time"],
)
def test_an_acceptance_is_of_these_bytes_and_not_of_what_else_comes_under_their_id(worker, topic, books, changes):
    worker.take(topic.append(a_usage_event(at=LONG_AGO)))
    accept(SentAgain(), 1)
    worker.take(topic.append(a_usage_event(**{"at": LONG_AGO, **changes}), received_at=LATER))
    assert books.outcomes() == {"quarantined": 2}
    assert books.balance("acme") == 0


def test_a_retry_of_an_accepted_event_days_later_is_a_duplicate(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO)))
    accept(resender := SentAgain(), 1)
    take_again(worker, topic, resender)
    worker.take(topic.append(a_usage_event(at=LONG_AGO), received_at=LATER + timedelta(days=1)))
    assert books.outcomes() == {"quarantined": 1, "rated": 1, "duplicate": 1}


def test_an_acceptance_that_broke_off_after_sending_is_finished_by_the_next_and_rated_once(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO)))
    with pytest.raises(RuntimeError, match="killed"):
        accept(dying := SentAgain(dies=True), 1)
    again = accept(resender := SentAgain(), 1)
    assert (again.decided, again.sent) == (0, 1)
    take_again(worker, topic, dying)
    take_again(worker, topic, resender)
    assert books.outcomes() == {"quarantined": 1, "rated": 1, "duplicate": 1}
    assert books.rows("SELECT count(*) FROM audit_record WHERE action = 'usage.accepted'") == [(1,)]


def test_an_accepted_event_of_an_unknown_alias_waits_for_it_and_stays_accepted(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO, subject="shop")))
    accept(resender := SentAgain(), 1)
    take_again(worker, topic, resender)
    assert books.rows("SELECT reason FROM quarantined_event ORDER BY 1") == [("too_late",), ("unknown_alias",)]
    map_aliases(wiring.administration(), {"shop": "acme"}, author=AUTHOR)
    release_quarantine(wiring.waiting_events(), resender := SentAgain(), choice=Choice(), now=ASHA.at)
    take_again(worker, topic, resender)
    assert books.outcomes() == {"quarantined": 2, "rated": 1}


def test_a_rejected_event_is_never_rated_whatever_time_and_whenever_it_comes_again(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO)))
    assert reject(1).decided == 1
    worker.take(topic.append(a_usage_event(at=LONG_AGO)))
    worker.take(topic.append(a_usage_event(at=HAPPENED_AT), received_at=LATER))
    worker.restart()
    worker.take(topic.append(a_usage_event(at=LATER, data={"quantity": 2}), received_at=LATER + timedelta(days=2)))
    assert books.outcomes() == {"quarantined": 1, "duplicate": 2, "conflict": 1}
    assert books.balance("acme") == 0
    assert books.failing_checks() == {}


def test_a_rejected_event_stays_rejected_once_its_alias_is_known(worker, topic, books):
    worker.take(topic.append(a_usage_event(subject="shop")))
    reject(alias="shop")
    map_aliases(wiring.administration(), {"shop": "acme"}, author=AUTHOR)
    assert release_quarantine(wiring.waiting_events(), SentAgain(), choice=Choice(), now=ASHA.at) == Released(0, 0)
    worker.take(topic.append(a_usage_event(subject="shop"), received_at=LATER))
    assert books.outcomes() == {"quarantined": 1, "duplicate": 1}


def test_a_release_leaves_what_is_too_late_and_says_how_much(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO), a_usage_event("event-2", subject="shop")))
    released = release_quarantine(wiring.waiting_events(), SentAgain(), choice=Choice(), now=ASHA.at)
    assert released == Released(released=1, left_too_late=1)


def test_a_decision_is_final_also_for_the_database(worker, topic, books, database):
    worker.take(topic.append(a_usage_event(at=LONG_AGO)))
    reject(1)
    with pytest.raises(IllegalTransition, match="1 is rejected"):
        accept(SentAgain(), 1)
    assert reject(1).decided == 0
    with pytest.raises(IntegrityError, match="a decision is final"), database.begin() as connection:
        connection.exec_driver_sql("UPDATE quarantined_event SET decision = NULL, decided_at = NULL, decided_by = NULL")


def test_what_does_not_wait_for_lateness_is_not_accepted_and_nothing_else_is_either(worker, topic, books):
    worker.take(topic.append(a_usage_event(at=LONG_AGO), a_usage_event("event-2", subject="shop")))
    with pytest.raises(IllegalTransition, match="nothing was accepted: 2 waits for unknown_alias, 7 does not exist"):
        accept(SentAgain(), 1, 2, 7)
    assert books.rows("SELECT count(*) FROM quarantined_event WHERE decision IS NOT NULL") == [(0,)]


def test_a_decision_needs_a_name_a_reason_and_events(worker, topic, books):
    with pytest.raises(InvalidInput, match="say which events"):
        reject()
    with pytest.raises(InvalidInput, match="say which events"):
        reject(reason="too_late")
    with pytest.raises(InvalidInput, match="why: must say the reason"):
        reject_waiting(wiring.waiting_events(), choice=Choice(ids=[1]), author=ASHA, why=" ")
    with pytest.raises(InvalidInput, match="by: must say who decides"):
        reject_waiting(wiring.waiting_events(), choice=Choice(ids=[1]), author=Author("", ASHA.at), why="because")
