"""A short drill: a dozen faults of every kind under load, and not one event or micro out of place."""

import pytest

from tests.drill import plan
from tests.drill.drill import run

pytestmark = pytest.mark.engines


def test_whatever_is_killed_under_load_the_books_say_what_was_sent():
    faults = plan.draw(7, kills=10, seconds=30)

    report = run(seed=7, faults=faults, seconds=30, events_per_second=800)

    assert report.differences == []
    assert {fault.kind for fault in faults} == set(plan.Kind) == set(report.faults_by_kind)
    assert report.kills == 10
    assert (report.lost, report.doubled) == (0, 0)
    assert report.events_sent > 20_000
    assert report.outcomes["received"] >= report.events_sent
    kinds = {kind for kind, number in report.outcomes.items() if number}
    assert kinds == report.outcomes.keys(), "the load had something of everything"
    wallets = report.wallets
    assert {"credited", "refunded", "charged_back", "noted"} <= wallets.applied.keys()
    assert min(wallets.grants, wallets.requests, wallets.holds_asked, wallets.standings_changed, wallets.notices) > 0
