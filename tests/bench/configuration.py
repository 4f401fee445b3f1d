"""The configuration of a large installation in a worker: how long it loads, what it weighs, how soon a change is there."""

import subprocess
import sys

from connectors.settings import PROJECT_ROOT
from tests.bench.figures import Figure, at_most, observed
from tests.installation import Installation

ACCOUNTS, VERSIONS, CHARGES = 100_000, 10_000, 5
START_SECONDS_MAX, MEGABYTES_MAX, CHANGE_SECONDS_MAX = 5, 500, 1
# Checks and counting up versions are for changes of a running installation; this one is made as a whole.
_FILL = """
SET session_replication_role = replica;
INSERT INTO meter (code, event_type)
SELECT 'meter.' || n, 'meter.' || n FROM generate_series(1, 5) AS n;
INSERT INTO plan (code, name) SELECT 'plan-' || n, 'Plan ' || n FROM generate_series(1, {versions}) AS n;
INSERT INTO plan_version (plan_id, version, currency, published_at, document)
SELECT plan_id, 1, 'INR', now(), '{{}}' FROM plan;
INSERT INTO charge (plan_version_id, code, kind, meter, description, sac, unit, price, document)
SELECT plan_version_id, 'meter.' || n, 'usage', 'meter.' || n, 'Messages', '998319', 'message', price,
       jsonb_build_object('code', 'meter.' || n, 'meters', jsonb_build_array('meter.' || n), 'description', 'Messages',
                          'sac', '998319', 'unit', 'message', 'price', price)
FROM plan_version, generate_series(1, {charges}) AS n, (SELECT '{matrix}'::jsonb AS price) p;
INSERT INTO customer (code, legal_name, email, address_lines, country, state_code, tax_category, created_at)
SELECT 'C' || n, 'Customer', 'c@example.com', '{{"1 Road"}}', 'IN', '29', 'unregistered', now()
FROM generate_series(1, {accounts}) AS n;
INSERT INTO account (code, customer_id, mode, currency, time_zone, created_at, bill_to_account_id, pay_from_account_id)
SELECT 'A' || customer_id, customer_id, 'postpaid', 'INR', 'Asia/Kolkata', now(), customer_id, customer_id FROM customer;
INSERT INTO wallet (account_id, currency) SELECT account_id, 'INR' FROM account;
INSERT INTO alias (alias, account_id) SELECT 'alias-' || account_id, account_id FROM account;
INSERT INTO subscription (account_id, plan_version_id, validity)
SELECT account_id, 1 + account_id % {versions}, tstzrange('2026-01-01', NULL) FROM account;
SET session_replication_role = origin;
ANALYZE;
"""
_MATRIX = """{"model": "matrix", "dimensions": ["channel", "country"], "rows": [
 {"when": {"channel": "sms", "country": "IN"}, "model": "per_unit", "unit_price": "0.1850"},
 {"when": {"channel": "sms"}, "model": "per_unit", "unit_price": "3.75"},
 {"when": {"channel": "whatsapp"}, "model": "graduated",
  "tiers": [{"up_to": 1000, "unit_price": "0.30"}, {"unit_price": "0.25"}]},
 {"model": "per_unit", "unit_price": "1.00"}]}"""
# What a worker does at its start and after a change, in a process of its own; the program and its libraries count, too.
_LOADER = """
import resource, sys, time
import psutil
from connectors import clock
from connectors.postgres.metering import PostgresMeteringStore
import streams.meter_usage
dsn, change = sys.argv[1:]
process = psutil.Process()
empty = process.memory_full_info().pss
store = PostgresMeteringStore(dsn, worker="bench", clock=clock.now)
began, used = time.perf_counter(), time.process_time()
config = store.config()
seconds, cpu = time.perf_counter() - began, time.process_time() - used
assert len(config.aliases) >= len(config.accounts) > 0
import psycopg
with psycopg.connect(dsn, autocommit=True) as connection:
    connection.execute(change)
began, used = time.perf_counter(), time.process_time()
changed = store.config()
assert changed.version > config.version
later, cpu_later = time.perf_counter() - began, time.process_time() - used
print(seconds, cpu, later, cpu_later, empty / 1e6, process.memory_full_info().pss / 1e6)
"""
_ALIAS = "INSERT INTO alias (alias, account_id) VALUES ('new', 7)"
_MOVE = "UPDATE subscription SET plan_version_id = 5 WHERE account_id = 7"


def measure(portion: float) -> list[Figure]:
    """Seconds and megabytes of a first load; seconds until a change is known."""
    accounts, versions = int(ACCOUNTS * portion), int(VERSIONS * portion)
    installation = Installation("bench", redis_db=2, worker_port=16068)
    installation.create()
    statements = _FILL.format(accounts=accounts, versions=versions, charges=CHARGES, matrix=_MATRIX)
    installation.execute(statements)
    loaded = _load(installation, _ALIAS)
    moved = _load(installation, _MOVE)
    installation.drop()
    what = f"{accounts:,} accounts with an alias each, {versions:,} plan versions of {CHARGES} charges, each a matrix"
    empty = f"{what}; the process has {loaded[4]:.0f} MB before"
    return [
        at_most("config_load_seconds", loaded[0], "s", START_SECONDS_MAX, conditions=what),
        observed("config_load_cpu", loaded[1], "s CPU", conditions=what),
        at_most("config_memory", loaded[5], "MB PSS", MEGABYTES_MAX, conditions=empty),
        at_most("config_change_alias", loaded[2], "s", CHANGE_SECONDS_MAX, conditions=f"a new alias; {what}"),
        at_most("config_change_plan", moved[2], "s", CHANGE_SECONDS_MAX, conditions=f"another plan version; {what}"),
    ]


def _load(installation: Installation, change: str) -> list[float]:
    run = subprocess.run(
        [sys.executable, "-c", _LOADER, installation.settings.postgres_dsn, change],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode != 0:
        raise AssertionError(f"the configuration could not be loaded:\n{run.stderr[-3000:]}")
    return [float(number) for number in run.stdout.split()]
