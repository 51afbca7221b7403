"""Error types of the kit. Each one says a fact, a place and a remedy.

Student errors and grader errors are different types on purpose: a grader error withholds a grade, a student
error is part of one.
"""

from __future__ import annotations

from cnn_assignment.texts import clean, clean_lines


class KitError(Exception):
    """Something a person has to mend, told as ``place: fact. remedy``.

    fact: what is wrong, without a final full stop. place: a file, ``file:line``, or "" where there is none.
    remedy: a full sentence that says what to do about it. All three may quote what students wrote: they are kept as
    `clean_lines` shows them.
    """

    def __init__(self, fact: str, *, place: str = "", remedy: str = "") -> None:
        self.fact = fact = clean_lines(fact)
        self.place = place = clean(place)
        self.remedy = remedy = clean_lines(remedy)
        located = f"{place}: {fact}" if place else fact
        super().__init__(f"{located}. {remedy}" if remedy else f"{located}.")


class UsageError(KitError):
    """A command was given something that it cannot work with (exit status 2)."""


class AuthoringError(KitError):
    """The instructor's files are not a valid assignment (exit status 2)."""


class UnreadableSubmissionError(KitError):
    """Nothing can be lifted from a submission: a student's error, with the reason for the student."""


class GraderError(KitError):
    """The grader itself is broken, so a grade is withheld (exit status 3)."""


class ProtectionError(GraderError):
    """Less protection is active than is required: no student code is run at all (exit status 3)."""


class TooLargeError(ValueError):
    """More bytes, files or work than a limit allows: whoever set it tells what that means."""
