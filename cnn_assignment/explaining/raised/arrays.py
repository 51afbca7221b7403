"""Exceptions of arrays that are not about two shapes: truth, dtypes, memory, and what may not be written to."""

from __future__ import annotations

import re

from cnn_assignment.explaining.raised.words import (
    Raised,
    Told,
    arguments_of,
    is_call_of,
    is_float,
    is_kind,
    kind_of,
    quote,
    read_shape,
    rule,
    shape_of,
    subject,
)

_DTYPE = r"dtype\('([a-z]\w{0,15})'\)"
_REMOVED = {
    # Names that were other names for Python's own types.
    **dict.fromkeys(("bool", "int", "float", "complex", "object", "str"), "1.24"),
    "product": "prod",
    "cumproduct": "cumprod",
    "sometrue": "any",
    "alltrue": "all",
    "float_": "float64",
    "NaN": "nan",
    "NAN": "nan",
    "Inf": "inf",
    "Infinity": "inf",
    "infty": "inf",
    "PINF": "inf",
    "round_": "round",
    "complex_": "complex128",
    "row_stack": "vstack",
    "trapz": "trapezoid",
    "in1d": "isin",
}
_BUILT_IN = "1.24"


def _truth(_: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    value = scene.part("value")
    if scene.action == "truth" or (scene.action == "compare" and value.text):
        tested = subject(value, "what is tested")
        is_array = f"{tested} is {kind_of(value.fact)}" if is_kind(value, "array") else f"{tested} gives a whole array"
        fact = f"{is_array}, where one True or False is needed."
        return Told(fact[:1].upper() + fact[1:], "Which of its values is meant, any of them or all of them?")
    if not is_call_of(scene, "max", "min", "sorted") or scene.part("function").text not in {"max", "min", "sorted"}:
        return None
    arrays = [part for part in arguments_of(scene) if is_kind(part, "array")]
    if not arrays:
        return None
    name = quote(scene.part("function").text)
    return Told(
        f"{name} is Python's own, which compares whole objects, and {subject(arrays[0], 'its argument')} is "
        f"{kind_of(arrays[0].fact)}.",
        "NumPy has functions of its own for arrays.",
    )


def _read_only(_: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    part = scene.part("value" if scene.action == "write" else "left")
    if scene.action not in {"write", "operate"} or not part.text:
        return None
    return Told(
        f"{quote(part.text)} may be read here, but not written to.", "Write into an array of your own, or a copy."
    )


def _cast(found: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    left = scene.part("left")
    if scene.action != "operate" or not scene.word.endswith("=") or not left.text:
        return None
    return Told(
        f"{quote(left.text)} is an array of dtype {found[2]}, and {quote(scene.word)} would have to put values of dtype "
        f"{found[1]} into it.",
        "Look where it is made, and with which dtype.",
    )


def _no_loop(_: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    parts = [scene.part("left"), scene.part("right")] if scene.action == "operate" else arguments_of(scene)
    wrong = [part for part in parts if part.text and is_kind(part, "str", "none", "dict", "function", "object", "list")]
    if len(wrong) != 1:
        return None
    return Told(f"{quote(wrong[0].text)} is {kind_of(wrong[0].fact)} here, with which arrays cannot calculate.")


def _memory(found: re.Match[str], raised: Raised) -> Told | None:
    del raised
    shape = read_shape(found[2])
    if shape is None:
        return None
    return Told(
        f"An array of shape {shape_of(shape)} would take {found[1]} of memory, more than there is for your code.",
        "Look at how its sizes are calculated.",
    )


def _negative(_: re.Match[str], raised: Raised) -> Told | None:
    if raised.scene.action != "call":
        return None
    parts = [part for part in raised.scene.parts if part.role in {"argument", "item"} and part.text]
    parts = [part for part in parts if part.text[0] not in "([-"]
    below = [part for part in parts if is_kind(part, "int") and part.fact and (part.fact.number or 0) < 0]
    if below and below[0].fact is not None:
        return Told(f"{quote(below[0].text)} is {below[0].fact.number} here, and no size can be below 0.")
    shapes = [part for part in parts if is_kind(part, "tuple") and part.fact and min(part.fact.shape, default=0) < 0]
    if shapes and shapes[0].fact is not None:
        return Told(f"{quote(shapes[0].text)} is {shape_of(shapes[0].fact.shape)} here, and no size can be below 0.")
    return None


def _shape_in_pieces(_: re.Match[str], raised: Raised) -> Told | None:
    """`np.zeros(2, 3)`."""
    if not is_call_of(raised.scene, "zeros", "ones", "empty"):
        return None
    name = quote(raised.scene.part("function").text)
    return Told(f"{name} takes the whole shape as one tuple; its second argument is the dtype.")


def _float_as_size(_: re.Match[str], raised: Raised) -> Told | None:
    """A size or a number of turns that is a float."""
    scene = raised.scene
    if scene.action != "call":
        return None
    parts = [part for part in scene.parts if part.role in {"argument", "item"} or part.role.isidentifier()]
    wrong = [part for part in parts if part.role not in {"function", "holder"} and is_float(part) and part.text]
    name = scene.part("function").text
    if not wrong or not name:
        return None
    guidance = "`/` gives a float, even where nothing is left over." if "/" in wrong[0].text.replace("//", "") else ""
    return Told(f"{quote(wrong[0].text)} is a float, and {quote(name)} needs an int there.", guidance)


def _list_as_size(_: re.Match[str], raised: Raised) -> Told | None:
    scene = raised.scene
    wrong = [part for part in scene.parts if part.role in {"argument", "item"} and not is_kind(part, "int", "scalar")]
    wrong = [part for part in wrong if part.text and part.fact is not None]
    name = scene.part("function").text
    if scene.action != "call" or not wrong or not name:
        return None
    if wrong[0].role == "argument" and len(wrong) > 1:
        return None
    return Told(f"{quote(wrong[0].text)} is {kind_of(wrong[0].fact)}, and {quote(name)} needs an int there.")


def _removed(found: re.Match[str], raised: Raised) -> Told | None:
    """A name that NumPy had in former versions."""
    name = found[1]
    value = raised.scene.part("value").text
    if raised.scene.action != "attribute" or name not in _REMOVED or not value:
        return None
    other = _REMOVED[name]
    old = quote(f"{value}.{name}")
    if other == _BUILT_IN:
        return Told(
            f"NumPy has no {old} any more since version 1.24: it was another name for Python's own {quote(name)}."
        )
    return Told(f"NumPy has no {old} any more: it was another name for {quote(f'{value}.{other}')}.")


RULES = (
    rule("ValueError", r"The truth value of an array with more than one element is ambiguous.*", _truth),
    rule("ValueError", r"(?:assignment destination|output array) is read-only", _read_only),
    rule("UFuncTypeError", rf"Cannot cast ufunc '\w+' output from {_DTYPE} to {_DTYPE} with casting rule .*", _cast),
    rule("UFuncTypeError TypeError", r"ufunc '\w+' did not contain a loop with signature matching types.*", _no_loop),
    rule("TypeError", r"loop of ufunc does not support argument \d of type .*|ufunc '\w+' not supported .*", _no_loop),
    rule(
        "MemoryError _ArrayMemoryError",
        r"Unable to allocate (\d[\d.]{0,9} [KMGTPE]iB) for an array with shape \(([\d, ]{0,60})\) and data type \w+",
        _memory,
    ),
    rule("ValueError", r"negative dimensions are not allowed", _negative),
    rule("TypeError", r"Cannot interpret '.*' as a data type", _shape_in_pieces),
    rule("TypeError", r"'float' object cannot be interpreted as an integer", _float_as_size),
    rule("TypeError", r"'numpy\.float\d+' object cannot be interpreted as an integer", _float_as_size),
    rule("TypeError", r"expected a sequence of integers or a single integer, got .*", _float_as_size),
    rule("TypeError", r"'\w+' object cannot be interpreted as an integer", _list_as_size),
    rule("TypeError", r"only integer scalar arrays can be converted to a scalar index", _list_as_size),
    rule("AttributeError", r"module 'numpy' has no attribute '(\w{1,40})'.*", _removed),
)
