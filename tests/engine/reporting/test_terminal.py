"""What commands show while they work: rates and remaining times that mean something."""

from __future__ import annotations

import time

import pytest

from cnn_assignment.reporting.terminal import Pace, show_progress, show_step


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def test_getting_ready_is_no_part_of_the_rate(clock):
    pace = Pace(30, clock)
    clock.wait(6)
    rates = []
    for _ in range(20):
        pace.advance()
        rates.append(pace.rate)
        clock.wait(0.25)
    assert rates[0] == rates[1] == ""
    assert {rate.partition(",")[0] for rate in rates if rate} == {"4.0/s"}
    assert rates[-1] == "4.0/s, 0:00:02 left"


def test_what_comes_together_at_first_is_no_rate(clock):
    pace = Pace(1000, clock)
    for _ in range(50):
        pace.advance()
        assert pace.rate == ""
    clock.wait(0.5)
    pace.advance()
    assert str(pace) == "51 of 1000"


def test_what_was_quick_long_ago_is_forgotten(clock):
    pace = Pace(1000, clock)
    for _ in range(300):
        pace.advance()
        clock.wait(0.01)
    for _ in range(40):
        clock.wait(2)
        pace.advance()
    assert pace.rate == "2 s each, 0:22:00 left"


def test_a_slow_pace_is_told_by_the_piece(clock):
    pace = Pace(10, clock)
    for _ in range(5):
        clock.wait(45)
        pace.advance()
    assert str(pace) == "5 of 10, 45 s each, 0:03:45 left"


def test_a_log_gets_a_line_now_and_then_also_while_the_end_takes_long(clock):
    pace = Pace(4, clock)
    due = []
    for _ in range(4):
        clock.wait(20)
        pace.advance()
        due.append(pace.is_due())
    assert due == [False, True, False, True]


def test_at_the_end_there_is_no_rate_but_a_word(clock):
    pace = Pace(5, clock)
    for _ in range(5):
        clock.wait(1)
        pace.advance()
    assert str(pace) == "5 of 5, finishing"


def wait_for(capsys, text):
    """What was written on standard error until the text is among it, which the test's time limit bounds."""
    told = ""
    while text not in told:
        time.sleep(0.01)
        told += capsys.readouterr().err
    return told


def test_a_log_goes_on_while_nothing_is_finished(capsys):
    with show_progress(3, "grading", every_s=0.01):
        assert set(wait_for(capsys, "\ngrading").split("\n")) <= {"grading 0 of 3", ""}
    with show_progress(3, "grading") as advance:
        advance("ada")
    assert not capsys.readouterr().err


def test_a_step_of_unknown_length_is_told_now_and_then(capsys):
    with show_step("making the release", every_s=0.01):
        told = wait_for(capsys, "so far\n")
    assert told.startswith("making the release: ")


def test_what_is_learnt_is_told_once_with_its_number(capsys):
    known = 3
    with show_progress(9, "grading", every_s=0.01, learned=lambda: (known, 8)) as advance:
        told = wait_for(capsys, "grading 0 of 9\n")
        assert "learn" not in told
        known = 4
        told = wait_for(capsys, "; 4 of 8 known mistakes learnt\n")
        advance("ada")
        told += wait_for(capsys, "grading 1 of 9; 4 of 8 known mistakes learnt\n")
    assert told.count("learning what known mistakes give, once: 8 of them") == 1


@pytest.mark.parametrize("found", [None, (8, 8), (0, 0)])
def test_where_nothing_is_learnt_nothing_is_told_of_it(capsys, found):
    with show_progress(9, "grading", every_s=0.01, learned=lambda: found):
        told = wait_for(capsys, "grading 0 of 9\n")
    assert "learn" not in told
