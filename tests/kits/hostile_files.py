"""Files that cost whoever reads them without limits a great deal of time or memory, by what makes them do so.

Each is small. `HOSTILE` gives the file's name and its bytes; the classes in it are those of the toy course.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

CLASSES = "class Scaler:\n    pass\n\n\nclass Cutter:\n    pass\n"


def book(*cells: str | tuple[str, str], ids: Sequence[str] = ()) -> bytes:
    """A notebook of code cells, or of cells of another kind given as (kind, text)."""
    made: list[dict[str, Any]] = []
    for number, cell in enumerate(cells):
        kind, text = cell if isinstance(cell, tuple) else ("code", cell)
        marks = {"nbgrader": {"grade_id": ids[number]}} if number < len(ids) else {}
        made.append({"cell_type": kind, "source": text, "metadata": marks, "outputs": []})
    return json.dumps({"nbformat": 4, "nbformat_minor": 2, "metadata": {}, "cells": made}).encode()


def _nested(opening: str, closing: str, count: int, inner: str = "1") -> str:
    return opening * count + inner + closing * count


def _finally_in_finally(depth: int) -> str:
    lines = []
    for level in range(depth):
        lines += ["    " * level + "try:", "    " * (level + 1) + "pass", "    " * level + "finally:"]
    return "\n".join([*lines, "    " * depth + "pass\n"])


def _conflicts(count: int, *, closed: bool = False) -> bytes:
    end = ">>>>>>> theirs\n" if closed else ""
    return b"{" + ("<<<<<<< ours\n||||||| base\n=======\n" * count + end).encode()


def _needs_those_below(count: int) -> str:
    uses = "".join(f"a{n} = b{n}, " + ", ".join(f"b{m}" for m in range(0, count, 7)) + "\n" for n in range(count))
    return uses + "".join(f"b{n} = {n}\n" for n in range(count))


def _back_and_forth(cells: int, length: int) -> bytes:
    filling = f"'{'x' * length}'\n"
    first = "".join(f"class A{n}(B{n}): pass\n" for n in range(cells))
    second = "".join(f"class B{n}(A{n - 1} if {n} else object): pass\n" for n in range(cells))
    wanted = f"class Scaler(A{cells - 1}): pass\nclass Cutter(A{cells - 1}): pass\n"
    return book(first + filling, second + filling, wanted)


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "conflicts that never end": ("toy.ipynb", lambda: _conflicts(2_000)),
    "conflicts, and one end": ("toy.ipynb", lambda: _conflicts(20_000, closed=True)),
    "a sum of long texts": ("toy.py", lambda: (CLASSES + "x = " + "+".join(['"a"*4096'] * 800)).encode()),
    "a sum of bytes": ("toy.py", lambda: (CLASSES + "x = " + "+".join(['b"a"*4096'] * 2_000)).encode()),
    "a sum of texts in a cell": ("toy.ipynb", lambda: book(CLASSES, "x = " + "+".join(['"a"*4096'] * 2_000))),
    "powers": ("toy.py", lambda: (CLASSES + "x = " + "**".join(["9"] * 4_000)).encode()),
    "shifts": ("toy.py", lambda: (CLASSES + "x = (" + "),(".join(["1<<120"] * 20_000) + ")").encode()),
    "tuples of tuples": ("toy.py", lambda: (CLASSES + "x = " + _nested("(", ",)*200", 50)).encode()),
    "finally in finally": ("toy.py", lambda: (CLASSES + _finally_in_finally(19)).encode()),
    "finally in finally, in functions": (
        "toy.ipynb",
        lambda: book(
            CLASSES,
            "".join(
                "    " * (2 * n)
                + f"def f{n}():\n"
                + "    " * (2 * n + 1)
                + "try: pass\n"
                + "    " * (2 * n + 1)
                + "finally:\n"
                for n in range(18)
            )
            + "    " * 36
            + "pass\n",
        ),
    ),
    "a name of many dots": ("toy.py", lambda: (CLASSES + "import " + ".".join(["a"] * 9_000)).encode()),
    "many names of many dots": (
        "toy.py",
        lambda: (CLASSES + "".join(f"import b{n}.{'.'.join(['a'] * 300)}\n" for n in range(600))).encode(),
    ),
    "dots before a name": ("toy.py", lambda: (CLASSES + f"from {'.' * 9_000}x import y\n").encode()),
    "help in every line": ("toy.ipynb", lambda: book(CLASSES, "a?\n" * 3_500 + "x = (")),
    "magics in every line": ("toy.ipynb", lambda: book(CLASSES, "%a b\n!c\n" * 4_000)),
    "magics in every cell": ("toy.ipynb", lambda: book(CLASSES, *["%a\n!b\nc?\n" * 20] * 1_500)),
    "punycode": ("toy.py", lambda: b"# coding: punycode\n" + CLASSES.encode() + b"#" + b"a-" * 60_000),
    "idna": ("toy.py", lambda: b"# coding: idna\n" + CLASSES.encode() + b"#" + b"xn--a." * 30_000),
    "unicode_escape": ("toy.py", lambda: b"# coding: unicode_escape\n" + CLASSES.encode() + b"#\\N{DIGIT ONE}" * 9_000),
    "a coding that is no text": ("toy.py", lambda: b"# coding: zlib_codec\n" + CLASSES.encode()),
    "a module that is one long comment": ("toy.py", lambda: b"#" + b" coding" * 300_000 + b"\n" + CLASSES.encode()),
    "unfinished cells": ("toy.ipynb", lambda: book(CLASSES, *["def f(:"] * 8_000)),
    "cells that go on": ("toy.ipynb", lambda: book(CLASSES, *["    def f(self):\n        return ("] * 8_000)),
    "cells that could be joined": (
        "toy.ipynb",
        lambda: book(CLASSES, *["class A:\n    x = (", "1)\n    def f(self): pass\n"] * 3_000),
    ),
    "methods that never end": (
        "toy.py",
        lambda: (CLASSES + "class A:\n" + "    def f(self:\n        x = (\n" * 1_600).encode(),
    ),
    "quotes that never end": ("toy.py", lambda: (CLASSES + "class A:\n" + '    """\n    def f(self:\n' * 2_000).encode()),
    "damaged cells": ("toy.ipynb", lambda: book(CLASSES, *["class A:\n    def f(self): pass\n    def g(self:\n"] * 1_900)),
    "large pieces": ("toy.ipynb", lambda: book(CLASSES, *["x = [" + "1, " * 20_000] * 20)),
    "names that stand below": ("toy.py", lambda: (_needs_those_below(700) + CLASSES).encode()),
    "a statement that needs all": (
        "toy.py",
        lambda: (
            "x = [" + ", ".join(f"b{n}" for n in range(9_000)) + "]\n" + "".join(f"b{n} = 1\n" for n in range(9_000))
            + CLASSES.replace("Scaler:", "Scaler:\n    y = x")
        ).encode(),
    ),
    "one name in every statement": ("toy.py", lambda: ("x = y, x\n" * 9_000 + "y = x\n" * 900 + CLASSES).encode()),
    "cells that need each other": ("toy.ipynb", lambda: _back_and_forth(300, 20_000)),
    "text cells of half links": ("toy.ipynb", lambda: book(CLASSES, ("markdown", "](" * 90_000))),
    "text cells of half tags": ("toy.ipynb", lambda: book(CLASSES, ("markdown", "<a " * 60_000))),
    "text cells of white space": ("toy.ipynb", lambda: book(CLASSES, ("markdown", "](a.png" + " " * 180_000 + '"x'))),
    "fences and white space": (
        "toy.ipynb",
        lambda: book(("markdown", CLASSES + "```" + " " * 190_000 + "!\n"), "x = (\n```" + " " * 190_000 + "!\n"),
    ),
    "white space before a magic": ("toy.ipynb", lambda: book(CLASSES, " " * 200_000 + "x = (", "\t" * 200_000 + "%%a b")),
    "a deep list": ("toy.ipynb", lambda: b"[" * 3_000_000),
    "very many lists": ("toy.ipynb", lambda: b"[" + b"[]," * 3_000_000 + b"[]]"),
    "very many cells": ("toy.ipynb", lambda: b'{"nbformat":4,"cells":[' + b'{"cell_type":"code"},' * 200_000 + b"{}]}"),
    "a number without end": ("toy.ipynb", lambda: b'{"nbformat": 4, "cells": [' + b"1" * 2_000_000 + b"]}"),
    "cells that begin and never end": ("toy.ipynb", lambda: b'{"cells": [' + b'{"cell_type": "code", "x": "' * 50_000),
    "cells in cells": ("toy.ipynb", lambda: b'{"cells": [' + b'{"outputs": [' * 100_000),
    "half a cell, often": (
        "toy.ipynb",
        lambda: b'{"cells": [' + (b'{"cell_type": "code", "source": [' + b'"a",' * 2_000) * 200,
    ),
    "brackets": ("toy.py", lambda: (CLASSES + "x = " + "(" * 190).encode()),
    "brackets of every kind": ("toy.py", lambda: (CLASSES + "x = " + "([{" * 60).encode()),
    "with and brackets": ("toy.py", lambda: (CLASSES + "with " + "(" * 190 + "a").encode()),
    "lambdas": ("toy.py", lambda: (CLASSES + "x = " + "lambda: " * 5_000 + "1").encode()),
    "f-strings": ("toy.py", lambda: (CLASSES + "x = f'" + "{a!r:{b}}" * 20_000 + "'").encode()),
    "unary operators": ("toy.py", lambda: (CLASSES + "x = " + "not " * 5_000 + "-" * 5_000 + "1").encode()),
    "attributes": ("toy.py", lambda: (CLASSES + "x = a" + ".b" * 60_000).encode()),
    "subscripts": ("toy.py", lambda: (CLASSES + "x = a" + "[0]" * 60_000).encode()),
    "comparisons": ("toy.py", lambda: (CLASSES + "x = a" + "<a" * 60_000).encode()),
    "elif": ("toy.py", lambda: (CLASSES + "if a: pass\n" + "elif a: pass\n" * 20_000).encode()),
    "blocks": ("toy.py", lambda: (CLASSES + "".join(" " * n + "if 1:\n" for n in range(99)) + " " * 99 + "x\n").encode()),
    "comprehensions": ("toy.py", lambda: (CLASSES + "x = " + _nested("[", " for a in b]", 90)).encode()),
    "loops of a comprehension": ("toy.py", lambda: (CLASSES + "x = [1" + " for a in b" * 9_000 + "]").encode()),
    "scopes": ("toy.py", lambda: (CLASSES + "x = [" + "[a for a in b]," * 9_000 + "]").encode()),
    "functions in a function": (
        "toy.py",
        lambda: (CLASSES + "def f():\n" + "".join(f"  def g{n}(): return a{n}\n" for n in range(2_900))).encode(),
    ),
    "classes in a class": (
        "toy.py",
        lambda: ("class Scaler:\n" + "".join(f"  class A{n}: x{n} = y\n" for n in range(2_900)) + "class Cutter: pass").encode(),
    ),
    "patterns": ("toy.py", lambda: (CLASSES + "match a:\n case " + "|".join(f"[{n}]" for n in range(9_000)) + ": pass").encode()),
    "parameters": ("toy.py", lambda: (CLASSES + "def f(" + ",".join(f"a{n}=b" for n in range(30_000)) + "): pass").encode()),
    "calls of calls": ("toy.py", lambda: (CLASSES + "f" + "(a)" * 30_000).encode()),
    "targets": ("toy.py", lambda: (CLASSES + "a = " * 60_000 + "1").encode()),
    "aliases": (
        "toy.py",
        lambda: (CLASSES + "a0 = Scaler\n" + "".join(f"a{n + 1} = [a{n}, a{n}]\n" for n in range(9_000))).encode(),
    ),
    "functions that call each other": (
        "toy.py",
        lambda: (
            CLASSES + "".join(f"def f{n}(a): f{(n * 7) % 3_000}(a); f{(n * 11) % 3_000}(a); a.x = 1\n" for n in range(3_000))
            + "f0(Scaler)\n"
        ).encode(),
    ),
    "loops over loops": (
        "toy.py",
        lambda: (CLASSES + "".join(f"for a{n + 1} in a{n}: a{n + 1}.x = Scaler\n" for n in range(9_000))).encode(),
    ),
    "one class again and again": ("toy.py", lambda: (CLASSES * 4_000).encode()),
    "a large class again and again": (
        "toy.py",
        lambda: (
            "class Scaler:\n" + "".join(f"  def f{n}(s): pass\n" for n in range(6_000)) + "class Scaler: pass\n" * 4_000
            + "class Cutter: pass\n"
        ).encode(),
    ),
    "copies of a cell": ("toy.ipynb", lambda: book(*[CLASSES] * 1_900, ids=["one"] * 1_900)),
    "copies by turns": ("toy.ipynb", lambda: book(*[CLASSES] * 1_900, ids=[f"id{n}" for n in range(1_900)])),
    "an id without end": ("toy.ipynb", lambda: book(CLASSES, ids=["a" * 3_000_000])),
    "futures": ("toy.ipynb", lambda: book(*["from __future__ import annotations\n"] * 1_900, CLASSES)),
    "everything is imported": ("toy.py", lambda: ("from numpy import *\n" * 9_000 + CLASSES).encode()),
    "everything of a cell's module": (
        "toy.ipynb",
        lambda: book(
            "%%writefile helper.py\n" + "".join(f"a{n} = 1\n" for n in range(9_000)),
            *["from helper import *\n" * 60] * 100,
            CLASSES,
        ),
    ),
    "modules that cells write": (
        "toy.ipynb",
        lambda: book(CLASSES, *[f"%%writefile m{n}.py\nimport m{n + 1}\nx = 1\n" for n in range(900)], "import m0"),
    ),
    "a name of 200,000 letters": ("toy.py", lambda: (f"class Scale{'r' * 200_000}: pass\nclass Cutter: pass").encode()),
    "names of 9,000 letters": (
        "toy.py",
        lambda: ("class Cutter: pass\n" + "".join(f"def {'Scaler' * 200}{n}(): pass\n" for n in range(300))).encode(),
    ),
    "letters that grow": ("toy.py", lambda: (CLASSES + "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}".join(["x = 1\n"] * 20_000)).encode()),
    "zero bytes": ("toy.py", lambda: CLASSES.encode() + b"\0" * 300_000),
    "tabs and blanks": ("toy.py", lambda: CLASSES.encode() + b"".join(b" " * n + b"\n" for n in range(900))),
    "back slashes": ("toy.py", lambda: CLASSES.encode() + b"x = 1 \\\n" * 60_000),
    "semicolons": ("toy.py", lambda: CLASSES.encode() + b"x=1;" * 100_000),
    "a text of escapes": ("toy.py", lambda: CLASSES.encode() + b"x = '" + b"\\N{DIGIT ONE}" * 30_000 + b"'"),
    "digits": ("toy.py", lambda: CLASSES.encode() + b"x = [" + b"9" * 4_299 + b", " + (b"9" * 4_299 + b",") * 100 + b"]"),
    "decorators": ("toy.py", lambda: b"@a.b(c)\n" * 9_000 + CLASSES.encode()),
    "white space without end": ("toy.ipynb", lambda: b" " * 3_000_000 + b"{"),
    "a page": ("toy.ipynb", lambda: b" " * 100_000 + b"<html>" * 100_000),
    **{
        f"newer syntax in {name}: {kind}": (name, make)
        for kind, text in {
            "braces": 'f"{' * 20_000,
            "braces in lines": "f'{(\n" * 12_000,
            "brackets": "def a[T, (\n" * 5_500,
            "aliases": "type x = (\n" * 6_000,
            "exceptions": "except (a, \n" * 5_500,
            "three quotes": 'f"""{' * 12_000,
            "quotes that end nowhere": "f\"{a} ''' \"\"\" \n" * 4_000,
            "depth": 'f"{a[' * 6_000 + '"]}' * 6_000,
            "much of it": 'print(f"{d["a"]}")\n' * 3_400,
            "types": "def f[T](x: T): pass\n" * 3_000,
            "templates": 't"{x}"\n' * 9_000,
            "names for types": "class A[" + ", ".join(f"T{n}" for n in range(120)) + "]: pass\n" * 400,
        }.items()
        for name, make in (
            ("toy.py", lambda text=text: f"{CLASSES}{text}".encode()),
            ("toy.ipynb", lambda text=text: book(CLASSES, *[text, "x = ("] * 4)),
        )
    },
    "UTF-16 in halves": ("toy.ipynb", lambda: b"\xff\xfe" + b"{\x00" * 300_000 + b"\xd8"),
}  # fmt: skip
