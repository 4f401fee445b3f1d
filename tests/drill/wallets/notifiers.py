"""Notifiers as processes: started, killed, stopped and started anew, as a supervisor would that sees everything."""

import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field

from connectors.settings import PROJECT_ROOT
from tests.installation import Installation

NOTIFIERS = (0, 1)
_LOOK_SECONDS = 0.5
_ENDS_WITHIN_SECONDS = 60


@dataclass
class Notifiers:
    """Notifiers by number; `mail_port` is of the mail server they use."""

    installation: Installation
    mail_port: int
    deaths: int = 0
    """How often one ended by itself: it does not start while an engine it checks is away."""
    slow_ends: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._lock = threading.RLock()
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._look_after, name="notifiers", daemon=True)

    def start_all(self) -> None:
        """Start every one, and look after them."""
        for number in NOTIFIERS:
            self.start(number)
        self._watch.start()

    def start(self, number: int) -> None:
        """Start one unless it runs."""
        with self._lock:
            if number not in self._processes:
                self._processes[number] = self._process(number)

    def kill(self, number: int) -> None:
        """SIGKILL."""
        with self._lock:
            process = self._processes.pop(number)
            process.kill()
            process.wait()

    def end(self, number: int) -> None:
        """SIGTERM, and wait until it has finished its turns."""
        with self._lock:
            process = self._processes.pop(number)
        process.terminate()
        try:
            process.wait(_ENDS_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.slow_ends.append(f"notifier {number} had to be killed {_ENDS_WITHIN_SECONDS} s after SIGTERM")

    def stop(self, number: int) -> None:
        """SIGSTOP."""
        with self._lock:
            self._processes[number].send_signal(signal.SIGSTOP)

    def go_on(self, number: int) -> None:
        """SIGCONT."""
        with self._lock:
            if number in self._processes:
                self._processes[number].send_signal(signal.SIGCONT)

    def disband(self) -> None:
        """End every one."""
        self._ended.set()
        if self._watch.is_alive():
            self._watch.join()
        for number in list(self._processes):
            self.go_on(number)
            self.end(number)

    def _look_after(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            with self._lock:
                for number, process in list(self._processes.items()):
                    if process.poll() is not None:
                        self.deaths += 1
                        self._processes[number] = self._process(number)

    def _process(self, number: int) -> subprocess.Popen[bytes]:
        environment = self.installation.environment(
            SMTP_HOST="127.0.0.1",
            SMTP_PORT=str(self.mail_port),
            SMTP_SECURITY="none",
            WEBHOOK_PRIVATE_HOSTS="127.0.0.1",
            NOTIFIER_PORT=str(self.installation.worker_port + 10 + number),
        )
        with (self.installation.log_folder / f"notifier-{number}.log").open("a") as log:
            command = [sys.executable, "-m", "streams.notifier"]
            return subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=subprocess.STDOUT)
