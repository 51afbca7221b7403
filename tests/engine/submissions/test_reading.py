"""Reading under limits: whatever a file does to its reader, it costs its own student, and nobody waits for it."""

from __future__ import annotations

import ast
import json
import os
import signal
from contextlib import closing

import pytest

import toy_course
from cnn_assignment.core.errors import GraderError, TooLargeError, UnreadableSubmissionError
from cnn_assignment.sandbox.client.protocol import SandboxError
from cnn_assignment.submissions import extract_file, find_submission, show_file
from cnn_assignment.submissions.plain.budgets import Budget
from cnn_assignment.submissions.plain.folder import FolderFiles, read_plain
from cnn_assignment.submissions.plain.values import ExtractedCode, Shown, ShownCell, Wanted
from cnn_assignment.submissions.reader import Reader
from hostile_files import CLASSES, HOSTILE, book
from toy_course import write

WANTED = Wanted(("Scaler", "Cutter"), ("given",))
# What takes longer than there is time for, and more than there is room for.
SLOW = (CLASSES + "x = f'" + "{a!r:{b}}" * 40_000 + "'").encode()
LARGE = b"[" + b"{}," * 12_000_000 + b"{}]"
GOOD = toy_course.SOLUTION.encode()


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    return toy_course.make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def reader():
    with closing(Reader()) as reader:
        yield reader


@pytest.fixture
def beside(tmp_path):
    return FolderFiles(tmp_path)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_ends_in_what_it_holds_or_in_a_reason_of_its_own(reader, beside, kind):
    name, make = HOSTILE[kind]
    raw = make()
    for read, form in (
        (lambda: reader.extract(raw, name, WANTED, beside), ExtractedCode),
        (lambda: reader.show(raw, name, WANTED), Shown),
    ):
        fact = ""
        try:
            assert isinstance(read(), form)
        except UnreadableSubmissionError as error:
            fact = error.fact
        assert "ends the program" not in fact


@pytest.mark.parametrize(
    ("raw", "name", "reason"),
    [
        (SLOW, "toy.py", r"toy\.py takes more than 2\.5 seconds to read"),
        (LARGE, "toy.ipynb", r"toy\.ipynb takes more than 512 MiB of memory to read"),
    ],
    ids=["time", "memory"],
)
def test_a_file_that_takes_too_much_is_unreadable_and_the_next_one_is_read(reader, beside, raw, name, reason):
    with pytest.raises(UnreadableSubmissionError, match=reason):
        reader.extract(raw, name, WANTED, beside)
    assert reader.extract(GOOD, "toy.py", WANTED, beside).missing == ()


def test_readings_that_share_a_budget_end_when_it_is_used_up(reader, beside):
    budget = Budget(0.3)
    with pytest.raises(UnreadableSubmissionError, match=r"takes more than 0\.3 seconds"):
        reader.extract(SLOW, "toy.py", WANTED, beside, budget)
    assert budget.left_s == 0


def test_nothing_of_a_submission_is_parsed_in_this_process(assignment, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("parsed here")

    write(tmp_path / "ada/toy.py", GOOD)
    write(tmp_path / "ada/toy.ipynb", book(toy_course.SOLUTION))
    extract_file(tmp_path / "ada/toy.py", assignment)  # starts the confined process
    monkeypatch.setattr(ast, "parse", refuse)
    monkeypatch.setattr("builtins.compile", refuse)
    found = find_submission("ada", tmp_path / "ada", assignment)
    assert found.path == tmp_path / "ada/toy.ipynb"
    assert extract_file(found.path, assignment).missing == ()
    assert show_file(found.path.read_bytes(), "toy.ipynb", assignment).cells[0].names == {"Scaler", "Cutter"}


def test_a_slow_file_beside_the_good_one_does_not_count_in_its_place(assignment, tmp_path):
    for number in range(12):
        write(tmp_path / f"ada/slow{number}.py", SLOW)
    write(tmp_path / "ada/work.py", GOOD)
    write(tmp_path / "ada/toy.py", GOOD)
    assert find_submission("ada", tmp_path / "ada", assignment).path == tmp_path / "ada/toy.py"


def test_a_reader_whose_process_was_killed_gets_a_new_one(beside):
    with closing(Reader()) as reader:
        reader.extract(GOOD, "toy.py", WANTED, beside)
        os.kill(reader._sandbox._process.pid, signal.SIGKILL)
        reader._sandbox._process.wait()
        assert reader.extract(GOOD, "toy.py", WANTED, beside).missing == ()


def test_a_machine_that_starts_no_process_withholds_the_grade(monkeypatch, beside):
    def refuse(**_):
        raise SandboxError("no process to be had")

    monkeypatch.setattr("cnn_assignment.submissions.reader.open_sandbox", refuse)
    with pytest.raises(GraderError, match=r"toy\.py could not be read: no process to be had"):
        Reader().extract(GOOD, "toy.py", WANTED, beside)


def test_reading_is_as_confined_as_student_code_without_bubblewrap(reader, beside):
    reader.extract(GOOD, "toy.py", WANTED, beside)
    assert reader._sandbox.level == 2


def test_a_release_that_is_no_notebook_is_done_without(tmp_path, beside):
    with closing(Reader(write(tmp_path / "release.ipynb", "{"))) as reader:
        assert reader.extract(GOOD, "toy.py", WANTED, beside).missing == ()


# Files beside a submission


def test_only_plain_files_of_the_folder_itself_are_read(tmp_path):
    write(tmp_path / "secret.py", "x = 1")
    folder = tmp_path / "ada"
    write(folder / "pack/inner.py", "y = 2")
    (folder / "link.py").symlink_to(tmp_path / "secret.py")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe.py")
    files = FolderFiles(folder)
    assert files.read("pack/inner.py", 100) == b"y = 2"
    assert files.find_module("pack") == "pack/inner.py"
    for name in [
        "link.py",
        "linked/secret.py",
        "pipe.py",
        "pack",
        "../secret.py",
        "./pack/inner.py",
        "a\x00b",
        "nothing.py",
    ]:
        assert files.read(name, 100) is None
    assert files.read("", 100) is None
    for name in ("linked", "..", "", "nothing", "link.py"):
        assert files.find_module(name) is None


def test_a_file_with_more_than_is_asked_for_is_refused_before_it_is_read(tmp_path):
    write(tmp_path / "large.py", "x" * 101)
    with pytest.raises(TooLargeError, match="large"):
        FolderFiles(tmp_path).read("large.py", 100)
    with pytest.raises(TooLargeError, match="large"):
        read_plain(tmp_path / "large.py", 100)


def test_a_submission_may_ask_for_so_many_files_and_no_more(tmp_path):
    write(tmp_path / "a.py", "x")
    files = FolderFiles(tmp_path)
    answers = [files.read("a.py", 10) for _ in range(600)]
    assert answers[0] == b"x"
    assert answers[-1] is None


# What crosses


DAMAGES = [
    {"chunks": [["a", "b"]]}, {"chunks": [["a", 3, None]]}, {"chunks": [["a", "b", [[1, ["x"]]]]]}, {"notes": [3]},
    {"modules": [["a", ["b", "c", None, True]]]}, {"open_gaps": "3"}, {"missing": None},
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_of_the_form_is_no_code(damage):
    good = ExtractedCode((), ()).to_json()
    with pytest.raises((ValueError, TypeError), match=r"not |unpack|iter"):
        ExtractedCode.from_json(good | damage)


def test_values_come_back_as_they_were(reader, beside):
    code = reader.extract(book("import numpy as np, os", toy_course.SOLUTION), "toy.ipynb", WANTED, beside)
    assert ExtractedCode.from_json(json.loads(json.dumps(code.to_json()))) == code
    shown = reader.show(book(("markdown", "a *b*"), toy_course.SOLUTION, ids=["one", "two"]), "toy.ipynb", WANTED)
    assert Shown.from_json(json.loads(json.dumps(shown.to_json()))) == shown
    assert shown.cells[0] == ShownCell("cell 1", "markdown", "a *b*", "one")
    assert shown.cells[1].definitions.keys() == {"Scaler", "Cutter"}


def test_the_first_side_of_every_conflict_is_read(reader, beside):
    cell = {"cell_type": "code", "source": ["A\n", "class Cutter: pass\n"]}
    both = '<<<<<<< ours\n   "class Scaler: a = 1\\n",\n||||||| base\n   "(",\n=======\n   ")",\n>>>>>>> theirs'
    merged = json.dumps({"nbformat": 4, "cells": [cell]}, indent=1).replace('    "A\\n",', both)
    code = reader.extract(merged.encode(), "toy.ipynb", WANTED, beside)
    assert code.missing == ()
    assert "a = 1" in code.chunks[0].source
    assert code.notes == ("toy.ipynb holds both sides of a merge; the first of each was read.",)
