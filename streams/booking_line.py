"""Booking batches one after the other in a thread of its own, so that the next is decoded meanwhile.

Both need the interpreter, which only one of them has at a time; booking leaves it alone while its server works. So the next
batch is decoded then (`go_on`, `turn`), and not while the booking has something to compute itself, which would delay both.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from domain.errors import EngineUnavailable

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")

_PAUSE_FIRST_SECONDS = 0.2
_PAUSE_LONGEST_SECONDS = 10.0


class BookingLine(Generic[Batch, Answer]):
    """A line with one place: putting a batch in waits until the one before is booked and its `done` has run.

    An engine that does not answer is asked again after growing pauses, each told to `waiting`. Any other failure of a batch
    is raised by the next `put` or by `finish`, and told to `failed` at once, since a next batch may be long in coming.
    """

    def __init__(
        self,
        *,
        done: Callable[[Batch, Answer], Awaitable[None]],
        waiting: Callable[[EngineUnavailable, float], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._done = done
        self._waiting = waiting
        self._failed = failed
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="booking")
        self._booking: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._may_compute = asyncio.Event()
        self._may_compute.set()

    def go_on(self) -> None:
        """Say, from the line's thread, that what is left of a booking is its server's work."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._may_compute.set)

    async def turn(self) -> None:
        """Wait until the booking under way, if there is one, leaves the interpreter to others."""
        await self._may_compute.wait()

    async def call(self, call: Callable[[], Answer]) -> Answer:
        """Make a call in the line's thread, again and again until its engine answers."""
        pause_seconds = _PAUSE_FIRST_SECONDS
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(self._thread, call)
            except EngineUnavailable as error:
                self._waiting(error, pause_seconds)
                await asyncio.sleep(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _PAUSE_LONGEST_SECONDS)

    async def put(self, batch: Batch, book: Callable[[Batch], Answer]) -> None:
        """Book a batch after the one before; returns when its booking has begun."""
        await self.finish()
        self._loop = asyncio.get_running_loop()
        self._may_compute.clear()
        self._booking = asyncio.create_task(self._book(batch, book))
        # A new task begins at the next turn of the loop, and the caller may keep the loop busy.
        await asyncio.sleep(0)

    async def finish(self) -> None:
        """Wait until nothing is being booked."""
        if self._booking is not None:
            await self._booking

    async def _book(self, batch: Batch, book: Callable[[Batch], Answer]) -> None:
        try:
            answer = await self.call(lambda: book(batch))
            await self._done(batch, answer)
        except Exception as error:
            self._failed(error)
            raise
        finally:
            self._may_compute.set()
