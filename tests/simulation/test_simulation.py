"""The simulation: the books survive every crash it can think of, and it finds what is planted."""

import os
import re
import subprocess
import sys
from datetime import timedelta
from functools import cache

import pytest

from connectors.kafka.usage_events import decode_records
from connectors.settings import PROJECT_ROOT
from tests.builders_usage import HAPPENED_AT, WINDOW, a_record, a_usage_event
from tests.simulation import __main__ as command
from tests.simulation.planted import FAULTS
from tests.simulation.simulate import Explored, explore
from tests.simulation.terms import CONFIGS
from tests.simulation.verdict import never
from tests.simulation.world import Parts, World

pytestmark = pytest.mark.no_cover  # thousands of times the same lines
_TRACE = """
import hashlib, logging
logging.disable(logging.CRITICAL)
from tests.simulation.verdict import never
from tests.simulation.world import Parts, World
for seed in range(20):
    world = World(seed, Parts())
    world.run(never)
    print(hashlib.sha256("\\n".join(world.trace).encode()).hexdigest())
"""


@cache
def explored():
    """What 200 worlds went through; their books are compared on the way."""
    explored = Explored()
    assert explore(range(200), explored) is None
    return explored


def test_the_books_are_what_the_reference_model_says():
    assert explored().seeds == 200
    assert explored().crash_points > 2_500


def test_a_process_ended_at_every_kind_of_step():
    assert set(explored().crashed_at) == set(explored().steps)


def test_every_outcome_occurs():
    assert set(explored().outcomes) == {"rated", "duplicate", "conflict", "dead_lettered", "quarantined"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    planted = FAULTS[fault]
    found = explore(range(planted.seeds_max), Explored(), parts=planted.parts)
    assert found is not None
    assert re.search(planted.speaks_of, found.difference)


def test_a_redelivery_tells_both_accounts_of_an_alias_that_moved():
    world = World(1, Parts())
    world.faults.silent = True
    world.books.change(CONFIGS[1])
    records = [
        a_record(a_usage_event("before", subject="roam", at=HAPPENED_AT - timedelta(days=3)), 0),
        a_record(a_usage_event("after", subject="roam", data={"channel": "sms", "to": 1}), 1),
    ]
    for _ in range(2):
        metering = world.parts.metering(world.new_store(), decode_records, WINDOW)
        told = metering.meter(records).balances
        # The second time also their further wallets: which of all an event was taken from is not asked.
        assert {balance.account_id for balance in told} >= {1, 2}


def test_a_seed_is_replayed_exactly():
    first, again = World(7, Parts()), World(7, Parts())
    first.run(never)
    again.run(never)
    assert first.trace == again.trace
    assert first.books.ledger == again.books.ledger


def test_a_seed_is_the_same_in_every_process():
    def traces(hash_seed):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        run = subprocess.run(
            [sys.executable, "-c", _TRACE], cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True, check=True
        )
        return run.stdout

    assert traces("1") == traces("2")


def test_the_command_counts_what_it_explored(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["simulation", "--seeds", "3"])
    assert command.main() == 0
    assert "crash points" in capsys.readouterr().out


def test_the_command_says_the_seed_and_the_trace_of_a_difference(monkeypatch, capsys):
    broken = FAULTS["acknowledge before the commit"].parts
    monkeypatch.setattr(command, "explore", lambda seeds, explored: explore(seeds, explored, parts=broken))
    monkeypatch.setattr(sys, "argv", ["simulation", "--seeds", "20"])
    assert command.main() == 1
    told = capsys.readouterr().out
    assert "DIFFERENCE in seed" in told
    assert "books" in told
    assert "--seeds 1 --start" in told
