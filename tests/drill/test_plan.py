"""The plan of a drill: the same seed gives the same plan, and every kind of fault is in it."""

import pytest

from tests.drill.drill import Report
from tests.drill.page import kept, page
from tests.drill.plan import BOOKING, CALM_SECONDS, KILLS, Kind, draw, outage


def test_the_same_seed_draws_the_same_plan_and_another_seed_another():
    assert draw(7, kills=30, seconds=120) == draw(7, kills=30, seconds=120)
    assert draw(7, kills=30, seconds=120) != draw(8, kills=30, seconds=120)


@pytest.mark.parametrize("seed", range(20))
def test_a_round_has_a_fault_of_every_kind(seed: int):
    assert {fault.kind for fault in draw(seed, kills=20, seconds=60)} == set(Kind)


@pytest.mark.parametrize("kills", [1, 9, 100])
def test_it_kills_as_often_as_it_was_told_to(kills: int):
    assert sum(fault.kind in KILLS for fault in draw(3, kills=kills, seconds=600)) == kills


@pytest.mark.parametrize("seed", range(20))
def test_one_target_has_one_fault_at_a_time(seed: int):
    until: dict[str | int, float] = {}
    for fault in draw(seed, kills=40, seconds=160, calm=True):
        assert fault.at_seconds >= until.get(fault.target, 0.0)
        until[fault.target] = fault.until_seconds


def test_a_stopped_worker_stays_stopped_for_longer_than_its_session():
    stops = [fault for fault in draw(5, kills=100, seconds=400) if fault.kind is Kind.WORKER_SIGSTOP]

    assert stops
    assert all(fault.lasting_seconds > 10 for fault in stops)


def test_calm_faults_come_first_one_of_each_kind_that_may_hold_up_booking_and_far_apart():
    faults = draw(5, kills=100, seconds=600, calm=True)[: len(BOOKING)]

    assert {fault.kind for fault in faults} == set(BOOKING)
    assert [fault.at_seconds - faults[0].at_seconds for fault in faults] == [CALM_SECONDS * n for n in range(len(BOOKING))]


def test_in_an_outage_all_four_engines_are_dead_at_the_same_time():
    faults = outage(120)

    assert len({fault.target for fault in faults}) == 4
    assert max(fault.at_seconds for fault in faults) < min(fault.until_seconds for fault in faults)


def test_an_outage_may_be_of_one_engine_alone():
    (fault,) = outage(120, ["kafka"])

    assert (fault.kind, fault.target, fault.lasting_seconds) == (Kind.KAFKA, "kafka", 120)


def test_what_a_drill_found_is_a_page():
    report = Report(7, kills=3, lost=1, outcomes={"rated": 1_000}, worst_stall_seconds={"kafka_kill": 8.71})
    report.differences = ["1 events are lost, 0 are doubled"]

    text = page(report, "python -m tests.drill --seed 7")

    assert "**1 differences.**" in text
    assert "| rated | 1,000 |" in text
    assert "| kafka_kill | 8.7 | 0.0 |" in text
    assert text.endswith("- 1 events are lost, 0 are doubled\n")


def test_of_a_worker_that_ended_the_last_line_is_kept():
    report = Report(7, worker_deaths=[{"name": "worker 1", "exit_code": 1, "last_lines": ["in a file", "Kafka is away"]}])

    assert kept(report)["worker_deaths"] == [{"name": "worker 1", "exit_code": 1, "last_lines": ["Kafka is away"]}]
    assert len(report.worker_deaths[0]["last_lines"]) == 2
