"""Rules of automatic top-ups in PostgreSQL: set and stopped by people, with what came of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres.database import storable, transaction
from connectors.postgres.notices import tell
from domain.errors import NotFound
from domain.top_up_rules import Method, TopUpRule
from invoicing.request_top_ups import CANCELLED, REQUESTS_TOPIC
from invoicing.top_up_request_ports import CancelledRequest, RuledAccount
from invoicing.watch_ports import Message

_ACCOUNT: Final = text("""
SELECT a.mode, a.status, a.pay_from_account_id = a.account_id AS pays_itself
FROM account a JOIN wallet w USING (account_id) WHERE a.code = :account FOR NO KEY UPDATE OF w
""")
_SET: Final = text("""
INSERT INTO top_up_rule
    (account_id, threshold_micros, amount_minor, monthly_limit_minor, methods, cool_down_seconds, set_at)
SELECT account_id, :threshold_micros, :amount_minor, :monthly_limit_minor, :methods, :cool_down_seconds, :at
FROM account WHERE code = :account
ON CONFLICT (account_id) DO UPDATE SET threshold_micros = excluded.threshold_micros, amount_minor = excluded.amount_minor,
    monthly_limit_minor = excluded.monthly_limit_minor, methods = excluded.methods,
    cool_down_seconds = excluded.cool_down_seconds, set_at = excluded.set_at, stopped_at = NULL, answer = NULL,
    look_again_at = NULL
""")
_RULE: Final = text("""
SELECT threshold_micros, amount_minor, monthly_limit_minor, methods, cool_down_seconds
FROM top_up_rule JOIN account USING (account_id) WHERE code = :account AND stopped_at IS NULL
""")
_STOP: Final = text("""
UPDATE top_up_rule SET stopped_at = :at, answer = 'it was stopped', look_again_at = NULL
WHERE account_id = (SELECT account_id FROM account WHERE code = :account) AND stopped_at IS NULL
""")
_CANCEL: Final = text("""
UPDATE top_up_request SET state = 'failed', closed_at = :at, reason = 'the rule was stopped'
WHERE account_id = (SELECT account_id FROM account WHERE code = :account) AND state = 'in_flight'
RETURNING request_id, method, charge_minor, currency
""")
_SHOW: Final = text("""
SELECT a.code AS account, a.currency, r.threshold_micros, r.amount_minor, r.monthly_limit_minor, r.methods,
       r.cool_down_seconds, r.set_at, r.stopped_at, r.answer, r.look_again_at
FROM top_up_rule r JOIN account a USING (account_id) WHERE a.code = :account
""")
_REQUESTS: Final = text("""
SELECT r.request_id AS request, a.code AS account, r.method, r.currency, r.amount_minor, r.charge_minor, r.requested_at,
       r.debit_at, r.state, r.closed_at, r.reason
FROM top_up_request r JOIN account a USING (account_id)
WHERE CAST(:account AS text) IS NULL OR a.code = :account ORDER BY r.request_id DESC LIMIT 200
""")


class TopUpRuleRows:
    """The TopUpRuleBook port in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def account(self, code: str) -> RuledAccount | None:
        """An account, whose wallet is locked from now on; None when there is none."""
        row = self._connection.execute(_ACCOUNT, {"account": code}).one_or_none() if storable([code]) else None
        return None if row is None else RuledAccount(row.mode == "prepaid", row.status == "closed", row.pays_itself)

    def rule(self, code: str) -> TopUpRule | None:
        """The rule in force."""
        row = self._connection.execute(_RULE, {"account": code}).one_or_none()
        if row is None:
            return None
        methods, cool_down = tuple(map(Method, row.methods)), timedelta(seconds=row.cool_down_seconds)
        return TopUpRule(row.threshold_micros, row.amount_minor, row.monthly_limit_minor, methods, cool_down)

    def set(self, code: str, rule: TopUpRule, *, at: datetime) -> None:
        """Put a rule in the place of what was there; the wallet is looked at next."""
        facts = {
            "account": code,
            "threshold_micros": rule.threshold_micros,
            "amount_minor": rule.amount_minor,
            "monthly_limit_minor": rule.monthly_limit_minor,
            "methods": [method.value for method in rule.methods],
            "cool_down_seconds": rule.cool_down // timedelta(seconds=1),
            "at": at,
        }
        self._connection.execute(_SET, facts)

    def stop(self, code: str, *, at: datetime) -> Sequence[CancelledRequest]:
        """End the rule and what is in flight by it, and say so to whoever was asked."""
        facts = {"account": code, "at": at}
        self._connection.execute(_STOP, facts)
        rows = self._connection.execute(_CANCEL, facts)
        cancelled = [CancelledRequest(row.request_id, row.method, row.charge_minor, row.currency) for row in rows]
        tell(self._connection, [_cancellation(code, one) for one in cancelled], now=at)
        return cancelled


class TopUpRules:
    """Rules and requests for people to look at, through an engine's connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def rule(self, account: str) -> Mapping[str, Any]:
        """An account's rule, and what the last look at it found. Raises NotFound."""
        with transaction(self._engine) as connection:
            row = connection.execute(_SHOW, {"account": account}).one_or_none()
        if row is None:
            raise NotFound(f"account {account} has no rule: `billing wallets top-up-rule set` gives it one")
        return dict(row._mapping)

    def requests(self, account: str | None) -> Sequence[Mapping[str, Any]]:
        """Requests, the latest first."""
        with transaction(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(_REQUESTS, {"account": account})]


def _cancellation(account: str, request: CancelledRequest) -> Message:
    data = {
        "request": request.request_id,
        "method": request.method,
        "charge_minor": request.charge_minor,
        "currency": request.currency,
    }
    return Message(REQUESTS_TOPIC, account, CANCELLED, account, data)
