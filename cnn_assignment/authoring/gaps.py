"""Find the gaps of a solution, and refuse every marker that is not exactly one.

nbgrader ignores a BEGIN marker that it cannot read and then releases the answer below it without a word. So whatever
comes close to a marker is an error here, with its file and line.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import tokenize
from dataclasses import dataclass

from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Assignment, Gap, Hints, Task

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"

_TASK_ID = re.compile(r"[a-z][a-z0-9-]*")
_OPTIONS: dict[str, tuple[str, ...]] = {"keep": ("slices",), "hints": tuple(Hints)}
_NEAR_WORD = 0.75
_NEAR_BOTH = 0.85


@dataclass(frozen=True, slots=True)
class _Marker:
    """One marker as it stands in the text: its 1-based line, the white space before it, the words after BEGIN."""

    line: int
    indent: str
    begins: bool
    words: tuple[str, ...]


def parse_gaps(text: str, path_label: str) -> tuple[Gap, ...]:
    r"""Read all gaps of a Python text, in the order of their lines.

    text: a module with "\n" line ends. path_label: the file's name in messages, such as ``solutions/cnn.py``.
    A task may have several gaps. Raises AuthoringError, placed at ``path_label:line``, for text that is not Python,
    for a marker that is misspelt, stray, nested, unclosed or malformed, and for a gap that holds no whole statement.
    """
    _require_python(text, path_label)
    lines = text.split("\n")
    gaps: list[Gap] = []
    opened: _Marker | None = None
    for marker in _read_markers(text, path_label):
        place = f"{path_label}:{marker.line}"
        if opened is None and not marker.begins:
            raise AuthoringError(
                "END SOLUTION without BEGIN", place=place, remedy="Check the spelling of the marker above."
            )
        if opened is None:
            opened = marker
        elif marker.begins:
            raise AuthoringError(
                f"BEGIN SOLUTION inside the gap that begins in line {opened.line}",
                place=place,
                remedy="Close that gap first: gaps cannot be nested.",
            )
        else:
            gaps.append(_read_gap(lines, opened, marker, path_label))
            opened = None
    if opened is not None:
        raise AuthoringError(
            "BEGIN SOLUTION without END",
            place=f"{path_label}:{opened.line}",
            remedy=f"Put {END} below the answer.",
        )
    return tuple(gaps)


def render_gap(gap: Gap) -> str:
    """Write a gap with its two markers, as `parse_gaps` reads it; no line end after the last line."""
    words = [BEGIN, gap.task, *(f"{key}={value}" for key, value in gap.options.items())]
    return "\n".join([gap.indent + " ".join(words), gap.answer, gap.indent + END])


def parse_answer(gap: Gap) -> ast.Module:
    """The syntax tree of a gap's answer. Its line numbers count from the line of BEGIN, which is 1.

    An answer is indented, so it is parsed under a header: dedenting would break strings of several lines.
    """
    tree = ast.parse(f"if 1:\n{gap.answer}" if gap.indent else f"\n{gap.answer}")
    if gap.indent:
        header = tree.body[0]
        assert isinstance(header, ast.If)
        return ast.Module(body=header.body, type_ignores=[])
    return tree


def require_same_tasks(assignment: Assignment, gaps: tuple[Gap, ...], tasks: tuple[Task, ...]) -> None:
    """Raise AuthoringError unless gaps and hidden test files name the same tasks."""
    known = {task.id for task in tasks}
    for gap in gaps:
        if gap.task not in known:
            raise AuthoringError(
                f"a gap without a task: no hidden test for {gap.task!r}",
                place=f"{assignment.solution_label}:{gap.begin_line}",
                remedy=f"Add autograder/{assignment.name}/{hidden_test_name(gap.task)}, or mend the task id.",
            )
    marked = {gap.task for gap in gaps}
    for task in tasks:
        if task.id not in marked:
            raise AuthoringError(
                f"a task without a gap: nothing to fill for {task.id!r}",
                place=f"autograder/{assignment.name}/{hidden_test_name(task.id)}",
                remedy=f"Mark its answer in {assignment.solution_label} with {BEGIN} {task.id}.",
            )


def hidden_test_name(task: str) -> str:
    """The file name of a task's hidden tests: ``conv-forward`` is ``test_conv_forward.py``."""
    return f"test_{task.replace('-', '_')}.py"


def _require_python(text: str, path_label: str) -> None:
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise AuthoringError(
            f"not valid Python: {error.msg}",
            place=f"{path_label}:{error.lineno or 1}",
            remedy="Mend the line: a solution must be a module that can be imported.",
        ) from error


def _read_markers(text: str, path_label: str) -> list[_Marker]:
    """All markers, in order. Strings and docstrings hold no comments, so they hold no markers."""
    markers = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        comment = token.string.rstrip()
        exact = re.fullmatch(r"### (BEGIN|END) SOLUTION((?: \S+)*)", comment)
        if exact is None:
            _refuse_near_miss(comment, f"{path_label}:{token.start[0]}")
            continue
        indent = token.line[: token.start[1]]
        if indent.strip():
            raise AuthoringError(
                "a gap marker behind code",
                place=f"{path_label}:{token.start[0]}",
                remedy="Give the marker a line of its own.",
            )
        markers.append(_Marker(token.start[0], indent, exact[1] == "BEGIN", tuple(exact[2].split())))
    return markers


def _refuse_near_miss(comment: str, place: str) -> None:
    """Raise AuthoringError for a comment that was meant to be a marker."""
    if looks_like_marker(comment):
        raise AuthoringError(
            f"{comment!r} looks like a gap marker, but is none",
            place=place,
            remedy=f"Write exactly '{BEGIN} <task-id>' or '{END}', or reword the comment.",
        )


def looks_like_marker(comment: str) -> bool:
    """Whether a comment is a gap marker, or so close to one that it must have been meant as one."""
    if re.search(r"\b(BEGIN|END) SOLUTION\b", comment):
        return True
    words = re.findall(r"[A-Z]+", comment.upper())
    if not words:
        return False
    if any(_similar(words[0], joined) >= _NEAR_BOTH for joined in ("BEGINSOLUTION", "ENDSOLUTION")):
        return True
    if len(words) == 1 or not any(_similar(word, "SOLUTION") >= _NEAR_WORD for word in words[:2]):
        return False
    if comment.startswith("###"):
        return True
    return any(_similar(word, verb) >= _NEAR_WORD for word in words[:2] for verb in ("BEGIN", "END"))


def _similar(word: str, pattern: str) -> float:
    return difflib.SequenceMatcher(None, word, pattern, autojunk=False).ratio()


def _read_gap(lines: list[str], begin: _Marker, end: _Marker, path_label: str) -> Gap:
    place = f"{path_label}:{begin.line}"
    if end.words:
        raise AuthoringError(
            f"END SOLUTION is followed by {' '.join(end.words)!r}",
            place=f"{path_label}:{end.line}",
            remedy="Leave nothing after it: the task id stands behind BEGIN SOLUTION.",
        )
    task, options = _read_words(begin, place)
    answer = "\n".join(lines[begin.line : end.line - 1])
    gap = Gap(task, options, begin.line, end.line, begin.indent, answer)
    _require_statements(gap, place)
    return gap


def _read_words(begin: _Marker, place: str) -> tuple[str, dict[str, str]]:
    """The task id and the options after BEGIN SOLUTION."""
    if not begin.words or "=" in begin.words[0]:
        raise AuthoringError(
            "BEGIN SOLUTION without a task id", place=place, remedy=f"Name its task: {BEGIN} <task-id>."
        )
    task = begin.words[0]
    if not _TASK_ID.fullmatch(task):
        raise AuthoringError(
            f"malformed task id {task!r}",
            place=place,
            remedy="Use lower-case letters, digits and hyphens, a letter first.",
        )
    options: dict[str, str] = {}
    for word in begin.words[1:]:
        key, _, value = word.partition("=")
        if key in options or value not in _OPTIONS.get(key, ()):
            known = ", ".join(f"{name}={'|'.join(values)}" for name, values in _OPTIONS.items())
            fact = "option given twice" if key in options else "unknown option"
            raise AuthoringError(f"{fact}: {word!r}", place=place, remedy=f"Known options, each once: {known}.")
        options[key] = value
    return task, options


def _require_statements(gap: Gap, place: str) -> None:
    """Raise AuthoringError unless the answer is a run of whole statements, indented like its marker."""
    code = [line for line in gap.answer.split("\n") if line.strip() and not line.lstrip().startswith("#")]
    if not code:
        raise AuthoringError(
            f"the gap {gap.task!r} is empty", place=place, remedy="Put the answer between its markers."
        )
    if re.match(r"[ \t]*", code[0])[0] != gap.indent:  # type: ignore[index]  # the pattern matches every string
        raise AuthoringError(
            "a marker that is not indented like its answer",
            place=place,
            remedy="Indent the marker like the first line below it: what opens the gap stands there.",
        )
    try:
        parse_answer(gap)
    except SyntaxError as error:
        raise AuthoringError(
            f"the gap {gap.task!r} cuts a statement",
            place=place,
            remedy="Put the markers around whole statements.",
        ) from error
