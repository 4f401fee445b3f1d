"""What a reader of build/bench.json may rely on."""

import json
from uuid import UUID

import pytest

from tests.bench.event_ids import EVENTS_PER_SECOND, random_ids, time_ordered_ids
from tests.bench.figures import at_least, known, observed, record, under
from tests.bench.surroundings import surroundings


def test_a_measured_figure_says_where_it_was_measured_and_a_known_one_where_it_is_from():
    measured, from_elsewhere = under(
        "2 cores", [observed("ours", 3, "ev/s", conditions="over 30 s"), known("theirs", 2, "ev/s", conditions="their page")]
    )

    assert (measured.conditions, measured.measured_now) == ("over 30 s; 2 cores", True)
    assert (from_elsewhere.conditions, from_elsewhere.measured_now) == ("their page", False)


@pytest.mark.engines
def test_the_surroundings_name_the_cores_fsync_and_the_size_of_a_batch(database):
    line = surroundings()

    assert " cores for load and engines" in line
    assert "PostgreSQL fsync on" in line
    assert "batches of up to " in line


def test_a_figure_takes_the_place_of_its_earlier_self_and_leaves_the_others(tmp_path):
    path = tmp_path / "bench.json"
    record([at_least("rate", 5, "ev/s", 10), observed("size", 1, "MB")], path)

    record([at_least("rate", 20, "ev/s", 10)], path)

    assert [(row["name"], row["value"], row["met"]) for row in json.loads(path.read_text())] == [
        ("rate", 20, True),
        ("size", 1, None),
    ]


def test_random_ids_are_uuids_of_version_4():
    made = random_ids()

    assert {UUID(next(made)).version for _ in range(100)} == {4}


def test_time_ordered_ids_are_uuids_of_version_7_whose_times_follow_the_rate():
    made = time_ordered_ids()
    ids = [UUID(next(made)) for _ in range(2 * EVENTS_PER_SECOND)]
    millis = [number.int >> 80 for number in ids]

    assert {(number.version, number.variant) for number in ids} == {(7, UUID(int=1 << 63).variant)}
    assert millis == sorted(millis)
    assert millis[-1] - millis[0] == 2 * EVENTS_PER_SECOND - 1
