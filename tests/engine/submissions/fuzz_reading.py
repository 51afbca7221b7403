"""Fuzzing what reads submissions, for as long as one likes: ``make fuzz ARGS="--cpu-minutes 60"``.

Files of the example class and hostile ones are cut, spliced, repeated and damaged, and notebooks are made of pieces of
them; Hypothesis steers towards what takes longest. Each is read as grading reads it, in forks of the real confined
process. A finding is any end but the two that there may be: what the file holds, or a reason for the student.
Exit status 1 where there is one; its file is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "kits"))

from cnn_assignment.core.errors import UnreadableSubmissionError
from cnn_assignment.submissions.plain.budgets import CHOOSE_CPU_S, EXTRACT_CPU_S, SHOW_CPU_S, Budget
from cnn_assignment.submissions.plain.folder import FolderFiles
from cnn_assignment.submissions.plain.values import Wanted
from cnn_assignment.submissions.reader import Reader
from hostile_files import HOSTILE
from places import ROOT

NAMES = ("cnn.ipynb", "cnn.py")
# Bytes of one file: most are small, so that many are tried.
LONGEST = 400_000
LENGTHS = (6_000, 6_000, 40_000, 40_000, LONGEST)
ROUND = 200
# What a reason says where it is not the file that is told about, but an end that nobody meant.
UNMEANT = ("ends the program", "gives no sense")


@dataclass
class Tally:
    """What was seen so far. slowest: CPU seconds of the slowest submission, and what it began with."""

    examples: int = 0
    unreadable: int = 0
    limited: int = 0
    cpu_s: float = 0.0
    slowest: tuple[float, bytes] = (0.0, b"")
    findings: list[str] = field(default_factory=list)


def read_corpus() -> list[bytes]:
    """Whole files: those of the example class, the release, and the hostile ones."""
    files = [path for path in sorted((ROOT / "examples").rglob("*")) if path.suffix in (".py", ".ipynb")]
    files += [ROOT / "release/cnn/cnn.ipynb", ROOT / "solutions/cnn.py"]
    return [path.read_bytes()[:LONGEST] for path in files] + [make()[:LONGEST] for _, make in HOSTILE.values()]


CORPUS = read_corpus()
LINES = sorted({line for text in CORPUS for line in text.split(b"\n")[:400] if 0 < len(line) < 2_000})


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A file of the corpus after a few mutations."""
    longest = draw(st.sampled_from(LENGTHS))
    data = draw(st.sampled_from(CORPUS))[:longest]
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(data)))
        stop = min(len(data), start + draw(st.integers(0, 3_000)))
        match draw(st.sampled_from(("cut", "repeat", "splice", "insert", "line", "swap", "head"))):
            case "cut":
                data = data[:start] + data[stop:]
            case "repeat":
                data = data[:start] + data[start:stop] * draw(st.integers(2, 400)) + data[stop:]
            case "splice":
                other = draw(st.sampled_from(CORPUS))
                place = draw(st.integers(0, len(other)))
                data = data[:start] + other[place : place + 5_000] + data[stop:]
            case "insert":
                data = (
                    data[:start] + draw(st.binary(max_size=20)) * draw(st.sampled_from((1, 1, 7, 5_000))) + data[start:]
                )
            case "line":
                data = data[:start] + draw(st.sampled_from(LINES)) * draw(st.sampled_from((1, 1, 50))) + data[start:]
            case "swap":
                data = data[stop:] + data[:stop]
            case "head":
                data = data[:stop]
        data = data[:longest]
    return data


@st.composite
def assembled(draw: st.DrawFn) -> bytes:
    """A notebook whose cells are lines of the corpus, in any order and as often as one likes."""
    cells = []
    for _ in range(draw(st.integers(1, 12))):
        lines = draw(st.lists(st.sampled_from(LINES), max_size=12))
        text = b"\n".join(lines).decode("utf-8", "replace") * draw(st.sampled_from((1, 1, 1, 30)))
        kind = draw(st.sampled_from(("code", "code", "code", "markdown", "raw", "heading")))
        marks = {"nbgrader": {"grade_id": draw(st.sampled_from(("a", "b", "cnn-conv")))}}
        cells.append({"cell_type": kind, "source": text, "metadata": marks if draw(st.booleans()) else {}})
    book = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells * draw(st.sampled_from((1, 1, 40)))}
    return json.dumps(book).encode()[: draw(st.sampled_from(LENGTHS))]


def fuzz(cpu_minutes: float, seed: int, keep: Path) -> Tally:
    """Read until so much CPU time is used up by readings."""
    tally, wanted = Tally(), Wanted(("Convolution2dLayer", "MaxPooling2dLayer", "ConvolutionalNetwork"), ("mlp",))
    reader, beside = Reader(ROOT / "release/cnn/cnn.ipynb"), ROOT / "examples/cnn/einsum"
    began, said = time.process_time(), time.monotonic()

    def read(raw: bytes, name: str) -> float:
        used_s, tally.examples = 0.0, tally.examples + 1
        for most_s, what in ((CHOOSE_CPU_S, "extract"), (EXTRACT_CPU_S, "extract"), (SHOW_CPU_S, "show")):
            budget = Budget(most_s)
            try:
                if what == "extract":
                    reader.extract(raw, name, wanted, FolderFiles(beside), budget)
                else:
                    reader.show(raw, name, wanted, budget)
            except UnreadableSubmissionError as error:
                tally.unreadable += 1
                tally.limited += "takes more than" in error.fact
                if any(words in error.fact for words in UNMEANT):
                    tally.findings.append(_keep(keep, raw, name, error.fact))
            except Exception as error:  # noqa: BLE001 - what else there is, is what this looks for
                tally.findings.append(_keep(keep, raw, name, repr(error)))
            used_s += most_s - budget.left_s
        tally.cpu_s += used_s
        tally.slowest = max(tally.slowest, (used_s, raw[:60]))
        return used_s

    @settings(
        max_examples=ROUND,
        deadline=None,
        database=None,
        derandomize=False,
        phases=(Phase.generate, Phase.target),
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(damaged(), assembled()), st.sampled_from(NAMES))
    def one(raw: bytes, name: str) -> None:
        used_s = read(raw, name)
        # Every other round goes for breadth.
        if seed % 2:
            hypothesis.target(used_s)

    try:
        while tally.cpu_s + time.process_time() - began < 60 * cpu_minutes:
            hypothesis.seed(seed)(one)()
            seed += 1
            if time.monotonic() - said > 30:
                said = time.monotonic()
                print(describe(tally), file=sys.stderr, flush=True)
    finally:
        reader.close()
    return tally


def _keep(folder: Path, raw: bytes, name: str, what: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{len(list(folder.iterdir()))}-{name}"
    path.write_bytes(raw)
    return f"{path}: {what}"


def describe(tally: Tally) -> str:
    """The state of things in a line."""
    slowest, start = tally.slowest
    return (
        f"{tally.examples} files in {tally.cpu_s / 60:.1f} minutes of CPU, {tally.unreadable} readings told a reason, "
        f"{tally.limited} of them a limit; the slowest took {slowest:.2f} s ({start!r}); {len(tally.findings)} findings"
    )


def main() -> int:
    """Read the command line, fuzz, and tell."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpu-minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-findings"))
    options = parser.parse_args()
    tally = fuzz(options.cpu_minutes, options.seed, options.keep)
    print(describe(tally))
    for finding in tally.findings:
        print(finding)
    return 1 if tally.findings else 0


if __name__ == "__main__":
    sys.exit(main())
