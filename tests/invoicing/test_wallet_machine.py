"""A wallet's whole life on the real books is as on paper (what is planted in its rules: tests/laws/)."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.invoicing.wallet_machine import WalletLife
from tests.law_examples import examples

pytestmark = [pytest.mark.engines, pytest.mark.hypothesis]


def test_a_wallets_life_is_as_on_paper(database, cache):
    """Balances, lots, holds, alerts, standings and what is told of them, whatever happens in whatever order."""
    run_state_machine_as_test(
        WalletLife,
        settings=settings(max_examples=examples(12), stateful_step_count=25, suppress_health_check=list(HealthCheck)),
    )
