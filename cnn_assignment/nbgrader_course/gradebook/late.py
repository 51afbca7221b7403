"""Late penalties as nbgrader's plugin: per cent for each started day, after a grace and up to a cap."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nbgrader.plugins import LateSubmissionPlugin
from traitlets import Float, TraitError, validate

if TYPE_CHECKING:
    from traitlets.config import Config

_MINUTE_S = 60.0
_DAY_S = 24 * 60 * _MINUTE_S


def configure_late(c: Config) -> None:
    """Make `LatePenalty` the course's plugin, which without settings takes nothing; a plugin that is set stays."""
    if "AssignLatePenalties.plugin_class" not in c:
        c.AssignLatePenalties.plugin_class = LatePenalty


def late_penalty(
    score: float, seconds_late: float, *, grace_minutes: float, percent_per_day: float, cap_percent: float
) -> float:
    """The points that late work loses.

    score: points earned. seconds_late: after the due date. Up to the grace nothing is lost; after it each started day
    costs percent_per_day of the score, all together no more than cap_percent of it. One second after a grace of
    15 minutes costs one day; 24 hours after it still cost one, and a second more costs two.

    Returns a finite number from 0 to the score, 0 where the score is not above 0. Later work never loses less.
    """
    overdue_s = seconds_late - grace_minutes * _MINUTE_S
    if overdue_s <= 0 or score <= 0:
        return 0.0
    percent = min(math.ceil(overdue_s / _DAY_S) * percent_per_day, cap_percent)
    return min(score * percent / 100, score)


class LatePenalty(LateSubmissionPlugin):
    """Takes a percentage of what the work earned, with plain settings in ``nbgrader_config.py``.

    Of the earned score, and not of the assignment's maximum: that is all nbgrader tells a plugin, a penalty can never
    exceed the score, and a late answer of any quality keeps the same share of its worth.
    """

    grace_minutes = Float(0.0, help="Minutes after the due date that cost nothing.").tag(config=True)
    percent_per_day = Float(0.0, help="Per cent of the earned score for each started day after the grace.").tag(
        config=True
    )
    cap_percent = Float(100.0, help="The most that is taken, in per cent of the earned score.").tag(config=True)

    @validate("grace_minutes", "percent_per_day", "cap_percent")
    def _check_setting(self, proposal: Any) -> float:
        name, value = proposal["trait"].name, float(proposal["value"])
        most = 100.0 if name == "cap_percent" else math.inf
        if not (math.isfinite(value) and 0 <= value <= most):
            allowed = "a number from 0 to 100" if name == "cap_percent" else "a number that is 0 or more"
            raise TraitError(f"LatePenalty.{name} is {value:g}. Set {allowed} in nbgrader_config.py.")
        return value

    def late_submission_penalty(self, student_id: str, score: float, total_seconds_late: float) -> float | None:
        """The penalty in points, None for none.

        Without a percentage nbgrader's own setting ``penalty_method`` decides, as in the class this derives from.
        """
        if self.percent_per_day == 0:
            penalty: float | None = super().late_submission_penalty(student_id, score, total_seconds_late)
            return penalty
        points = late_penalty(
            score,
            total_seconds_late,
            grace_minutes=self.grace_minutes,
            percent_per_day=self.percent_per_day,
            cap_percent=self.cap_percent,
        )
        return points or None
