"""What travels: what grading reads, whatever lies beside it, and nothing that it must not read."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

import toy_course
from cnn_assignment.core.digests import autograder_digest
from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import Submission
from cnn_assignment.running.cluster.payload import Bundle, Payload
from cnn_assignment.submissions.plain.folder import FILE_CAP
from toy_course import submit, write


@pytest.fixture
def course(tmp_path):
    return toy_course.make_course(tmp_path / "course")


def files_in(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_of(course, submission):
    return [name for name, _ in Payload.pack(submission, course).files]


def test_a_bundle_is_the_assignment_and_no_other_file_of_the_course(course, tmp_path):
    write(course.root / "nbgrader_config.py", "the password of a database")
    write(course.root / "solutions/other.py", "another answer")
    write(course.root / "autograder/other/assignment.toml", "")
    write(course.autograder_dir / "data/numbers.txt", "1 2 3")
    write(course.autograder_dir / "__pycache__/test_cut.pyc", "")
    write(course.autograder_dir / ".cache/x", "")
    bundle = Bundle.pack(course, 2)
    there = tmp_path / "there"
    unpacked = bundle.unpack(there)
    hidden = {f"autograder/toy/{name}" for name in (*toy_course.HIDDEN, "assignment.toml", "checks.py")}
    assert set(files_in(there)) == hidden | {
        "autograder/toy/data/numbers.txt",
        "solutions/toy.py",
        "solutions/given.py",
    }
    assert autograder_digest(unpacked) == autograder_digest(course)
    assert unpacked == replace(course, root=there, limits=replace(course.limits, required_level=2))
    assert Bundle.pack(unpacked, 2) == bundle


def test_a_bundle_that_was_changed_on_the_way_is_refused(course, tmp_path):
    bundle = Bundle.pack(course, 2)
    (name, _), *others = bundle.files
    with pytest.raises(GraderError, match="the files of toy are not what was sent"):
        replace(bundle, files=((name, b"changed"), *others)).unpack(tmp_path / "there")


@pytest.mark.parametrize("name", ["../out.py", "a/../../out.py", "/out.py"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    payload = Payload(Submission("ada", None).to_json(), "toy.py", ((name, b"x"),))
    with pytest.raises(ValueError, match="a name that leads out of the folder"):
        payload.unpack(tmp_path / "there")
    assert not (tmp_path / "out.py").exists()


def test_a_submission_arrives_as_it_was_sent(course, tmp_path):
    sent = replace(
        submit(course.root, "ada", b"\xff\x00\r\n", "täg.py"), tasks=("cut",), until_loss=True, explain=False
    )
    sent = replace(sent, notes=("mended",))
    write(sent.path.with_name("own.py"), "x = 1")
    write(sent.path.with_name("timestamp.txt"), "now")
    there = tmp_path / "there"
    arrived = Payload.pack(sent, course).unpack(there)
    assert arrived == replace(sent, path=there / "täg.py", folder=there)
    assert files_in(there) == {"täg.py": b"\xff\x00\r\n", "own.py": b"x = 1"}
    assert Payload.pack(Submission("bob", None, notes=("n",)), course).unpack(there) == Submission(
        "bob", None, notes=("n",), folder=there
    )


def test_of_many_files_those_travel_that_intake_looks_at(course):
    sent = submit(course.root, "ada", f"import one.two\nimport three\nimport four\n{USING}", "toy.py")
    for number in range(60):
        write(sent.path.with_name(f"noise{number}.py"), "")
    write(sent.path.parent / "one/two.py", "from . import six\nsix")
    write(sent.path.parent / "one/six.py", "")
    write(sent.path.parent / "one/seven.py", "")
    write(sent.path.with_name("three.py"), "class (")
    sent.path.with_name("four.py").symlink_to("three.py")
    write(course.root / "elsewhere/cut.py", "")
    (sent.path.parent / "five").symlink_to(course.root / "elsewhere")
    found = names_of(course, sent)
    assert found[0] == "toy.py"
    assert (
        {"one/two.py", "three.py"} <= set(found) <= {"toy.py", "one/two.py", "one/six.py", "one/seven.py", "three.py"}
    )


USING = """
class Scaler:
    def use(self):
        return one, three, four
"""


def test_a_file_that_is_too_large_travels_as_a_name(course, tmp_path):
    sent = submit(course.root, "ada", "import big")
    write(sent.path.with_name("big.py"), "")
    os.truncate(sent.path.with_name("big.py"), 3 * 1024 * 1024)
    os.truncate(sent.path, FILE_CAP + 1)
    payload = Payload.pack(sent, course)
    assert payload.is_cut
    assert payload.size == 0
    assert payload.unpack(tmp_path / "there").path.stat().st_size > FILE_CAP
    os.truncate(sent.path, 5)
    assert not Payload.pack(sent, course).is_cut


def test_what_is_no_plain_file_is_not_opened(course):
    folder = submit(course.root, "ada", "").path.parent
    os.mkfifo(folder / "pipe.py")
    (folder / "link.py").symlink_to(course.solution_file)
    (folder / "folder.py").mkdir()
    for name in ("pipe.py", "link.py", "folder.py", "missing.py"):
        with pytest.raises(OSError, match=r"not a plain file|symbolic links|directory"):
            Payload.pack(Submission("ada", Path(folder / name)), course)
