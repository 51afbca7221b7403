"""Data files beside the code: students get them as they are, and their code finds them when it is graded."""

from __future__ import annotations

import io

import numpy as np
import pytest

import toy_course
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.running.client import GraderProcess
from cnn_assignment.running.pool import collect_tasks
from judged_kit import lost
from processes import run
from toy_course import SOLUTION, edit, submit, write

READ = 'class Scaler:\n    table = np.loadtxt("table.csv", delimiter=",")'
ARRAY = np.arange(6.0).reshape(2, 3)


def bytes_of(array):
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The toy, whose hidden tests and solution read a table, by a relative path and by one beside the module."""
    root = tmp_path_factory.mktemp("course")
    toy_course.make_course(root)
    write(root / "solutions/table.csv", "1,2\n3,4\n")
    write(root / "solutions/array.npy", bytes_of(ARRAY))
    edit(root / "autograder/toy/assignment.toml", '"given.py"', '"given.py", "table.csv", "array.npy"')
    edit(root / "solutions/toy.py", "class Scaler:", f"{READ}\n")
    edit(
        root / "autograder/toy/test_scale.py",
        "\n\n\n",
        '\n\n\n@pytest.mark.points(1)\ndef test_table(student, reference):\n    """The table"""\n'
        '    assert_array(student.Scaler.table, reference.Scaler.table, "table")\n'
        '    assert open("table.csv").read() == "1,2\\n3,4\\n"\n\n\n',
    )
    return load_assignment(root, "toy")


@pytest.fixture(scope="module")
def grader(course):
    with GraderProcess(course) as grader:
        yield grader


def grade(course, grader, text):
    report = grader.grade(submit(course.root, "ada", text))
    assert report.status is ReportStatus.GRADED, report.notes
    return report


@pytest.mark.parametrize(
    "read",
    [
        'np.loadtxt("table.csv", delimiter=",")',
        'np.array([[float(word) for word in line.split(",")] for line in open("table.csv")])',
        'np.genfromtxt(__import__("pathlib").Path(__file__).with_name("table.csv"), delimiter=",")',
        '1 + np.load("array.npy")[:, :2] + np.array([[0, 0], [-1, -1]])',
    ],
)
def test_code_finds_the_data_however_it_reads_it(course, grader, read):
    text = SOLUTION.replace("class Scaler:", f"class Scaler:\n    table = {read}\n")
    assert lost(grade(course, grader, text)) == {}


def test_what_code_writes_into_them_is_its_own(course, grader):
    more = 'open("table.csv", "a").write("5,6\\n")'
    text = SOLUTION.replace("class Scaler:", f"{READ.replace('table =', f'size = {more}' + chr(10) + '    table =')}\n")
    assert lost(grade(course, grader, text)) == {"scale": "partial"}
    assert (course.root / "solutions/table.csv").read_text(encoding="utf-8") == "1,2\n3,4\n"
    assert lost(grade(course, grader, SOLUTION.replace("class Scaler:", f"{READ}\n"))) == {}


@pytest.mark.nbgrader
def test_the_release_holds_them_as_they_are(course):
    run("build", "toy", cwd=course.root)
    for folder in (course.source_dir, course.release_dir):
        for name in ("table.csv", "array.npy"):
            assert (folder / name).read_bytes() == (course.root / "solutions" / name).read_bytes()


def test_more_data_than_there_is_room_for_is_refused(tmp_path):
    assignment = toy_course.make_course(tmp_path)
    write(tmp_path / "solutions/table.csv", "0" * (8 * 2**20 + 1))
    edit(tmp_path / "autograder/toy/assignment.toml", '"given.py"', '"given.py", "table.csv"')
    with pytest.raises(AuthoringError, match=r"8\.0 MiB of data files are provided, and code has room for 8"):
        collect_tasks(load_assignment(tmp_path, "toy"))
    assert assignment.provided_data == ()
