"""A class of any size, made of few works of known worth, no two submissions alike, the same for a seed on any day.

Nine of ten students hand in work: right solutions of every build, one misconception each, or what the example class
hands in, rewritten by `variations` and packed as notebooks and modules. Every tenth brings trouble: the files of
tests/kits/troubles.py, code that ends, floods or starves its process, and what cannot be read. What each must earn is known
beforehand: task by task where a person has approved it, as a sum, or as the one task that must lose marks.
"""

from __future__ import annotations

import copy
import json
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from benchkit import CLASS, NAME, ROOT, the_assignment
from notebooks import split_by_class
from variations import vary

from cnn_assignment.authoring.skeleton import strip_markers
from cnn_assignment.misconceptions import load_misconceptions
from cnn_assignment.proving.variants import load_variants

Files = dict[str, bytes]
Book = dict[str, Any]

GOLDEN = ROOT / "tests" / "assignments" / "cnn" / "golden"
POINTS = {"conv-forward": 20, "conv-backward": 25, "pool-views": 10, "pool-forward": 10, "pool-backward": 20}
POINTS |= {"cnn-chain": 15}
# What costs its time limits by design is rare, as it is among students.
ENDLESS_SHARE = 0.005
TROUBLE_SHARE = 0.1
HUGE_SHARE = 0.001
SCALE_MB = 20
SLOW = frozenset({"endless-loop", "a-loop-without-end", "sleeps"})
_DAMAGED = frozenset({"syntax-error"})
_FIRST_LINES = {
    # What stands first in cnn-chain's method, and whether the method still gives its right answer.
    "exits": ("__import__('os')._exit(0)", False),
    "kills-itself": ("__import__('os').kill(__import__('os').getpid(), 9)", False),
    "kills-its-parent": ("__import__('os').kill(__import__('os').getppid(), 9); raise ValueError", False),
    "leaves-python": ("raise SystemExit", False),
    "interrupts": ("raise KeyboardInterrupt", False),
    "recurses": ("return self.backward(cache, labels)", False),
    "wants-memory": ("np.ones((1 << 14, 1 << 16))", False),
    "reads-nowhere": ("__import__('ctypes').string_at(0)", False),
    "closes-everything": ("__import__('os').closerange(0, 256); raise ValueError", False),
    "reads-the-solution": ("open('solutions/cnn.py').read()", False),
    "floods": ("print('x' * 10_000_000)", True),
    "warns": ("__import__('warnings').warn('slow')", True),
    "a-loop-without-end": ("while True: pass", False),
    "sleeps": ("__import__('time').sleep(1000)", False),
}


@dataclass(frozen=True)
class Work:
    """What one or many students hand in, before it is rewritten.

    text: a module, or book: a notebook, or files: a folder that is left as it is but for its bytes. status, score and
    tasks: what the report must say, None for what is not known; loses: the one task that must lose marks.
    """

    name: str
    text: str = ""
    book: Book = field(default_factory=dict)
    files: Files = field(default_factory=dict)
    status: str = "graded"
    score: float | None = None
    tasks: dict[str, float] | None = None
    loses: str = ""


@dataclass(frozen=True)
class Student:
    """One student: the files of the folder, and the work that they were made of."""

    name: str
    files: Files
    work: Work


class ClassMaker:
    """Makes student after student; equal seeds make equal classes, in any order and by any number of processes."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._assignment = the_assignment()
        self._solution = strip_markers(self._assignment.solution_file.read_text(encoding="utf-8"), "cnn.py")
        released = self._assignment.release_dir / f"{NAME}.ipynb"
        self._released: Book = json.loads(released.read_text(encoding="utf-8"))

    def make(self, number: int) -> Student:
        """The student of this number."""
        name = f"s{number:05}"
        rng = random.Random(f"{self._seed}-{number}")
        work = self.choose(number)
        if work.text:
            files = self._pack(vary(work.text, rng, name), rng, name)
        elif work.book:
            files = {f"{NAME}.ipynb": _as_bytes(_decorate(copy.deepcopy(work.book), rng, name))}
        else:
            files = {file: _touch(content, file, number) for file, content in work.files.items()}
        return Student(name, files, work)

    def choose(self, number: int) -> Work:
        """The work of the student of this number, without making it."""
        # Every thousand students have all that is rare.
        if number % round(1 / HUGE_SHARE) == 500:
            return self._huge
        if number % round(1 / ENDLESS_SHARE) == 100:
            return self._pick(self._endless, number)
        if number % round(1 / TROUBLE_SHARE) == 3:
            return self._pick(self._troubles, number)
        return self._pick((self._right, self._wrong, self._class)[number % 3], number)

    def _pick(self, works: list[Work], number: int) -> Work:
        # In the order of the list, round by round, so that none is left out of a large class.
        return works[number * 7919 // 30 % len(works)] if len(works) > 30 else works[number // 3 % len(works)]

    # Works

    @cached_property
    def _right(self) -> list[Work]:
        variants = {variant.name: variant.text for variant in load_variants(self._assignment)}
        return [Work(f"right/{name}", text, tasks=POINTS) for name, text in [*variants.items(), ("it", self._solution)]]

    @cached_property
    def _wrong(self) -> list[Work]:
        solution = self._assignment.solution_file.read_text(encoding="utf-8")
        return [
            Work(f"misconception/{entry.id}", _without_markers(entry.apply(solution)), loses=entry.task)
            for entry in load_misconceptions(self._assignment)
        ]

    @cached_property
    def _class(self) -> list[Work]:
        return [work for work in self._examples if work.status == "graded" and work.name not in SLOW]

    @cached_property
    def _examples(self) -> list[Work]:
        works = []
        for path in sorted(GOLDEN.glob("*.json")):
            report = json.loads(path.read_text(encoding="utf-8"))
            known: dict[str, Any] = {
                "status": report["status"],
                "tasks": {task["id"]: task["score"] for task in report["tasks"]},
            }
            folder = CLASS / path.stem
            if report["status"] != "graded" or path.stem in _DAMAGED:
                # Not to be varied: it is no notebook, or no Python.
                files = {file.name: file.read_bytes() for file in folder.iterdir()}
                works.append(Work(path.stem, files=files, **known))
            elif (folder / f"{NAME}.py").is_file():
                works.append(Work(path.stem, (folder / f"{NAME}.py").read_text(encoding="utf-8-sig"), **known))
            else:
                book = json.loads((folder / f"{NAME}.ipynb").read_text(encoding="utf-8-sig"))
                works.append(Work(path.stem, book=book, **known))
        return works

    @cached_property
    def _deeds(self) -> list[Work]:
        head, signature, body = self._solution.partition("    def backward(self, cache, labels):\n")
        works = []
        for name, (line, answers) in _FIRST_LINES.items():
            text = f"{head}{signature}        {line}\n{body}"
            works.append(Work(name, text, tasks=POINTS | {"cnn-chain": 15 if answers else 0}))
        return works

    @cached_property
    def _endless(self) -> list[Work]:
        return [work for work in (*self._deeds, *self._examples) if work.name in SLOW]

    @cached_property
    def _troubles(self) -> list[Work]:
        sys.path.insert(0, str(ROOT / "tests" / "kits"))
        from troubles import make_troubles

        # A notebook of 100 MB has its own place and size here.
        known = {name: it for name, it in make_troubles(self._assignment).items() if name != "huge-outputs"}
        works = [
            Work(f"trouble/{name}", files=trouble.files, status=trouble.status, score=trouble.score)
            for name, trouble in known.items()
        ]
        works += [work for work in self._deeds if work.name not in SLOW]
        return works + [work for work in self._examples if work.status != "graded"]

    @cached_property
    def _huge(self) -> Work:
        book = self._filled(split_by_class(self._solution))
        output = {"output_type": "stream", "name": "stdout", "text": "x" * (SCALE_MB * 1_000_000)}
        book["cells"][1]["outputs"] = [output]
        return Work("huge-outputs", book=book, tasks=POINTS)

    # Packing

    def _filled(self, pieces: dict[str, str]) -> Book:
        book = copy.deepcopy(self._released)
        for cell in book["cells"]:
            cell["source"] = pieces.get(_mark(cell), cell["source"])
        return book

    def _pack(self, text: str, rng: random.Random, name: str) -> Files:
        """A module or a notebook of this text."""
        pieces = split_by_class(text)
        kind = rng.random()
        if kind < 0.35:
            result = "\r\n" if rng.random() < 0.2 else "\n"
            return {f"{NAME}.py": text.replace("\n", result).encode("utf-8-sig" if rng.random() < 0.1 else "utf-8")}
        if pieces and kind < 0.85:
            return {f"{NAME}.ipynb": _as_bytes(_decorate(self._filled(pieces), rng, name))}
        book = {"cells": [_code(text)], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}
        return {f"{NAME}.ipynb": _as_bytes(_decorate(book, rng, name))}


def _without_markers(text: str) -> str:
    """A mistake may go beyond its gap, so that the markers stand anywhere."""
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(("### BEGIN", "### END")))


def _mark(cell: Book) -> str:
    return str(cell["metadata"].get("nbgrader", {}).get("grade_id", ""))


def _code(source: str) -> Book:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None}


def _as_bytes(book: Book) -> bytes:
    return json.dumps(book, indent=1, ensure_ascii=False).encode()


def _decorate(book: Book, rng: random.Random, name: str) -> Book:
    """Cells of the student's own, and what editors do to a notebook that leaves its code alone."""
    for edit in rng.sample(_DECORATIONS, k=rng.randint(1, 3)):
        edit(book, rng)
    book["cells"].append({"cell_type": "markdown", "source": f"Handed in by {name}.", "metadata": {}})
    for number, cell in enumerate(book["cells"]):
        if "id" in book["cells"][0]:
            cell.setdefault("id", f"own-{number}")
    return book


def _add_text(book: Book, rng: random.Random) -> None:
    cell = {"cell_type": "markdown", "source": f"Note {rng.randint(1, 999)}: ask about this.", "metadata": {}}
    book["cells"].insert(rng.randint(0, len(book["cells"])), cell)


def _add_code(book: Book, rng: random.Random) -> None:
    book["cells"].append(_code(f"print('a first try', {rng.randint(1, 999)})\n"))


def _strip_marks(book: Book, rng: random.Random) -> None:
    del rng
    for cell in book["cells"]:
        cell["metadata"] = {}


def _clear_outputs(book: Book, rng: random.Random) -> None:
    del rng
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None


def _count_executions(book: Book, rng: random.Random) -> None:
    for number, cell in enumerate(book["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = number + rng.randint(1, 99)


def _name_kernel(book: Book, rng: random.Random) -> None:
    book["metadata"]["kernelspec"] = {"name": f"env{rng.randint(1, 99)}", "display_name": "Mine", "language": "python"}


_DECORATIONS: tuple[Callable[[Book, random.Random], None], ...] = (
    _add_text,
    _add_code,
    _strip_marks,
    _clear_outputs,
    _count_executions,
    _name_kernel,
)


def _touch(content: bytes, file: str, number: int) -> bytes:
    """Other bytes that mean the same: a note in a notebook's metadata, a comment, or blanks behind the rest."""
    if file.endswith(".ipynb"):
        try:
            book = json.loads(content)
        except ValueError:
            book = None
        if isinstance(book, dict) and book.get("nbformat") == 4 and isinstance(book.get("metadata"), dict):
            book["metadata"]["handed_in_by"] = number
            return _as_bytes(book)
        wide = content[:2] == b"\xff\xfe" or content[1:2] == b"\0"
        return content + (b"\n\0" if wide else b"\n") * (1 + number // 10)
    if file.endswith(".py") and content[:1] != b"{":
        return content + f"\n# {number}\n".encode()
    return content


def write(student: Student, submitted: Path) -> None:
    """The student's folder as nbgrader collects it, whole or not at all."""
    folder = submitted / student.name
    building = submitted / f".{student.name}"
    place = building / NAME
    place.mkdir(parents=True, exist_ok=True)
    for file, content in student.files.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_bytes(content)
    building.rename(folder)


def problems(work: Work, report: dict[str, Any]) -> Iterator[str]:
    """What a report says that it should not, about this work."""
    found = {task["id"]: task["score"] for task in report["tasks"]}
    if report["status"] != work.status:
        yield f"{report['status']} and not {work.status}: {' '.join(report['notes'])[:200]}"
    if work.score is not None and abs(report["score"] - work.score) > 1e-9:
        yield f"{report['score']} and not {work.score}: {found}"
    if work.tasks is not None:
        for task, due in work.tasks.items():
            if abs(found.get(task, -1) - due) > 1e-9:
                yield f"{task}: {found.get(task)} and not {due}"
    if work.loses:
        for task, due in POINTS.items():
            if (found.get(task, -1) == due) == (task == work.loses):
                yield f"{task}: {found.get(task)} of {due}, where {work.loses} alone must lose marks"
