"""A class of sixty through all that happens to one in a term: after each step every table says the same.

The steps are those of one course, in their order, because what one leaves behind is what the next one has to cope with.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from nbgrader.plugins import CsvExportPlugin

from archive_kit import make_zip
from attacks.users import as_ordinary
from class_kit import RIGHT, open_course
from cnn_kit import NAME, call, run, submit
from places import ROOT
from processes import await_that

pytestmark = [pytest.mark.timeout(1800), pytest.mark.usefixtures("unmeasured")]

SIZE = 60
# Of the example class: right, wrong, unreadable and untouched work, none of which takes long.
KINDS = (
    "einsum",
    "batch-not-summed",
    "flipped-filter",
    "not-a-notebook",
    "one-task-only",
    "squeeze",
    "untouched",
    "loops",
)
DUE = "2026-01-10 12:00:00"
HIDDEN = "autograder/cnn/test_pool_forward.py"
ORDINARY = 62850


@dataclass
class Class:
    """A course, what it is graded with, and who is in it."""

    course: Path
    enrolled: set[str] = field(default_factory=set)
    # Of whom only the gradebook still has work.
    gone: set[str] = field(default_factory=set)

    @property
    def out(self) -> Path:
        return self.course / "reports"

    def grade(self, *words: str) -> str:
        return call("grade", NAME, "submitted", "--out", "reports", *words, cwd=self.course)

    def reports(self) -> dict[str, dict]:
        return {path.stem: json.loads(path.read_bytes()) for path in self.out.glob("*.json")}

    def table(self, name: str) -> dict[str, dict[str, str]]:
        with (self.out / name).open(encoding="utf-8", newline="") as file:
            return {row["student"]: row for row in csv.DictReader(file)}

    @contextmanager
    def gradebook(self) -> Iterator[Gradebook]:
        with Gradebook(f"sqlite:///{self.course / 'gradebook.db'}") as gradebook:
            yield gradebook
            gradebook.db.commit()

    def export(self) -> dict[str, dict[str, str]]:
        """What nbgrader's own export says, by student."""
        path = self.course / "grades.csv"
        with self.gradebook() as gradebook:
            CsvExportPlugin(to=str(path)).export(gradebook)
        with path.open(encoding="utf-8", newline="") as file:
            return {row["student_id"]: row for row in csv.DictReader(file) if row["assignment"] == NAME}

    def students(self) -> set[str]:
        return {path.name for path in (self.course / "submitted").iterdir()}

    def folder(self, student: str) -> Path:
        return self.course / "submitted" / student / NAME

    def agree(self, *, ungraded: frozenset[str] | set[str] = frozenset()) -> None:
        """Demand that reports, both tables and nbgrader's export say the same of everybody.

        ungraded: who has no report by the tests as they are now.
        """
        here, reports = self.students(), self.reports()
        rows, final, export = self.table("class.csv"), self.table("final.csv"), self.export()
        assert set(rows) == here
        assert {name for name, row in rows.items() if row["status"] == "ungraded"} == set(ungraded)
        graded = here - set(ungraded)
        assert graded <= set(reports) <= here
        assert set(final) == here | self.enrolled | self.gone
        assert {name for name, mark in final.items() if mark["state"] == "gone"} == self.gone
        for name in graded:
            report, row, mark, told = reports[name], rows[name], final[name], export[name]
            assert (row["status"], float(row["score"])) == (report["status"], report["score"]), name
            assert mark["state"] == report["status"], name
            same(mark["by_tests"], report["score"], name)
            same(mark["max_score"], report["max_score"], name)
            same(told["max_score"], report["max_score"], name)
            same(told["raw_score"], float(mark["by_tests"]) + float(mark["manual"]) + float(mark["extra_credit"]), name)
            same(told["late_submission_penalty"], mark["penalty"], name)
            same(told["score"], mark["score"], name)
        for name in ungraded:
            assert (final[name]["state"], final[name]["score"]) == ("ungraded", ""), name
        for name in self.enrolled - here:
            assert final[name]["state"] == "missing", name
            assert float(export[name]["score"]) == 0, name


def same(one: object, other: object, name: str) -> None:
    """Equal to the cent."""
    assert math.isclose(float(str(one)), float(str(other)), abs_tol=0.005), (name, one, other)


def configure(course: Path, text: str) -> None:
    """Let the course have these late penalties."""
    config = course / "nbgrader_config.py"
    kept = [line for line in config.read_text(encoding="utf-8").splitlines() if "LatePenalty" not in line]
    config.write_text("\n".join([*kept, *text.splitlines(), ""]), encoding="utf-8")


@pytest.fixture(scope="module")
def sixty() -> Iterator[Class]:
    with open_course() as course:
        shutil.rmtree(course / "submitted", ignore_errors=True)
        for number in range(SIZE):
            kind = KINDS[number % len(KINDS)]
            (file,) = sorted((ROOT / "examples/cnn" / kind).rglob(f"{NAME}.*"))
            submit(course, f"s{number:02}", file)
        found = Class(course)
        with found.gradebook() as gradebook:
            gradebook.update_or_create_assignment(NAME, duedate=DUE)
            for name in ("enrolled-1", "enrolled-2"):
                gradebook.add_student(name, last_name=name.title())
        found.enrolled = {"enrolled-1", "enrolled-2"}
        yield found


def test_every_table_agrees_after_each_operation_of_a_term(sixty):
    first_run(sixty)
    changed_submissions(sixty)
    marks_by_hand(sixty)
    penalties_and_extensions(sixty)
    changed_points_for_some_and_then_for_all(sixty)
    changed_test_and_interruption(sixty)
    renamed_and_withdrawn(sixty)
    archives(sixty)
    deleted_gradebook(sixty)
    full_disk(sixty)
    read_only_output(sixty)


def first_run(sixty: Class) -> None:
    said = sixty.grade()
    assert f"{SIZE} reports" in said
    sixty.agree()
    assert "60 of 60 reports are still right" in sixty.grade()
    sixty.agree()


def changed_submissions(sixty: Class) -> None:
    before = sixty.reports()
    for name in ("s01", "s03", "s06"):
        submit_anew(sixty, name, RIGHT)
    assert "57 of 60 reports are still right" in sixty.grade()
    after = sixty.reports()
    assert {name for name in after if after[name] != before[name]} == {"s01", "s03", "s06"}
    assert {after[name]["score"] for name in ("s01", "s03", "s06")} == {100}
    sixty.agree()


def submit_anew(sixty: Class, name: str, file: Path) -> None:
    shutil.rmtree(sixty.folder(name))
    submit(sixty.course, name, file)


def marks_by_hand(sixty: Class) -> None:
    with sixty.gradebook() as gradebook:
        for name, score in {"s00": 3.5, "s02": 20.0, "s04": 0.0}.items():
            grade = gradebook.find_submission_notebook(NAME, NAME, name).grades[0]
            grade.manual_score, grade.needs_manual_grade = score, False
        gradebook.find_submission_notebook(NAME, NAME, "s05").grades[1].extra_credit = 2.25
    assert "60 of 60 reports are still right" in sixty.grade()
    sixty.agree()
    final = sixty.table("final.csv")
    assert float(final["s05"]["extra_credit"]) == 2.25
    assert float(final["s00"]["manual"]) < 0
    # New work of its student leaves a mark by hand, and questions it by name.
    submit_anew(sixty, "s02", RIGHT)
    assert "s02" in sixty.grade()
    assert sixty.reports()["s02"]["score"] == 100
    assert sixty.table("final.csv")["s02"]["needs_manual_grade"] == "True"
    sixty.agree()


def penalties_and_extensions(sixty: Class) -> None:
    for name, time in {
        "s07": "2026-01-11 13:00:00",
        "s08": "2026-01-13 11:00:00",
        "s00": "2026-01-10 12:30:00",
    }.items():
        (sixty.folder(name) / "timestamp.txt").write_text(f"{time} UTC")
    configure(sixty.course, "c.LatePenalty.percent_per_day = 10")
    sixty.grade()
    sixty.agree()
    assert late(sixty) == {"s00", "s07", "s08"}
    changes = (
        (lambda: configure(sixty.course, "c.LatePenalty.percent_per_day = 25"), {"s00", "s07", "s08"}),
        (lambda: set_due(sixty, "2026-01-12 12:00:00"), {"s08"}),
        (lambda: extend(sixty, "s08", 2), set()),
        (lambda: extend(sixty, "s08", 0), {"s08"}),
        (lambda: grace(sixty, 4320), set()),
        (lambda: grace(sixty, 60), {"s08"}),
        (lambda: set_due(sixty, DUE), {"s07", "s08"}),
        (lambda: configure(sixty.course, "c.LatePenalty.percent_per_day = 5"), {"s00", "s07", "s08"}),
    )
    for change, expected in changes:
        earlier = {name: row["penalty"] for name, row in sixty.table("final.csv").items()}
        change()
        assert "60 of 60 reports are still right" in sixty.grade()
        sixty.agree()
        assert late(sixty) == expected
        assert {name: row["penalty"] for name, row in sixty.table("final.csv").items()} != earlier


def late(sixty: Class) -> set[str]:
    """Who has a penalty."""
    return {name for name, row in sixty.table("final.csv").items() if float(row["penalty"] or 0) > 0}


def grace(sixty: Class, minutes: int) -> None:
    configure(sixty.course, f"c.LatePenalty.percent_per_day = 25\nc.LatePenalty.grace_minutes = {minutes}")


def set_due(sixty: Class, due: str) -> None:
    with sixty.gradebook() as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate=due)


def extend(sixty: Class, student: str, days: int) -> None:
    with sixty.gradebook() as gradebook:
        gradebook.grant_extension(NAME, student, days=days) if days else gradebook.grant_extension(NAME, student)


def changed_points_for_some_and_then_for_all(sixty: Class) -> None:
    path = sixty.course / HIDDEN
    path.write_text(path.read_text(encoding="utf-8").replace("points(", "points(2 * ", 1), encoding="utf-8")
    call("build", NAME, cwd=sixty.course)
    said = sixty.grade("--only", "s10", "--only", "s11")
    assert "without --only" in said
    sixty.agree(ungraded=sixty.students() - {"s10", "s11"})
    assert "2 of 60 reports are still right" in sixty.grade()
    assert {report["max_score"] for report in sixty.reports().values()} != {100}
    sixty.agree()


def changed_test_and_interruption(sixty: Class) -> None:
    with (sixty.course / HIDDEN).open("a", encoding="utf-8") as file:
        file.write("\n# A remark, which is another edition of the test.\n")
    before = {path.name: path.read_bytes() for path in sixty.out.glob("*.json")}
    command = [str(Path(sys.executable).parent / "cnn-assignment"), "grade", NAME, "submitted", "--out", "reports"]
    process = subprocess.Popen(command, cwd=sixty.course, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)

    def changed() -> set[str]:
        return {path.stem for path in sixty.out.glob("*.json") if path.read_bytes() != before.get(path.name)}

    await_that(lambda: len(changed()) >= 5, seconds=600)
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert process.returncode == 130
    done = changed()
    assert len(done) < SIZE
    assert len(sixty.table("class.csv")) == SIZE
    sixty.agree(ungraded=sixty.students() - done)
    # The last report may have been written, and not yet noted as such: it is made again.
    kept = int(sixty.grade().partition(" of 60 reports are still right")[0])
    assert len(done) - 1 <= kept <= len(done)
    sixty.agree()


def renamed_and_withdrawn(sixty: Class) -> None:
    submitted = sixty.course / "submitted"
    (submitted / "s20").rename(submitted / "s20-new")
    shutil.rmtree(submitted / "s21")
    said = sixty.grade()
    assert "s20, s21 are not in the class any more" in said
    sixty.gone = {"s20", "s21"}
    assert {"s20", "s21"} <= {path.stem for path in (sixty.out / "gone").glob("*.json")}
    sixty.agree()
    assert "59 of 59 reports are still right" in sixty.grade()


METADATA = """---
submission_73:
  :submitters:
  - :name: Emmy Noether
    :sid: '73'
"""


def archives(sixty: Class) -> None:
    right = RIGHT.read_bytes()
    uploads = sixty.course / f"downloaded/{NAME}/archive"
    make_zip(uploads / "Kurs-CNN-7.zip", {"Ada Lovelace_71_assignsubmission_file_/my solution.py": right})
    make_zip(uploads / "submissions.zip", {"zuse_72_900_cnn.py": b"", "zuse_72_901_cnn-2.py": right})
    export = {"submission_metadata.yml": METADATA.encode(), "submission_73/work/cnn.py": right}
    make_zip(
        uploads / "assignment_9_export.zip", {f"assignment_9_export/{name}": data for name, data in export.items()}
    )
    clones = {"week3-submissions/week3-octocat/.git/config": b"", "week3-submissions/week3-octocat/cnn.py": right}
    make_zip(uploads / "clones.zip", {**clones, "week3-submissions/week3-hubot/cnn.py": right})
    before = sixty.students()
    run("nbgrader", "zip_collect", NAME, cwd=sixty.course)
    new = sixty.students() - before
    assert new == {"Ada-Lovelace_71", "zuse_72", "Emmy-Noether_73", "octocat", "hubot"}
    assert f"{len(before)} of {len(before) + len(new)} reports are still right" in sixty.grade()
    assert {sixty.reports()[name]["score"] for name in new} == {sixty.reports()["s01"]["score"]}
    sixty.agree()


def deleted_gradebook(sixty: Class) -> None:
    (sixty.course / "gradebook.db").unlink()
    sixty.enrolled, sixty.gone = set(), set()
    count = len(sixty.students())
    assert f"{count} of {count} reports are still right" in sixty.grade()
    sixty.agree()


def full_disk(sixty: Class) -> None:
    submit(sixty.course, "late-comer", RIGHT)
    limited = [
        "bash",
        "-c",
        f"ulimit -f 4; exec {Path(sys.executable).parent}/cnn-assignment grade {NAME} submitted --out reports",
    ]
    done = subprocess.run(limited, cwd=sixty.course, capture_output=True, text=True, check=False)
    assert done.returncode in {2, 3}, done.stderr
    assert "Make room there" in done.stderr
    assert "Traceback" not in done.stderr
    sixty.grade()
    sixty.agree()


def read_only_output(sixty: Class) -> None:
    submit_anew(sixty, "late-comer", ROOT / "examples/cnn/squeeze/cnn.py")
    before = {path: path.read_bytes() for path in sixty.out.iterdir() if path.is_file()}
    command = [str(Path(sys.executable).parent / "cnn-assignment"), "grade", NAME, "submitted", "--out", "reports"]
    sixty.out.chmod(0o555)
    done = subprocess.run(
        as_ordinary(command, ORDINARY) if os.geteuid() == 0 else command,
        cwd=sixty.course,
        capture_output=True,
        text=True,
        check=False,
    )
    sixty.out.chmod(0o755)
    assert done.returncode == 2, done.stderr
    assert "may write there" in done.stderr
    assert {path: path.read_bytes() for path in sixty.out.iterdir() if path.is_file()} == before
    sixty.grade()
    sixty.agree()
