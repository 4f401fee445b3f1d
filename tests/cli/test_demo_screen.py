"""What the demonstration writes: ticks, crosses with their difference, and nothing that moves on a file."""

import pytest

from cli.demonstration.proof import Equality
from cli.demonstration.screen import Screen


def test_a_step_ends_in_a_tick_with_what_came_of_it(capsys):
    with Screen().step("Sending") as step:
        step.at(5, 10, "events")
        step.note("half way")
        step.note("half way")
        step.text = "10 events"

    out = capsys.readouterr().out
    assert out.count("half way") == 1
    assert "  ✓ Sending       10 events" in out
    assert "5 of 10" not in out


def test_a_step_that_fails_is_crossed_out_and_so_is_one_left_by_an_error(capsys):
    with Screen().step("Copies") as step:
        step.failed = True
    with pytest.raises(ValueError, match="no"), Screen().step("Booking"):
        raise ValueError("no")

    out = capsys.readouterr().out
    assert "  ✗ Copies" in out
    assert "  ✗ Booking" in out
    assert "✓" not in out


def test_an_equality_that_does_not_hold_is_shown_with_what_differs(capsys):
    held, broken = Equality("a = b", holds=True, detail="3 rows"), Equality("b = c", holds=False, detail="first x: 1, 2")

    Screen().proof([held, broken])

    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[-3:] == ["  ✓ a = b  3 rows", "  ✗ b = c", "      first x: 1, 2"]


def test_a_quiet_screen_writes_nothing(capsys):
    screen = Screen(quiet=True)
    screen.title("left", "right")
    with screen.step("Sending"):
        pass
    screen.proof([Equality("a = b", holds=True, detail="")])

    assert capsys.readouterr().out == ""
