"""The statements that read what a worker rates with. Instants are microseconds since the Unix epoch, NULL without end."""

from typing import Final

VERSION: Final = "SELECT version FROM config_version"


def _micros(bound: str) -> str:
    return f"CASE WHEN isfinite({bound}) THEN (extract(epoch FROM {bound}) * 1000000)::bigint END"


_SPAN: Final = f"{_micros('lower(validity)')}, {_micros('upper(validity)')}"

METERS: Final = "SELECT meter_id, code, event_type, aggregation, property, filter::text FROM meter"
METERS_BY_ID: Final = METERS + " WHERE meter_id = ANY(%s)"

PLANS: Final = """
SELECT v.plan_version_id, p.code || ' v' || v.version, v.currency FROM plan_version v JOIN plan p USING (plan_id)
"""
PLANS_BY_ID: Final = PLANS + " WHERE v.plan_version_id = ANY(%s)"

_CHARGES: Final = "SELECT {owner}, charge_id, kind, document::text FROM charge WHERE {owner} {which}"
_RATED: Final = " AND kind IN ('usage', 'adjustment') ORDER BY charge_id"
CHARGES: Final = _CHARGES.format(owner="plan_version_id", which="IS NOT NULL") + _RATED
CHARGES_OF_PLANS: Final = _CHARGES.format(owner="plan_version_id", which="= ANY(%s)") + _RATED

CONTRACTS: Final = "SELECT contract_id, code, currency FROM contract"
CONTRACTS_BY_ID: Final = CONTRACTS + " WHERE contract_id = ANY(%s)"
CONTRACT_CHARGES: Final = _CHARGES.format(owner="contract_id", which="IS NOT NULL") + _RATED
CHARGES_OF_CONTRACTS: Final = _CHARGES.format(owner="contract_id", which="= ANY(%s)") + _RATED

# Of equal priorities the account's own contract is the stronger. A customer's is with its accounts of the same currency.
_TERMS: Final = f"""
SELECT a.account_id, k.contract_id, k.priority * 2 + 1, {_SPAN}
FROM contract k JOIN account a USING (account_id, currency) WHERE {{which}}
UNION ALL
SELECT a.account_id, k.contract_id, k.priority * 2, {_SPAN}
FROM contract k JOIN account a USING (customer_id, currency) WHERE {{which}}
"""  # noqa: S608 - constants only
TERMS: Final = _TERMS.format(which="true")
TERMS_BY_ACCOUNT: Final = _TERMS.format(which="a.account_id = ANY(%s)")
ACCOUNTS_OF_CONTRACTS: Final = """
SELECT a.account_id FROM contract k JOIN account a USING (account_id) WHERE k.contract_id = ANY(%s)
UNION SELECT a.account_id FROM contract k JOIN account a USING (customer_id) WHERE k.contract_id = ANY(%s)
"""

ACCOUNTS: Final = """
SELECT a.account_id, a.code, c.code, w.wallet_id, a.currency, a.time_zone
FROM account a JOIN customer c ON c.customer_id = a.customer_id AND a.wallet_of_account_id IS NULL
JOIN wallet w ON w.account_id = a.pay_from_account_id
"""
ACCOUNTS_BY_ID: Final = ACCOUNTS + " WHERE a.account_id = ANY(%s)"

# The further wallets of payers, with each account that pays from them.
PURPOSES: Final = """
SELECT a.account_id, p.meter_id, w.wallet_id
FROM wallet_purpose p JOIN account a ON a.pay_from_account_id = p.account_id AND a.wallet_of_account_id IS NULL
JOIN wallet w ON w.account_id = p.wallet_account_id
"""
PURPOSES_BY_ACCOUNT: Final = PURPOSES + " WHERE a.account_id = ANY(%s)"
PAYING_FROM: Final = "SELECT account_id FROM account WHERE pay_from_account_id = ANY(%s)"

# The topmost account of each that has one above it.
_ROOTS: Final = """
WITH RECURSIVE up (account_id, above_id) AS (
    SELECT account_id, parent_id FROM account WHERE parent_id IS NOT NULL{of}
    UNION ALL SELECT up.account_id, a.parent_id FROM up JOIN account a ON a.account_id = up.above_id
              WHERE a.parent_id IS NOT NULL)
SELECT up.account_id, up.above_id FROM up JOIN account a ON a.account_id = up.above_id WHERE a.parent_id IS NULL
"""
ROOTS: Final = _ROOTS.format(of="")
ROOTS_BY_ID: Final = _ROOTS.format(of=" AND account_id = ANY(%s)")
BELOW: Final = """
WITH RECURSIVE below (account_id) AS (
    SELECT account_id FROM account WHERE parent_id = ANY(%s)
    UNION SELECT a.account_id FROM account a JOIN below ON a.parent_id = below.account_id)
SELECT account_id FROM below
"""

SUBSCRIPTIONS: Final = f"SELECT account_id, plan_version_id, {_SPAN}, {_micros('began_at')} FROM subscription"  # noqa: S608 - constants only
SUBSCRIPTIONS_BY_ACCOUNT: Final = SUBSCRIPTIONS + " WHERE account_id = ANY(%s)"

ALIASES: Final = f"SELECT alias, account_id, {_SPAN} FROM alias"  # noqa: S608
_OF_NAME_OR_ACCOUNT: Final = " WHERE alias = ANY(%s) OR alias IN (SELECT alias FROM alias WHERE account_id = ANY(%s))"
ALIASES_BY_NAME_OR_ACCOUNT: Final = ALIASES + _OF_NAME_OR_ACCOUNT

DECISIONS: Final = """
SELECT decision, event_key, body_digest, (extract(epoch FROM event_time) * 1000000)::bigint
FROM quarantined_event WHERE decision IS NOT NULL
"""

CHANGES: Final = "SELECT what FROM config_change WHERE version > %s AND version <= %s"
TOUCHES: Final = "SELECT DISTINCT kind, key FROM config_touch WHERE version > %s AND version <= %s LIMIT %s"
