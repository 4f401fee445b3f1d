"""Thresholds an account chose: read from a document, each fault named, written down again."""

import pytest

from domain.customers.thresholds import ChosenThreshold, ThresholdKind, read_thresholds
from domain.errors import Invalid

CHOSEN = [
    {"kind": "absolute", "amount": "500.00"},
    {"kind": "absolute", "amount": "-1.5"},
    {"kind": "percent_of_last_top_up", "percent": 20},
    {"kind": "days_of_runway", "days": 3},
]


def test_thresholds_are_whole_micros_percent_or_days():
    assert set(read_thresholds({"thresholds": CHOSEN})) == {
        ChosenThreshold(ThresholdKind.ABSOLUTE, 500_000_000),
        ChosenThreshold(ThresholdKind.ABSOLUTE, -1_500_000),
        ChosenThreshold(ThresholdKind.PERCENT_OF_LAST_TOP_UP, 20),
        ChosenThreshold(ThresholdKind.DAYS_OF_RUNWAY, 3),
    }
    assert read_thresholds({"thresholds": []}) == ()


def test_thresholds_written_down_read_as_themselves():
    chosen = read_thresholds({"thresholds": CHOSEN})
    assert read_thresholds({"thresholds": [one.document() for one in chosen]}) == chosen
    assert ChosenThreshold(ThresholdKind.ABSOLUTE, 500_000_000).document() == {"kind": "absolute", "amount": "500"}


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"kind": "absolut", "amount": "1"}, "thresholds[0].kind: must be one of absolute"),
        ({"kind": "absolute", "amount": 500}, "thresholds[0].amount: must be an amount in quotes"),
        ({"kind": "absolute", "amount": "NaN"}, "thresholds[0].amount: must be an amount in quotes"),
        ({"kind": "absolute", "amount": "1e20"}, "thresholds[0].amount: must be an amount in quotes"),
        ({"kind": "absolute", "amount": "0.0000001"}, "thresholds[0].amount: has more than 6 decimals"),
        ({"kind": "absolute", "percent": 3, "amount": "1"}, "thresholds[0].percent: unknown field"),
        ({"kind": "days_of_runway", "days": 0}, "thresholds[0].days: must be a whole number from 1 to 366, not 0"),
        ("absolute:20", "thresholds[0]: must be an object with named fields"),
    ],
)
def test_a_threshold_that_cannot_be_meant_is_refused(row, fault):
    with pytest.raises(Invalid) as refused:
        read_thresholds({"thresholds": [row]})
    assert str(refused.value.errors[0]).startswith(fault)


@pytest.mark.parametrize("document", [None, {}, {"thresholds": None}, {"thresholds": "x"}, {"thresholds": CHOSEN * 6}])
def test_anything_but_a_short_list_is_refused(document):
    with pytest.raises(Invalid):
        read_thresholds(document)
