"""The command: one line for every error, exit statuses, and what an interrupted class leaves behind."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys

import pytest

import processes
import toy_course
from cnn_assignment.running.journal import JOURNAL
from processes import COMMAND, await_that, descendants, is_running, run
from toy_course import SLOW, TOTAL, answer, edit, submit, write

COMMANDS = ("init", "new", "build", "verify", "grade", "doctor", "demo")


@pytest.fixture
def course(tmp_path):
    return toy_course.make_course(tmp_path / "course").root


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A course with one submission; tests add no file to it."""
    root = toy_course.make_course(tmp_path_factory.mktemp("shared") / "course").root
    submit(root, "ada", toy_course.SOLUTION)
    return root


HOSTILE = ["-rf", "<img src=x onerror=alert(1)>", "b\nb", "\x1b[2J", "x" * 252, "\u202eadA", "a;=cmd()"]


@pytest.mark.slow
def test_names_that_no_student_can_have_are_told_and_everybody_else_is_graded(course):
    for student in ("ada", *HOSTILE):
        submit(course, student, toy_course.SOLUTION)
    (course / "submitted/eve").symlink_to("ada")
    words = ("grade", "toy", "submitted", "--out", "out", "--no-gradebook", "--jobs", "1")
    done = run(*words, cwd=course, status=3)
    told = done.stderr.splitlines()
    assert len(told) == len(HOSTILE)
    assert all(line.startswith("not graded: '") and line.endswith("no space or full stop last.") for line in told)
    assert not set(done.stdout + done.stderr) & {"\x1b", "\u202e"}
    with (course / "out/class.csv").open(encoding="utf-8", newline="") as file:
        assert [(row["student"], row["status"]) for row in csv.DictReader(file)] == [
            ("ada", "graded"),
            ("eve", "unreadable"),
        ]
    assert run(*words, "--only", "ada", cwd=course).stderr == ""
    assert "'-rf' cannot be a student's name" in run(*words, "--only=-rf", cwd=course, status=3).stderr


def refused(done):
    """What an error says: one line on standard error, and nothing else anywhere."""
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.rstrip().endswith((".", "…."))
    return done.stderr


# Help


@pytest.mark.parametrize("words", [(), *((command,) for command in COMMANDS)])
def test_help_tells_every_option_and_loads_nothing_heavy(words, tmp_path):
    program = (
        "import sys\nfrom cnn_assignment.cli import main\ntry:\n    main(sys.argv[1:], prog_name='cnn-assignment')\n"
        "finally:\n    print(sorted({'numpy', 'nbgrader', 'nbformat', 'rich', 'pytest', 'IPython'} & set(sys.modules)))"
    )
    done = processes.run_program("-c", program, *words, "--help", cwd=tmp_path, status=0)
    assert done.stdout.startswith("Usage: cnn-assignment")
    assert done.stdout.endswith("[]\n")
    assert done.stderr == ""


def test_the_help_names_every_command(tmp_path):
    text = run("-h", cwd=tmp_path).stdout
    assert all(f"  {command} " in text for command in COMMANDS)
    assert "--course-dir" in text


def test_the_version_is_told(tmp_path):
    assert run("--version", cwd=tmp_path).stdout.startswith("cnn-assignment, version ")


# Errors


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("build",), "no course here: neither this folder nor one above it holds"),
        (("verify",), "no course here"),
        (("grade", "toy", "submitted", "--out", "out"), "no course here"),
        (("demo",), "no course here"),
    ],
)
def test_outside_of_a_course_every_command_says_so(tmp_path, words, fact):
    assert fact in refused(run(*words, cwd=tmp_path, status=2))


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("build", "absent"), "autograder: unknown assignment 'absent'. Known here: toy."),
        (("verify", "absent"), "autograder: unknown assignment 'absent'. Known here: toy."),
        (("grade", "absent", "submitted", "--out", "out"), "unknown assignment 'absent'. Known here: toy."),
        (("grade", "toy", "absent", "--out", "out"), "absent: no such folder. Name nbgrader's submitted/"),
        (("grade", "toy", "solutions/toy.py", "--out", "out"), "toy.py: no such folder. Name nbgrader's"),
        (("grade", "toy", "submitted/ada", "--out", "out"), "ada: no student folders in here. It should hold"),
        (("grade", "toy", "submitted", "--out", "out", "--only", "bob"), "submitted: no folder for bob. Check --only."),
        (("grade", "toy", "submitted", "--out", "solutions/toy.py/out"), "solutions/toy.py/out: Not a directory. "),
        (("grade", "toy", "submitted", "--out", "/proc/out"), "/proc/out: No such file or directory. "),
        (("demo",), "examples: no example class. Put work to grade into examples/NAME/<student>/."),
        (("verify",), "source/toy: the assignment is not built. Run `cnn-assignment build toy` first."),
    ],
)
def test_what_a_command_cannot_work_with_is_told_in_one_line(shared, words, fact):
    assert fact in refused(run(*words, cwd=shared, status=2))


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("grade", "toy", "submitted"), "Missing option '--out'"),
        (("grade", "toy"), "Missing argument 'SUBMITTED'"),
        (("grade", "toy", "submitted", "--out", "solutions/toy.py"), "'solutions/toy.py' is a file"),
        (("grade", "toy", "submitted", "--out", "out", "--jobs", "0"), "0 is not in the range"),
        (("build", "--hints", "none"), "'none' is not one of"),
        (("--course-dir", "absent", "build"), "'absent' does not exist"),
        (("absent",), "No such command 'absent'"),
    ],
)
def test_wrong_words_are_told_by_the_parser(shared, words, fact):
    done = run(*words, cwd=shared, status=2)
    assert fact in done.stderr
    assert "Traceback" not in done.stderr


def test_several_assignments_must_be_named(course):
    write(course / "autograder/second/assignment.toml", 'classes = ["A"]')
    assert ": 2 assignments here. Name one of: second, toy." in refused(run("verify", cwd=course, status=2))
    assert "toy: NAME and --all. Give one of them." in refused(run("build", "toy", "--all", cwd=course, status=2))


def test_a_course_without_an_assignment_says_so(course):
    shutil.rmtree(course / "autograder/toy")
    assert ": no assignment here." in refused(run("verify", cwd=course, status=2))


@pytest.mark.nbgrader
def test_two_assignments_are_built_and_shown_together(course):
    toy_course.add_twin(course)
    write(course / "examples/toy/ada/toy.py", toy_course.SOLUTION)
    write(course / "examples/toy-two/bob/toy_two.py", toy_course.left_open("cut"))
    built = run("build", "--all", cwd=course).stdout.split()
    assert {
        "release/toy/toy.ipynb",
        "release/toy-two/toy-two.ipynb",
        "release/toy-two/toy_two.py",
        "release/toy-two/test_toy_two.py",
    } < set(built)
    told = run("build", "--all", "--check", cwd=course).stdout
    assert told == "".join(f"{name}: source/ and release/ are up to date.\n" for name in ("toy", toy_course.TWIN))
    toy_course.edit(course / "release/toy/README.md", "# A toy", "# Some toy")
    told = run("build", "--all", "--check", cwd=course, status=1).stdout
    assert "release/toy/README.md: differs" in told
    assert "toy-two: source/ and release/ are up to date." in told
    told = run("demo", "--out", "shown", cwd=course).stdout
    assert [line for line in told.splitlines() if line.startswith("Assignment ")] == [
        "Assignment 1 of 2: toy",
        "Assignment 2 of 2: toy-two",
    ]
    scores = {
        name: json.loads((course / "shown/reports" / name).read_text())["score"]
        for name in ("toy/ada.json", "toy-two/bob.json")
    }
    assert scores == {"toy/ada.json": TOTAL, "toy-two/bob.json": TOTAL - toy_course.TASKS["cut"]}


@pytest.mark.parametrize(
    ("file", "old", "new", "fact"),
    [
        ("assignment.toml", "seed = 3", "seed = -3", "autograder/toy/assignment.toml: seed must not be negative"),
        (
            "test_cut.py",
            "@pytest.mark.points(2)\n",
            "",
            "autograder/toy/test_cut.py::test_values: a hidden test without",
        ),
        ("test_cut.py", "import pytest\n", "import pytest(\n", "autograder/toy/test_cut.py: hidden tests cannot be"),
    ],
)
def test_an_assignment_that_is_not_valid_is_told_in_one_line(course, file, old, new, fact):
    submit(course, "ada", toy_course.SOLUTION)
    edit(course / "autograder/toy" / file, old, new)
    assert fact in refused(run("grade", "toy", "submitted", "--out", "out", "--no-gradebook", cwd=course, status=2))


def test_a_broken_hidden_test_withholds_the_grade_with_status_3(course):
    submit(course, "ada", toy_course.SOLUTION)
    edit(course / "autograder/toy/test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    done = run("grade", "toy", "submitted", "--out", "out", "--no-gradebook", cwd=course, status=3)
    assert "withheld" in done.stdout
    assert done.stderr.startswith("ada: grade withheld: ")
    assert "ZeroDivisionError" in done.stderr
    assert done.stderr.count("\n") == 1


# Grading


@pytest.mark.slow
def test_a_class_is_graded_from_anywhere_and_two_runs_are_equal(course, tmp_path):
    submit(course, "ada b", toy_course.SOLUTION)
    submit(course, "émile", answer(cut="return []"))
    words = ("grade", "toy", course / "submitted", "--no-gradebook")
    first = run("--course-dir", course / "autograder", *words, "--out", "one", "--jobs", "2", cwd=tmp_path)
    assert first.stderr == ""
    assert "ada b" in first.stdout
    assert first.stdout.rstrip().endswith("2 reports and class.csv are in one.")
    second = run(*words, "--out", tmp_path / "two", "--jobs", "1", cwd=course)
    assert second.stderr == ""
    names = ["ada b.json", "class.csv", "émile.json"]
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == [JOURNAL, *names]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    scores = [json.loads((tmp_path / "one" / name).read_text(encoding="utf-8"))["score"] for name in names[::2]]
    assert scores == [TOTAL, TOTAL - 2]


def test_a_read_only_submission_is_graded_and_stays_as_it_was(course):
    path = submit(course, "ada", toy_course.SOLUTION).path
    path.chmod(0o444)
    path.parent.chmod(0o555)
    before = path.stat()
    run("grade", "toy", "submitted", "--out", "out", "--no-gradebook", cwd=course)
    after = path.stat()
    assert (after.st_mtime_ns, after.st_mode, list(path.parent.iterdir())) == (
        before.st_mtime_ns,
        before.st_mode,
        [path],
    )
    path.parent.chmod(0o755)


@pytest.mark.slow
def test_an_interrupted_class_leaves_whole_reports_and_no_process(course):
    students = [f"s{number:02}" for number in range(12)]
    for student in students:
        submit(course, student, answer(scale=SLOW.format(seconds=0.3)))
    out = course / "out"
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "grade", "toy", "submitted", "--out", "out", "--no-gradebook", "--jobs", "2"],
        cwd=course,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        await_that(lambda: len(list(out.glob("s*.json"))) >= 2)
        theirs = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert stdout == ""
    assert stderr == "Interrupted. What was finished is kept; run the command again to go on.\n"
    assert len(theirs) >= 4
    for pid in theirs:
        await_that(lambda pid=pid: not is_running(pid))
    finished = sorted(path.stem for path in out.glob("*.json"))
    assert 2 <= len(finished) < len(students)
    for student in finished:
        report = json.loads((out / f"{student}.json").read_text(encoding="utf-8"))
        assert (report["status"], report["score"]) == ("graded", TOTAL)
    with (out / "class.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["student"]: row["status"] for row in csv.DictReader(file)}
    assert rows == {name: "graded" if name in finished else "ungraded" for name in students}
    assert sorted(path.name for path in out.iterdir()) == sorted(
        [JOURNAL, "class.csv", *(f"{name}.json" for name in finished)]
    )


def test_a_reader_that_has_seen_enough_ends_the_command_quietly(shared, tmp_path):
    read, write_end = os.pipe()
    os.close(read)
    with os.fdopen(write_end, "wb") as broken:
        words = (
            "--course-dir",
            shared,
            "grade",
            "toy",
            shared / "submitted",
            "--out",
            tmp_path / "out",
            "--no-gradebook",
        )
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *map(str, words)],
            stdout=broken,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert "Traceback" not in done.stderr
    assert "Check that it exists" not in done.stderr
    assert (tmp_path / "out/ada.json").is_file()


@pytest.mark.parametrize("name", ["mine", "solutions"])
def test_a_demo_never_writes_into_a_folder_that_it_did_not_make(course, name):
    write(course / "examples/toy/ada/toy.py", toy_course.SOLUTION)
    write(course / name / "precious.txt", "mine")
    before = sorted(path.name for path in (course / name).iterdir())
    done = run("demo", "--out", name, cwd=course, status=2)
    assert f"{name}: this folder was not made by a demo. Name a new one with --out." in refused(done)
    assert sorted(path.name for path in (course / name).iterdir()) == before


# doctor


def test_doctor_tells_each_protection_and_the_level(tmp_path):
    text = run("doctor", cwd=tmp_path)
    data = json.loads(run("doctor", "--json", cwd=tmp_path).stdout)
    assert text.stderr == ""
    assert f"level {data['level']}" in text.stdout
    assert data["protections"]["separate_process"] is True
    for name, active in data["protections"].items():
        (line,) = (line for line in text.stdout.splitlines() if f" {name.replace('_', ' ')} " in line)
        assert (" yes " in line) is active
