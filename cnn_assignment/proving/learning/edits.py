"""Small slips in all code of a task: the edits of every operator, alone and wherever the same one can be made again."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cnn_assignment.core.model import Gap
from cnn_assignment.explaining.mutant_words import SlipKind
from cnn_assignment.proving.mutating.mutants import OPERATORS
from cnn_assignment.proving.mutating.scopes import other_attributes, other_names, self_name
from cnn_assignment.proving.mutating.sites import Code, Edit, Function, walk_gap

_KINDS = {
    "swap_operator": SlipKind.OPERATOR,
    "drop_operand": SlipKind.TERM,
    "exchange_operands": SlipKind.EXCHANGED,
    "swap_junction": SlipKind.CONDITION,
    "shift_number": SlipKind.NUMBER,
    "flip_boolean": SlipKind.ARGUMENT,
    "swap_name": SlipKind.NAME,
    "swap_function": SlipKind.FUNCTION,
    "drop_call": SlipKind.STEP,
    "change_arguments": SlipKind.ARGUMENT,
    "change_range": SlipKind.TURNS,
    "change_index": SlipKind.INDEX,
    "change_slice": SlipKind.INDEX,
    "change_tuple": SlipKind.EXCHANGED,
    "change_einsum": SlipKind.AXES,
    "change_assignment": SlipKind.UPDATE,
    "change_value": SlipKind.SIGN,
    "drop_statement": SlipKind.STEP,
    "repeat_statement": SlipKind.TWICE,
    "exchange_statements": SlipKind.SEQUENCE,
    "change_condition": SlipKind.CONDITION,
    "change_exit": SlipKind.TURNS,
    "stop_loop": SlipKind.TURNS,
    "dedent_statement": SlipKind.TURNS,
    "indent_statement": SlipKind.TURNS,
}
# What sizes, steps and counts are taken for.
_CONSTANTS = ("1", "2", "3")
_NAME = re.compile(r"(?<![\w.\"'])[A-Za-z_]\w*(?![\w(\"'])")


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip: its kind, the node whose place is told, and the edits that make it.

    helper: code that they call. name: what is written at the place, where the node does not tell it.
    """

    kind: SlipKind
    node: ast.AST
    edits: tuple[Edit, ...]
    helper: str = ""
    name: str = ""


def make_small_slips(code: Code, functions: Sequence[Function]) -> Iterator[Slip]:
    """Every edit of every operator in these functions, and the same edit made at once wherever it can be."""
    for function in functions:
        alike: dict[tuple[str, str, str], list[Edit]] = defaultdict(list)
        for node in walk_gap(code, _as_gap(function)):
            for operator in OPERATORS:
                for edit in operator(code, node):
                    yield Slip(_kind_of(operator.__name__, code, edit), edit.node, (edit,))
                    if not edit.told:
                        key = (operator.__name__, *_without_names(code.between(edit.start, edit.end), edit.new))
                        alike[key].append(edit)
        for (operator_name, _, _), edits in alike.items():
            apart = list(_without_overlaps(edits))
            if len(apart) > 1:
                yield Slip(_kind_of(operator_name, code, apart[0]), apart[0].node, tuple(apart))
    yield from _make_constant(code, functions)


def _make_constant(code: Code, functions: Sequence[Function]) -> Iterator[Slip]:
    """A number, or another value of the same kind, stands in the place of a name throughout."""
    uses: dict[str, list[ast.expr]] = defaultdict(list)
    for function in functions:
        for node in ast.walk(function):
            if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load) and _is_value(code, node):
                uses[code.source(node)].append(node)
    for nodes in uses.values():
        others = other_names(code, nodes[-1]) if isinstance(nodes[-1], ast.Name) else ()
        if isinstance(nodes[-1], ast.Attribute):
            assert isinstance(nodes[-1].value, ast.Name)
            others = tuple(f"{nodes[-1].value.id}.{name}" for name in other_attributes(code, nodes[-1]))
        for other in (*_CONSTANTS, *others):
            kind = SlipKind.FIXED if other in _CONSTANTS else SlipKind.NAME
            yield Slip(kind, nodes[0], tuple(code.swap(node, other) for node in nodes))


def _is_value(code: Code, node: ast.Attribute | ast.Name) -> bool:
    """Whether a name is read here as a value of the method's own: no call, and no part of a longer name."""
    parent = code.parent(node)
    if isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is node):
        return False
    if isinstance(node, ast.Attribute):
        return isinstance(node.value, ast.Name) and node.value.id == self_name(code, node)
    return node.id != self_name(code, node) and bool(other_names(code, node))


def _kind_of(operator: str, code: Code, edit: Edit) -> SlipKind:
    if operator == "change_tuple" and isinstance(code.parent(edit.node), ast.keyword | ast.Tuple):
        return SlipKind.AXES
    if operator == "change_value" and "float32(" in edit.new:
        return SlipKind.TYPE
    if operator == "change_arguments" and 'order="F"' in edit.new:
        return SlipKind.ORDER
    return _KINDS[operator]


def _as_gap(function: Function) -> Gap:
    assert function.end_lineno is not None
    return Gap("", {}, function.lineno, function.end_lineno + 1, "", "")


def _without_names(old: str, new: str) -> tuple[str, str]:
    """An edit with its names left open, unless nothing else is in it: the same is done to rows and to columns."""
    opened = _NAME.sub("_", old), _NAME.sub("_", new)
    return (old, new) if {opened[0].strip(), opened[1].strip()} <= {"_", ":", ""} else opened


def _without_overlaps(edits: Iterable[Edit]) -> Iterator[Edit]:
    end = -1
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start >= end:
            yield edit
            end = edit.end
