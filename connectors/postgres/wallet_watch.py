"""Looking at wallets in PostgreSQL: through a connection of its own that is opened again when it breaks."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection
from psycopg.rows import namedtuple_row

from connectors.postgres.lasting_connection import LastingConnection
from connectors.postgres.top_up_requests import PostgresTopUpRequests
from domain.alerts import DEFAULT_THRESHOLDS, Arm, Threshold, WalletFacts
from domain.customers.thresholds import ThresholdKind
from domain.money import Currency
from domain.suspension import CreditFacts, Override, Standing, State
from domain.top_up_rules import Method, TopUpRule
from domain.wallet_watch import ChosenTerms, Look, Watched
from invoicing.watch_ports import LookedAt, Message

_BURN_WINDOW: Final = timedelta(days=7)
_SESSION: Final = {"statement_timeout": "30s", "lock_timeout": "10s", "idle_in_transaction_session_timeout": "10s"}
# Asked many times a second, mostly in vain, so it is short: planning it would cost more than answering it. Those whose time
# has come are few and have their share however many balances moved.
_DUE: Final = """
(SELECT account_id FROM wallet_look LIMIT %(limit)s)
UNION ALL (SELECT account_id FROM account_standing WHERE look_again_at <= %(now)s LIMIT %(share)s)
UNION ALL (SELECT account_id FROM top_up_rule WHERE look_again_at <= %(now)s AND stopped_at IS NULL LIMIT %(share)s)
"""
# Wallets are locked in the order everybody locks them, and waited for: the lock of a busy wallet is never free, but its turn
# comes. What they hold is read by the next statement, which sees what was committed before the lock was given.
_LOCK: Final = "SELECT wallet_id FROM wallet WHERE account_id = ANY(%s) ORDER BY wallet_id FOR NO KEY UPDATE"
_DONE: Final = "DELETE FROM wallet_look WHERE account_id = ANY(%s) RETURNING account_id, from_version"
_GO_ON: Final = """
INSERT INTO wallet_look (account_id, from_version) VALUES (%s, %s)
ON CONFLICT (account_id) DO UPDATE SET from_version = excluded.from_version
"""
_PAST_MAX: Final = 200
"""Entries of a wallet that one look judges: its wallet is locked meanwhile."""
_SHARE_OF_TIME: Final = 5
"""Of how many looks one may be for time alone, of a standing and of a rule each."""
_FACTS: Final = """
SELECT w.wallet_id, w.account_id, a.code, w.currency, a.mode, a.status AS account_status, w.balance_micros, w.version,
       t.low_level_micros, t.grace_hours, t.grace_micros, t.credit_limit_micros,
       CASE WHEN t.suspend_overdue THEN overdue_since(w.account_id) END AS overdue_since,
       s.version AS standing_version, s.state, s.effective, s.floor_micros, s.grace_since, s.arms,
       coalesce(o.override_state, s.override_state) AS override_state,
       coalesce(o.override_reason, s.override_reason) AS override_reason,
       coalesce(o.override_by, s.override_by) AS override_by, coalesce(o.override_until, s.override_until) AS override_until,
       (SELECT y.code FROM account y WHERE y.account_id = a.wallet_of_account_id) AS wallet_of,
       CASE WHEN a.wallet_of_account_id IS NOT NULL THEN ARRAY(
           SELECT m.code FROM wallet_purpose p JOIN meter m USING (meter_id)
           WHERE p.wallet_account_id = a.account_id ORDER BY 1) END AS pays_for,
       r.threshold_micros AS rule_threshold_micros, r.amount_minor AS rule_amount_minor, r.monthly_limit_minor, r.methods,
       r.cool_down_seconds, r.look_again_at AS rule_again_at,
       a.mode = 'prepaid' AND a.pay_from_account_id = a.account_id AND a.status <> 'closed' AS rule_counts,
       (SELECT array_agg(h.kind || ':' || h.value ORDER BY h.kind, h.value) FROM account_threshold h
        WHERE h.account_id = w.account_id) AS thresholds,
       (SELECT e.amount_micros FROM wallet_entry e WHERE e.wallet_id = w.wallet_id AND e.cause = 'top_up'
        ORDER BY e.version DESC LIMIT 1) AS last_top_up_micros,
       (SELECT e.amount_micros FROM wallet_entry e WHERE e.wallet_id = w.wallet_id AND e.cause = 'top_up'
        AND e.version < l.from_version ORDER BY e.version DESC LIMIT 1) AS top_up_before_micros,
       (SELECT json_agg(json_build_array(
            p.version, p.balance_after_micros, CASE p.cause WHEN 'top_up' THEN p.amount_micros END))
        FROM (SELECT * FROM wallet_entry e WHERE e.wallet_id = w.wallet_id AND e.version >= l.from_version
              ORDER BY e.version LIMIT %(past)s) p) AS past,
       usage_since(w.wallet_id, %(since)s) AS burnt_micros,
       (SELECT e.booked_at FROM wallet_entry e WHERE e.wallet_id = w.wallet_id AND e.version = 1) AS began_at
FROM wallet w JOIN account a USING (account_id)
LEFT JOIN unnest(%(asked)s::bigint[], %(from_versions)s::bigint[]) l (account_id, from_version) USING (account_id)
LEFT JOIN account_terms t USING (account_id)
LEFT JOIN account_standing s USING (account_id)
-- A person's word over an account holds for its further wallets, too, while none is in force over such a wallet itself.
LEFT JOIN account_standing o ON o.account_id = a.wallet_of_account_id AND (s.override_until > %(now)s) IS NOT TRUE
LEFT JOIN top_up_rule r ON r.account_id = w.account_id AND r.stopped_at IS NULL
WHERE w.wallet_id = ANY(%(wallet_ids)s) ORDER BY w.wallet_id
"""
_LEANING: Final = "SELECT code FROM account WHERE pay_from_account_id = %s OR account_id = %s ORDER BY code"
_BOUNDS: Final = "UPDATE wallet SET look_below_micros = %s, look_above_micros = %s WHERE account_id = %s"
_STANDING: Final = """
INSERT INTO account_standing AS s
    (account_id, version, state, effective, floor_micros, grace_since, look_again_at, arms, changed_at)
VALUES (%(account_id)s, %(version)s, %(state)s, %(effective)s, %(floor_micros)s, %(grace_since)s, %(look_again_at)s,
    %(arms)s, %(now)s)
ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, state = excluded.state, effective = excluded.effective,
    floor_micros = excluded.floor_micros, grace_since = excluded.grace_since, look_again_at = excluded.look_again_at,
    arms = excluded.arms, changed_at = CASE WHEN s.version = excluded.version THEN s.changed_at ELSE excluded.changed_at END
"""
_CHANGE: Final = """
INSERT INTO standing_change (account_id, version, state, effective, balance_micros, changed_at)
VALUES (%(account_id)s, %(version)s, %(state)s, %(effective)s, %(balance_micros)s, %(now)s)
"""
_ALERT: Final = """
INSERT INTO balance_alert (account_id, threshold, level_micros, balance_micros, wallet_version, fired_at, recovered_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
"""
_RECOVERED: Final = """
UPDATE balance_alert SET recovered_at = %s WHERE account_id = %s AND threshold = ANY(%s) AND recovered_at IS NULL
"""
_TELL: Final = """
INSERT INTO outbox_message (topic, key, type, subject, data, created_at) VALUES (%s, %s, %s, %s, %s, %s)
"""


class PostgresWalletWatch:
    """The truth to look into."""

    def __init__(self, dsn: str) -> None:
        self._connection = LastingConnection(dsn, _SESSION, row_factory=namedtuple_row)

    @contextmanager
    def begin(self) -> Iterator["PostgresWatchTransaction"]:
        """A transaction: commits when left normally, rolls back when left by an exception. Raises EngineUnavailable."""
        with self._connection.transaction() as connection:
            yield PostgresWatchTransaction(connection)

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        self._connection.close()


class PostgresWatchTransaction:
    """One transaction over some wallets."""

    def __init__(self, connection: Connection[Any]) -> None:
        self._connection = connection
        self.top_ups = PostgresTopUpRequests(connection)

    def to_look_at(self, *, now: datetime, limit: int) -> Sequence[LookedAt]:
        """Wallets that asked for it and those whose time has come, locked, in the order of wallets."""
        wanted = {"now": now, "limit": limit, "share": max(limit // _SHARE_OF_TIME, 1)}
        due = list({row.account_id for row in self._connection.execute(_DUE, wanted)})
        if not due:
            return []
        wallet_ids = [row.wallet_id for row in self._connection.execute(_LOCK, (due,))]
        asked = {row.account_id: row.from_version for row in self._connection.execute(_DONE, (due,))}
        wanted = {
            "wallet_ids": wallet_ids,
            "since": now - _BURN_WINDOW,
            "now": now,
            "asked": list(asked),
            "from_versions": list(asked.values()),
            "past": _PAST_MAX,
        }
        return [_looked_at(row, now) for row in self._connection.execute(_FACTS, wanted).fetchall()]

    def leaning(self, account_id: int) -> Sequence[str]:
        """The codes of the accounts that pay from this one, itself included."""
        return [row.code for row in self._connection.execute(_LEANING, (account_id, account_id))]

    def save(self, item: LookedAt, look: Look, *, standing_version: int, now: datetime) -> None:
        """Keep what a look found; a standing as a new version where it is another than the one kept."""
        facts = {
            "account_id": item.account_id,
            "version": standing_version,
            "state": look.standing.state.value,
            "effective": look.effective.value,
            "floor_micros": look.floor_micros,
            "grace_since": look.standing.grace_since,
            "look_again_at": look.look_again_at,
            "arms": json.dumps(look.arms),
            "balance_micros": item.watched.wallet.balance_micros,
            "now": now,
        }
        execute = self._connection.execute
        execute(_BOUNDS, (look.look_below_micros, look.look_above_micros, item.account_id))
        execute(_STANDING, facts)
        if standing_version != item.standing_version:
            execute(_CHANGE, facts)
        if look.recovered:
            execute(_RECOVERED, (now, item.account_id, list(look.recovered)))
        for crossing in look.crossings:
            fired = (crossing.threshold.code, crossing.level_micros, crossing.balance_micros, crossing.version, now)
            execute(_ALERT, (item.account_id, *fired, now if crossing.over else None))
        if item.next_version is not None:
            execute(_GO_ON, (item.account_id, item.next_version))

    def tell(self, messages: Sequence[Message], *, now: datetime) -> None:
        """Messages to be sent once this commits."""
        for message in messages:
            data = json.dumps(message.data)
            self._connection.execute(_TELL, (message.topic, message.key, message.type, message.subject, data, now))


def _looked_at(row: Any, now: datetime) -> LookedAt:
    # A wallet that is younger than a day has burnt in a day what it has burnt at all.
    hours = max(min(_BURN_WINDOW, now - (row.began_at or now)) // timedelta(hours=1), 24)
    burnt_a_day = max(row.burnt_micros, 0) * 24 // hours
    wallet = WalletFacts(row.balance_micros, row.last_top_up_micros, burnt_a_day, row.version)
    past = _past(row, burnt_a_day)
    past_is_whole = not past or past[-1].version == row.version
    chosen = ChosenTerms(
        row.mode == "prepaid",
        Currency(row.currency),
        row.low_level_micros,
        row.grace_hours,
        row.grace_micros,
        row.credit_limit_micros,
    )
    standing = Standing(State(row.state), row.grace_since) if row.state else Standing()
    watched = Watched(
        chosen,
        _thresholds(row.thresholds) if chosen.prepaid or row.thresholds else (),
        wallet,
        CreditFacts(row.balance_micros, row.overdue_since, closed=row.account_status == "closed"),
        standing,
        _override(row),
        {code: Arm(arm) for code, arm in (row.arms or {}).items()},
        used_before=row.version > 0,
        top_up_at_micros=row.rule_threshold_micros if row.rule_counts else None,
        past=past,
        past_is_whole=past_is_whole,
    )
    return LookedAt(
        row.account_id,
        row.code,
        row.currency,
        row.standing_version or 0,
        row.effective or State.ACTIVE.value,
        row.floor_micros,
        watched,
        _rule(row),
        row.rule_again_at,
        row.wallet_of,
        tuple(row.pays_for or ()),
        None if past_is_whole else past[-1].version + 1,
    )


def _past(row: Any, burnt_a_day: int) -> list[WalletFacts]:
    """The balances a wallet had, with the last top-up each of them knew; the rate is today's for all of them."""
    found: list[WalletFacts] = []
    last_top_up = row.top_up_before_micros
    for version, balance, topped_up in row.past or ():
        last_top_up = last_top_up if topped_up is None else topped_up
        found.append(WalletFacts(balance, last_top_up, burnt_a_day, version))
    return found


def _rule(row: Any) -> TopUpRule | None:
    if row.rule_threshold_micros is None or not row.rule_counts:
        return None
    methods, cool_down = tuple(map(Method, row.methods)), timedelta(seconds=row.cool_down_seconds)
    return TopUpRule(row.rule_threshold_micros, row.rule_amount_minor, row.monthly_limit_minor, methods, cool_down)


def _thresholds(codes: Sequence[str] | None) -> Sequence[Threshold]:
    if not codes:
        return DEFAULT_THRESHOLDS
    split = (code.rpartition(":") for code in codes)
    return [Threshold(ThresholdKind(kind), int(value)) for kind, _, value in split]


def _override(row: Any) -> Override | None:
    if row.override_state is None:
        return None
    return Override(State(row.override_state), row.override_reason, row.override_by, row.override_until)
