"""What commands show while they work: rates and remaining times that mean something."""

from __future__ import annotations

import pytest

from cnn_assignment.reporting.terminal import Pace


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


def test_a_log_gets_a_line_now_and_then_and_none_at_the_end(clock):
    pace = Pace(4, clock)
    due = []
    for _ in range(4):
        clock.wait(20)
        pace.advance()
        due.append(pace.is_due())
    assert due == [False, True, False, False]
