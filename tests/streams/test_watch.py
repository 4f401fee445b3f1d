"""The watchdog's eye: standing still with lag counts, standing still without lag does not."""

import pytest

from domain.errors import EngineUnavailable
from streams import watch
from streams.watch import Progress


def test_records_that_move_are_no_stall():
    progress = Progress(0)
    looks = [progress.look(booked_records=second, lag_records=500, now_seconds=second) for second in range(1, 60)]
    assert set(looks) == {0}


def test_a_stream_without_lag_may_stand_still():
    progress = Progress(0)
    looks = [progress.look(booked_records=7, lag_records=0, now_seconds=second) for second in range(1, 600)]
    assert set(looks) == {0}


def test_seconds_are_counted_from_the_last_move_while_there_is_lag():
    progress = Progress(0)
    progress.look(booked_records=7, lag_records=3, now_seconds=10)
    assert [progress.look(booked_records=7, lag_records=3, now_seconds=now) for now in (11, 25, 40)] == [1, 15, 30]


def test_lag_that_comes_after_a_silence_is_counted_from_the_end_of_the_silence():
    progress = Progress(0)
    progress.look(booked_records=7, lag_records=0, now_seconds=1_000)
    assert progress.look(booked_records=7, lag_records=1, now_seconds=1_001) == 1


def test_one_booked_record_ends_a_stall():
    progress = Progress(0)
    progress.look(booked_records=7, lag_records=3, now_seconds=10)
    assert progress.look(booked_records=7, lag_records=3, now_seconds=99) == 89
    assert progress.look(booked_records=8, lag_records=2, now_seconds=100) == 0


def test_a_worker_that_books_nothing_from_its_start_on_is_stalled():
    progress = Progress(100)
    assert progress.look(booked_records=0, lag_records=1, now_seconds=131) == 31


def test_a_worker_that_says_it_waits_for_a_database_is_stalled_but_does_not_give_itself_up(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(watch, "_lag_records", lambda: 5)
    monkeypatch.setattr(watch.clock, "monotonic_seconds", lambda: now[0])
    monkeypatch.setattr(watch, "_progress", Progress(0))
    monkeypatch.setattr(watch, "_signs_of_life", Progress(0))
    watch._stalled_seconds(), watch._silent_seconds()
    for _ in range(20):
        now[0] += 10
        watch.metrics.waiting_for_engine.inc()
        assert watch._silent_seconds() == 0

    assert watch._stalled_seconds() == 200
    now[0] += 91
    assert watch._silent_seconds() == 91


class _Broker:
    """Kafka as the watchdog asks it."""

    def __init__(self, *, answers):
        self.answers = answers

    def partitions(self):
        if not self.answers:
            raise EngineUnavailable("Kafka does not answer on 127.0.0.1:1")
        return {}


@pytest.mark.parametrize(("answers", "ends"), [(True, [70]), (False, [])])
async def test_a_worker_gives_itself_up_only_when_kafka_answers_and_it_reads_nothing(monkeypatch, answers, ends):
    ended = []
    monkeypatch.setattr(watch, "_lag_records", lambda: 5)
    monkeypatch.setattr(watch.clock, "monotonic_seconds", lambda: 1_000.0)
    monkeypatch.setattr(watch, "_progress", Progress(0))
    monkeypatch.setattr(watch, "_signs_of_life", Progress(0))
    for progress in (watch._progress, watch._signs_of_life):
        progress.booked_records = watch._booked_records()
    watch._signs_of_life.booked_records += watch.metrics.waiting_for_engine._value.get()
    monkeypatch.setattr(watch.wiring, "topic_admin", lambda: _Broker(answers=answers))
    monkeypatch.setattr(watch.os, "_exit", ended.append)

    await watch._look()

    assert ended == ends
    assert (watch._silent_seconds() == 0) is not answers
