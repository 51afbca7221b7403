"""The kit against `nbgrader autograde` as nbgrader ships it, on the same submissions.

nbgrader has a course of its own, without the kit's preprocessors; the hidden tests stand in the grade cells of its
notebook, as its documentation has it, and run the same cases with the same inputs for the same partial points. The kit
grades the same classes in its own released notebook and fills nbgrader's gradebook too. Both are commands that are told
a folder of submissions, on one core, in turn. What a command does once is taken out of both: it grades N submissions,
then the same and N of other kinds; the difference is the time of N submissions of which it has seen none like them. The
kit does not judge an answer twice, so it then grades these others again beside themselves: that difference is the time
of N submissions like earlier ones, as most of a large class are.

Two notebooks: the assignment as students hand it in, with its pictures and its training, which nbgrader must run to
come to its tests and the kit need not; and one with nothing but classes and tests, the least that nbgrader can do.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import nbformat
from benchkit import NAME, ROOT, add_core_options, copy_course, run, stay_on_one_core, the_assignment
from inline_tests import setup_text, task_text
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from notebooks import fill, is_test, layers_only, mark_of, read, repeat_texts, sample_texts, split_by_class

HIDDEN = "### BEGIN HIDDEN TESTS\n{}\n### END HIDDEN TESTS"
NEW, KNOWN = "kit, first of their kind", "kit, like earlier ones"
# Right solutions to which nbgrader gives nothing.
LEFT_OUT = {"prints_and_asserts": "it writes to stderr, which costs all points in nbgrader"}
Scores = dict[str, dict[str, float]]


class Stock:
    """A course of nbgrader alone."""

    def __init__(self, folder: Path, notebook: NotebookNode) -> None:
        self.folder = folder
        source = folder / "source" / NAME
        source.mkdir(parents=True)
        (folder / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
        for path in the_assignment().provided_files:
            shutil.copy(path, source)
        nbformat.write(self._with_tests(notebook), source / f"{NAME}.ipynb")
        run("nbgrader", "generate_assignment", NAME, cwd=folder)
        self.released = read(folder / "release" / NAME / f"{NAME}.ipynb")

    @staticmethod
    def _with_tests(notebook: NotebookNode) -> NotebookNode:
        made = nbformat.from_dict(notebook)
        marks = {"grade": True, "locked": True, "schema_version": 3, "solution": False, "task": False, "points": 0}
        setup = nbformat.v4.new_code_cell(HIDDEN.format(setup_text()), id="setup")
        setup.metadata.nbgrader = {**marks, "grade_id": "setup"}
        made.cells.insert(0, setup)
        for cell in made.cells[1:]:
            if is_test(cell):
                cell.source = HIDDEN.format(task_text(mark_of(cell)))
        return made

    def grade(self) -> float:
        """The seconds that the command takes."""
        return run("nbgrader", "autograde", NAME, cwd=self.folder)

    def scores(self) -> Scores:
        """By student and task, from the gradebook."""
        with Gradebook(f"sqlite:///{self.folder}/gradebook.db") as gradebook:
            return {
                submission.student.id: {
                    grade.name: grade.auto_score for grade in submission.notebooks[0].grades if grade.name != "setup"
                }
                for submission in gradebook.assignment_submissions(NAME)
            }


class Kit:
    """A course of the kit."""

    def __init__(self, folder: Path, notebook: NotebookNode) -> None:
        self.folder = copy_course(folder)
        self.released = notebook

    def grade(self) -> float:
        """The seconds that the command takes."""
        return run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", "--jobs", "1", cwd=self.folder)

    def scores(self) -> Scores:
        """By student and task, from the reports."""
        reports = [json.loads(path.read_text(encoding="utf-8")) for path in (self.folder / "reports").glob("*.json")]
        return {report["student"]: {task["id"]: task["score"] for task in report["tasks"]} for report in reports}


def submit(course: Stock | Kit, folder: Path, texts: Mapping[str, str]) -> Stock | Kit:
    """A copy of the course in which these modules are handed in, nothing of it graded yet."""
    shutil.copytree(course.folder, folder)
    for name, text in texts.items():
        place = folder / "submitted" / name / NAME
        place.mkdir(parents=True)
        nbformat.write(fill(course.released, split_by_class(text)), place / f"{NAME}.ipynb")
        for path in the_assignment().provided_files:
            shutil.copy(path, place)
    copied = object.__new__(type(course))
    copied.folder = folder
    return copied


def compare(place: Path, *, whole: bool, kinds: int, rounds: int) -> dict[str, float]:
    """Grade the same submissions with both, print what was found, and give the ratios."""
    source, released = (read(ROOT / name / NAME / f"{NAME}.ipynb") for name in ("source", "release"))
    if not whole:
        source, released = layers_only(source), layers_only(released)
    courses = {"stock": Stock(place / "stock", source), "kit": Kit(place / "kit", released)}
    texts = sample_texts(2 * kinds, without=LEFT_OUT)
    names = list(texts)
    fewer = {name: texts[name] for name in names[::2]}
    others = {name: texts[name] for name in names[1::2]}
    each: dict[str, list[float]] = {"stock": [], NEW: [], KNOWN: []}
    starts: dict[str, list[float]] = {name: [] for name in courses}
    scores: dict[str, Scores] = {}
    # What misconceptions give is kept on disk, once for an assignment.
    submit(courses["kit"], place / "warm", texts).grade()
    for number in range(rounds):
        for name, course in courses.items():
            short = submit(course, place / f"{name}-{number}-fewer", fewer).grade()
            graded = submit(course, place / f"{name}-{number}-all", texts)
            long = graded.grade()
            each[NEW if name == "kit" else name].append((long - short) / kinds)
            starts[name].append(2 * short - long)
            scores[name] = graded.scores()
        again = submit(courses["kit"], place / f"again-{number}", texts | repeat_texts(others, "-again"))
        each[KNOWN].append((again.grade() - long) / kinds)
    require_equal(scores["stock"], scores["kit"], texts)
    full = sum(sum(tasks.values()) == 100 for tasks in scores["kit"].values())
    print(
        f"{'the whole notebook' if whole else 'classes and tests alone'}: {len(texts)} submissions, {full} of them right;"
    )
    print(
        "  scores are equal, but for tasks that only lose marks in nbgrader because they use another one that is wrong"
    )
    for name, seconds in each.items():
        print(f"  {name:27} {statistics.median(seconds):7.3f} s a submission")
    for name, seconds in starts.items():
        print(f"  {name:27} {statistics.median(seconds):7.1f} s once")
    found = {name: statistics.median(each["stock"]) / statistics.median(each[name]) for name in (NEW, KNOWN)}
    for name, ratio in found.items():
        print(f"  ratio stock/{name}: {ratio:.1f}")
    return found


def require_equal(stock: Scores, kit: Scores, texts: Mapping[str, str]) -> None:
    """The work is equal only if the scores are: for right work all, for a mistake those of its own task.

    Tasks that use the wrong one are graded by the kit with right methods in its place; nbgrader takes their points too.
    """
    replaceable = the_assignment().stand_ins
    for student in texts:
        mine, theirs = kit.get(student, {}), {task: score or 0.0 for task, score in stock.get(student, {}).items()}
        wrong = [task for task in mine if abs(mine[task] - theirs.get(task, math.nan)) > 1e-9]
        if not mine or any(not (task in replaceable and theirs[task] < mine[task]) for task in wrong):
            sys.exit(f"{student}: the kit gives {mine}, nbgrader {theirs}")
        if wrong and sum(mine.values()) == 100:
            sys.exit(f"{student} is right, and loses marks in nbgrader: {theirs}")


def main() -> None:
    """Print the seconds and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=9, help="kinds of submissions that are timed (default: 9)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds, both sides in turn (default: 3)")
    add_core_options(parser)
    options = parser.parse_args()
    stay_on_one_core(options)
    print(f"left out on both sides: {', '.join(f'{name} ({why})' for name, why in LEFT_OUT.items())}")
    with tempfile.TemporaryDirectory() as folder:
        arguments = {"kinds": options.n, "rounds": options.rounds}
        least = compare(Path(folder) / "layers", whole=False, **arguments)
        ratio = compare(Path(folder) / "whole", whole=True, **arguments)
    for what, found in (("classes and tests alone", least), ("the notebook as handed in", ratio)):
        for name in found:
            print(f"ratio stock/{name}, {what}: {found[name]:.1f}")


if __name__ == "__main__":
    main()
