"""Open the gaps of a solution: the answers go, their hints and one plain error stay."""

from __future__ import annotations

from collections.abc import Callable, Collection

from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.authoring.hints import make_hint
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Gap, Hints, open_gap


def make_skeleton(text: str, path_label: str, hints: Hints) -> str:
    """The skeleton: each gap becomes its hint and a NotImplementedError that names the task.

    Raises AuthoringError for gaps that `parse_gaps` refuses, and where the rest is no longer valid Python.
    """
    return _replace_gaps(text, path_label, lambda gap: _open_gap(gap, hints))


def strip_markers(text: str, path_label: str) -> str:
    """The solution without its markers; not a line of an answer changes. Raises AuthoringError as `parse_gaps`."""
    return _replace_gaps(text, path_label, lambda gap: [gap.answer])


def fill_only(text: str, tasks: Collection[str], path_label: str, hints: Hints = Hints.STANDARD) -> str:
    """The skeleton with the gaps of some tasks filled: what a student who solved only these would hand in.

    Raises AuthoringError for gaps that `parse_gaps` refuses, and for a task without a gap.
    """
    known = {gap.task for gap in parse_gaps(text, path_label)}
    for task in tasks:
        if task not in known:
            raise AuthoringError(
                f"no gap for the task {task!r}", place=path_label, remedy=f"Its gaps: {', '.join(sorted(known))}."
            )
    return _replace_gaps(text, path_label, lambda gap: [gap.answer] if gap.task in tasks else _open_gap(gap, hints))


def _open_gap(gap: Gap, hints: Hints) -> list[str]:
    lines = [*make_hint(gap, hints), f'raise NotImplementedError("{open_gap(gap.task)}")']
    return [gap.indent + line for line in lines]


def _replace_gaps(text: str, path_label: str, replace: Callable[[Gap], list[str]]) -> str:
    lines = text.split("\n")
    gaps = parse_gaps(text, path_label)
    # From the last gap to the first, so that the line numbers of those still to come stay true.
    for gap in reversed(gaps):
        lines[gap.begin_line - 1 : gap.end_line] = replace(gap)
        replaced = "\n".join(lines)
        try:
            compile(replaced, path_label, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise AuthoringError(
                f"without the answer of {gap.task!r} the file is not valid Python: {error.msg}",
                place=f"{path_label}:{gap.begin_line}",
                remedy="Put the markers around whole statements of one block.",
            ) from error
    return "\n".join(lines)
