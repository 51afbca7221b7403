"""Candidates: every wrong solution that an explanation may compare a student's answers with, and what is told of it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cnn_assignment.authoring.gaps import parse_gaps
from cnn_assignment.authoring.skeleton import make_skeleton
from cnn_assignment.core.model import Assignment, Gap
from cnn_assignment.explaining.mutant_words import Place, SlipKind
from cnn_assignment.proving.learning.edits import Slip, make_small_slips
from cnn_assignment.proving.learning.large_slips import make_distortions, make_memories
from cnn_assignment.proving.learning.places import Assigning, Places, find_functions, written_name
from cnn_assignment.proving.mutating.sites import Code, Function, walk_gap
from cnn_assignment.proving.variants import load_variants

# For each gap.
_MOST_OF_VARIANTS = 100
# Kinds that make most mutants of long code, and least sense of them.
_TOO_MANY = (SlipKind.NAME, SlipKind.FIXED, SlipKind.ARGUMENT)
# What lasts, and how often a step is done, may as well be decided elsewhere in the method.
_ANYWHERE = (SlipKind.KEPT, SlipKind.TURNS)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One wrong solution: the task of its slip, its kind and place, and the whole text."""

    task: str
    kind: SlipKind
    place: Place
    text: str
    is_of_variant: bool = False


def make_candidates(assignment: Assignment) -> list[Candidate]:
    """Those of the solution, and then those of the right variants, no text twice in a task.

    Raises AuthoringError for gaps and variants that cannot be read.
    """
    solution = assignment.solution_file.read_text(encoding="utf-8")
    gaps = parse_gaps(solution, assignment.solution_label)
    found: dict[tuple[str, str], Candidate] = {}
    code = Code(solution)
    places = Places(code, make_skeleton(solution, assignment.solution_label, assignment.hints))
    methods = [(gap, _method_of(code, gap)) for gap in gaps]
    taken = {name for _, name in methods}
    for gap, name in methods:
        written = written_names(code, gap)
        for slip in _of_gap(code, gap, name, taken):
            text = apply(code, slip)
            if text is not None:
                place = places.of(slip.node)
                if slip.name:
                    place = places.named(place.method, slip.name)
                if slip.kind in _ANYWHERE or place.name not in written:
                    place = Place(place.method, "", "" if place.name else place.verb)
                found.setdefault((gap.task, text), Candidate(gap.task, slip.kind, place, text))
    variants = [Code(variant.text) for variant in load_variants(assignment)]
    for gap, name in methods:
        others = list(_of_variants(variants, gap.task, name, code))
        # As many of each variant: what one of them gives, most others give too.
        for candidate in others[:: 1 + len(others) // _MOST_OF_VARIANTS]:
            found.setdefault((gap.task, candidate.text), candidate)
    return list(found.values())


def _of_variants(variants: Sequence[Code], task: str, name: str, code: Code) -> Iterator[Candidate]:
    """Small slips in the method of a gap, in every variant that has it in another form."""
    solution = find_functions(code).get(name)
    for other in variants:
        function = find_functions(other).get(name)
        if function is None or solution is None or ast.dump(function) == ast.dump(solution):
            continue
        for slip in make_small_slips(other, [function]):
            text = apply(other, slip) if slip.kind not in _TOO_MANY else None
            if text is not None:
                # No name of a variant stands in the skeleton.
                yield Candidate(task, slip.kind, Place(name), text, is_of_variant=True)


def _of_gap(code: Code, gap: Gap, name: str, taken: set[str]) -> Iterator[Slip]:
    functions = find_functions(code)
    if name not in functions:
        return
    own = [functions[name], *_called(name, functions, taken)]
    yield from make_small_slips(code, own)
    yield from make_distortions(code, functions[name], range(gap.begin_line, gap.end_line))
    yield from make_memories(code, own, functions[name])


def _method_of(code: Code, gap: Gap) -> str:
    """The function around a gap, or the first one in it."""
    for name, function in find_functions(code).items():
        if function.lineno < gap.begin_line <= (function.end_lineno or 0) or (
            gap.begin_line < function.lineno < gap.end_line
        ):
            return name
    return ""


def written_names(code: Code, gap: Gap) -> set[str]:
    """What the statements of a gap write: of other statements only the method is told, for many come to the same."""
    found = (node for node in walk_gap(code, gap) if isinstance(node, Assigning))
    return {written_name(code, node) for node in found} - {""}


def _called(name: str, functions: dict[str, Function], taken: set[str]) -> Sequence[Function]:
    """The given methods of the same class that a method calls, and those that these call; not those with gaps."""
    owner = name.rpartition(".")[0]
    found, left = {name}, [name]
    while left:
        for node in ast.walk(functions[left.pop()]):
            called = f"{owner}.{node.func.attr}" if _is_method_call(node) else ""  # type: ignore[attr-defined]
            if called in functions and called not in found | taken:
                found.add(called)
                left.append(called)
    return [functions[other] for other in functions if other in found - {name}]


def _is_method_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)


def apply(code: Code, slip: Slip) -> str | None:
    """The text with a slip in it; None where that is no Python, or the same program."""
    text, before = code.between(0, code.size), code.size
    data = text.encode()
    for edit in sorted(slip.edits, key=lambda edit: -edit.start):
        if edit.end > before:
            return None
        before = edit.start
        data = data[: edit.start] + edit.new.encode() + data[edit.end :]
    text = data.decode() + slip.helper
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "candidate", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return None
    return text
