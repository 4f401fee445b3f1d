"""The crew of a drill as a supervisor: what is asked about a worker in the moment in which it is started anew."""

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.drill.crew import Crew


class Log:
    """A log that is read once its worker has ended, while somebody asks for the worker."""

    name = "worker.log"

    def __init__(self, asks: Any) -> None:
        self.asks = asks

    def read_text(self, **_: Any) -> str:
        self.asks()
        return "out of memory"


class Site:
    """An installation whose first worker has ended by itself."""

    worker_port = 16_100
    log_folder = Path("nowhere")

    def __init__(self) -> None:
        self.started = 0
        self.pool = ThreadPoolExecutor(max_workers=1)
        self.answers: list[Future[int]] = []
        self.crew = Crew(self)  # type: ignore[arg-type]

    def start_worker(self, port: int) -> Any:
        self.started += 1
        process = SimpleNamespace(
            pid=self.started, poll=lambda number=self.started: 1 if number == 1 else None, send_signal=print
        )
        return SimpleNamespace(
            process=process, log=Log(self.ask), metric=lambda _: 0.0, stop=lambda **_: 0, wait_until_ready=lambda: None
        )

    def ask(self) -> None:
        self.answers.append(self.pool.submit(self.crew.process_id, 0))


def test_a_worker_that_ended_by_itself_is_the_one_that_took_its_place_for_whoever_asks_meanwhile() -> None:
    site = Site()
    site.crew.start(0)

    while not site.answers:
        site.crew._ended.wait(0.05)

    assert site.answers[0].result(timeout=10) == 2
    site.crew.disband()
    assert [(death.name, death.exit_code, death.last_lines) for death in site.crew.deaths] == [
        ("worker 0", 1, ["out of memory"])
    ]


class ToldTooLate:
    """An installation whose worker has just refused to start when it is told to end."""

    worker_port = 16_100
    log_folder = Path("nowhere")

    def __init__(self, last_line: str) -> None:
        self.last_line = last_line

    def start_worker(self, port: int) -> Any:
        process = SimpleNamespace(pid=1, poll=lambda: None, send_signal=print)
        log = SimpleNamespace(name="worker.log", read_text=lambda **_: self.last_line)
        return SimpleNamespace(process=process, log=log, metric=lambda _: 0.0, stop=lambda **_: 1)


def test_a_worker_that_refused_to_start_before_it_was_told_to_end_has_ended_by_itself() -> None:
    crew = Crew(ToldTooLate("the metering worker does not start: PostgreSQL does not answer"))  # type: ignore[arg-type]
    crew.start(0)
    crew.end(0)
    crew.disband()
    assert ([death.name for death in crew.deaths], crew.slow_ends) == (["worker 0"], [])


def test_one_that_ends_with_another_error_when_it_is_told_to_is_a_difference() -> None:
    crew = Crew(ToldTooLate("Traceback"))  # type: ignore[arg-type]
    crew.start(0)
    crew.end(0)
    crew.disband()
    assert (crew.deaths, crew.slow_ends) == ([], ["worker 0 ended with 1 after SIGTERM: worker.log"])
