"""Watch wallets: alerts and standings from balances that moved out of their bounds, and from time that has passed.

One transaction looks, keeps what it found, and saves the messages about it, so that neither is without the other; the cache
is told after the commit, and what it misses is told with the next refill or sweep. Looking twice finds nothing new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from domain.alerts import Crossing
from domain.notices import ALERT, STATUS
from domain.wallet_watch import Look, look
from invoicing.hold_ports import CachedStanding
from invoicing.request_top_ups import RuledWallet, request_top_up
from invoicing.watch_ports import LookedAt, Message, StandingListener, WatchStore, WatchTransaction

STATUS_TOPIC: Final = "account.status"
ALERTS_TOPIC: Final = "wallet.alerts"
NOTIFICATIONS_TOPIC: Final = "notifications"
NO_TOP_UPS: Final = "the account takes no top-ups by itself now"
"""What a look finds of the rule of an account that is closed, or pays from another."""
_PORTION: Final = 50


@dataclass(frozen=True, slots=True)
class WatchedWallets:
    """What a turn did."""

    looks: int = 0
    standings_changed: int = 0
    alerts: int = 0
    top_ups: int = 0
    """Asked for."""


def watch_wallets(store: WatchStore, cache: StandingListener, *, now: datetime) -> WatchedWallets:
    """Look at one portion of what is to be looked at. Raises EngineUnavailable; nothing or all of the portion is kept."""
    changed: list[CachedStanding] = []
    alerts = top_ups = 0
    with store.begin() as transaction:
        items = transaction.to_look_at(now=now, limit=_PORTION)
        for item in items:
            found = look(item.watched, now=now)
            standing = _standing(item, found)
            transaction.save(item, found, standing_version=standing.version, now=now)
            if standing.version != item.standing_version:
                changed.append(standing)
                transaction.tell(_status_messages(transaction, item, found, standing, now), now=now)
            transaction.tell(_alert_messages(item, found.crossings, now), now=now)
            alerts += len(found.crossings)
            top_ups += _top_up(transaction, item, now)
    if changed:
        cache.put_standings(changed)
    return WatchedWallets(len(items), len(changed), alerts, top_ups)


def _top_up(transaction: WatchTransaction, item: LookedAt, now: datetime) -> bool:
    if item.rule is None:
        if item.rule_again_at is not None:
            # Its time came: left as it is, the wallet would be looked at for it for ever.
            transaction.top_ups.keep_answer(item.account_id, NO_TOP_UPS, again_at=None)
        return False
    balance, currency = item.watched.wallet.balance_micros, item.watched.chosen.currency
    wallet = RuledWallet(item.account_id, item.account, currency, balance, item.rule, item.rule_again_at)
    return request_top_up(wallet, transaction.top_ups, transaction, now=now)


def _standing(item: LookedAt, found: Look) -> CachedStanding:
    """A new version where anything is different from what is kept."""
    before = (item.watched.standing, item.effective, item.floor_micros)
    after = (found.standing, found.effective.value, found.floor_micros)
    version = item.standing_version if item.standing_version and before == after else item.standing_version + 1
    return CachedStanding(item.account_id, found.effective.value, found.floor_micros, version)


def _status_messages(
    transaction: WatchTransaction, item: LookedAt, found: Look, standing: CachedStanding, now: datetime
) -> Sequence[Message]:
    if item.standing_version and item.effective == found.effective.value:
        return []
    data: dict[str, Any] = {
        "status": found.effective.value,
        "may_send": found.effective.value not in ("suspended", "closed"),
        "was": item.effective if item.standing_version else None,
        "state": found.standing.state.value,
        "version": standing.version,
        "paid_by": item.account,
        "balance_micros": item.watched.wallet.balance_micros,
        "currency": item.currency,
        "since": now.isoformat(),
        "mode": _mode(item),
        "overdue_since": _past(item.watched.credit.overdue_since, now),
    }
    if item.wallet_of is not None:
        data |= {"wallet_of": item.wallet_of, "pays_for": list(item.pays_for)}
    messages = [
        Message(STATUS_TOPIC, account, "account.status", account, data) for account in transaction.leaning(item.account_id)
    ]
    if item.standing_version:
        messages.append(Message(NOTIFICATIONS_TOPIC, item.account, STATUS, item.account, data))
    return messages


def _mode(item: LookedAt) -> str:
    return "prepaid" if item.watched.chosen.prepaid else "postpaid"


def _past(instant: datetime | None, now: datetime) -> str | None:
    return instant.isoformat() if instant is not None and instant <= now else None


def _alert_messages(item: LookedAt, crossings: Sequence[Crossing], now: datetime) -> Sequence[Message]:
    """Every crossing is an alert; the customer is told of the lowest only, when one fall passes several at once."""
    lowest = {crossing.version: crossing for crossing in crossings}
    messages = []
    for crossing in crossings:
        data = {
            "threshold": crossing.threshold.code,
            "level_micros": crossing.level_micros,
            "balance_micros": crossing.balance_micros,
            "balance_now_micros": item.watched.wallet.balance_micros,
            "over": crossing.over,
            "currency": item.currency,
            "mode": _mode(item),
            "wallet_version": crossing.version,
            "fired_at": now.isoformat(),
        }
        messages.append(Message(ALERTS_TOPIC, item.account, "wallet.alert", item.account, data))
        if crossing is lowest[crossing.version]:
            messages.append(Message(NOTIFICATIONS_TOPIC, item.account, ALERT, item.account, data))
    return messages
