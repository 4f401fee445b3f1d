"""The watcher: a process of its own beside the worker that applies payments, looks at wallets, and tells what it found.

Apart from the publisher, which gives way to everything: whether an account may send has to be told within a tenth of a
second of the debit that decides it. One thread asks many times a second whether anything waits and calls those who do it,
so that waiting costs one small question (connectors/postgres/errands.py); what one of them leaves for the next it calls for
itself. Any number of watchers may run. It ends when its standard input does, that is, with its worker.
"""

import logging
import threading
from typing import Final

from connectors import clock, wallet_wiring
from connectors import metering_wiring as wiring
from invoicing.apply_payments import apply_payments
from invoicing.refill_balances import refill_balances
from invoicing.relay_outbox import relay_outbox
from invoicing.watch_wallets import watch_wallets
from streams.retelling import Retelling
from streams.told_again import ToldAgain
from streams.turns import run_until_worker_ends, take_turns, take_turns_when_called

_log = logging.getLogger("streams.wallet_watcher")
_PAUSE_SECONDS: Final = 0.015
_TELL_AGAIN_SECONDS: Final = 1.0


class Calls:
    """Who has been called."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.payments = threading.Event()
        self.looks = threading.Event()
        self.messages = threading.Event()


def main() -> None:
    """Watch until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s watcher %(levelname)s %(message)s")
    calls = Calls()
    cache, retelling = ToldAgain(wiring.balance_cache(), clock.monotonic_seconds), _retelling()
    threads = [threading.Thread(target=work, args=(calls,)) for work in (_ask, _relay)]
    threads += [threading.Thread(target=work, args=(calls, cache, retelling)) for work in (_pay, _watch, _tell_again)]
    run_until_worker_ends("watcher", threads, calls.ended)


def _ask(calls: Calls) -> None:
    """Call those for whom something waits."""
    errands = wiring.errands()

    def ask() -> None:
        found = errands.waiting(now=clock.now())
        for waits, called in (
            (found.payments, calls.payments),
            (found.looks, calls.looks),
            (found.messages, calls.messages),
        ):
            if waits:
                called.set()

    take_turns(calls.ended, "asking what waits", _PAUSE_SECONDS, ask)


def _pay(calls: Calls, cache: ToldAgain, retelling: Retelling) -> None:
    """Apply payments that were received."""
    store = wallet_wiring.top_ups()

    def pay() -> None:
        applied = apply_payments(store, cache, now=clock.now())
        for sentence in applied.unbookable:
            _log.error("%s", sentence)
        if applied.moved:
            calls.looks.set()

    take_turns_when_called(calls.ended, calls.payments, "applying payments", retelling.after_failure(pay))


def _watch(calls: Calls, cache: ToldAgain, retelling: Retelling) -> None:
    """Look at wallets that left their bounds, and tell Redis at once what was found."""
    store = wiring.wallet_watch()

    def watch() -> None:
        while watch_wallets(store, cache, now=clock.now()).looks and not calls.ended.is_set():
            calls.messages.set()

    take_turns_when_called(calls.ended, calls.looks, "watching wallets", retelling.after_failure(watch))


def _tell_again(calls: Calls, cache: ToldAgain, retelling: Retelling) -> None:
    """Tell Redis what it missed; a thread of its own, so that looks do not wait for it."""

    def tell() -> None:
        retelling.catch_up()
        cache.tell()

    take_turns(calls.ended, "telling Redis again", _TELL_AGAIN_SECONDS, tell)


def _retelling() -> Retelling:
    """Standings and balances that a watcher committed and did not tell would stay untold while nothing else moves them."""
    store, cache = wiring.metering_store("watcher"), wiring.balance_cache()
    return Retelling(lambda: refill_balances(store, cache, always=True))


def _relay(calls: Calls) -> None:
    """Send what was saved to be told; a thread of its own, so that Kafka's silence does not keep Redis from hearing."""
    store, sender = wiring.messages(), wiring.message_sender()

    def relay() -> None:
        while relay_outbox(store, sender) and not calls.ended.is_set():
            pass

    take_turns_when_called(calls.ended, calls.messages, "relaying messages", relay)


if __name__ == "__main__":
    main()
