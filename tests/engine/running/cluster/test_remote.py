"""A remote grader of graders: one process for each thread that asks, and nothing left when it rests or closes."""

from __future__ import annotations

import os
import threading

import pytest

import toy_course
from cnn_assignment.running.client import CalledOffError, GraderProcess
from cnn_assignment.running.cluster.payload import Bundle, Payload
from cnn_assignment.running.cluster.remote import RemoteGrader
from processes import await_that, descendants
from toy_course import SLOW, SOLUTION, TOTAL, answer, submit


@pytest.fixture
def course(tmp_path):
    return toy_course.make_course(tmp_path / "course")


@pytest.fixture
def place(tmp_path):
    (tmp_path / "place").mkdir()
    return tmp_path / "place"


def test_a_remote_grader_rests_when_there_is_nothing_to_do_and_comes_back(course, place):
    before = descendants(os.getpid())
    remote = RemoteGrader(Bundle.pack(course, 0), place, idle_s=0.05)
    submission = submit(course.root, "ada", SOLUTION)
    payload = Payload.pack(submission, course)
    for _ in range(2):
        (report,) = remote.grade([payload])
        assert report.score == TOTAL
        await_that(lambda: descendants(os.getpid()) <= before)
        await_that(lambda: not list(place.iterdir()))
    with GraderProcess(course) as here:
        assert here.grade(submission) == report
    remote.close()


def test_what_a_remote_grader_is_at_is_called_off_when_it_closes(course, place):
    before = descendants(os.getpid())
    remote = RemoteGrader(Bundle.pack(course, 0), place)
    told = []

    def ask(student):
        slow = submit(course.root, student, answer(scale=SLOW.format(seconds=2)))
        try:
            remote.grade([Payload.pack(slow, course)] * 3)
        except CalledOffError as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask, args=(student,)) for student in ("ada", "bob")]
    for thread in threads:
        thread.start()
    await_that(lambda: len(list(place.glob("*/tmp*/toy.py"))) == 2)
    # Hidden tests are for nobody else on that machine.
    assert {path.stat().st_mode & 0o777 for path in place.iterdir()} == {0o700}
    remote.close()
    assert descendants(os.getpid()) <= before
    assert not list(place.iterdir())
    for thread in threads:
        thread.join()
    assert told == ["grading was called off"] * 2
    with pytest.raises(CalledOffError, match="the class was called off"):
        remote.start()
