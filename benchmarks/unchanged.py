"""Grading an unchanged class again: the first run against the second, without and with nbgrader's gradebook.

Both are whole commands on the same folder, start-up included, with all cores. The class is that of `class_maker`
without its rare endless work; nothing of it changes between the runs. A last run with one changed submission shows what
that costs, and that it is not taken for an old one.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchkit import NAME, copy_course, run
from class_maker import SLOW, ClassMaker, write


def hand_in(submitted: Path, count: int, seed: int) -> Path | None:
    """So many submissions; the file of the first one that is a module, if there is one."""
    maker, number, changed = ClassMaker(seed), 0, None
    while count:
        number += 1
        if maker.choose(number).name in SLOW:
            continue
        student = maker.make(number)
        write(student, submitted)
        count -= 1
        if changed is None and list(student.files) == [f"{NAME}.py"] and student.work.status == "graded":
            changed = submitted / student.name / NAME / f"{NAME}.py"
    return changed


def stamps(reports: Path) -> dict[str, int]:
    """When each report was written: one that is kept is not written again."""
    return {path.name: path.stat().st_mtime_ns for path in reports.glob("*.json")}


def measure(course: Path, changed: Path, *, gradebook: bool) -> float:
    """Print the seconds of the runs; give the ratio of the first to the second."""
    out = "with" if gradebook else "without"
    words = ("grade", NAME, "submitted", "--out", out, *([] if gradebook else ["--no-gradebook"]))
    first = run("cnn-assignment", *words, cwd=course)
    before = stamps(course / out)
    second = run("cnn-assignment", *words, cwd=course)
    again = stamps(course / out)
    with changed.open("a", encoding="utf-8") as file:
        file.write("\n# once more\n")
    third = run("cnn-assignment", *words, cwd=course)
    after = stamps(course / out)
    kept, kept_later = (sum(old[name] == new[name] for name in old) for old, new in ((before, again), (again, after)))
    print(
        f"{out} the gradebook: {len(before)} reports; first run {first:.1f} s, second {second:.2f} s ({kept} kept), ",
        end="",
    )
    print(f"one changed {third:.2f} s ({kept_later} kept)")
    return first / second


def main() -> None:
    """Print the seconds and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=1000, help="students (default: 1000)")
    parser.add_argument("--seed", type=int, default=6, help="(default: 6)")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, at {os.getloadavg()[0]:.1f} of load when this began")
    with tempfile.TemporaryDirectory() as folder:
        course = copy_course(Path(folder) / "course")
        (course / "submitted").mkdir()
        changed = hand_in(course / "submitted", options.n, options.seed) or sys.exit("too few submissions")
        recorded = measure(course, changed, gradebook=True)
        ratio = measure(course, changed, gradebook=False)
    print(f"ratio first/second run, with the gradebook: {recorded:.1f}")
    print(f"ratio first/second run, without: {ratio:.1f}")


if __name__ == "__main__":
    main()
