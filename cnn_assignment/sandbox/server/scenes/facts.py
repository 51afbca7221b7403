"""Plain facts of an object, for an explanation: what kind it is, shapes, sizes and names; never a value of an array.

Nothing here runs code of a submission: types are asked of the interpreter, and attributes are read past what a class
says about itself. This module runs in the worker, so it imports the standard library and NumPy only.
"""

from __future__ import annotations

import types
from collections.abc import Iterable
from typing import Any

import numpy as np

from cnn_assignment.sandbox import wire

MOST_NAMES = 12
"""Names in one fact: keys, attributes or parameters."""
_LONGEST_NAME = 40
_MOST_AXES = 16
# What a loop counts and a size is; a larger number is not read by anybody.
_LARGEST = 10**9
_MRO = vars(type)["__mro__"].__get__
_CLASS_DICT = vars(type)["__dict__"].__get__
_SHAPE = vars(np.ndarray)["shape"].__get__
_DTYPE = vars(np.ndarray)["dtype"].__get__
# By exact type, the kinds of which nothing more is told.
_BARE: dict[type, str] = {
    type(None): "none",
    bool: "bool",
    float: "float",
    complex: "complex",
    types.GeneratorType: "generator",
}
_SIZED: dict[type, str] = {list: "list", tuple: "tuple", str: "str", range: "range", set: "set"}


def describe(value: Any) -> dict[str, Any]:
    """What may be told of a value, as JSON: ``kind``, and where they are known ``shape``, ``dtype``, ``number``, ``names``.

    number: the value of an exact int, or how many items a container has.
    """
    kind = type(value)
    if kind in _BARE:
        return {"kind": _BARE[kind]}
    if kind is int:
        return {"kind": "int", "number": value} if abs(value) <= _LARGEST else {"kind": "int"}
    if (
        kind is tuple
        and len(value) <= _MOST_AXES
        and all(type(part) is int and abs(part) <= _LARGEST for part in value)
    ):
        return {"kind": "tuple", "number": len(value), "shape": list(value)}
    if kind in _SIZED:
        return {"kind": _SIZED[kind], "number": min(len(value), _LARGEST)}
    if kind is dict:
        return {"kind": "dict", "number": len(value), "names": _names(value)}
    if issubclass(kind, np.ndarray):
        return {"kind": "array", "shape": list(_SHAPE(value))[:_MOST_AXES], "dtype": _DTYPE(value).str[:16]}
    if issubclass(kind, np.generic):
        return {"kind": "scalar", "dtype": np.dtype(kind).str[:16]}
    if kind in (types.FunctionType, types.MethodType):
        return _describe_function(value)
    if kind is types.BuiltinFunctionType:
        return {"kind": "function"}
    if kind is types.ModuleType:
        return {"kind": "module", "name": _cut(module_name(value))}
    if issubclass(kind, type):
        return {"kind": "class", "name": _cut(_name_of_class(value))}
    own = own_attributes(value)
    return {"kind": "object", "name": wire.type_name(value)[:_LONGEST_NAME], "names": _names(own or {})}


def own_attributes(value: Any) -> dict[str, Any] | None:
    """The attributes that an object holds itself; None where its class may say otherwise, or it holds none."""
    classes = mro(type(value))
    if any("__getattribute__" in _CLASS_DICT(kind) for kind in classes if kind is not object):
        return None
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return found if type(found) is dict else None


def class_attribute(value: Any, name: str) -> tuple[bool, Any]:
    """Whether a class of the object has an attribute of that name, and the attribute as the class holds it, unbound."""
    for kind in mro(type(value)):
        held = _CLASS_DICT(kind)
        if name in held:
            return True, held[name]
    return False, None


def attribute_names(value: Any) -> list[str]:
    """The names of an object's own attributes and of its classes' that are not special; of a module, all."""
    if type(value) is types.ModuleType:
        return [name for name in list(vars(value)) if type(name) is str]
    held = [own_attributes(value) or {}, *(_CLASS_DICT(kind) for kind in mro(type(value)) if kind is not object)]
    return [name for names in held for name in list(names) if type(name) is str and not name.startswith("__")]


def mro(kind: type) -> tuple[type, ...]:
    """The classes of a class, as the interpreter keeps them."""
    found: tuple[type, ...] = _MRO(kind)
    return found


def module_name(module: types.ModuleType) -> str:
    """The name that a module has in its own namespace; "" where that is no text."""
    name = vars(module).get("__name__")
    return name if type(name) is str else ""


def _describe_function(value: Any) -> dict[str, Any]:
    function = value
    if type(value) is types.MethodType:
        function = value.__func__
        if type(function) is not types.FunctionType:
            return {"kind": "object", "name": "method"}
    code = function.__code__
    # A function that takes any number of values has no list of them to be told.
    takes_any = bool(code.co_flags & 0x0C)
    names = () if takes_any else code.co_varnames[: code.co_argcount]
    return {"kind": "function", "name": _cut(code.co_qualname), "names": _names(names)}


def _name_of_class(value: type) -> str:
    name: str = vars(type)["__name__"].__get__(value)
    return name


def _names(names: Iterable[Any]) -> list[str]:
    """The texts among them, a few, in their order."""
    found: list[str] = []
    for name in names:
        if type(name) is str:
            found.append(_cut(name))
            if len(found) == MOST_NAMES:
                break
    return found


def _cut(name: str) -> str:
    return wire.printable(name[:_LONGEST_NAME])
