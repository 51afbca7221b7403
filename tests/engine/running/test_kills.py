"""Twenty runs that are killed at random moments, then one to the end: as if nothing had happened."""

from __future__ import annotations

import json
import random
import time

import pytest
from nbgrader.api import Gradebook

import toy_course
import warm
from cnn_assignment.running.journal import JOURNAL
from gradebook_kit import gradebook_of
from processes import await_that, run
from toy_course import SLOW, answer, left_open, submit

pytestmark = pytest.mark.usefixtures("unmeasured")

KILLS = 20
STUDENTS = 36
TEXTS = [
    toy_course.SOLUTION,
    left_open("cut", "clear"),
    answer(cut="return []", scale="raise ValueError('no')"),
    answer(scale=SLOW.format(seconds=0.05)),
    "class Scaler(:",
    answer(slope="return 2 * grad_output"),
]
WORDS = ("grade", "toy", "submitted", "--out", "out", "--jobs", "2")


def make_course(root):
    toy_course.make_course(root)
    run("build", cwd=root)
    for number in range(STUDENTS):
        submit(root, f"s{number:02}", f"{TEXTS[number % len(TEXTS)]}\n# {number}\n")
    return root


def finished_in(root):
    return sorted(path.name for path in (root / "out").glob("*.json"))


def give(root, student, score):
    """Let somebody else's program write a score."""
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "course") as gradebook:
        gradebook.find_submission_notebook("toy", "toy", student).grades[0].auto_score = score
        gradebook.db.commit()


def reports_of(root):
    return {path.name: path.read_bytes() for path in (root / "out").iterdir() if path.name != JOURNAL}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    root = make_course(tmp_path_factory.mktemp("undisturbed"))
    run(*WORDS, cwd=root)
    return root


@pytest.fixture(scope="module")
def disturbed(tmp_path_factory):
    """A course whose grading was killed again and again, and the files of each moment."""
    root = make_course(tmp_path_factory.mktemp("disturbed"))
    moments = random.Random(6)
    finished = []
    for kill in range(KILLS):
        process = warm.start(("cnn-assignment", *WORDS), cwd=root)
        # Half of them before the first report, the others somewhere in the work.
        due = len(finished_in(root)) + moments.randint(1, 3) if kill % 2 else 0
        await_that(lambda due=due, process=process: len(finished_in(root)) >= due or not process.is_alive())
        time.sleep(moments.uniform(0, 0.5 if due else 1.5))
        process.kill()
        process.join()
        finished.append(len(finished_in(root)))
        for name in finished_in(root):
            json.loads((root / "out" / name).read_text(encoding="utf-8"))
    return root, finished


def test_what_was_finished_before_a_kill_is_whole_and_stays(disturbed):
    _, finished = disturbed
    assert finished == sorted(finished)
    assert 0 < finished[-1] <= STUDENTS


def test_one_run_to_the_end_leaves_what_an_undisturbed_one_leaves(undisturbed, disturbed):
    root, _ = disturbed
    run(*WORDS, cwd=root)
    assert reports_of(root) == reports_of(undisturbed)
    assert gradebook_of(root) == gradebook_of(undisturbed)
    for folder in ("autograded", "out"):
        left, due = (sorted(path.name for path in (one / folder).rglob("*")) for one in (root, undisturbed))
        assert left == due
    scores = {name: json.loads(data)["score"] for name, data in reports_of(root).items() if name.endswith(".json")}
    assert {f"{name}.json": found["score"] for name, found in gradebook_of(root).items()} == scores


def test_the_gradebook_is_mended_where_it_no_longer_agrees(undisturbed):
    before = gradebook_of(undisturbed)
    for spoil in (
        (undisturbed / "gradebook.db").unlink,
        (undisturbed / "autograded/s03/toy/toy.ipynb").unlink,
        lambda: give(undisturbed, "s04", 2.0),
    ):
        spoil()
        assert "kept" in run(*WORDS, cwd=undisturbed).stdout
        assert gradebook_of(undisturbed) == before
        assert (undisturbed / "autograded/s03/toy/toy.ipynb").is_file()
