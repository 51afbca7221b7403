"""Error types of the kit. Each one says a fact, a place and a remedy.

Student errors and grader errors are different types on purpose: a grader error withholds a grade, a student
error is part of one.
"""

from __future__ import annotations

import errno

from cnn_assignment.core.texts import clean, clean_lines


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
    """Nothing can be extracted from a submission: a student's error, with the reason for the student."""


class GraderError(KitError):
    """The grader itself is broken, so a grade is withheld (exit status 3)."""


class ProtectionError(GraderError):
    """Less protection is active than is required: no student code is run at all (exit status 3)."""


class TooLargeError(ValueError):
    """More bytes, files or work than a limit allows: whoever set it tells what that means."""


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_TOO_MANY = frozenset({errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOMEM})


def remedy_for(error: OSError) -> str:
    """What a person can do about an error of the system, as a full sentence."""
    if error.errno in _FULL:
        return "Make room there (`df` shows how much is left), and run this again: what is finished is kept."
    if error.errno in _FORBIDDEN:
        return "See that you may write there, or name another place; then run this again: what is finished is kept."
    if error.errno in _TOO_MANY:
        return "The machine is short of memory, processes or open files: run this again with less beside it."
    return "Check that it exists, and that you may write there."


def from_system(error: OSError, place: str = "") -> UsageError:
    """An error of the system as one that a person has to mend. place: where the error itself does not say."""
    where = str(error.filename) if error.filename else place
    return UsageError(error.strerror or str(error) or type(error).__name__, place=where, remedy=remedy_for(error))
