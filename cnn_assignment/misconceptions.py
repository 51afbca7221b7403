"""Known wrong ways to fill a gap: an edit of the solution each, and the sentence that explains it to a student.

They stand in ``autograder/<assignment>/misconceptions.py`` as a plain list named ``MISCONCEPTIONS``.
"""

from __future__ import annotations

import ast
import runpy
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import task_order
from cnn_assignment.core.model import Assignment

FILE_NAME = "misconceptions.py"
_REMEDY = "Make the edit fit the solution again, or take the misconception out."


@dataclass(frozen=True, slots=True)
class Misconception:
    """A wrong way to fill a gap of one task.

    tells: what a student is told: first what the values show, then where to look, and not the answer.
    edits: texts of the solution, each of which stands there exactly once, and what stands there instead.
    methods: ``Class.method`` or ``function`` of the solution, and the source of the wrong one. same_as: ids of misconceptions that
    give the same results on purpose, so that either sentence is right.
    """

    id: str
    task: str
    tells: str
    edits: Mapping[str, str] = field(default_factory=dict)
    methods: Mapping[str, str] = field(default_factory=dict)
    same_as: Sequence[str] = ()

    def apply(self, solution: str) -> str:
        """The solution with this mistake in it. Raises AuthoringError where an edit no longer applies."""
        text = solution
        for old, new in self.edits.items():
            if (count := text.count(old)) != 1:
                first = old.strip().splitlines()[0] if old.strip() else old
                raise self._does_not_apply(f"{first!r} stands {count} times in the solution, and not once")
            text = text.replace(old, new)
        for name, source in self.methods.items():
            text = self._replace_method(text, name, source)
        if text == solution:
            raise self._does_not_apply("it changes nothing")
        return text

    def _replace_method(self, text: str, name: str, source: str) -> str:
        class_name, _, function_name = name.rpartition(".")
        body = ast.parse(text).body
        if class_name:
            classes = [node for node in body if isinstance(node, ast.ClassDef) and node.name == class_name]
            body = [node for parent in classes for node in parent.body]
        found = [node for node in body if isinstance(node, ast.FunctionDef) and node.name == function_name]
        if not found:
            raise self._does_not_apply(f"the solution has no {'method' if class_name else 'function'} {name}")
        lines = text.split("\n")
        # Its decorators go with it: the wrong method brings its own, if it has any.
        first = min([found[0].lineno, *(decorator.lineno for decorator in found[0].decorator_list)])
        new = textwrap.indent(textwrap.dedent(source).strip(), " " * found[0].col_offset)
        lines[first - 1 : found[0].end_lineno] = [new]
        return "\n".join(lines)

    def _does_not_apply(self, fact: str) -> AuthoringError:
        return AuthoringError(f"{self.id} does not apply: {fact}", place=FILE_NAME, remedy=_REMEDY)


def load_misconceptions(assignment: Assignment) -> tuple[Misconception, ...]:
    """The assignment's list, in its order; empty where it has none.

    Raises AuthoringError for a file that does not run, for entries that are not misconceptions of known tasks with
    ids and sentences of their own, and for an edit that no longer applies.
    """
    path = assignment.autograder_dir / FILE_NAME
    place = f"autograder/{assignment.name}/{FILE_NAME}"
    if not path.is_file():
        return ()
    try:
        found = runpy.run_path(str(path)).get("MISCONCEPTIONS")
    except Exception as error:
        fact = f"it does not run: {type(error).__name__}: {error}"
        raise AuthoringError(fact, place=place, remedy="Mend it; it is plain Python.") from error
    if not isinstance(found, list | tuple) or not all(isinstance(entry, Misconception) for entry in found):
        raise AuthoringError(
            "no list of misconceptions", place=place, remedy="Write MISCONCEPTIONS = [Misconception(...), ...]."
        )
    _check_entries(found, task_order(assignment), place)
    solution = assignment.solution_file.read_text(encoding="utf-8")
    for entry in found:
        try:
            compile(entry.apply(solution), entry.id, "exec", dont_inherit=True)
        except SyntaxError as error:
            fact = f"{entry.id} does not apply: the solution is no longer Python with it: {error.msg}"
            raise AuthoringError(fact, place=place, remedy=_REMEDY) from error
        except AuthoringError as error:
            raise AuthoringError(error.fact, place=place, remedy=_REMEDY) from error
    return tuple(found)


def _check_entries(entries: Sequence[Misconception], tasks: Sequence[str], place: str) -> None:
    ids, sentences = {entry.id for entry in entries}, Counter(entry.tells for entry in entries)
    for entry in entries:
        problem = ""
        if entry.task not in tasks:
            problem = f"{entry.id} is of the task {entry.task!r}, which the solution does not have"
        elif not entry.tells.strip() or sentences[entry.tells] > 1:
            problem = f"{entry.id} needs a sentence of its own for the student"
        elif unknown := set(entry.same_as) - ids:
            problem = f"{entry.id} is the same as {', '.join(sorted(unknown))}, which is not in the list"
        if problem:
            raise AuthoringError(problem, place=place, remedy=f"Known tasks: {', '.join(tasks)}.")
    if len(ids) < len(entries):
        twice = next(name for name, count in Counter(entry.id for entry in entries).items() if count > 1)
        raise AuthoringError(f"two misconceptions are named {twice}", place=place, remedy="Rename one of them.")
