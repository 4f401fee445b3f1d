"""One wallet's story: it runs low, dry and out of its grace, is topped up by a payment, and comes back; with the times.

Everything goes the way of production: usage events and the payment are appended to their topics, and what follows is
watched where core and customers look, in Redis and on the topics. Times are milliseconds from the broker's append of the
event; they are shown and never judged.
"""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from cli.demonstration import catalogue, set_up
from cli.demonstration.bad_records import Event, encode
from cli.demonstration.customers import Subscriber
from cli.demonstration.expectation import Expectation
from cli.demonstration.story import Moment, Story
from connectors import (
    batch_wiring,
    clock,
    demonstration_wiring,
    metering_wiring,
    notice_wiring,
    wallet_wiring,
    wiring,
)
from domain.errors import EngineUnavailable
from domain.period import BillingMonth
from invoicing.administer import Author
from invoicing.books_ports import CachedBalance
from invoicing.keep_accounts import choose_thresholds
from invoicing.watch_wallets import watch_wallets

LOW_MICROS: Final = 100_000_000
GRACE_MICROS: Final = 50_000_000
PAID_MINOR: Final = 5_900_00
CREDITED_MICROS: Final = 5_000_000_000
"""What is left of the payment when 18 % of tax is taken out of it."""
_STATUS, _ALERTS, _NOTICES = "account.status", "wallet.alerts", "notifications"
_FALLS: Final = (("low", LOW_MICROS), ("grace", 0), ("suspended", -GRACE_MICROS - 1))
"""States, and the balances they begin at."""
_FIRST_MESSAGES: Final = 10
"""Used twice first of all, to learn what one costs."""
_MESSAGES_MAX: Final = 1_000_000
_PATIENCE_SECONDS: Final = 90
"""A killed worker is replaced within this."""
_LOOK_SECONDS: Final = 0.001


def prepare(subscriber: Subscriber, *, now: datetime) -> None:
    """Agree on little credit from ₹100 on, ₹50 of grace, and a warning at ₹100; and look at the wallet, as commands do.

    A warning that is agreed on while the balance is below it already would wait in silence.
    """
    code, author = subscriber.account.code, Author(set_up.ACTOR, now)
    warned_at = {"thresholds": [{"kind": "absolute", "amount": "100.00"}]}
    choose_thresholds(wiring.administration(), code, warned_at, author=author)
    terms = {"low_level_micros": LOW_MICROS, "grace_hours": None, "grace_micros": GRACE_MICROS, "credit_limit_micros": None}
    wallet_wiring.standings().set_terms(code, {**terms, "suspend_overdue": False}, by=author.name, at=now)
    store, cache = metering_wiring.wallet_watch(), batch_wiring.balances()
    while watch_wallets(store, cache, now=clock.now()).looks:
        pass
    store.close()


class Teller:
    """Lets the story happen, and watches."""

    def __init__(
        self,
        subscriber: Subscriber,
        *,
        run_id: str,
        month: BillingMonth,
        expectation: Expectation,
        doing: Callable[[str], None],
    ) -> None:
        self._subscriber = subscriber
        self._run_id = run_id
        # The last second of the month: after everything else, and invoiced with it.
        self._at = month.span(ZoneInfo(subscriber.account.time_zone)).end - timedelta(seconds=1)
        self._expectation = expectation
        self._doing = doing
        self._account_id = demonstration_wiring.standings().account_id(subscriber.account.code)
        self._cache = batch_wiring.balances()
        self._topics = demonstration_wiring.observed_topics((_STATUS, _ALERTS, _NOTICES))
        self.story = Story(subscriber.account.code)
        self._moment = Moment("")
        self._heard: set[str] = set()

    def tell(self) -> Story:
        """The whole of it. Raises EngineUnavailable when something does not follow for long."""
        self._wait("an active account", lambda: self._in_redis() == "active")
        self._topics.read()
        # What a top-up came to is not told to Redis before the wallet moves again: the price is seen between two debits.
        first, second = (self._use(Moment(""), _FIRST_MESSAGES) for _ in range(2))
        price_micros = max((first.balance_micros - second.balance_micros) // _FIRST_MESSAGES, 1)
        for state, level_micros in _FALLS:
            self._fall(state, level_micros, price_micros)
        self._pay()
        self._topics.close()
        return self.story

    def _fall(self, state: str, level_micros: int, price_micros: int) -> None:
        """Use as much as takes the balance to a level or just below it, and wait for what follows."""
        left_micros = self._balance().balance_micros - level_micros
        while True:
            messages = min(max(-(-left_micros // price_micros), 1), _MESSAGES_MAX)
            moment = Moment(state)
            left_micros = self._use(moment, messages).balance_micros - level_micros
            if left_micros <= 0:
                break
        self.story.moments.append(moment)
        self._await_status(moment)
        if state == "low":
            self._wait("its alert", lambda: moment.alert_ms is not None)

    def _use(self, moment: Moment, messages: int) -> CachedBalance:
        """A usage event, until its debit is in Redis."""
        self._moment = moment
        version = self._balance().version
        self.story.events += 1
        alias = self._subscriber.account.aliases[0]
        data = {"channel": "sms", "country": "IN", "quantity": messages}
        event = _event(f"{self._run_id}-dry-{self.story.events}", catalogue.OTP, alias, data, at=self._at)
        self._expectation.good(
            self._subscriber.account.code,
            self._subscriber.account.plan_code,
            event,
            quantity_millionths=messages * 1_000_000,
            known=True,
        )
        self._doing(f"{messages:,} messages")
        moment.appended_ms = self._topics.append("usage.events", encode(event), key=alias)
        return self._await_balance(moment, version)

    def _pay(self) -> None:
        code = self._subscriber.account.code
        self._moment = moment = Moment("active")
        self.story.credited_micros = CREDITED_MICROS
        self.story.moments.append(moment)
        data = {"gateway": "razorpay", "reference": f"pay_{self._run_id}", "amount_minor": PAID_MINOR, "currency": "INR"}
        event = _event(f"{self._run_id}-payment", "payment.captured", code, data, at=clock.now())
        payment = encode({**event, "source": "/gateways/razorpay"})
        version = self._balance().version
        self._doing("a payment")
        moment.appended_ms = self._topics.append("payment.events", payment, key=code)
        self._await_balance(moment, version)
        self._await_status(moment)
        self._wait("the receipt voucher", lambda: moment.voucher_ms is not None)

    def _await_balance(self, moment: Moment, version: int) -> CachedBalance:
        self._wait("a new balance in Redis", lambda: self._balance().version > version)
        moment.balance_ms, balance = _now_ms(), self._balance()
        moment.balance_micros = balance.balance_micros
        return balance

    def _await_status(self, moment: Moment) -> None:
        def told() -> bool:
            if moment.in_redis_ms is None and self._in_redis() == moment.state:
                moment.in_redis_ms = _now_ms()
            return moment.in_redis_ms is not None and moment.status_ms is not None

        self._wait(f"the status {moment.state}", told)

    def _balance(self) -> CachedBalance:
        return self._cache.read([self._account_id]).get(self._account_id, CachedBalance(0, 0))

    def _in_redis(self) -> str | None:
        standing = self._cache.read_standings([self._account_id]).get(self._account_id)
        return None if standing is None else standing.status

    def _wait(self, what: str, happened: Callable[[], bool]) -> None:
        deadline = clock.monotonic_seconds() + _PATIENCE_SECONDS
        while not happened():
            self._listen()
            if clock.monotonic_seconds() > deadline:
                raise EngineUnavailable(
                    f"account {self.story.account} waits for {what} in vain since {_PATIENCE_SECONDS} s: "
                    "see `make status` and `make logs s=worker`"
                )
            time.sleep(_LOOK_SECONDS)
        self._listen()

    def _listen(self) -> None:
        for seen in self._topics.read():
            if seen.key != self.story.account or seen.event["id"] in self._heard:
                continue
            self._heard.add(seen.event["id"])  # what is told again after a crash has the same
            data, moment = seen.event["data"], self._moment
            match seen.topic:
                case "account.status":
                    self.story.statuses.append(data["status"])
                    if data["status"] == moment.state:
                        moment.status_ms = seen.appended_ms
                case "wallet.alerts":
                    self.story.alerts.append(data["threshold"])
                    moment.alert_ms = seen.appended_ms
                case _ if data.get("voucher") is not None:
                    self.story.vouchers.append(data["voucher"])
                    moment.voucher_ms = seen.appended_ms


def letters(account: str) -> Mapping[str, int]:
    """How many letters an account's customer was written, by what became of them."""
    rows = notice_wiring.delivery_desk().deliveries(state=None, account=account)
    return Counter(row["state"] for row in rows)


def _event(event_id: str, type_: str, subject: str, data: Mapping[str, Any], *, at: datetime) -> Event:
    base = {"specversion": "1.0", "id": event_id, "source": "/otpless/core/mumbai", "type": type_, "subject": subject}
    return {**base, "time": at.astimezone(UTC).isoformat(), "data": dict(data)}


def _now_ms() -> int:
    return clock.epoch_micros() // 1000
