"""What an expression stands for, looked up where it failed without running any code of the submission.

Names, attributes that an object holds itself, items of plain containers, slices of arrays and small integer arithmetic
are looked up again; everything else is unknown. This module runs in the worker, so it imports the standard library and
NumPy only.
"""

from __future__ import annotations

import ast
import builtins
import operator
import types
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import chain
from typing import Any

import numpy as np

from cnn_assignment.sandbox.server.scenes.facts import attribute_names, class_attribute, module_name, own_attributes
from cnn_assignment.sandbox.server.scenes.variables import is_like

UNKNOWN = object()
"""Stands for a value that cannot be looked up."""
_LARGEST = 10**12
_LONGEST = 10_000
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Div: operator.truediv,
}
_LENGTHS = (list, tuple, dict, str, range, np.ndarray)
_MODULES_WITHOUT_EFFECT = ("numpy", "math", "builtins")


class Peek:
    """The names of one frame. After a call that may have changed variables, only those are told that it cannot have."""

    def __init__(self, frame: types.FrameType) -> None:
        self._locals: Mapping[str, Any] = frame.f_locals
        self._globals = frame.f_globals
        code = frame.f_code
        self._shared = frozenset((*code.co_cellvars, *code.co_freevars))
        self._is_stable = True

    def restrict(self, *expressions: ast.AST) -> bool:
        """Look into what was evaluated before the error. Returns whether anything can be looked up at all."""
        for node in chain.from_iterable(map(ast.walk, expressions)):
            if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
                return False
            if isinstance(node, ast.Call) and not self._is_harmless(node.func):
                self._is_stable = False
        return True

    def value(self, node: ast.expr) -> Any:
        """What the expression is here, or UNKNOWN."""
        with suppress(Exception):
            return self._look(node)
        return UNKNOWN

    def local(self, name: str) -> Any:
        """The local variable of that name, or UNKNOWN."""
        return self._locals.get(name, UNKNOWN)

    def names_like(self, name: str) -> list[str]:
        """The names that can be used here and are nearly this one, those of this function first."""
        known = (name for names in (self._locals, self._globals) for name in names if type(name) is str)
        return [other for other in known if is_like(other, name)]

    def attributes_like(self, holder: ast.expr, name: str) -> list[str]:
        """The attributes of an object that are nearly of that name, its methods among them."""
        value = self.value(holder)
        return [] if value is UNKNOWN else [other for other in attribute_names(value) if is_like(other, name)]

    def _look(self, node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._name(name)
            case ast.Attribute(value=holder, attr=name):
                return self._attribute(self._look(holder), name)
            case ast.Subscript(value=holder, slice=index):
                return _item(self._look(holder), self._index(index))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                found = self._look(operand)
                return -found if type(found) in (int, float) else UNKNOWN
            case ast.BinOp(left=left, op=operation, right=right):
                return _calculate(self._look(left), operation, self._look(right))
            case ast.Tuple(elts=parts):
                found = tuple(self._look(part) for part in parts if not isinstance(part, ast.Starred))
                return found if len(found) == len(parts) and UNKNOWN not in map(_marker, found) else UNKNOWN
            case ast.Call(func=ast.Name(id="len"), args=[argument], keywords=[]) if self._name("len") is len:
                found = self._look(argument)
                return len(found) if type(found) in _LENGTHS else UNKNOWN
        return UNKNOWN

    def _name(self, name: str) -> Any:
        if name in self._locals:
            found = self._locals[name]
            return found if self._is_stable or (name not in self._shared and _is_fixed(found)) else UNKNOWN
        found = self._globals.get(name, vars(builtins).get(name, UNKNOWN))
        return found if self._is_stable or type(found) is types.ModuleType or callable(found) else UNKNOWN

    def _attribute(self, holder: Any, name: str) -> Any:
        if type(holder) is np.ndarray:
            return getattr(holder, name, UNKNOWN)
        if type(holder) is types.ModuleType:
            return vars(holder).get(name, UNKNOWN)
        own = own_attributes(holder) if holder is not UNKNOWN else None
        is_in_class, held = class_attribute(holder, name)
        if is_in_class:
            # A property, or another thing that would run code; a method of the class, or a plain value, is what it is.
            is_plain = type(held) is types.FunctionType or _is_fixed(held)
            return held if is_plain and (own is None or name not in own) else UNKNOWN
        found = UNKNOWN if own is None else own.get(name, UNKNOWN)
        return found if self._is_stable else UNKNOWN

    def _index(self, node: ast.expr) -> Any:
        match node:
            case ast.Slice(lower=lower, upper=upper, step=step):
                ends = [None if end is None else self._look(end) for end in (lower, upper, step)]
                return UNKNOWN if UNKNOWN in map(_marker, ends) else slice(*ends)
            case ast.Tuple(elts=parts):
                found = tuple(map(self._index, parts))
                return UNKNOWN if UNKNOWN in map(_marker, found) else found
        return self._look(node)

    def _is_harmless(self, func: ast.expr) -> bool:
        """Whether a call changes no variable, attribute or item: a function of NumPy, or a built-in one."""
        match func:
            case ast.Name(id=name) if name not in self._locals:
                found = self._globals.get(name, vars(builtins).get(name))
                return type(found) is types.BuiltinFunctionType or (isinstance(found, type) and _is_built_in(found))
            case ast.Attribute(value=holder):
                found = self.value(holder)
                if type(found) is types.ModuleType:
                    return module_name(found).partition(".")[0] in _MODULES_WITHOUT_EFFECT
                return type(found) is np.ndarray
        return False


def _marker(value: Any) -> Any:
    """The value if it is UNKNOWN; anything else must not be compared."""
    return UNKNOWN if value is UNKNOWN else None


def _is_fixed(value: Any) -> bool:
    """Whether everything that a fact tells of this value is fixed, whoever else holds it."""
    return type(value) in (np.ndarray, int, float, bool, str, tuple, range, type(None))


def _is_built_in(kind: type) -> bool:
    return kind.__flags__ & (1 << 9) == 0


def _item(holder: Any, index: Any) -> Any:
    if type(holder) is dict and type(index) in (str, int):
        # A key of another type could ask code of the submission whether it is equal.
        return holder.get(index, UNKNOWN) if all(type(key) in (str, int) for key in holder) else UNKNOWN
    if type(holder) in (list, tuple) and type(index) in (int, slice):
        return holder[index] if len(holder) <= _LONGEST else UNKNOWN
    # A slice of an array is a view: nothing is copied.
    if type(holder) is np.ndarray and all(map(_is_basic, index if type(index) is tuple else (index,))):
        return holder[index]
    return UNKNOWN


def _is_basic(index: Any) -> bool:
    return type(index) in (int, slice, type(None), type(Ellipsis)) or isinstance(index, np.integer)


def _calculate(left: Any, operation: ast.operator, right: Any) -> Any:
    calculate = _ARITHMETIC.get(type(operation))
    if calculate is None or not all(type(side) in (int, float) and abs(side) < _LARGEST for side in (left, right)):
        return UNKNOWN
    return calculate(left, right)
