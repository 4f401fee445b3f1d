"""Standings, terms and alerts in PostgreSQL: what people set by hand, and what they look at."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Engine, text

from connectors.postgres import audit
from connectors.postgres.database import transaction
from domain.alert_follow_up import FollowUp
from domain.errors import IllegalTransition, NotFound
from domain.suspension import Override

_OVERRIDE: Final = text("""
UPDATE account_standing SET override_state = :state, override_reason = :reason, override_by = :by, override_until = :until
WHERE account_id = (SELECT account_id FROM account WHERE code = :code) RETURNING account_id
""")
# A word over an account holds for its further wallets, too.
_LOOK: Final = text("""
INSERT INTO wallet_look (account_id, from_version)
SELECT account_id, w.version + 1 FROM account JOIN wallet w USING (account_id)
WHERE :account_id IN (account_id, wallet_of_account_id) ON CONFLICT DO NOTHING
""")
_TERMS: Final = text("""
INSERT INTO account_terms
    (account_id, low_level_micros, grace_hours, grace_micros, credit_limit_micros, suspend_overdue)
SELECT account_id, :low_level_micros, :grace_hours, :grace_micros, :credit_limit_micros, :suspend_overdue
FROM account WHERE code = :code
ON CONFLICT (account_id) DO UPDATE SET low_level_micros = excluded.low_level_micros, grace_hours = excluded.grace_hours,
    grace_micros = excluded.grace_micros, credit_limit_micros = excluded.credit_limit_micros,
    suspend_overdue = excluded.suspend_overdue
RETURNING account_id
""")
_ALERT: Final = text("""
SELECT b.alert_id, a.code, b.fired_at, b.escalations, b.acknowledged_by, b.snoozed_until, b.recovered_at
FROM balance_alert b JOIN account a USING (account_id) WHERE b.alert_id = :alert_id FOR UPDATE OF b
""")
_FOLLOW: Final = text("""
UPDATE balance_alert SET acknowledged_by = :acknowledged_by, snoozed_until = :snoozed_until,
    acknowledged_at = CASE WHEN CAST(:acknowledged_by AS text) IS NULL THEN NULL ELSE coalesce(acknowledged_at, :at) END
WHERE alert_id = :alert_id
""")
_STANDING: Final = text("""
SELECT a.code AS account, s.state, s.effective, s.floor_micros, s.grace_since, s.override_state, s.override_reason,
       s.override_by, s.override_until, s.look_again_at, s.version, s.changed_at
FROM account a LEFT JOIN account_standing s USING (account_id) WHERE a.code = :code
""")
_HISTORY: Final = text("""
SELECT h.version, h.state, h.effective, h.balance_micros, h.changed_at
FROM standing_change h JOIN account a USING (account_id) WHERE a.code = :code ORDER BY h.version
""")
_ALERTS: Final = text("""
SELECT b.alert_id, a.code AS account, b.threshold, b.level_micros, b.balance_micros, b.fired_at, b.recovered_at,
       b.acknowledged_by, b.snoozed_until, b.escalations
FROM balance_alert b JOIN account a USING (account_id)
WHERE :everything OR (b.recovered_at IS NULL AND b.acknowledged_by IS NULL) ORDER BY b.alert_id DESC LIMIT 200
""")


class PostgresStandings:
    """What accounts may do, through an engine's connections."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def set_override(self, account: str, word: Override | None, *, by: str, at: datetime) -> None:
        """A person's word over an account's standing, or its end; the wallet is looked at next.

        Raises NotFound, and IllegalTransition for an account that has no standing yet.
        """
        facts = {
            "code": account,
            "state": word and word.state.value,
            "reason": word and word.reason,
            "by": word and word.by,
            "until": word and word.until,
        }
        with transaction(self._engine) as connection:
            self.standing(account)
            account_id = connection.execute(_OVERRIDE, facts).scalar()
            if account_id is None:
                raise IllegalTransition(f"account {account} has no standing yet: it gets one with its first movement")
            connection.execute(_LOOK, {"account_id": account_id})
            _audit(connection, "account.standing_overridden", account, facts, by=by, at=at)

    def set_terms(self, account: str, terms: Mapping[str, int | None], *, by: str, at: datetime) -> None:
        """How an account is treated; what is None has the default. Raises NotFound."""
        with transaction(self._engine) as connection:
            if connection.execute(_TERMS, {**terms, "code": account}).scalar() is None:
                raise NotFound(f"account {account!r} does not exist: `billing accounts list` shows them")
            _audit(connection, "account.terms_set", account, terms, by=by, at=at)

    def alert(self, connection: Connection, alert_id: int) -> tuple[str, FollowUp]:
        """Whose alert it is, and where it stands; locked. Raises NotFound."""
        row = connection.execute(_ALERT, {"alert_id": alert_id}).one_or_none()
        if row is None:
            raise NotFound(f"alert {alert_id} does not exist: `billing wallets alerts --all` shows them")
        follow = FollowUp(row.fired_at, row.escalations, row.acknowledged_by, row.snoozed_until, row.recovered_at)
        return row.code, follow

    def follow(
        self, connection: Connection, alert_id: int, follow: FollowUp, *, account: str, by: str, at: datetime
    ) -> None:
        """Keep where an alert stands now."""
        facts = {"acknowledged_by": follow.acknowledged_by, "snoozed_until": follow.snoozed_until}
        connection.execute(_FOLLOW, {**facts, "alert_id": alert_id, "at": at})
        _audit(connection, "alert.followed_up", account, {"alert": alert_id, **facts}, by=by, at=at)

    def begin(self) -> Any:
        """A transaction to follow up an alert in."""
        return transaction(self._engine)

    def standing(self, account: str) -> Mapping[str, Any]:
        """Where an account stands; its fields are None when it was never looked at. Raises NotFound."""
        with transaction(self._engine) as connection:
            row = connection.execute(_STANDING, {"code": account}).one_or_none()
            if row is None:
                raise NotFound(f"account {account!r} does not exist: `billing accounts list` shows them")
            return dict(row._mapping)

    def history(self, account: str) -> Sequence[Mapping[str, Any]]:
        """Every standing an account ever had."""
        with transaction(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(_HISTORY, {"code": account})]

    def alerts(self, *, everything: bool) -> Sequence[Mapping[str, Any]]:
        """Alerts nobody has taken up, or all of them, the latest first."""
        with transaction(self._engine) as connection:
            return [dict(row._mapping) for row in connection.execute(_ALERTS, {"everything": everything})]


def _audit(connection: Connection, action: str, subject: str, after: Mapping[str, Any], *, by: str, at: datetime) -> None:
    audit.record(connection, [audit.Change(subject, None, after)], action=action, actor=by, at=at)
