"""The watcher: a process of its own beside the worker that applies payments, looks at wallets, and tells what it found.

Apart from the publisher, which gives way to everything: whether an account may send has to be told within a tenth of a
second of the debit that decides it. Any number may run. It ends when its standard input does, that is, with its worker.
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
from streams.turns import run_until_worker_ends, take_turns

_PAUSE_SECONDS: Final = 0.015
_PAYMENTS_PAUSE_SECONDS: Final = 0.05
_RETELL_PAUSE_SECONDS: Final = 0.5


def main() -> None:
    """Watch until standard input ends."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s watcher %(levelname)s %(message)s")
    ended, retelling = threading.Event(), _retelling()
    threads = [
        threading.Thread(target=_pay, args=(ended, retelling)),
        threading.Thread(target=_watch, args=(ended, retelling)),
        threading.Thread(target=_relay, args=(ended,)),
        threading.Thread(target=_retell, args=(ended, retelling)),
    ]
    run_until_worker_ends("watcher", threads, ended)


def _retelling() -> Retelling:
    """Standings and balances that a watcher committed and did not tell would stay untold while nothing else moves them."""
    store, cache = wiring.metering_store("watcher"), wiring.balance_cache()
    return Retelling(lambda: refill_balances(store, cache, always=True))


def _pay(ended: threading.Event, retelling: Retelling) -> None:
    """Apply payments that were received."""
    store, cache = wallet_wiring.top_ups(), wiring.balance_cache()
    turn = retelling.after_failure(lambda: apply_payments(store, cache, now=clock.now()))
    take_turns(ended, "applying payments", _PAYMENTS_PAUSE_SECONDS, turn)


def _watch(ended: threading.Event, retelling: Retelling) -> None:
    """Look at wallets that left their bounds, and tell Redis at once what was found."""
    store, cache = wiring.wallet_watch(), wiring.balance_cache()

    def watch() -> None:
        while watch_wallets(store, cache, now=clock.now()).looks and not ended.is_set():
            pass

    take_turns(ended, "watching wallets", _PAUSE_SECONDS, retelling.after_failure(watch))


def _retell(ended: threading.Event, retelling: Retelling) -> None:
    """Tell Redis what was missed; a thread of its own, so that looks do not wait for it."""
    take_turns(ended, "telling Redis again", _RETELL_PAUSE_SECONDS, retelling.catch_up)


def _relay(ended: threading.Event) -> None:
    """Send what was saved to be told; a thread of its own, so that Kafka's silence does not keep Redis from hearing."""
    store, sender = wiring.messages(), wiring.message_sender()

    def relay() -> None:
        while relay_outbox(store, sender) and not ended.is_set():
            pass

    take_turns(ended, "relaying messages", _PAUSE_SECONDS, relay)


if __name__ == "__main__":
    main()
