"""What a run comes to, in figures: the rows of its last tables, and the same as facts for a program."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from cli.demonstration.expectation import OUTCOMES
from cli.demonstration.proof import Equality, Evidence, gained
from connectors import batch_wiring, demonstration_wiring
from connectors.settings import settings
from domain.money import Currency, decimal_from_micros, format_minor
from domain.period import BillingMonth

_TITLES: Final = {"dead_lettered": "dead-letter"}


def event_rows(evidence: Evidence) -> list[dict[str, str]]:
    """What was sent, what the books say of this run, and what they say in all."""
    expected = {"received": evidence.expectation.received, **evidence.expectation.outcomes}
    booked = {outcome: gained(evidence, outcome) for outcome in _columns()}
    return [
        _counts("sent", expected),
        _counts("booked", booked),
        _counts("booked, all runs", evidence.after.outcomes),
    ]


def revenue_rows(evidence: Evidence) -> list[dict[str, str]]:
    """By currency: usage and fees of this run, usage in all in both databases, and what of all is on no invoice."""
    rows = []
    for pair in evidence.report.revenue:
        if pair.month is not None:
            continue
        accounts = [one for one in evidence.after.accounts.values() if one.currency == pair.currency]
        rows.append(
            {
                "currency": str(pair.currency),
                "usage": _amount(_run_micros(evidence, pair.currency, fees=False)),
                "fees": _amount(_run_micros(evidence, pair.currency, fees=True)),
                "usage, PostgreSQL": _amount(pair.postgres.amount_micros),
                "usage, ClickHouse": _amount(pair.clickhouse.amount_micros),
                "not invoiced yet": _amount(sum(one.due_micros for one in accounts)),
            }
        )
    return rows


def invoice_rows(evidence: Evidence, run_summary: Mapping[str, Any]) -> list[dict[str, str]]:
    """By currency: invoices issued by this run and in all, with their totals."""
    rows = []
    for amounts in run_summary.get("issued", []):
        new = [
            code
            for code, account in evidence.after.accounts.items()
            if account.issued and account.currency == amounts["currency"] and evidence.before.accounts[code].issued is None
        ]
        rows.append(
            {
                "currency": amounts["currency"],
                "new": f"{len(new):,}",
                "issued": f"{amounts['invoices']:,}",
                **{name: format_minor(amounts[f"{name}_minor"], Currency(amounts["currency"])) for name in _AMOUNTS},
            }
        )
    return rows


_AMOUNTS: Final = ("subtotal", "tax", "total", "prepaid")


def places(month: BillingMonth) -> list[tuple[str, str, str]]:
    """Where to look: name, address, and how. No password is shown."""
    chosen = settings()
    kafka, postgres = chosen.kafka_bootstrap, f"{chosen.postgres_host}:{chosen.postgres_port}"
    clickhouse, redis = f"{chosen.clickhouse_host}:{chosen.clickhouse_port}", f"{chosen.redis_host}:{chosen.redis_port}"
    # Over HTTP, because the server may be installed without its client.
    http = f"http://{chosen.clickhouse_host}:{chosen.clickhouse_http_port}/?database={chosen.clickhouse_db}"
    psql = f"psql -h {chosen.postgres_host} -p {chosen.postgres_port} -U {chosen.postgres_user} {chosen.postgres_db}"
    return [
        ("Airflow", f"http://{chosen.airflow_host}:{chosen.airflow_port}", f"user {chosen.airflow_user}"),
        ("Worker", f"http://{chosen.worker_host}:{chosen.worker_port}", "/health and /metrics"),
        ("PostgreSQL", postgres, psql),
        ("ClickHouse", clickhouse, f"curl '{http}' -d 'SHOW TABLES'"),
        ("Redis", redis, f"redis-cli -h {chosen.redis_host} -p {chosen.redis_port} -n {chosen.redis_db}"),
        ("Kafka", kafka, f"topic {demonstration_wiring.usage_topic()}; billing events dead-letters"),
        ("Invoices", str(batch_wiring.invoice_folder().root / str(month)), ""),
    ]


def facts(evidence: Evidence, equalities: Sequence[Equality], *, month: BillingMonth, run_id: str) -> dict[str, Any]:
    """Everything for a program."""
    currencies = sorted({one.currency for one in evidence.after.accounts.values()})
    return {
        "run": run_id,
        "month": str(month),
        "balanced": all(equality.holds for equality in equalities),
        "equalities": [
            {"name": equality.name, "holds": equality.holds, "detail": equality.detail} for equality in equalities
        ],
        "sent": {"received": evidence.expectation.received, **evidence.expectation.outcomes},
        "booked": {outcome: gained(evidence, outcome) for outcome in _columns()},
        "rated_micros": {currency: _run_micros(evidence, currency, fees=False) for currency in currencies},
        "fees_micros": {currency: _run_micros(evidence, currency, fees=True) for currency in currencies},
        "invoices_issued": sum(account.issued is not None for account in evidence.after.accounts.values()),
        "due_micros": {
            currency: sum(one.due_micros for one in evidence.after.accounts.values() if one.currency == currency)
            for currency in currencies
        },
        "one_wallet": evidence.story.facts(),
        "invoice_folder": str(batch_wiring.invoice_folder().root / str(month)),
        "addresses": {name.lower(): address for name, address, _ in places(month)},
    }


def _columns() -> tuple[str, ...]:
    return ("received", *OUTCOMES)


def _counts(name: str, outcomes: Mapping[str, int]) -> dict[str, str]:
    return {"events": name, **{_TITLES.get(one, one): f"{outcomes.get(one, 0):,}" for one in _columns()}}


def _run_micros(evidence: Evidence, currency: str, *, fees: bool) -> int:
    return sum(
        used.amount_micros - (evidence.before.usage[key].amount_micros if key in evidence.before.usage else 0)
        for key, used in evidence.after.usage.items()
        if evidence.after.accounts[key.account].currency == currency and key.is_of_a_fee is fees
    )


def _amount(micros: int) -> str:
    return f"{decimal_from_micros(micros):,f}"
