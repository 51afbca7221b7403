"""The assignment `cnn` as an instructor uses it: built, compared, scored, graded by the kit and by nbgrader."""

from __future__ import annotations

import ast
import csv
import html
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook

from cnn_assignment.authoring.gaps import parse_answer, parse_gaps
from cnn_assignment.core.layout import list_assignments, load_assignment
from cnn_assignment.running.pool import collect_tasks
from cnn_kit import CLASSES, NAME, POINTS, class_cells, copy_course, run, submit, tree
from release_kit import check

pytestmark = pytest.mark.usefixtures("unmeasured")

FILES = ("README.md", "cnn.ipynb", "cnn.py", "gradient_check.py", "mlp.py", "requirements.txt", "test_cnn.py")
BUILT = [f"{folder}/{NAME}/{file}" for folder in ("source", "release") for file in FILES]
STANDARD = {
    "conv-forward": ['# cache["out"][?, ?, ?, ?] = ...'],
    "conv-backward": ["# grads[?, ?, ?] = ..."],
    "pool-views": ["# yield ..."],
    "pool-forward": ['# cache["out"][:, :, ?, ?] = ...'],
    "pool-backward": ["# mask = ...", "# grad_view[?] = ..."],
    "cnn-chain": ["# mlp_grads = ...", "# grad_pooled = ...", "# grad_convolved = ...", "# filter_grads = ..."],
}
FULL, PARTLY, UNTOUCHED, EXITS = "full", "partly", "untouched", "exits"
DOCUMENTED = ast.Module | ast.FunctionDef | ast.ClassDef


def hints_of(text: str) -> dict[str, list[str]]:
    """The comment lines directly above the error of each open gap."""
    lines = [line.strip() for line in text.split("\n")]
    found = {}
    for number, line in enumerate(lines):
        match = re.fullmatch(r'raise NotImplementedError\("(.+): fill in this gap"\)', line)
        if match:
            first = number
            while lines[first - 1].startswith("#"):
                first -= 1
            found[match[1]] = lines[first:number]
    return found


def grade_without_gradebook(course: Path, submitted: Path, out: Path) -> dict[str, dict]:
    """Reports by student, made by the real command."""
    run("cnn-assignment", "grade", NAME, submitted, "--out", out, "--no-gradebook", cwd=course)
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("*.json"))}


@pytest.fixture(scope="module")
def built(course_root, tmp_path_factory) -> Path:
    """A copy of the course, built by the command."""
    course = copy_course(course_root, tmp_path_factory.mktemp("built") / "a course")
    run("cnn-assignment", "build", NAME, cwd=course)
    return course


@pytest.fixture
def course(built, tmp_path) -> Path:
    """A fresh copy of the built course: for a new gradebook nbgrader starts alembic, which takes seconds."""
    return Path(shutil.copytree(built, tmp_path / "course"))


@pytest.fixture(scope="module")
def tasks(course_root):
    return collect_tasks(load_assignment(course_root, NAME))


# Building


def test_what_is_committed_is_what_a_build_makes(course_root, tmp_path):
    course = copy_course(course_root, tmp_path / "copy", "release")
    before = tree(course)
    said = run("cnn-assignment", "build", "--all", "--check", cwd=course)
    for name in list_assignments(course):
        assert f"{name}: source/ and release/ are up to date." in said
    assert tree(course) == before
    assert sorted(name for name in before if name in BUILT) == sorted(BUILT)
    assert sorted(tree(course / "release" / NAME)) == sorted(FILES)


def test_a_build_in_another_folder_and_a_second_build_leave_the_committed_bytes(course_root, course):
    for folder in ("source", "release"):
        assert tree(course / folder / NAME) == tree(course_root / folder / NAME)
    run("cnn-assignment", "build", NAME, cwd=course)
    for folder in ("source", "release"):
        assert tree(course / folder / NAME) == tree(course_root / folder / NAME)


def change_a_byte(path: Path) -> tuple[str, str]:
    """Replace one letter in the middle of a file; returns its line before and after."""
    data = path.read_bytes()
    place = next(
        place for place in range(len(data) // 2, len(data)) if chr(data[place]).isascii() and chr(data[place]).isalpha()
    )
    letter = b"q" if data[place : place + 1] != b"q" else b"k"
    changed = data[:place] + letter + data[place + 1 :]
    path.write_bytes(changed)
    line = data[:place].count(b"\n")
    return data.split(b"\n")[line].decode(), changed.split(b"\n")[line].decode()


def is_readable_diff(said: str, file: str, fresh: str, committed: str) -> bool:
    lines = said.rstrip("\n").split("\n")
    head = [f"{file}: differs", f"--- {file} (committed)", f"+++ {file} (fresh)"]
    removed = [line[1:] for line in lines[3:] if line.startswith("-")]
    added = [line[1:] for line in lines[3:] if line.startswith("+")]
    return lines[:3] == head and lines[3].startswith("@@ -") and removed == [committed] and added == [fresh]


@pytest.mark.parametrize("file", BUILT)
def test_one_changed_byte_in_any_built_file_is_shown_as_a_diff(course, tasks, file):
    fresh, committed = change_a_byte(course / file)
    changed = tree(course)
    assignment = load_assignment(course, NAME)
    said = "\n".join(check(assignment, tasks, assignment.hints))
    assert is_readable_diff(said, file, fresh, committed), said
    assert tree(course) == changed


def test_one_changed_byte_makes_the_command_exit_with_1(course):
    file = "release/cnn/cnn.ipynb"
    fresh, committed = change_a_byte(course / file)
    said = run("cnn-assignment", "build", NAME, "--check", cwd=course, status=1)
    assert is_readable_diff(said, file, fresh, committed), said


@pytest.fixture(scope="module")
def editions(built, tmp_path_factory) -> dict[str, tuple[dict[str, bytes], dict[str, bytes]]]:
    """For each edition of the hints the released files by the kit's command, then by nbgrader's."""
    course = Path(shutil.copytree(built, tmp_path_factory.mktemp("editions") / "course"))
    folder, found = course / "release" / NAME, {}
    for edition in ("standard", "guided", "open"):
        if edition != "standard":
            run("cnn-assignment", "build", NAME, "--hints", edition, cwd=course)
        by_kit = tree(folder)
        shutil.rmtree(folder)
        run("nbgrader", "generate_assignment", NAME, "--force", cwd=course)
        found[edition] = (by_kit, tree(folder))
    return found


@pytest.mark.parametrize("edition", ["guided", "standard", "open"])
def test_nbgraders_own_command_makes_the_same_bytes(editions, edition):
    by_kit, by_nbgrader = editions[edition]
    assert set(by_kit) == set(FILES)
    assert by_nbgrader == by_kit


@pytest.mark.parametrize("edition", ["guided", "standard", "open"])
def test_each_edition_leaves_its_hints_in_module_and_notebook(editions, edition):
    files = editions[edition][0]
    notebook = nbformat.reads(files["cnn.ipynb"].decode(), as_version=4)
    hints = hints_of(files["cnn.py"].decode())
    assert hints_of("\n".join(cell.source for cell in class_cells(notebook).values())) == hints
    assert list(hints) == list(POINTS)
    if edition == "standard":
        assert hints == STANDARD
    elif edition == "open":
        assert set(map(tuple, hints.values())) == {("# your code here",)}
    else:
        # Calls, operators and keywords stay, names and constants go.
        assert hints["conv-forward"] == ['# cache["out"][:, :, ?, ?] = np.tensordot(?[:, ?], ?, axes=?)']
        assert hints["pool-forward"] == ['# cache["out"][:, :, ?, ?] = view.max(axis=?)']
        # Line by line, with the headers of the loops masked.
        assert hints["pool-views"][:2] == ["# for ? in range(? // ?):", "#     for ? in range(? // ?):"]
        assert hints["pool-views"][2].startswith("#         yield ?, ?, ?[:, :, ? * ? : ")
        assert [len(lines) for lines in hints.values()] == [1, 1, 3, 1, 2, 4]


@pytest.mark.parametrize("edition", ["guided", "open"])
def test_editions_differ_in_their_hints_only(editions, edition):
    standard, other = editions["standard"][0], editions[edition][0]
    assert {file for file in FILES if other[file] != standard[file]} == {"cnn.py", "cnn.ipynb"}
    assert ast.dump(ast.parse(other["cnn.py"])) == ast.dump(ast.parse(standard["cnn.py"]))
    notebooks = [nbformat.reads(files["cnn.ipynb"].decode(), as_version=4) for files in (standard, other)]
    for former, latter in zip(*(notebook.cells for notebook in notebooks), strict=True):
        assert (former.source == latter.source) == (former.metadata.get("nbgrader", {}).get("solution") is not True)
        if former.cell_type == "code":
            assert ast.dump(ast.parse(former.source)) == ast.dump(ast.parse(latter.source))


# What students receive

CALL_EVERY_GAP = """
import json, sys
import numpy as np
import cnn
from mlp import MultilayerPerceptron

x = np.arange(24.0).reshape(1, 1, 4, 6)
convolution, pooling = cnn.Convolution2dLayer(2, 1, 1), cnn.MaxPooling2dLayer(2)
convolution.initialize_weights()
views = cnn.MaxPooling2dLayer(2)
views._get_filtersizeXfiltersize_views = lambda x: [(0, 0, x[:, :, :2, :2])]
network = cnn.ConvolutionalNetwork(convolution, pooling, MultilayerPerceptron((6, 3), rng=0))
calls = {
    "conv-forward": lambda: convolution.forward(x),
    "conv-backward": lambda: convolution.backward({"x": x, "out": np.ones((1, 1, 3, 5))}, np.ones((1, 1, 3, 5))),
    "pool-views": lambda: list(pooling._get_filtersizeXfiltersize_views(x)),
    "pool-forward": lambda: views.forward(x),
    "pool-backward": lambda: views.backward({"x": x, "out": np.ones((1, 1, 2, 3))}, np.ones((1, 1, 2, 3))),
    "cnn-chain": lambda: network.backward({"convolution": {}, "pooling": {}, "mlp": {}}, np.array([0])),
}
said = {}
for task, call in calls.items():
    try:
        call()
    except NotImplementedError as error:
        said[task] = str(error)
print(json.dumps(said))
"""


def test_the_released_module_imports_and_every_open_gap_names_its_task(course_root, tmp_path):
    folder = Path(shutil.copytree(course_root / "release" / NAME, tmp_path / NAME))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CALL_EVERY_GAP], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {task: f"{task}: fill in this gap" for task in POINTS}


def test_the_released_notebook_defines_the_same_classes_as_the_module(course_root):
    notebook = nbformat.read(course_root / "release/cnn/cnn.ipynb", as_version=4)
    module = ast.parse((course_root / "release/cnn/cnn.py").read_text(encoding="utf-8"))
    classes = {node.name: ast.dump(node) for node in module.body if isinstance(node, ast.ClassDef)}
    cells = {name: ast.dump(ast.parse(cell.source).body[0]) for name, cell in class_cells(notebook).items()}
    assert cells == classes
    assert list(classes) == list(CLASSES)


@pytest.mark.parametrize("folder", ["source", "release"])
def test_the_notebook_is_valid_has_six_grade_cells_and_no_outputs(course_root, folder):
    text = (course_root / folder / "cnn/cnn.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in notebook.cells if "outputs" in cell)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    marks = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    assert {mark.grade_id: mark.points for mark in marks if mark.grade} == POINTS
    assert all(mark.locked and not mark.solution for mark in marks if mark.grade)
    assert [mark.grade_id for mark in marks if mark.solution] == list(CLASSES)


@pytest.mark.parametrize("file", ["cnn.ipynb", "README.md"])
def test_the_table_of_tasks_tells_the_points_of_the_hidden_tests(course_root, tasks, file):
    text = (course_root / "release/cnn" / file).read_text(encoding="utf-8")
    if file.endswith(".ipynb"):
        text = nbformat.reads(text, as_version=4).cells[0].source
    rows = re.findall(r"^\| `(.+?)` \| (.+) \| (\d+) \|$", text, re.MULTILINE)
    assert [(task, int(points)) for task, _, points in rows] == list(POINTS.items())
    assert [title for _, title, _ in rows] == [task.title for task in tasks]
    assert "| | total | 100 |" in text


def test_the_narrative_leaves_points_to_the_build(course_root):
    text = (course_root / "source/cnn.md").read_text(encoding="utf-8")
    assert text.count("\n<!-- tasks -->\n") == 1
    assert not [line for line in text.split("\n") if line.startswith("|") and any(task in line for task in POINTS)]


# Scores


def test_the_solution_earns_everything_and_open_gaps_nothing(course_root, course, tmp_path):
    submitted = tmp_path / "handed in"
    files = {
        "solution-module": course_root / "solutions/cnn.py",
        "solution-notebook": course / "source/cnn/cnn.ipynb",
        "skeleton": course / "release/cnn/cnn.py",
        "released-notebook": course / "release/cnn/cnn.ipynb",
    }
    for student, file in files.items():
        (submitted / student).mkdir(parents=True)
        shutil.copy(file, submitted / student / f"{NAME}{file.suffix}")
    reports = grade_without_gradebook(course, submitted, tmp_path / "reports")
    assert set(reports) == set(files)
    for student, report in reports.items():
        solved = student.startswith("solution")
        assert (report["status"], report["score"], report["max_score"]) == ("graded", 100.0 if solved else 0.0, 100.0)
        assert [task["id"] for task in report["tasks"]] == list(POINTS)
        assert {task["id"]: task["max_score"] for task in report["tasks"]} == POINTS
        assert {task["status"] for task in report["tasks"]} == {"passed" if solved else "not_attempted"}
        assert report["submission"]["file"] == f"{NAME}{files[student].suffix}"


# nbgrader's own commands


@pytest.fixture(scope="module")
def handed_in(course_root, built, tmp_path_factory) -> Path:
    """The built course with four notebooks in submitted/: all right, partly right, untouched, and one that exits."""
    course = Path(shutil.copytree(built, tmp_path_factory.mktemp("class") / "course"))
    examples = course_root / "examples/cnn"
    submit(course, FULL, examples / "einsum/cnn.ipynb")
    submit(course, PARTLY, examples / "stride-forgotten/cnn.ipynb")
    submit(course, UNTOUCHED, course / "release/cnn/cnn.ipynb")
    notebook = nbformat.read(examples / "einsum/cnn.ipynb", as_version=4)
    cell = class_cells(notebook)["MaxPooling2dLayer"]
    calls = cell.source.replace(
        "def backward(self, cache, grad_output):",
        "def backward(self, cache, grad_output):\n        __import__('os')._exit(0)",
    )
    assert calls != cell.source
    cell.source = calls
    submit(course, EXITS, notebook)
    return course


@pytest.fixture(scope="module")
def reports(handed_in, tmp_path_factory) -> dict[str, dict]:
    """What the kit says about the four."""
    return grade_without_gradebook(handed_in, handed_in / "submitted", tmp_path_factory.mktemp("kit") / "reports")


@pytest.fixture(scope="module")
def autograded(handed_in, reports, tmp_path_factory) -> Path:
    """The course after nbgrader's four commands."""
    course = Path(shutil.copytree(handed_in, tmp_path_factory.mktemp("nbgrader") / "course"))
    shutil.rmtree(course / "release")
    run("nbgrader", "generate_assignment", NAME, "--force", cwd=course)
    run("nbgrader", "autograde", NAME, cwd=course)
    run("nbgrader", "generate_feedback", NAME, cwd=course)
    run("nbgrader", "export", cwd=course)
    return course


def scores_of(report: dict) -> dict[str, float]:
    return {task["id"]: task["score"] for task in report["tasks"]}


def database_of(course: Path) -> dict[str, dict[str, object]]:
    """For each student: score, scores of cells, what waits for a person, and comments."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        found = {}
        for submission in gradebook.assignment_submissions(NAME):
            (notebook,) = submission.notebooks
            found[submission.student.id] = {
                "score": submission.score,
                "max_score": submission.max_score,
                "cells": {grade.name: grade.auto_score for grade in notebook.grades},
                "manual": submission.needs_manual_grade,
                "failed": notebook.failed_tests,
                "comments": {comment.name: comment.auto_comment for comment in notebook.comments},
            }
        return found


def test_the_reports_of_the_four_are_what_they_were_written_for(reports):
    assert set(reports) == {FULL, PARTLY, UNTOUCHED, EXITS}
    assert {report["status"] for report in reports.values()} == {"graded"}
    assert reports[FULL]["score"] == 100.0
    assert reports[UNTOUCHED]["score"] == 0.0
    wrong = {task["id"]: task["status"] for task in reports[PARTLY]["tasks"] if task["status"] != "passed"}
    assert wrong
    assert set(wrong) <= {"conv-forward", "conv-backward"}
    assert 0.0 < reports[PARTLY]["score"] < 100.0
    # What kills the student's process costs its own task only.
    assert scores_of(reports[EXITS]) == {**POINTS, "pool-backward": 0.0}


def test_nbgraders_database_holds_the_kits_scores(autograded, reports):
    database = database_of(autograded)
    assert set(database) == set(reports)
    for student, row in database.items():
        assert row["cells"] == pytest.approx(scores_of(reports[student]), abs=1e-9)
        assert row["score"] == pytest.approx(reports[student]["score"], abs=1e-9)
        assert row["max_score"] == 100.0
        assert not row["manual"]


def test_nbgraders_export_holds_the_kits_scores(autograded, reports):
    with (autograded / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(reports)
    for student, row in rows.items():
        assert row["assignment"] == NAME
        assert float(row["score"]) == pytest.approx(reports[student]["score"], abs=1e-9)
        assert float(row["max_score"]) == 100.0


def test_the_kits_command_leaves_the_same_database_as_nbgraders(handed_in, autograded, reports, tmp_path):
    course = Path(shutil.copytree(handed_in, tmp_path / "course"))
    run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", cwd=course)
    assert database_of(course) == database_of(autograded)
    assert {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (course / "reports").glob("*.json")
    } == reports
    with (course / "reports/class.csv").open(encoding="utf-8", newline="") as file:
        table = {row["student"]: float(row["score"]) for row in csv.DictReader(file)}
    assert table == {student: report["score"] for student, report in reports.items()}
    run("nbgrader", "generate_feedback", NAME, cwd=course)
    for student in reports:
        assert page_of(course, student) == page_of(autograded, student)


def page_of(course: Path, student: str) -> str:
    """The text of a feedback page, without tags."""
    page = (course / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    soup = BeautifulSoup(page, "html.parser")
    for hidden in soup(["script", "style"]):
        hidden.decompose()
    return soup.get_text()


def words_of(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("student", [FULL, PARTLY, UNTOUCHED, EXITS])
def test_feedback_pages_show_scores_messages_and_diagnoses(autograded, reports, student):
    page = words_of(page_of(autograded, student))
    for task in reports[student]["tasks"]:
        assert f"{task['title']}: {task['score']:g} of {task['max_score']:g} points" in page
        for test in task["tests"]:
            assert words_of(test["title"]) in page
            for sentence in (test["message"], *test["diagnosis"]):
                assert words_of(sentence) in page
    lost = [test for task in reports[student]["tasks"] for test in task["tests"] if test["score"] < test["max_score"]]
    assert bool(lost) == (student != FULL)
    assert all(test["message"] or test["diagnosis"] for test in lost)


SHORTEST = 25
"""Shorter lines, such as `grads = np.zeros(x.shape)`, are anybody's."""


@pytest.fixture(scope="module")
def secrets(course_root) -> dict[str, set[str]]:
    """By kind: the names of hidden tests, the lines of hidden files, and the statements of the answers."""
    hidden = {
        path.stem: path.read_text(encoding="utf-8")
        for path in sorted((course_root / "autograder/cnn").glob("*.py"))
        if path.name != "checks.py"
    }
    tests = {stem: text for stem, text in hidden.items() if stem.startswith("test_")}
    functions = {name for text in tests.values() for name in re.findall(r"^def (test_\w+)", text, re.MULTILINE)}
    return {
        "names": functions | set(tests),
        "lines": {line for text in hidden.values() for line in lines_not_told(text)},
        "answers": set(answer_statements((course_root / "solutions/cnn.py").read_text(encoding="utf-8"))),
    }


def lines_not_told(text: str) -> Iterator[str]:
    """The lines of a hidden file, less its docstrings: they are what students are told."""
    told = [ast.get_docstring(node) for node in ast.walk(ast.parse(text)) if isinstance(node, DOCUMENTED)]
    told_flat = flat("".join(filter(None, told)))
    for line in map(str.strip, text.split("\n")):
        if len(line) >= SHORTEST and flat(line.strip('"')) not in told_flat:
            yield line


def answer_statements(solution: str) -> Iterator[str]:
    """The answers line by line as they are written, and statement by statement as Python would write them."""
    for gap in parse_gaps(solution, "solutions/cnn.py"):
        nodes = (node for node in ast.walk(parse_answer(gap)) if isinstance(node, ast.stmt))
        yield from (line for line in map(str.strip, gap.answer.split("\n")) if len(line) >= SHORTEST)
        yield from (text for text in map(ast.unparse, nodes) if len(text) >= SHORTEST)


@cache
def flat(text: str) -> str:
    return "".join(text.split())


def shows(secret: str, kind: str, texts: list[str]) -> bool:
    """Whether a text holds a secret; white space hides no code, and a name counts as a whole word."""
    if kind == "names":
        return any(re.search(rf"\b{secret}\b", text) for text in texts)
    return any(flat(secret) in flat(text) for text in texts)


def texts_for(course: Path, student: str) -> list[str]:
    """All that a student can get to see: the feedback page, with and without tags, and the autograded notebook."""
    page = (course / "feedback" / student / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    raw = (course / "autograded" / student / NAME / f"{NAME}.ipynb").read_text(encoding="utf-8")
    cells = nbformat.reads(raw, as_version=4).cells
    outputs = [text for cell in cells for output in cell.get("outputs", ()) for text in output.get("data", {}).values()]
    return [page_of(course, student), html.unescape(page), raw, *outputs, "\n".join(cell.source for cell in cells)]


@pytest.mark.parametrize("student", [FULL, PARTLY, UNTOUCHED, EXITS])
@pytest.mark.parametrize(("kind", "at_least"), [("names", 10), ("lines", 100), ("answers", 8)])
def test_nothing_hidden_is_in_feedback_or_autograded_notebooks(autograded, secrets, kind, at_least, student):
    own = nbformat.read(autograded / "submitted" / student / NAME / f"{NAME}.ipynb", as_version=4)
    given = ["\n".join(cell.source for cell in own.cells)]
    unknown = [secret for secret in secrets[kind] if not shows(secret, kind, given)]
    # A student who wrote the answer knows it. All others must not learn one from us.
    assert len(unknown) >= (at_least if kind != "answers" or student == UNTOUCHED else 1)
    texts = texts_for(autograded, student)
    assert [secret for secret in unknown if shows(secret, kind, texts)] == []


def test_the_search_for_secrets_finds_each_kind(course_root, secrets):
    solution = (course_root / "solutions/cnn.py").read_text(encoding="utf-8")
    hidden = (course_root / "autograder/cnn/test_conv_forward.py").read_text(encoding="utf-8")
    assert any(shows(secret, "answers", [solution]) for secret in secrets["answers"])
    assert any(shows(secret, "names", [hidden]) for secret in secrets["names"])
    assert any(shows(secret, "lines", [hidden]) for secret in secrets["lines"])
