"""Grading on a Dask cluster: real schedulers and workers, which are lost, weak, strange or missing."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import replace

import dask
import pytest

import processes
import toy_course
from cluster_kit import Worker, open_cluster
from cnn_assignment.core.errors import AuthoringError, GraderError, ProtectionError, UsageError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import ReportStatus, Submission
from cnn_assignment.running.cluster.grading import grade_on_cluster
from cnn_assignment.running.pool import grade_all
from cnn_assignment.submissions.plain.folder import FILE_CAP
from processes import COMMAND, await_that, run
from toy_course import SLOW, SOLUTION, TOTAL, answer, edit, left_open, notebook, submit, write

IMPATIENT = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "1s"}
SCALER, CUTTER = SOLUTION[: SOLUTION.index("class Cutter")], SOLUTION[SOLUTION.index("class Cutter") :]

# What it imports and cannot have is nothing that a test asks for.
HAL = """
import big
import linked
from parts.cutting import Cutter
from scaling import Scaler as Base


class Scaler(Base):
    def extra(self):
        return big, linked
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with open_cluster(tmp_path_factory.mktemp("cluster") / "two") as cluster:
        cluster.add_worker("--no-nanny")
        cluster.add_worker("--no-nanny")
        yield cluster


@pytest.fixture(scope="module")
def fragile(tmp_path_factory):
    """A cluster that gives a batch up with the first worker that dies of it; its worker is always replaced."""
    environment = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
    with open_cluster(tmp_path_factory.mktemp("cluster") / "one", **environment) as cluster:
        cluster.add_worker("--nanny")
        yield cluster


def submit_class(root):
    """Whatever the kit reads, and what it must not."""
    submit(root, "ada", SOLUTION)
    submit(root, "bob", left_open("cut", "clear"))
    submit(root, "cem", answer(cut="return []", scale="raise ValueError(object())"))
    submit(root, "dee", "class Scaler(:")
    submit(root, "eva", answer(scale="while True: pass"))
    submit(root, "fay", answer(scale="import os; os._exit(3)"))
    submit(root, "émile x.y", notebook("import numpy as np\nfrom given import HALF", SCALER, CUTTER), "toy/toy.ipynb")
    (root / "submitted/gus").mkdir()
    # Modules of a student's own: beside it, in packages with and without a file of their own, too large, and linked.
    own = submit(root, "hal", HAL).path
    write(own.with_name("scaling.py"), SCALER)
    write(own.parent / "parts/cutting.py", "from .deep import Cutter")
    write(own.parent / "parts/deep/__init__.py", CUTTER)
    write(own.with_name("big.py"), "#" * (2 * 1024 * 1024 + 1))
    own.with_name("linked.py").symlink_to(root / "solutions/toy.py")
    submit(root, "ida", f"from scaling import *\n{CUTTER}")
    write(root / "submitted/ida/scaling.py", SCALER)
    with submit(root, "jan", "", "toy.ipynb").path.open("r+b") as file:
        file.truncate(FILE_CAP + 5)
    for number in range(8):
        submit(root, f"s{number}", answer(slope=f"return np.full(1, {number}.0)"))


def texts(reports):
    """The JSON of each report."""
    with closing(reports):
        return {report.student: json.dumps(report.to_json()) for report in reports}


def submit_slow(course, count):
    return [submit(course.root, f"slow{n}", answer(scale=SLOW.format(seconds=0.1))) for n in range(count)]


def test_reports_are_the_same_bytes_wherever_they_are_made(cluster, tmp_path):
    toy_course.make_course(tmp_path)
    submit_class(tmp_path)
    command = ("grade", "toy", "submitted", "--no-gradebook", "--out")
    run(*command, "one", "--jobs", "1", cwd=tmp_path)
    run(*command, "two", "--jobs", "2", cwd=tmp_path)
    run(*command, "dask", "--dask", cluster.file, cwd=tmp_path)
    names = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(names) == 21  # one a student, the table, and what the next run is told
    for name in names:
        found = {(tmp_path / folder / name).read_bytes() for folder in ("one", "two", "dask")}
        assert len(found) == 1, f"{name} differs"
    told = {name: json.loads((tmp_path / f"dask/{name}.json").read_text(encoding="utf-8")) for name in ("hal", "jan")}
    assert told["hal"]["score"] == TOTAL
    assert "big.py is left out, because it is too large." in told["hal"]["notes"]
    assert told["jan"]["notes"][0].startswith("toy.ipynb is larger than 128 MiB")
    assert sorted(path.name for path in (tmp_path / "dask").iterdir()) == names
    assert all(worker.is_clean() for worker in cluster.workers)


def test_a_worker_that_is_killed_loses_no_submission(cluster, course):
    slow = submit_slow(course, 10)
    victim = cluster.add_worker("--no-nanny")
    cluster.workers.remove(victim)
    found = []
    with closing(grade_on_cluster(course, iter(slow), cluster.address)) as reports:
        for report in reports:
            if not found:
                await_that(lambda: graded_at(victim))
                victim.process.kill()
                victim.process.wait()
            found.append(report)
    assert sorted(report.student for report in found) == sorted(submission.student for submission in slow)
    (local,) = grade_all(course, slow[:1], 1)
    assert all(replace(report, student=local.student) == local for report in found)
    await_that(lambda: not victim.graders)
    assert all(worker.is_clean() for worker in cluster.workers)


def graded_at(worker: Worker):
    """The files of submissions that are being graded at a worker."""
    return list(worker.folder.glob("dask-scratch-space/*/cnn-assignment-*/tmp*/toy.py"))


def test_what_is_interrupted_ends_on_the_workers_too(cluster, course, tmp_path):
    # More than are graded while this process, on a busy machine, comes to send the signal.
    submit_slow(course, 120)
    words = ["grade", "toy", "submitted", "--no-gradebook", "--out", str(tmp_path / "out"), "--dask", cluster.address]
    command = subprocess.Popen([sys.executable, "-c", COMMAND, *words], cwd=course.root, stderr=subprocess.PIPE)
    await_that(lambda: list((tmp_path / "out").glob("*.json")))
    assert any(worker.graders for worker in cluster.workers)
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert command.returncode == 130
    assert said.decode().startswith("Interrupted.")
    await_that(lambda: all(worker.is_clean() for worker in cluster.workers))


def test_what_withholds_a_grade_does_so_everywhere(cluster, tmp_path):
    toy_course.make_course(tmp_path)
    edit(tmp_path / "autograder/toy/test_cut.py", "    x = rng", "    x = 1 / 0\n    x = rng")
    assignment = load_assignment(tmp_path, "toy")
    own = submit(tmp_path, "ada", SOLUTION)
    # Whoever chose it: a link is not followed.
    (tmp_path / "link.py").symlink_to(tmp_path / "solutions/toy.py")
    found = texts(grade_on_cluster(assignment, [own, Submission("bob", tmp_path / "link.py")], cluster.address))
    assert found["ada"] == texts(grade_all(assignment, [own], 1))["ada"]
    reports = {student: json.loads(text) for student, text in found.items()}
    assert {report["status"] for report in reports.values()} == {ReportStatus.GRADER_ERROR}
    assert reports["bob"]["notes"][0].startswith("the file cannot be read: ")


def test_hidden_tests_that_do_not_fit_stop_the_class(cluster, tmp_path):
    toy_course.make_course(tmp_path)
    edit(tmp_path / "autograder/toy/test_cut.py", "@pytest.mark.points(2)\n", "")
    with pytest.raises(AuthoringError, match=r"autograder/toy/test_cut.py.*a hidden test without points"):
        texts(grade_on_cluster(load_assignment(tmp_path, "toy"), [submit(tmp_path, "ada", SOLUTION)], cluster.address))
    assert all(worker.is_clean() for worker in cluster.workers)


def test_a_solution_that_loses_marks_stops_the_class(cluster, tmp_path):
    assignment = toy_course.make_course(tmp_path)
    edit(tmp_path / "autograder/toy/test_slope.py", "expected = right", "expected = 2 * right")
    with pytest.raises(
        AuthoringError, match=r"solutions/toy.py, the solution itself, gets 6 of 8, so nothing is graded"
    ):
        list(grade_on_cluster(assignment, [submit(tmp_path, "ada", SOLUTION)], cluster.address))


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="without Debian's package bubblewrap no worker is stronger")
def test_workers_that_protect_less_are_named(cluster, course):
    # Nothing is found on this path, and so not bubblewrap either.
    weak = cluster.add_worker("--no-nanny", PATH=str(course.root))
    cluster.workers.remove(weak)
    strict = replace(course, limits=replace(course.limits, required_level=3))
    remedy = "`cnn-assignment doctor`"
    try:
        with pytest.raises(ProtectionError, match=rf"level 2, without .*, on tcp:.*; level 3, on tcp:.*{remedy}"):
            texts(grade_on_cluster(course, [], cluster.address))
        with pytest.raises(
            ProtectionError, match=rf"worker tcp:\S+ on \S+: .* level 3 here, .* gives level 2.*{remedy}"
        ):
            texts(grade_on_cluster(strict, [], cluster.address))
    finally:
        weak.process.terminate()
        weak.process.wait()


def test_a_worker_with_another_kit_is_refused(cluster, course, tmp_path):
    write(
        tmp_path / "cnn_assignment-99.9.dist-info/METADATA",
        "Metadata-Version: 2.1\nName: cnn-assignment\nVersion: 99.9\n",
    )
    strange = cluster.add_worker("--no-nanny", PYTHONPATH=str(tmp_path))
    cluster.workers.remove(strange)
    try:
        with pytest.raises(UsageError, match=r"Dask worker tcp://\S+: cnn-assignment is 99.9 there and [\d.]+ here"):
            texts(grade_on_cluster(course, [], cluster.address))
    finally:
        strange.process.terminate()
        strange.process.wait()


def test_a_submission_that_workers_die_of_is_set_aside_and_costs_nobody_else(fragile, tmp_path):
    assignment = toy_course.make_course(tmp_path)
    marked = answer(scale=SLOW.format(seconds=0.3)) + "\n# deadly\n"
    own = [submit(tmp_path, name, marked if name == "bob" else SOLUTION) for name in ("ada", "bob", "cem", "dee")]
    done = threading.Event()
    killer = threading.Thread(target=kill_at_mark, args=(fragile.workers[0], done))
    killer.start()
    try:
        reports = {report.student: report for report in grade_on_cluster(assignment, own, fragile.address)}
    finally:
        done.set()
        killer.join()
    assert {name: reports[name].score for name in ("ada", "cem", "dee")} == dict.fromkeys(("ada", "cem", "dee"), TOTAL)
    assert reports["bob"].status is ReportStatus.GRADER_ERROR
    assert (
        reports["bob"].notes[0].startswith("Dask workers were lost again and again while they graded this submission")
    )


def kill_at_mark(worker: Worker, done: threading.Event):
    """Kill the process of a worker, but not its nanny, whenever it has the deadly submission."""
    while not done.wait(0.02):
        for path in graded_at(worker):
            try:
                is_deadly = "# deadly" in path.read_text(encoding="utf-8")
            except OSError:
                continue
            if is_deadly:
                (job, *_) = worker.graders
                os.kill(parent_of(job), signal.SIGKILL)
                await_that(lambda path=path: not path.exists())


def parent_of(pid):
    status = toy_course.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    return int(status.rpartition(")")[2].split()[1])


def test_a_scheduler_that_is_lost_is_told(fragile, course):
    with closing(grade_on_cluster(course, submit_slow(course, 12), fragile.address)) as reports:
        next(reports)
        fragile.process.kill()
        with pytest.raises(GraderError, match="the Dask scheduler is gone, or has forgotten this class"):
            list(reports)


def test_a_cluster_without_workers_is_not_waited_for_for_ever(course, tmp_path):
    submit(course.root, "ada", SOLUTION)
    words = ("grade", "toy", "submitted", "--no-gradebook", "--only", "ada", "--out", tmp_path / "out", "--dask")
    with open_cluster(tmp_path / "none") as cluster:
        said = run(*words, cluster.address, cwd=course.root, status=2, **IMPATIENT).stderr
    assert said.startswith(f"{cluster.address}: the Dask scheduler has no workers, 1 seconds after it was asked. Start")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.5s"}),
        pytest.raises(
            UsageError, match=rf"{cluster.address}: no Dask scheduler answers, in 0.5 seconds\. Start one with"
        ),
    ):
        next(grade_on_cluster(course, [], cluster.address))


@pytest.mark.parametrize("address", ["here", "tcp://nobody", "http://127.0.0.1:8786", "file"])
def test_what_is_no_address_is_refused(course, tmp_path, monkeypatch, address):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "file", json.dumps({"address": "inproc://1/2/3"}))
    with pytest.raises(UsageError, match=f"{address}: neither the address of a Dask scheduler nor its scheduler file"):
        next(grade_on_cluster(course, [], address))
    write(tmp_path / "file", "[]")
    with pytest.raises(UsageError, match="file: not the scheduler file of a Dask cluster"):
        next(grade_on_cluster(course, [], "file"))


def test_a_scheduler_file_that_is_not_written_yet_is_waited_for(course, tmp_path):
    file = write(tmp_path / "scheduler.json", "")
    written = threading.Timer(0.5, write, (file, json.dumps({"address": "tcp://127.0.0.1:1"})))
    written.start()
    try:
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "5s"}),
            pytest.raises(UsageError, match="no Dask sch"),
        ):
            next(grade_on_cluster(course, [], str(file)))
    finally:
        written.join()


def test_a_scheduler_file_that_stays_empty_is_refused(course, tmp_path):
    file = write(tmp_path / "scheduler.json", "")
    with (
        dask.config.set({"distributed.comm.timeouts.connect": "0.5s"}),
        pytest.raises(UsageError, match="not the scheduler file of a Dask cluster"),
    ):
        next(grade_on_cluster(course, [], str(file)))


def test_without_dask_the_remedy_is_told(course):
    submit(course.root, "ada", SOLUTION)
    words = ["grade", "toy", "submitted", "--no-gradebook", "--out", "out", "--dask", "tcp://127.0.0.1:1"]
    program = f"import sys\nsys.modules['distributed'] = None\n{COMMAND}"
    said = processes.run_program("-c", program, *words, cwd=course.root, status=2).stderr
    assert said == (
        "grading on a cluster needs Dask, which is not installed here. Install it: pip install 'cnn-assignment[dask]'.\n"
    )


def test_the_number_of_jobs_is_the_clusters(course):
    said = run(
        "grade", "toy", "submitted", "--out", "out", "--dask", "x", "--jobs", "2", cwd=course.root, status=2
    ).stderr
    assert said.startswith("--jobs and --dask exclude each other.")
