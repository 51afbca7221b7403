"""The exchange folder with hostile and hand-made things in it: nothing is followed, and nobody else pays."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.apps.baseapp import NbGrader
from nbgrader.coursedir import CourseDirectory
from nbgrader.exchange import ExchangeError, ExchangeFactory
from nbgrader.exchange.default import ExchangeCollect, ExchangeReleaseFeedback
from nbgrader.utils import notebook_hash
from traitlets.config import Config

from cnn_assignment.core.errors import TooLargeError
from cnn_assignment.nbgrader_course.collecting.exchange import (
    CollectRegularFiles,
    ReleaseWithSecret,
    configure_exchange,
)
from cnn_assignment.nbgrader_course.converting.autograding import configure_reading
from cnn_assignment.nbgrader_course.gradebook.late import LatePenalty
from cnn_assignment.nbgrader_course.notebooks.files import MOST_ENTRIES, CopyBudget, copy_regular_files

# nbgrader leaves it to Python to close a timestamp.
pytestmark = pytest.mark.filterwarnings("ignore:Exception ignored in. <_io:pytest.PytestUnraisableExceptionWarning")

FIRST, SECOND = "2026-01-02 03:04:05.000000 UTC", "2026-01-03 03:04:05.000000 UTC"


@pytest.fixture(scope="module")
def empty_gradebook(tmp_path_factory) -> Path:
    """A database: for a new one nbgrader starts alembic, which takes seconds."""
    path = tmp_path_factory.mktemp("gradebook") / "gradebook.db"
    with Gradebook(f"sqlite:///{path}", "course"):
        return path


@pytest.fixture
def place(empty_gradebook, tmp_path):
    """A course directory and its exchange, without any configuration file."""
    (tmp_path / "exchange/course/inbound").mkdir(parents=True)
    (tmp_path / "course").mkdir()
    shutil.copy(empty_gradebook, tmp_path / "course")
    directory = CourseDirectory(root=str(tmp_path / "course"), course_id="course", assignment_id="toy")
    return directory, tmp_path / "exchange"


@pytest.fixture
def told(caplog):
    """What was logged, as one text."""
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def hand_in(exchange: Path, student: str, time: str, text: str = "work") -> Path:
    folder = exchange / "course/inbound" / f"{student}+toy+{time}+x"
    folder.mkdir()
    for name, content in {"toy.ipynb": text, "timestamp.txt": time, "submission_secret.txt": "s"}.items():
        (folder / name).write_text(content, encoding="utf-8")
    return folder


def collect(place, **settings):
    directory, exchange = place
    plugin = CollectRegularFiles(
        coursedir=directory, config=Config(Exchange=Config(root=str(exchange)), ExchangeCollect=Config(settings))
    )
    plugin.log = logging.getLogger("collect")
    plugin.start()


def submitted(place) -> dict[str, str]:
    top = Path(place[0].root) / "submitted"
    return {
        path.relative_to(top).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(top.rglob("*"))
        if path.is_file()
    }


def collected(student: str, time: str, text: str = "work") -> dict[str, str]:
    files = {"submission_secret.txt": "s", "timestamp.txt": time, "toy.ipynb": text}
    return {f"{student}/toy/{name}": content for name, content in files.items()}


def test_the_newest_work_is_collected_and_updated_as_ever(place):
    hand_in(place[1], "ada", FIRST)
    collect(place, check_owner=False)
    assert submitted(place) == collected("ada", FIRST)
    hand_in(place[1], "ada", SECOND, "better")
    collect(place, check_owner=False)
    assert submitted(place) == collected("ada", FIRST)
    collect(place, check_owner=False, update=True)
    assert submitted(place) == collected("ada", SECOND, "better")
    assert [path.name for path in (Path(place[0].root) / "submitted/ada").iterdir()] == ["toy"]


def test_links_pipes_and_checkpoints_in_a_submission_are_not_collected(place, told, tmp_path):
    secret = tmp_path / "course/solutions"
    secret.mkdir()
    (secret / "toy.ipynb").write_text("the answer", encoding="utf-8")
    folder = hand_in(place[1], "eve", FIRST)
    (folder / "toy.ipynb").unlink()
    (folder / "toy.ipynb").symlink_to(secret / "toy.ipynb")
    (folder / "more").symlink_to(secret, target_is_directory=True)
    os.mkfifo(folder / "pipe")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints/toy-checkpoint.ipynb").write_text("old", encoding="utf-8")
    (folder / "own").mkdir()
    (folder / "own/data.txt").write_text("1", encoding="utf-8")
    collect(place)
    files = submitted(place)
    assert sorted(files) == [f"eve/toy/{name}" for name in ("own/data.txt", "submission_secret.txt", "timestamp.txt")]
    for name in ("toy.ipynb", "more", "pipe"):
        assert f"Not collected, because it is neither a file nor a folder: {folder / name}" in told()


def test_what_submit_cannot_have_made_is_left_out_and_others_are_collected(place, told, tmp_path):
    inbound = place[1] / "course/inbound"
    hand_in(place[1], "ada", FIRST)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "toy.ipynb").write_text("the answer", encoding="utf-8")
    (inbound / f"eve+toy+{SECOND}+x").symlink_to(outside, target_is_directory=True)
    (inbound / "ada+toy+never+x").mkdir()
    (inbound / f"ada+toy+{SECOND}+x").write_text("no folder", encoding="utf-8")
    (inbound / f"lea+toy+{SECOND}+x").symlink_to("n" * 300)  # a name that no file can have
    hand_in(place[1], "", FIRST)
    collect(place, check_owner=False)
    assert submitted(place) == collected("ada", FIRST)
    for name in (f"lea+toy+{SECOND}+x", f"eve+toy+{SECOND}+x", f"+toy+{FIRST}+x"):
        assert f"Not collected, because it is no submission: {name}" in told()


HOSTILE = ["-rf", "<b>x", "b\nb", "\x1b[2J", "x" * 200, "\u202eadA", "a;=cmd()", "[a-z]*", " "]


def test_names_that_no_student_can_have_are_left_out_and_told(place, told):
    hand_in(place[1], "ada", FIRST)
    for name in HOSTILE:
        hand_in(place[1], name, FIRST)
    collect(place, check_owner=False)
    assert submitted(place) == collected("ada", FIRST)
    assert told().count("cannot be a student's name") == len(HOSTILE)
    assert "\x1b" not in told()
    assert "\u202e" not in told()


def test_what_lies_in_too_many_folders_is_left_out_and_many_files_cost_their_own_student(place, told):
    deep = hand_in(place[1], "ada", FIRST)
    (deep / "/".join(["d"] * 60)).mkdir(parents=True)
    many = hand_in(place[1], "bob", FIRST)
    for number in range(MOST_ENTRIES):
        os.link(many / "toy.ipynb", many / f"{number}.txt")
    with pytest.raises(ExchangeError, match=r"bob\+toy.*more than 20000 members"):
        collect(place, check_owner=False)
    assert submitted(place) == collected("ada", FIRST)
    assert "/d/d/d/d" in told()


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("toy.ipynb"), lambda path: path.write_text("9" * 10**6)],
)
def test_a_time_that_cannot_be_read_of_earlier_work_ends_nothing(place, make):
    configure_reading()
    hand_in(place[1], "ada", FIRST)
    collect(place, check_owner=False)
    time = Path(place[0].root) / "submitted/ada/toy/timestamp.txt"
    time.unlink()
    make(time)
    hand_in(place[1], "bob", FIRST)
    collect(place, check_owner=False, update=True)
    assert submitted(place) == collected("ada", FIRST) | collected("bob", FIRST)


def test_a_submission_that_is_too_large_fails_at_the_end_and_costs_nobody_else(place, told):
    place[0].max_dir_size = 1  # kilobyte
    hand_in(place[1], "ada", FIRST, "x" * 5000)
    hand_in(place[1], "bob", FIRST)
    with pytest.raises(
        ExchangeError, match=r"are not collected, all others are:\n.*ada\+toy.*: more than 0.000954 MiB"
    ):
        collect(place, check_owner=False)
    assert submitted(place) == collected("bob", FIRST)


def test_modes_of_what_students_sent_are_not_taken_over(place):
    folder = hand_in(place[1], "ada", FIRST)
    folder.chmod(0o777)
    (folder / "toy.ipynb").chmod(0o777)
    collect(place, check_owner=False)
    work = Path(place[0].root) / "submitted/ada/toy"
    umask = os.umask(0)
    os.umask(umask)
    assert work.stat().st_mode & 0o777 == 0o777 & ~umask
    assert (work / "toy.ipynb").stat().st_mode & 0o777 == 0o666 & ~umask


def test_a_shared_course_collects_for_its_group(place):
    place[0].groupshared = True
    hand_in(place[1], "ada", FIRST)
    collect(place, check_owner=False)
    work = Path(place[0].root) / "submitted/ada/toy"
    assert work.stat().st_mode & 0o2770 == 0o2770
    assert (work / "toy.ipynb").stat().st_mode & 0o660 == 0o660


def test_a_copy_keeps_contents_and_stops_at_its_limit(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "a/b").mkdir(parents=True)
    (source / "a/b/one.bin").write_bytes(bytes(range(256)) * 8192)
    (source / "two").write_bytes(b"2")
    target.mkdir()
    assert copy_regular_files(source, target, CopyBudget(2**21 + 1)) == []
    assert (target / "a/b/one.bin").read_bytes() == (source / "a/b/one.bin").read_bytes()
    assert (target / "two").read_bytes() == b"2"
    (tmp_path / "other").mkdir()
    with pytest.raises(TooLargeError, match="more than 2 MiB"):
        copy_regular_files(source, tmp_path / "other", CopyBudget(2**21))


# release_feedback


def page(directory: CourseDirectory, student: str, **beside: bytes) -> Path:
    folder = Path(directory.root) / "feedback" / student / "toy"
    folder.mkdir(parents=True)
    for name, content in beside.items():
        (folder / f"{name}.txt").write_bytes(content)
    (folder / "toy.html").write_text(f"<p>{student}</p>", encoding="utf-8")
    return folder / "toy.html"


def release(place, **settings) -> dict[str, str]:
    directory, exchange = place
    plugin = ReleaseWithSecret(coursedir=directory, config=Config(Exchange=Config(root=str(exchange)), **settings))
    plugin.log = logging.getLogger("release")
    plugin.start()
    return {path.name: path.read_text(encoding="utf-8") for path in sorted((exchange / "course/feedback").iterdir())}


def test_feedback_without_a_secret_is_named_and_all_other_feedback_is_released(place, told):
    directory = place[0]
    time = FIRST.encode()
    page(directory, "ada", submission_secret=b"one", timestamp=time)
    page(directory, "zoe", submission_secret=b"two", timestamp=time)
    left_out = {
        page(directory, "by-hand"): "there is no submission_secret.txt and no timestamp.txt",
        page(directory, "Doe, [John]", timestamp=time): "there is no submission_secret.txt",
        page(directory, "empty", submission_secret=b" \n", timestamp=time): "there is no submission_secret.txt",
        page(directory, "latin", submission_secret=b"\xff", timestamp=time): "'utf-8' codec can't decode byte 0xff",
    }
    released = {f"{notebook_hash(secret='one', notebook_id='toy')}.html": "<p>ada</p>"}
    released[f"{notebook_hash(secret='two', notebook_id='toy')}.html"] = "<p>zoe</p>"
    assert release(place) == released
    for path, reason in left_out.items():
        assert f"Feedback of student '{path.parent.parent.name}' is not released, because {reason}" in told()
        assert f"Hand out {path} yourself." in told()
    assert release(place) == released


def test_students_who_are_excluded_are_not_named(place, told):
    page(place[0], "ada", submission_secret=b"one", timestamp=FIRST.encode())
    page(place[0], "bob")
    place[0].student_id_exclude = "ada,bob"
    assert release(place) == {}
    assert "not released" not in told()


# Configuration


def test_an_exchange_that_is_set_stays_and_twice_is_once():
    config = Config()
    configure_exchange(config)
    once = Config(ExchangeFactory=Config(collect=CollectRegularFiles, release_feedback=ReleaseWithSecret))
    assert config == once
    configure_exchange(config)
    assert config == once
    config = Config(ExchangeFactory=Config(collect=ExchangeCollect))
    configure_exchange(config)
    assert config.ExchangeFactory.collect is ExchangeCollect
    assert config.ExchangeFactory.release_feedback is ReleaseWithSecret


def test_what_the_instructor_sets_before_or_after_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lines = [
        "c = get_config()",
        "c.ExchangeFactory.collect = 'nbgrader.exchange.default.ExchangeCollect'",
        "from cnn_assignment.nbgrader_plugins import configure",
        "configure(c)",
        "c.ExchangeFactory.release_feedback = 'nbgrader.exchange.default.ExchangeReleaseFeedback'",
    ]
    (tmp_path / "nbgrader_config.py").write_text("\n".join(lines), encoding="utf-8")
    app = NbGrader()
    app.initialize([], root=str(tmp_path))
    factory = ExchangeFactory(parent=app)
    assert factory.collect is ExchangeCollect
    assert factory.release_feedback is ExchangeReleaseFeedback
    assert app.config.AssignLatePenalties.plugin_class is LatePenalty
