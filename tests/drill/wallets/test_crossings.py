"""Dips and standings replayed from a ledger, and that looks which found something else are noticed."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.drill.wallets import crossings
from tests.drill.wallets.paper import Entry
from tests.drill.wallets.verdict import Ledger, _Looked

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
GRACE = 3_000_000
R = 1_000_000


def a_ledger(*balances):
    """Entries a minute apart: a top-up where the balance rises, usage where it falls. Balances are rupees."""
    entries, before = [], 0
    for version, balance in enumerate(balances, start=1):
        cause = "top_up" if balance > before else "usage"
        at = NOON + timedelta(minutes=version)
        entries.append(Entry("W0001", version, cause, str(version), at, int((balance - before) * R), int(balance * R)))
        before = balance
    return entries


def looked(entries, *, changes, alerts, state, arms):
    """What is wrong with what looks found."""
    one = _Looked("W0001", GRACE, entries, changes, alerts, faults=())
    one.check(state, state, crossings.floor_micros(state, GRACE), arms, Ledger())
    return one.differences


def test_a_dip_begins_at_the_level_and_ends_only_above_it_with_the_margin():
    found = crossings.dips(a_ledger(12, 4, 4.3, 4, 4.4, 3, 2), crossings.ABSOLUTE)

    assert [(dip.first_version, dip.end_version) for dip in found] == [(2, 5), (6, None)]


def test_a_level_that_is_a_share_of_the_last_top_up_moves_with_it():
    assert [dip.first_version for dip in crossings.dips(a_ledger(10, 3, 2, 1, 41, 8), crossings.PERCENT)] == [3, 6]


def test_a_balance_that_was_never_above_a_level_crossed_nothing():
    assert crossings.dips(a_ledger(3, 2, 1), crossings.ABSOLUTE) == []


@pytest.mark.parametrize(
    ("state", "balance", "grace", "after"),
    [
        ("active", 2_000_001, GRACE, "active"),
        ("suspended", 2_000_000, GRACE, "low"),
        ("active", 0, GRACE, "grace"),
        ("grace", -GRACE, GRACE, "grace"),
        ("grace", -GRACE - 1, GRACE, "suspended"),
        ("suspended", -1, GRACE, "suspended"),
        ("active", 0, 0, "suspended"),
    ],
)
def test_the_rule_of_standings(state, balance, grace, after):
    assert crossings.step(state, balance, grace) == after


FALLEN = (12, 3, -4)
CHANGES = [
    (1, "active", 12 * R, NOON.timestamp()),
    (2, "suspended", -4 * R, (NOON + timedelta(minutes=3, seconds=1)).timestamp()),
]
ALERTS = [
    (crossings.ABSOLUTE, 2, 4 * R, 3 * R, True),
    (crossings.PERCENT, 3, 12 * R // 5, -4 * R, True),
]
ARMS = {crossings.ABSOLUTE: "fired", crossings.PERCENT: "fired"}


def test_looks_that_found_what_the_ledger_says_are_right():
    assert looked(a_ledger(*FALLEN), changes=CHANGES, alerts=ALERTS, state="suspended", arms=ARMS) == []


@pytest.mark.parametrize(
    "planted",
    [
        {"alerts": [*ALERTS, (crossings.ABSOLUTE, 3, 4 * R, -4 * R, False)]},  # a second alert of one dip
        {"alerts": ALERTS[1:]},  # none, although it is open
        {"alerts": [(crossings.ABSOLUTE, 2, 4 * R, 2 * R, True), ALERTS[1]]},  # of a balance that never was
        {"state": "grace"},
        {"changes": [CHANGES[0], (2, "grace", -4 * R, CHANGES[1][3])], "state": "grace"},
        {"changes": [CHANGES[0], (3, "suspended", -4 * R, CHANGES[1][3])]},  # a version is missing
        {"changes": CHANGES[:1], "state": "active"},  # nobody looked any more
        {"arms": {**ARMS, crossings.ABSOLUTE: "armed"}},
    ],
    ids=str,
)
def test_a_look_that_found_something_else_is_noticed(planted):
    found = {"changes": CHANGES, "alerts": ALERTS, "state": "suspended", "arms": ARMS, **planted}

    assert looked(a_ledger(*FALLEN), **found) != []


def test_a_dip_has_its_alert_however_soon_it_was_over():
    entries = a_ledger(12, 3, 15)
    found = {"changes": CHANGES[:1], "state": "active", "arms": {crossings.ABSOLUTE: "armed", crossings.PERCENT: "armed"}}

    assert looked(entries, alerts=[(crossings.ABSOLUTE, 2, 4 * R, 3 * R, False)], **found) == []
    assert len(looked(entries, alerts=[], **found)) == 1


def test_a_stay_without_credit_that_lasted_and_was_seen_by_nobody_is_noticed():
    entries = a_ledger(12, -4, 15)
    found = {"changes": CHANGES[:1], "state": "active", "arms": {crossings.ABSOLUTE: "armed", crossings.PERCENT: "armed"}}
    alerts = [(crossings.ABSOLUTE, 2, 4 * R, -4 * R, False), (crossings.PERCENT, 2, 12 * R // 5, -4 * R, False)]

    assert len(looked(entries, alerts=alerts, **found)) == 1
