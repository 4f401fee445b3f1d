"""Rules of automatic top-ups in PostgreSQL: set and stopped by people, with what came of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres import audit
from connectors.postgres.database import transaction
from connectors.postgres.notices import tell
from domain.errors import IllegalTransition, NotFound
from domain.top_up_rules import TopUpRule
from invoicing.request_top_ups import CANCELLED, REQUESTS_TOPIC
from invoicing.watch_ports import Message

_ACCOUNT: Final = text("""
SELECT a.account_id, a.currency, a.mode, a.status, a.pay_from_account_id = a.account_id AS pays_itself
FROM account a WHERE a.code = :account
""")
_SET: Final = text("""
INSERT INTO top_up_rule
    (account_id, threshold_micros, amount_minor, monthly_limit_minor, methods, cool_down_seconds, set_at)
VALUES (:account_id, :threshold_micros, :amount_minor, :monthly_limit_minor, :methods, :cool_down_seconds, :at)
ON CONFLICT (account_id) DO UPDATE SET threshold_micros = excluded.threshold_micros, amount_minor = excluded.amount_minor,
    monthly_limit_minor = excluded.monthly_limit_minor, methods = excluded.methods,
    cool_down_seconds = excluded.cool_down_seconds, set_at = excluded.set_at, stopped_at = NULL, answer = NULL,
    look_again_at = NULL
""")
_LOCK_WALLET: Final = text("SELECT wallet_id FROM wallet WHERE account_id = :account_id FOR NO KEY UPDATE")
_STOP: Final = text("""
UPDATE top_up_rule SET stopped_at = :at, answer = 'it was stopped', look_again_at = NULL
WHERE account_id = :account_id AND stopped_at IS NULL RETURNING account_id
""")
_CANCEL: Final = text("""
UPDATE top_up_request SET state = 'failed', closed_at = :at, reason = 'the rule was stopped'
WHERE account_id = :account_id AND state = 'in_flight' RETURNING request_id, method, charge_minor, currency
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


class TopUpRules:
    """Rules and requests, through an engine's connections. Every change has its audit record."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def currency(self, account: str) -> str:
        """The currency of an account. Raises NotFound."""
        with transaction(self._engine) as connection:
            return str(_account(connection, account).currency)

    def set(self, account: str, rule: TopUpRule, *, by: str, at: datetime) -> None:
        """Give an account its rule, in place of another. Raises NotFound, IllegalTransition for one without credit."""
        facts = {
            "threshold_micros": rule.threshold_micros,
            "amount_minor": rule.amount_minor,
            "monthly_limit_minor": rule.monthly_limit_minor,
            "methods": [method.value for method in rule.methods],
            "cool_down_seconds": int(rule.cool_down.total_seconds()),
        }
        with transaction(self._engine) as connection:
            found = _account(connection, account)
            if found.mode != "prepaid" or found.status == "closed" or not found.pays_itself:
                raise IllegalTransition(
                    f"account {account} is postpaid, closed or pays from another: give the rule to the account it pays from"
                )
            connection.execute(_LOCK_WALLET, {"account_id": found.account_id})
            connection.execute(_SET, {**facts, "account_id": found.account_id, "at": at})
            _audit(connection, "top_up_rule.set", account, facts, by=by, at=at)

    def stop(self, account: str, *, by: str, at: datetime) -> Sequence[int]:
        """End a rule and whatever it asked for and was not answered; returns those requests' numbers. Raises NotFound."""
        with transaction(self._engine) as connection:
            found = {"account_id": _account(connection, account).account_id, "at": at}
            connection.execute(_LOCK_WALLET, found)
            if connection.execute(_STOP, found).scalar() is None:
                raise NotFound(f"account {account} has no rule that could be stopped: `top-up-rule show` says what it has")
            cancelled = connection.execute(_CANCEL, found).all()
            messages = [
                Message(
                    REQUESTS_TOPIC,
                    account,
                    CANCELLED,
                    account,
                    {
                        "request": row.request_id,
                        "method": row.method,
                        "charge_minor": row.charge_minor,
                        "currency": row.currency,
                    },
                )
                for row in cancelled
            ]
            tell(connection, messages, now=at)
            numbers = [row.request_id for row in cancelled]
            _audit(connection, "top_up_rule.stopped", account, {"cancelled_requests": numbers}, by=by, at=at)
        return numbers

    def rule(self, account: str) -> Mapping[str, Any]:
        """An account's rule, and what the last look at it found. Raises NotFound."""
        with transaction(self._engine) as connection:
            _account(connection, account)
            row = connection.execute(_SHOW, {"account": account}).one_or_none()
        if row is None:
            raise NotFound(f"account {account} has no rule: `billing wallets top-up-rule set` gives it one")
        return dict(row._mapping)

    def requests(self, account: str | None) -> Sequence[Mapping[str, Any]]:
        """Requests, the latest first."""
        with transaction(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(_REQUESTS, {"account": account})]


def _account(connection: Connection, account: str) -> Any:
    row = connection.execute(_ACCOUNT, {"account": account}).one_or_none()
    if row is None:
        raise NotFound(f"account {account!r} does not exist: `billing accounts list` shows them")
    return row


def _audit(connection: Connection, action: str, subject: str, after: Mapping[str, Any], *, by: str, at: datetime) -> None:
    audit.record(connection, [audit.Change(subject, None, after)], action=action, actor=by, at=at)
