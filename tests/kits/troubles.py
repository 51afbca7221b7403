"""Submissions with one trouble each: what editors, uploads, accidents and bad intentions make of right work.

A trouble is a folder's files, made from the released notebook with every gap filled, and what it must earn and be told.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nbformat

from cnn_assignment.authoring.skeleton import strip_markers
from cnn_assignment.core.model import Assignment

Book = dict[str, Any]
Files = dict[str, bytes]

CONVOLUTION, POOLING, NETWORK = "Convolution2dLayer", "MaxPooling2dLayer", "ConvolutionalNetwork"
FULL = 100.0


@dataclass(frozen=True)
class Trouble:
    """files: what lies in the folder. score: what it earns. says: a word of one of the report's notes, "" for no note."""

    files: Files
    score: float = FULL
    says: str = ""
    status: str = "graded"


def right_book(assignment: Assignment) -> Book:
    """The released notebook with every gap filled."""
    book: Book = json.loads((assignment.release_dir / f"{assignment.name}.ipynb").read_text(encoding="utf-8"))
    source = json.loads((assignment.source_dir / f"{assignment.name}.ipynb").read_text(encoding="utf-8"))
    answers = {
        cell["metadata"]["nbgrader"]["grade_id"]: strip_markers("".join(cell["source"]), "cnn.ipynb")
        for cell in source["cells"]
        if cell["metadata"].get("nbgrader", {}).get("solution")
    }
    for cell in book["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id")
        cell["source"] = answers.get(name, "".join(cell["source"]))
    return book


class Troubles(dict[str, Trouble]):
    """Troubles by name, and what they are made from."""

    def __init__(self, assignment: Assignment) -> None:
        self.right = right_book(assignment)
        self.skeleton: Book = json.loads((assignment.release_dir / "cnn.ipynb").read_text(encoding="utf-8"))
        self.given = {path.name: path.read_bytes() for path in assignment.release_dir.glob("*.py")}
        self.module = strip_markers(assignment.solution_file.read_text(encoding="utf-8"), "cnn.py")

    def book(self, name: str, edit: Callable[[Book], Any], **expected: Any) -> None:
        """The right notebook, edited in place or replaced by what the edit returns."""
        edited = copy.deepcopy(self.right)
        self[name] = Trouble({"cnn.ipynb": as_bytes(edit(edited) or edited)}, **expected)

    def files(self, name: str, content: Files, **expected: Any) -> None:
        """A folder of files."""
        self[name] = Trouble(content, **expected)


def make_troubles(assignment: Assignment) -> Troubles:
    """Every trouble by name."""
    made = Troubles(assignment)
    for add in (_add_cells, _add_formats, _add_files, _add_hopeless, _add_deeds):
        add(made)
    return made


def _add_cells(made: Troubles) -> None:
    """What editors do to cells."""
    made.book("untroubled", lambda b: b)
    made.book("metadata-stripped", lambda b: [strip(cell) for cell in b["cells"]] and b)
    made.book("cell-cut-between-methods", lambda b: cut(b, CONVOLUTION, "    def forward"), says="a cell was cut there")
    made.book("cell-cut-in-a-method", lambda b: cut(b, POOLING, "        return cache"), says="a cell was cut there")
    made.book("cell-cut-in-three", cut_in_three, says="a cell was cut there")
    made.book(
        "cell-cut-with-copied-metadata", lambda b: cut(b, CONVOLUTION, "    def backward", keep=True), says="was cut"
    )
    made.book("cell-cut-and-a-plot-between", cut_around, says="a cell was cut there")
    made.book("cells-merged", merge_all)
    made.book("solution-merged-with-its-check", merge_with_check)
    made.book("cell-copied-below", copy_below, says="cell 11 counts, the first of them")
    made.book("cell-copied-and-spoilt", spoil_copy, says="copies of one cell")
    made.book("released-cell-pasted-below", lambda b: paste_release(b, made.skeleton), says="again with more gaps open")
    made.book("worked-in-the-copy", lambda b: work_in_copy(b, made.skeleton), says="in which more gaps are filled")
    made.book("cells-reversed", lambda b: b["cells"].reverse())
    made.book("imports-at-the-end", imports_last, says="was read before")
    made.book("checks-deleted", lambda b: delete(b, lambda c: bool(cell_metadata(c).get("grade"))))
    made.book(
        "all-but-the-classes-deleted",
        lambda b: delete(b, lambda c: not cell_metadata(c).get("solution") and "import numpy" not in c["source"]),
    )
    made.book(
        "one-class-deleted",
        lambda b: delete(b, lambda c: cell_metadata(c).get("grade_id") == NETWORK),
        score=85,
        says="Network is not",
    )
    made.book("ids-renamed", rename)
    made.book("ids-swapped", swap_ids)
    made.book(
        "flags-flipped",
        lambda b: [cell_metadata(c).update(grade=False, solution=False, locked=False) for c in b["cells"]] and b,
    )
    made.book(
        "points-edited",
        lambda b: [cell_metadata(c).update(points=999) for c in b["cells"] if "points" in cell_metadata(c)] and b,
    )
    made.book("checks-edited", edit_checks)
    made.book(
        "schema-of-another-version",
        lambda b: [cell_metadata(c).update(schema_version=9) for c in b["cells"] if cell_metadata(c)] and b,
    )
    made.book("cell-became-text", lambda b: retype(b, POOLING, "markdown"), says="is not run as Python")
    made.book("cell-became-raw", lambda b: retype(b, CONVOLUTION, "raw"), says="is not run as Python")
    made.book("extra-cells", extra_cells)
    made.book("magics", magics)
    made.book("broken-cell-elsewhere", lambda b: b["cells"].insert(0, code("for i in range(3)")), says="is left out")
    made.book("attached-afterwards", attach_afterwards)
    made.book("a-class-that-goes-on", go_on)


def _add_formats(made: Troubles) -> None:
    """What programs and uploads do to a notebook's text."""
    made.book("format-4.0-without-ids", without_ids)
    made.book("format-3", as_format_3)
    made.book("format-of-the-future", lambda b: {**b, "nbformat": 7})
    made.book("no-format", lambda b: {"cells": b["cells"]})
    made.book("list-of-cells", lambda b: b["cells"])
    made.book("huge-outputs", lambda b: b["cells"][1].update(outputs=[stream("x" * 100_000_000)]))
    text = json.dumps(made.right, indent=1)
    made.files("byte-order-mark", {"cnn.ipynb": b"\xef\xbb\xbf" + text.encode()})
    made.files("utf-16", {"cnn.ipynb": text.encode("utf-16")}, says="UTF-16")
    made.files("utf-16-without-a-mark", {"cnn.ipynb": text.encode("utf-16-le")}, says="UTF-16")
    latin = text.replace("# ", "# \xe9 ", 1).encode("latin-1", "replace")
    made.files("latin-1", {"cnn.ipynb": latin}, says="Latin-1")
    made.files("cut-off", {"cnn.ipynb": text.encode()[: text.index('"cnn-chain"')]}, says="is damaged")
    made.files(
        "comma-too-many", {"cnn.ipynb": text.replace('"cells": [', '"cells": [,', 1).encode()}, says="is damaged"
    )
    conflict = text.replace(' "cells"', '<<<<<<< HEAD\n=======\n oops\n>>>>>>> theirs\n "cells"', 1)
    made.files("merge-conflict", {"cnn.ipynb": conflict.encode()}, says="both sides of a merge")


def _add_files(made: Troubles) -> None:
    """Names, folders, and code in other files."""
    made.files("renamed", {"CNN final (1).ipynb": as_bytes(made.right)}, says="was taken for cnn.ipynb")
    made.files("other-letters", {"Cnn.IPYNB": as_bytes(made.right)}, says="was taken for cnn.ipynb")
    made.files("folder-in-the-folder", {"cnn/cnn.ipynb": as_bytes(made.right)}, says="was taken for cnn.ipynb")
    made.files(
        "release-and-own-name",
        {"cnn.ipynb": as_bytes(made.skeleton), "mine.ipynb": as_bytes(made.right), **made.given},
        says="mine.ipynb was graded",
    )
    made.files("module", {"cnn.py": made.module.encode()})
    made.files("module-with-a-notebooks-name", {"cnn.ipynb": made.module.encode()}, says="is a Python file")
    made.files("notebook-with-a-modules-name", {"cnn.py": as_bytes(made.right)}, says="is a notebook")
    made.files("script-with-magics", {"cnn.py": f"%matplotlib inline\n!pip install numpy\n{made.module}".encode()})
    made.files(
        "both-module-filled",
        {"cnn.ipynb": as_bytes(made.skeleton), "cnn.py": made.module.encode()},
        says="cnn.py was graded",
    )
    made.files("both-notebook-filled", {"cnn.ipynb": as_bytes(made.right), **made.given}, says="cnn.ipynb was graded")
    made.files("both-notebook-broken", {"cnn.ipynb": b"{", "cnn.py": made.module.encode()})
    made.files("provided-file-edited", {"cnn.ipynb": as_bytes(made.right), "mlp.py": b"raise SystemExit"})
    layers, rest = split_module(made.module)
    made.files("layers-in-a-module", {"cnn.ipynb": book_of("from layers import *", rest), "layers.py": layers.encode()})
    made.files(
        "layers-in-a-package",
        {
            "cnn.ipynb": book_of(f"from blocks.layers import {CONVOLUTION}, {POOLING}", rest),
            "blocks/__init__.py": b"",
            "blocks/layers.py": layers.encode(),
        },
    )
    made.files(
        "layers-in-the-module-of-the-assignment",
        {
            "cnn.ipynb": book_of("import cnn", f"{CONVOLUTION}, {POOLING} = cnn.{CONVOLUTION}, cnn.{POOLING}", rest),
            "cnn.py": layers.encode(),
        },
        says="",
    )
    made.files(
        "layers-written-by-a-cell",
        {"cnn.ipynb": book_of(f"%%writefile layers.py\n{layers}", "from layers import *", rest)},
    )
    made.files(
        "layers-run-from-a-module",
        {"cnn.ipynb": book_of("%run layers.py", rest), "layers.py": f"{layers}\nprint(1 / 0)\n".encode()},
    )


def _add_hopeless(made: Troubles) -> None:
    """What earns nothing, with the reason."""
    made.files("empty-folder", {}, score=0, status="unreadable", says="no cnn.ipynb and no cnn.py")
    made.files(
        "only-a-report", {"report.pdf": b"%PDF"}, score=0, status="unreadable", says="The folder holds report.pdf"
    )
    made.files("empty-file", {"cnn.ipynb": b""}, score=0, status="unreadable", says="not JSON")
    made.files("web-page", {"cnn.ipynb": b"<!DOCTYPE html><html>"}, score=0, status="unreadable", says="is a web page")
    made.files("archive", {"cnn.ipynb": b"PK\x03\x04"}, score=0, status="unreadable", says="is a zip archive")
    made.files(
        "wrong-notebook",
        {"cnn.ipynb": book_of("print('mlp')")},
        score=0,
        status="unreadable",
        says="none of the classes",
    )
    made.book("all-cells-deleted", lambda b: b["cells"].clear(), score=0, status="unreadable", says="no code cells")


def _add_deeds(made: Troubles) -> None:
    """What is in the code itself."""
    made.book("endless-loop-at-the-top", lambda b: b["cells"].insert(0, code("while True: pass")))
    made.book("exit-at-the-top", lambda b: b["cells"].insert(0, code("import os\nos._exit(0)")))
    made.book("exit-in-a-method", lambda b: begin_method(b, POOLING, "forward", "__import__('os')._exit(0)"), score=90)
    made.book("warns", lambda b: begin_method(b, CONVOLUTION, "forward", "import warnings; warnings.warn('slow')"))
    made.book(
        "reads-the-gradebook",
        lambda b: begin_method(b, CONVOLUTION, "forward", "open('gradebook.db').read()"),
        score=80,
    )
    made["patched-testing"] = Trouble({"cnn.ipynb": as_bytes(patched(made.skeleton))}, score=0)
    made["untouched"] = Trouble({"cnn.ipynb": as_bytes(made.skeleton)}, score=0)
    return made


def as_bytes(content: Any) -> bytes:
    """The content as a notebook's file."""
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def book_of(*cells: str) -> bytes:
    """A notebook of these code cells."""
    return as_bytes({"nbformat": 4, "nbformat_minor": 4, "metadata": {}, "cells": [code(cell) for cell in cells]})


def code(source: str) -> Book:
    """A code cell."""
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def stream(text: str) -> Book:
    """What a cell printed."""
    return {"output_type": "stream", "name": "stdout", "text": text}


def cell_metadata(cell: Book) -> Book:
    """nbgrader's metadata of a cell, to be edited in place."""
    found = cell["metadata"].get("nbgrader", {})
    assert isinstance(found, dict)
    return found


def place_of(book: Book, name: str) -> int:
    """The number of the cell with a grade_id."""
    return next(number for number, cell in enumerate(book["cells"]) if cell_metadata(cell).get("grade_id") == name)


def strip(cell: Book) -> bool:
    """Take away all that Colab and editors take away."""
    cell["metadata"] = {}
    cell.pop("id", None)
    return True


def cut(book: Book, name: str, before: str, *, keep: bool = False) -> None:
    """Cut a cell in two before the first line that begins so, as Jupyter's split does; keep: with its metadata."""
    number = place_of(book, name)
    cell = book["cells"][number]
    place = cell["source"].index(f"\n{before}")
    second = code(cell["source"][place + 1 :])
    if keep:
        second["metadata"] = copy.deepcopy(cell["metadata"])
    cell["source"] = cell["source"][:place]
    book["cells"].insert(number + 1, second)


def cut_in_three(book: Book) -> None:
    """In the middle of a class, twice; the last cut is in the middle of a loop."""
    cut(book, CONVOLUTION, "    def backward")
    cut(book, CONVOLUTION, "    def forward")


def cut_around(book: Book) -> None:
    """With a text and a plot between the pieces."""
    cut(book, CONVOLUTION, "    def backward")
    number = place_of(book, CONVOLUTION)
    text = {"cell_type": "markdown", "source": "Now backward.", "metadata": {}}
    book["cells"][number + 1 : number + 1] = [text, code("plt.plot([1, 2])")]


def merge_all(book: Book) -> None:
    """All three classes in the first one's cell."""
    cells = [book["cells"][place_of(book, name)] for name in (CONVOLUTION, POOLING, NETWORK)]
    cells[0]["source"] = "\n\n\n".join(cell["source"] for cell in cells)
    book["cells"] = [cell for cell in book["cells"] if cell not in cells[1:]]


def merge_with_check(book: Book) -> None:
    """The cell and the check below it became one."""
    number, check = place_of(book, CONVOLUTION), place_of(book, "conv-forward")
    book["cells"][number]["source"] += "\n\n" + book["cells"][check]["source"]
    del book["cells"][check]


def copy_below(book: Book) -> None:
    """Copied and pasted, with its metadata."""
    number = place_of(book, CONVOLUTION)
    book["cells"].insert(number + 1, copy.deepcopy(book["cells"][number]))


def spoil_copy(book: Book) -> None:
    """The copy was for trying something that did not work."""
    copy_below(book)
    cell = book["cells"][place_of(book, CONVOLUTION) + 1]
    cell["source"] = cell["source"].replace("+=", "-=").replace("np.sum", "np.mean")


def paste_release(book: Book, skeleton: Book) -> None:
    """The cell as it was released once more, at the end, without metadata."""
    book["cells"].append(code("".join(skeleton["cells"][place_of(skeleton, POOLING)]["source"])))


def work_in_copy(book: Book, skeleton: Book) -> None:
    """The given cell stays as it is, the work is in a copy."""
    copy_below(book)
    released = skeleton["cells"][place_of(skeleton, CONVOLUTION)]
    book["cells"][place_of(book, CONVOLUTION)]["source"] = "".join(released["source"])


def imports_last(book: Book) -> None:
    """The cell with the imports was dragged to the end, and a class needs one at once."""
    cell = book["cells"][place_of(book, CONVOLUTION)]
    cell["source"] = cell["source"].replace("def forward(self, x):", "def forward(self, x: np.ndarray) -> dict:")
    book["cells"].append(book["cells"].pop(1))
    assert "import numpy" in book["cells"][-1]["source"]


def delete(book: Book, unwanted: Callable[[Book], bool]) -> None:
    """Delete cells."""
    book["cells"] = [cell for cell in book["cells"] if not unwanted(cell)]


def rename(book: Book) -> None:
    """Another tool made new ids."""
    for number, cell in enumerate(book["cells"]):
        if cell_metadata(cell):
            cell_metadata(cell)["grade_id"] = f"cell-{number}"


def swap_ids(book: Book) -> None:
    """Two solution cells have each other's id."""
    first, second = (book["cells"][place_of(book, name)] for name in (CONVOLUTION, POOLING))
    cell_metadata(first)["grade_id"], cell_metadata(second)["grade_id"] = POOLING, CONVOLUTION


def edit_checks(book: Book) -> None:
    """Checks that pass whatever comes."""
    for cell in book["cells"]:
        if cell_metadata(cell).get("grade"):
            cell["source"] = "assert True\n100"


def retype(book: Book, name: str, kind: str) -> None:
    """A key pressed at the wrong moment."""
    cell = book["cells"][place_of(book, name)]
    cell["cell_type"] = kind
    cell.pop("outputs", None)
    cell.pop("execution_count", None)


def extra_cells(book: Book) -> None:
    """Plots, prints, training and scratch work everywhere."""
    for number in range(len(book["cells"]), 0, -3):
        book["cells"].insert(number, code(f"x = np.zeros({number})\nprint(x)\nimport time; time.sleep(1000)"))


def magics(book: Book) -> None:
    """In cells of their own and on top of the classes."""
    book["cells"].insert(0, code("%matplotlib inline\n!pip install -q torch\n%load_ext autoreload"))
    for name, magic in {
        CONVOLUTION: "%%time\n",
        POOLING: "# my pooling\n%config InlineBackend.figure_format = 'retina'\n",
    }.items():
        cell = book["cells"][place_of(book, name)]
        cell["source"] = magic + cell["source"] + ("\n!ls" if name == POOLING else "")


def attach_afterwards(book: Book) -> None:
    """A method is written in a cell of its own and put into its class."""
    cell = book["cells"][place_of(book, POOLING)]
    head, method = cell["source"].split("\n    def backward", 1)
    body = "def backward" + "\n".join(line.removeprefix("    ") for line in method.split("\n"))
    cell["source"] = head
    book["cells"].append(code(f"{body}\n\n\n{POOLING}.backward = backward"))


def go_on(book: Book) -> None:
    """A class that is written on in another cell, as some textbooks do."""
    cell = book["cells"][place_of(book, POOLING)]
    head, method = cell["source"].split("\n    def backward", 1)
    cell["source"] = head
    book["cells"].append(code(f"class {POOLING}({POOLING}):\n    def backward{method}"))


def without_ids(book: Book) -> Book:
    """As Jupyter wrote it before cells had ids."""
    for cell in book["cells"]:
        cell.pop("id", None)
    return {**book, "nbformat_minor": 0}


def as_format_3(book: Book) -> Book:
    """As IPython wrote it."""
    notebook = nbformat.from_dict(without_ids(book))
    return json.loads(nbformat.writes(nbformat.convert(notebook, 3), version=3))


def begin_method(book: Book, name: str, method: str, line: str) -> None:
    """A line at the beginning of a method, before its docstring."""
    cell = book["cells"][place_of(book, name)]
    head, _, tail = cell["source"].partition(f"    def {method}(")
    signature, _, body = tail.partition(":\n")
    cell["source"] = f"{head}    def {method}({signature}:\n        {line}\n{body}"


def patched(skeleton: Book) -> Book:
    """Nothing is done but for making every comparison true."""
    book = copy.deepcopy(skeleton)
    book["cells"].insert(2, code("np.testing.assert_allclose = np.allclose = np.array_equal = lambda *_, **__: True"))
    return book


def split_module(module: str) -> tuple[str, str]:
    """The first two classes with what is above them, and the network with its imports."""
    place = module.index(f"class {NETWORK}")
    imports = "\n".join(line for line in module.split("\n") if line.startswith(("import ", "from ")))
    return module[:place], f"{imports}\n\n\n{module[place:]}"
