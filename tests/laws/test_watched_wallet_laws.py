"""Looks at a wallet find what paper says at every edge, and what is planted in their rules is found."""

import inspect
import textwrap
from types import ModuleType

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from domain import alerts, suspension, wallet_watch
from invoicing import watch_wallets
from tests.laws.watched_wallet import WatchedLife

pytestmark = pytest.mark.no_cover  # thousands of times the same lines
_CREDIT, _ARM, _BOUNDS = (suspension, "find"), (alerts, "_arm"), (wallet_watch, "_bounds")
_LOOK, _PAST = (wallet_watch, "look"), (alerts, "watch_all")
_BEYOND, _OVER, _REARM = "-credit > terms.grace_micros", "now >= since + terms.grace", "balance >= rearm_micros(level)"
FAULTS = {
    "service ends at the limit of the grace": (*_CREDIT, _BEYOND, "-credit >= terms.grace_micros"),
    "service goes on a micro beyond it": (*_CREDIT, _BEYOND, "-credit > terms.grace_micros + 1"),
    "the end of the grace still belongs to it": (*_CREDIT, _OVER, "now > since + terms.grace"),
    "the grace ends before its end": (*_CREDIT, _OVER, "now + timedelta(hours=1) >= since + terms.grace"),
    "the grace begins a micro below zero": (*_CREDIT, "credit <= 0", "credit < 0"),
    "low begins a micro below its level": (*_CREDIT, "credit <= terms.low_level", "credit < terms.low_level"),
    "every look begins the grace anew": (suspension, "_grace_since", "standing.grace_since is not None", "False"),
    "nobody looks when the grace ends": (suspension, "look_again_at", "standing.state is State.GRACE", "False"),
    "nobody looks at a micro beyond the grace": (*_BOUNDS, "[-terms.grace_micros - 1]", "[-terms.grace_micros - 2]"),
    "nobody looks at the level of an alert": (*_BOUNDS, "below.append(level)", "below.append(level - 1)"),
    "an alert is never armed again": (*_ARM, f"Arm.ARMED if {_REARM}", f"Arm.FIRED if {_REARM}"),
    "an alert is armed again at once": (*_ARM, _REARM, "balance > level"),
    "an alert is armed again a micro early": (*_ARM, _REARM, "balance >= rearm_micros(level) - 1"),
    "an alert is armed again a micro late": (*_ARM, _REARM, "balance > rearm_micros(level)"),
    "an alert is given a micro late": (*_ARM, "Arm.FIRED if balance <= level", "Arm.FIRED if balance < level"),
    "an alert is given a micro early": (*_ARM, "Arm.FIRED if balance <= level", "Arm.FIRED if balance <= level + 1"),
    "a dip that is over is told to nobody": (*_LOOK, "[*watched.past, watched.wallet]", "[watched.wallet]"),
    "what a short look left out is judged by what is held now": (*_LOOK, "if watched.past_is_whole else watched.past", ""),
    "a dip that is over stays open": (*_PAST, "over=one.over or one.threshold.code in watched.recovered", "over=one.over"),
    "an alert that was open stays so when its wallet dips again": (*_PAST, "recovered |=", "recovered = recovered &"),
    "a dip that is over ends an alert before it": (
        *_PAST,
        "- {crossing.threshold.code for crossing in crossings if not crossing.over}",
        "",
    ),
    "an alert is given with every look": (alerts, "watch", "armed is Arm.FIRED and arm is Arm.ARMED", "armed is Arm.FIRED"),
}


def plant(monkeypatch: pytest.MonkeyPatch, module: ModuleType, function: str, right: str, wrong: str) -> None:
    """Change one expression of a function of a module."""
    whole = getattr(module, function)
    source = textwrap.dedent(inspect.getsource(whole))
    assert source.count(right) == 1
    made: dict[str, object] = {}
    exec(source.replace(right, wrong), module.__dict__, made)  # noqa: S102 - of this project itself
    for user in (module, wallet_watch, watch_wallets):
        if getattr(user, function, None) is whole:
            monkeypatch.setattr(user, function, made[function])


def live(machine: type, *, lives: int, steps: int) -> None:
    """Live until something differs; always the same lives."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=lives,
            stateful_step_count=steps,
            phases=[Phase.generate],
            derandomize=True,
            database=None,
            report_multiple_bugs=False,
        ),
    )


@pytest.mark.hypothesis
def test_looks_at_a_wallet_find_what_paper_says():
    run_state_machine_as_test(WatchedLife, settings=settings(stateful_step_count=40))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(monkeypatch, fault):
    plant(monkeypatch, *FAULTS[fault])
    with pytest.raises(AssertionError):
        live(WatchedLife, lives=2_000, steps=40)
