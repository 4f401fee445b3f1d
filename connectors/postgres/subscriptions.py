"""Subscriptions in PostgreSQL: segments read as a whole, and written as what changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping, text

from connectors.postgres.database import snapshot
from connectors.postgres.months import month_from
from domain.errors import BillingError, InvalidInput, NotFound
from domain.money import Currency
from domain.subscriptions import NEW, PlanChoice, Segment, Subscriptions

_ACCOUNTS: Final = text("""
SELECT a.account_id, a.code, a.currency, a.time_zone, a.status,
       (SELECT max(i.month) FROM invoice i
         WHERE i.account_id = a.bill_to_account_id AND i.status = 'issued') AS invoiced_month
FROM account a WHERE a.code = ANY(:codes)
""")
_SEGMENTS: Final = text("""
SELECT s.account_id, s.segment_id, s.subscription_id, s.plan_version_id, p.code || ' v' || v.version AS label, v.currency,
       lower(s.validity) AS start, upper(s.validity) AS end, s.began_at, s.paused, s.why
FROM subscription s JOIN plan_version v USING (plan_version_id) JOIN plan p USING (plan_id)
WHERE s.account_id = ANY(:account_ids) ORDER BY s.account_id, lower(s.validity) NULLS FIRST
""")
_PLAN: Final = text("""
SELECT v.plan_version_id, p.code || ' v' || v.version AS label, v.currency, v.starts_at
FROM plan_version v JOIN plan p USING (plan_id)
WHERE p.code = :code AND (CAST(:version AS integer) IS NULL OR v.version = :version)
ORDER BY coalesce(v.starts_at <= CAST(:at AS timestamptz), true) DESC, v.version DESC LIMIT 1
""")
_ON: Final = text("""
SELECT DISTINCT a.code COLLATE "C" FROM subscription s JOIN account a USING (account_id)
JOIN plan_version v USING (plan_version_id) JOIN plan p USING (plan_id)
WHERE p.code = :plan AND v.currency = :currency AND s.plan_version_id <> :but
  AND s.validity @> CAST(:at AS timestamptz) AND a.status <> 'closed' ORDER BY 1
""")
_EVENTS: Final = text("""
SELECT count(*) FROM usage_event u JOIN account a USING (account_id)
WHERE a.code = :code AND u.event_time >= :start AND u.event_time < :end
""")
_DELETE: Final = text("DELETE FROM subscription WHERE segment_id = ANY(:segment_ids)")
_SHORTEN: Final = text("UPDATE subscription SET validity = tstzrange(lower(validity), :end) WHERE segment_id = :segment_id")
_ADD: Final = text("""
INSERT INTO subscription (account_id, plan_version_id, validity, subscription_id, began_at, paused, why)
VALUES (:account_id, :plan_version_id, tstzrange(:start, :end),
        coalesce(CAST(:subscription_id AS bigint), nextval('subscription_id_sequence')), :began_at, :paused, :why)
""")
_LIST: Final = text("""
SELECT a.code AS account, p.code || ' v' || v.version AS plan, s.subscription_id AS subscription,
       lower(s.validity) AS "from", upper(s.validity) AS "to", s.paused, s.why
FROM subscription s JOIN account a USING (account_id) JOIN plan_version v USING (plan_version_id) JOIN plan p USING (plan_id)
WHERE (CAST(:account AS text) IS NULL OR a.code = :account) AND (CAST(:plan AS text) IS NULL OR p.code = :plan)
  AND (:past OR upper_inf(s.validity) OR upper(s.validity) > CAST(:now AS timestamptz))
ORDER BY a.code COLLATE "C", lower(s.validity) NULLS FIRST LIMIT :limit
""")

_HISTORY: Final = text("""
SELECT p.code || ' v' || v.version AS plan, h.subscription_id AS subscription, lower(h.validity) AS "from",
       upper(h.validity) AS "to", h.paused, h.why, s.changed_at AS said_at, u.changed_at AS gave_way_at
FROM subscription_history h JOIN account a USING (account_id) JOIN plan_version v USING (plan_version_id)
JOIN plan p USING (plan_id)
LEFT JOIN config_change s ON s.version = h.since_version LEFT JOIN config_change u ON u.version = h.until_version
WHERE a.code = :account ORDER BY h.since_version, lower(h.validity) NULLS FIRST
""")


class SubscriptionRows:
    """The SubscriptionBook port in one transaction of configuration."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, account_code: str) -> Subscriptions:
        """Everything an account is or was subscribed to. Raises NotFound."""
        return self._with_segments([self._account(account_code)])[account_code]

    def read_all(self, account_codes: Sequence[str]) -> Mapping[str, Subscriptions | BillingError]:
        """Of many accounts, in their order; of one that does not exist, or is closed, why it cannot be changed."""
        accounts = self._connection.execute(_ACCOUNTS, {"codes": list(account_codes)}).mappings().all()
        open_ = [account for account in accounts if account["status"] != "closed"]
        known = {account["code"] for account in accounts}
        found: dict[str, Subscriptions | BillingError] = {}
        found |= self._with_segments(open_)
        for code in account_codes:
            if code not in found:
                found[code] = (
                    InvalidInput(f"account {code} is closed: choose one that is not") if code in known else _unknown(code)
                )
        return {code: found[code] for code in account_codes}

    def write(self, before: Subscriptions, after: Subscriptions) -> None:
        """Make the segments what they are in `after`."""
        account_id = self._account(after.account)["account_id"]
        were = {segment.segment_id: segment for segment in before.segments}
        are = {segment.segment_id: segment for segment in after.segments if segment.segment_id != NEW}
        gone = [segment_id for segment_id in were if segment_id not in are]
        if gone:
            self._connection.execute(_DELETE, {"segment_ids": gone})
        for segment_id, segment in are.items():
            if segment.end != were[segment_id].end:
                self._connection.execute(_SHORTEN, {"segment_id": segment_id, "end": segment.end})
        for segment in after.segments:
            if segment.segment_id == NEW:
                self._connection.execute(_ADD, _row(account_id, segment))

    def plan(self, code: str, *, version: int | None, at: datetime | None) -> PlanChoice:
        """A version of a plan; when none is named the newest that holds at an instant, or at any. Raises NotFound."""
        found = self._connection.execute(_PLAN, {"code": code, "version": version, "at": at}).one_or_none()
        if found is None:
            which = "" if version is None else f" v{version}"
            raise NotFound(f"plan {code}{which} was never published: `billing plans list` shows what was")
        return PlanChoice(found.plan_version_id, found.label, Currency(found.currency), found.starts_at)

    def accounts_on(self, plan_code: str, *, but: PlanChoice, at: datetime) -> Sequence[str]:
        """Codes of the accounts on another version of a plan than this at an instant, in order."""
        facts = {"plan": plan_code, "currency": but.currency.value, "but": but.plan_version_id, "at": at}
        return self._connection.execute(_ON, facts).scalars().all()

    def events_since(self, account_code: str, start: datetime, end: datetime) -> int:
        """How many booked events of an account happened in a span of time."""
        return int(self._connection.execute(_EVENTS, {"code": account_code, "start": start, "end": end}).scalar_one())

    def _account(self, code: str) -> RowMapping:
        account = self._connection.execute(_ACCOUNTS, {"codes": [code]}).mappings().one_or_none()
        if account is None:
            raise _unknown(code)
        return account

    def _with_segments(self, accounts: Sequence[RowMapping]) -> dict[str, Subscriptions]:
        segments: dict[int, list[Segment]] = {account["account_id"]: [] for account in accounts}
        for row in self._connection.execute(_SEGMENTS, {"account_ids": list(segments)}).mappings():
            segments[row["account_id"]].append(_segment(row))
        return {account["code"]: _subscriptions(account, segments[account["account_id"]]) for account in accounts}


def _unknown(code: str) -> NotFound:
    return NotFound(f"account {code!r} does not exist: `billing accounts list` shows them")


def _subscriptions(account: RowMapping, segments: Sequence[Segment]) -> Subscriptions:
    zone, month = ZoneInfo(account["time_zone"]), account["invoiced_month"]
    open_from = None if month is None else month_from(month).span(zone).end
    return Subscriptions(account["code"], Currency(account["currency"]), zone, open_from, tuple(segments))


def _segment(row: RowMapping) -> Segment:
    plan = PlanChoice(row["plan_version_id"], row["label"], Currency(row["currency"]))
    return Segment(
        row["segment_id"],
        row["subscription_id"],
        plan,
        row["start"],
        row["end"],
        row["began_at"],
        paused=row["paused"],
        why=row["why"],
    )


def _row(account_id: int, segment: Segment) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "plan_version_id": segment.plan.plan_version_id,
        "start": segment.start,
        "end": segment.end,
        "subscription_id": segment.subscription_id if segment.subscription_id != NEW else None,
        "began_at": segment.began_at,
        "paused": segment.paused,
        "why": segment.why,
    }


@dataclass(frozen=True, slots=True)
class SubscriptionReader:
    """Subscriptions for people to look at."""

    engine: Engine

    def segments(
        self, *, account: str | None, plan: str | None, past: bool, limit: int, now: datetime
    ) -> Sequence[Mapping[str, Any]]:
        """Segments by account, those that are over only when `past` is set."""
        facts = {"account": account, "plan": plan, "past": past, "limit": limit, "now": now}
        with snapshot(self.engine) as connection:
            return [dict(row) for row in connection.execute(_LIST, facts).mappings()]

    def history(self, account: str) -> Sequence[Mapping[str, Any]]:
        """Every segment an account was ever said to have, in the order it was said, and when it gave way to another."""
        with snapshot(self.engine) as connection:
            return [dict(row) for row in connection.execute(_HISTORY, {"account": account}).mappings()]
