"""The booking line: one batch at a time, in order, and no failure goes unnoticed."""

import asyncio
import threading

import pytest

from domain.errors import EngineUnavailable
from streams.booking_line import BookingLine


class Line:
    """A line that writes down what happens."""

    def __init__(self):
        self.happened = []
        self.failures = []
        self.is_done = asyncio.Event()
        self.line = BookingLine(
            done=self._done,
            waiting=lambda error, pause: self.happened.append(("waits", str(error))),
            failed=self.failures.append,
        )

    async def _done(self, batch, answer):
        self.happened.append(("done", batch, answer))
        self.is_done.set()

    def book(self, batch):
        self.happened.append(("books", batch))
        return batch * 10


@pytest.fixture
def line():
    return Line()


async def test_batches_are_booked_in_order_each_after_the_one_before_is_done(line):
    for batch in (1, 2, 3):
        await line.line.put(batch, line.book)
    await line.line.finish()
    assert line.happened == [step for n in (1, 2, 3) for step in (("books", n), ("done", n, n * 10))]


async def test_a_batch_that_is_put_in_is_done_without_another_coming(line):
    await line.line.put(1, line.book)
    await line.is_done.wait()
    assert line.happened == [("books", 1), ("done", 1, 10)]


async def test_putting_returns_while_the_batch_is_still_being_booked(line):
    may_end = threading.Event()
    await line.line.put(1, lambda batch: may_end.wait(10))
    assert line.happened == []
    may_end.set()
    await line.line.finish()
    assert line.happened == [("done", 1, True)]


async def test_it_is_the_turn_of_others_when_only_the_server_has_something_to_do(line):
    may_end = threading.Event()

    def book(batch):
        line.happened.append(("computed", batch))
        line.line.go_on()
        return may_end.wait(10)

    await line.line.turn()
    await line.line.put(1, book)
    await line.line.turn()
    assert line.happened == [("computed", 1)]
    may_end.set()
    await line.line.finish()
    assert line.happened == [("computed", 1), ("done", 1, True)]


async def test_it_is_the_turn_of_others_after_a_booking_that_left_nothing_to_a_server(line):
    await line.line.put(1, line.book)
    await line.line.turn()
    assert ("books", 1) in line.happened


async def test_an_engine_that_does_not_answer_is_asked_again_and_the_batch_is_done_once(line, monkeypatch):
    monkeypatch.setattr("streams.booking_line._PAUSE_FIRST_SECONDS", 0.001)
    faults = [EngineUnavailable("down"), EngineUnavailable("still down")]

    def book(batch):
        if faults:
            raise faults.pop(0)
        return "booked"

    await line.line.put(1, book)
    await line.line.finish()
    assert line.happened == [("waits", "down"), ("waits", "still down"), ("done", 1, "booked")]
    assert line.failures == []


async def test_any_other_failure_is_told_at_once_raised_to_who_comes_next_and_nothing_is_done(line):
    def book(batch):
        raise KeyError(batch)

    await line.line.put(1, book)
    with pytest.raises(KeyError):
        await line.line.put(2, line.book)
    assert [repr(failure) for failure in line.failures] == ["KeyError(1)"]
    assert line.happened == []
