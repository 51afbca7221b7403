"""Late penalties: the formula, its settings, and the same points by every way of grading."""

from __future__ import annotations

import math
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.plugins import LateSubmissionPlugin
from traitlets import TraitError
from traitlets.config import Config

from cnn_assignment.core.errors import GraderError
from cnn_assignment.nbgrader_course.gradebook.late import LatePenalty, configure_late, late_penalty
from gradebook_kit import (
    add_settings,
    answered,
    api_of,
    gradebook_of,
    make_generated_course,
    nbgrader,
    record_all,
    submit,
    url_of,
    with_gradebook,
)

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
POINTS = st.floats(0, 1e6)
SECONDS = st.floats(0, 1e10)
MINUTES = st.floats(0, 1e6)
PERCENT_A_DAY = st.floats(0, 1e300)
CAP = st.floats(0, 100)


def penalty(score, seconds, *, grace=0.0, percent=10.0, cap=100.0):
    return late_penalty(score, seconds, grace_minutes=grace, percent_per_day=percent, cap_percent=cap)


@pytest.mark.parametrize(
    ("seconds", "settings", "expected"),
    [
        (0, {}, 0.0),
        (1, {}, 8.0),
        (DAY_S, {}, 8.0),
        (DAY_S + 0.001, {}, 16.0),
        (9.5 * DAY_S, {}, 80.0),
        (400 * DAY_S, {}, 80.0),
        (900, {"grace": 15}, 0.0),
        (901, {"grace": 15}, 8.0),
        (900 + DAY_S, {"grace": 15}, 8.0),
        (901 + DAY_S, {"grace": 15}, 16.0),
        (3 * DAY_S, {"cap": 25}, 20.0),
        (3 * DAY_S, {"cap": 0}, 0.0),
        (3 * DAY_S, {"percent": 0}, 0.0),
        (3 * DAY_S, {"percent": 2.5}, 6.0),
    ],
)
def test_a_started_day_after_the_grace_costs_a_day(seconds, settings, expected):
    assert penalty(80.0, seconds, **settings) == expected


@given(POINTS, SECONDS, MINUTES, PERCENT_A_DAY, CAP)
def test_a_penalty_is_finite_and_between_zero_and_the_score(score, seconds, grace, percent, cap):
    points = penalty(score, seconds, grace=grace, percent=percent, cap=cap)
    assert math.isfinite(points)
    assert 0.0 <= points <= score
    assert points <= score * cap / 100 + 1e-9 * score


@given(POINTS, SECONDS, SECONDS, MINUTES, PERCENT_A_DAY, CAP)
def test_later_work_never_loses_less(score, seconds, more, grace, percent, cap):
    settings = {"grace": grace, "percent": percent, "cap": cap}
    assert penalty(score, seconds, **settings) <= penalty(score, seconds + more, **settings)


@given(POINTS, MINUTES, PERCENT_A_DAY, CAP)
def test_up_to_the_grace_nothing_is_lost(score, grace, percent, cap):
    assert penalty(score, grace * 60, grace=grace, percent=percent, cap=cap) == 0.0


@given(st.floats(0, 1e3), st.integers(0, 400), st.floats(0, 60))
def test_whole_days_cost_their_number_times_the_percentage(score, days, percent):
    expected = score * min(days * percent, 100.0) / 100
    assert penalty(score, days * DAY_S, percent=percent) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(st.floats(-1e6, 0), SECONDS)
def test_a_score_that_is_not_above_zero_loses_nothing(score, seconds):
    assert penalty(score, seconds) == 0.0


# The plugin


def plugin(**settings) -> LatePenalty:
    return LatePenalty(config=Config(LatePenalty=Config(settings)))


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("grace_minutes", -1, "a number that is 0 or more"),
        ("grace_minutes", math.inf, "a number that is 0 or more"),
        ("percent_per_day", -0.5, "a number that is 0 or more"),
        ("percent_per_day", math.nan, "a number that is 0 or more"),
        ("cap_percent", 101, "a number from 0 to 100"),
        ("cap_percent", -1, "a number from 0 to 100"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(name, value, allowed):
    with pytest.raises(TraitError, match=rf"LatePenalty\.{name} is {value:g}\. Set {allowed} in nbgrader_config\.py\."):
        plugin(**{name: value})


def test_without_settings_nothing_is_taken():
    assert plugin().late_submission_penalty("ada", 80.0, DAY_S) is None
    assert plugin(percent_per_day=10).late_submission_penalty("ada", 80.0, DAY_S) == 8.0
    assert plugin(percent_per_day=10, grace_minutes=60).late_submission_penalty("ada", 80.0, HOUR_S) is None
    assert plugin(percent_per_day=10).late_submission_penalty("ada", -2.0, DAY_S) is None


def test_nbgraders_own_setting_still_works():
    config = Config(LateSubmissionPlugin=Config(penalty_method="zero"))
    assert LatePenalty(config=config).late_submission_penalty("ada", 80.0, HOUR_S) == 80.0


def test_configuring_keeps_a_plugin_that_is_set_and_twice_is_once():
    class Mine(LateSubmissionPlugin):
        pass

    config = Config()
    configure_late(config)
    assert config.AssignLatePenalties.plugin_class is LatePenalty
    configure_late(config)
    assert config == Config(AssignLatePenalties=Config(plugin_class=LatePenalty))
    config.AssignLatePenalties.plugin_class = Mine
    configure_late(config)
    assert config.AssignLatePenalties.plugin_class is Mine


# In a course


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory) -> Path:
    """A course with work that came 90 minutes, and 25 hours, after the due date, and work in time."""
    root = tmp_path_factory.mktemp("late") / "course"
    make_generated_course(root)
    add_settings(root, "from cnn_assignment.nbgrader_course.gradebook.late import configure_late\nconfigure_late(c)")
    due = datetime(2026, 1, 2, 12, tzinfo=UTC).replace(tzinfo=None)
    with_gradebook(url_of(root), lambda gradebook: gradebook.update_or_create_assignment("toy", duedate=due))
    times = {"in-time": "2026-01-02 11:59:59", "minutes": "2026-01-02 13:30:00", "days": "2026-01-03 13:00:00"}
    for student, time in times.items():
        submit(root, student, answered(root, "score: 1.25"))
        (root / "submitted" / student / "toy/timestamp.txt").write_text(f"{time}.000000 UTC\n", encoding="utf-8")
    return root


@pytest.fixture
def course(handed_in, tmp_path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(handed_in, tmp_path / "course"))


def by_formgrader(root: Path) -> None:
    api = api_of(root)
    for folder in sorted(root.glob("submitted/*")):
        answer = api.autograde("toy", folder.name, force=True)
        assert answer["success"], answer


def by_command(root: Path) -> None:
    nbgrader(root, "autograde", "toy", "--force")


def penalties(root: Path) -> dict[str, object]:
    return {student: row["penalty"] for student, row in gradebook_of(root).items()}


def test_every_way_of_grading_takes_the_penalties_of_the_settings_as_they_are_now(course):
    mild, strict = {"minutes": None, "days": 0.1}, {"minutes": 0.125, "days": 0.25}
    for grade, grace, cap, expected in (
        (by_command, 0, 100, strict),
        (record_all, 90, 8, mild),
        (by_formgrader, 0, 100, strict),
    ):
        add_settings(course, "c.LatePenalty.percent_per_day = 10")
        add_settings(course, f"c.LatePenalty.grace_minutes = {grace}\nc.LatePenalty.cap_percent = {cap}")
        grade(course)
        assert penalties(course) == {"in-time": None, **expected}
        assert {row["score"] for row in gradebook_of(course).values()} == {1.25}


def test_without_a_due_date_nothing_is_taken(course):
    add_settings(course, "c.LatePenalty.percent_per_day = 10")
    record_all(course)
    with_gradebook(url_of(course), lambda gradebook: gradebook.update_or_create_assignment("toy", duedate=None))
    record_all(course)
    assert set(penalties(course).values()) == {None}


def test_a_senseless_setting_is_told_and_takes_nothing(course):
    add_settings(course, "c.LatePenalty.percent_per_day = -10")
    with pytest.raises(GraderError, match=r"LatePenalty\.percent_per_day is -10\. Set a number that is 0 or more"):
        record_all(course)
    assert "LatePenalty.percent_per_day is -10." in nbgrader(course, "autograde", "toy", "--force", status=1)
    assert set(penalties(course).values()) == {None}
