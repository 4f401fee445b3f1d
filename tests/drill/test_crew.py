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
