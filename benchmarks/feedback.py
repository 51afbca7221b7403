"""Feedback pages of a class: `cnn-assignment grade --feedback` against `nbgrader generate_feedback`.

The class is that of `class_maker` without its endless work, graded beforehand; both sides are whole commands that make all
of its pages, start-up included. CPU time counts, of all processes of a command. nbgrader's runs twice: with the kit's
exporter, as it is in a course of the kit, and with nbconvert's own, which parses every page anew. The files of all three are
the same to the byte, but for the line of the kit's exporter that tells the browser what may run. A last run of the kit
finds nothing to do.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import re
import resource
import shutil
import sys
import tempfile
from pathlib import Path

from benchkit import NAME, copy_course, run
from unchanged import hand_in, stamps

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of linux/prctl.h
GRADE = ("cnn-assignment", "grade", NAME, "submitted", "--out", "reports")
NBGRADER = ("nbgrader", "generate_feedback", NAME, "--force")
NBCONVERTS = "--GenerateFeedback.exporter_class=nbconvert.exporters.HTMLExporter"
POLICY = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="[^"]*">')


def count_orphans() -> None:
    """Let processes whose parent ends before them be this one's children."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")


def cpu_of(*words: str | Path, cwd: Path) -> float:
    """The seconds of CPU time of a command and of all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(*words, cwd=cwd)
    try:
        while True:
            os.wait()
    except ChildProcessError:
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def files_of(course: Path) -> dict[str, bytes]:
    """All that students would be given."""
    folder = course / "feedback"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def require_equal(side: str, theirs: dict[str, bytes], ours: dict[str, bytes]) -> None:
    """Another command's files must be these."""
    different = sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name))
    if different:
        sys.exit(f"{side}: {len(different)} files differ, the first is {different[0]}")


def main() -> None:
    """Print the seconds and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=60, help="students (default: 60)")
    parser.add_argument("--seed", type=int, default=6, help="(default: 6)")
    options = parser.parse_args()
    count_orphans()
    print(f"{os.cpu_count()} cores, at {os.getloadavg()[0]:.1f} of load when this began")
    with tempfile.TemporaryDirectory() as place:
        course = copy_course(Path(place) / "course")
        (course / "submitted").mkdir()
        hand_in(course / "submitted", options.n, options.seed)
        cpu_of(*GRADE, cwd=course)
        graded = stamps(course / "reports")
        seconds = {"grade --feedback": cpu_of(*GRADE, "--feedback", cwd=course)}
        if stamps(course / "reports") != graded:
            sys.exit("work was graded again: something has changed meanwhile")
        ours = files_of(course)
        seconds["grade --feedback, again"] = cpu_of(*GRADE, "--feedback", cwd=course)
        shutil.rmtree(course / "feedback")
        seconds["nbgrader, the kit's exporter"] = cpu_of(*NBGRADER, cwd=course)
        require_equal("nbgrader", files_of(course), ours)
        seconds["nbgrader, nbconvert's exporter"] = cpu_of(*NBGRADER, NBCONVERTS, cwd=course)
        unmarked = {name: POLICY.sub(b"", data, count=1) for name, data in ours.items()}
        require_equal("nbgrader, nbconvert's exporter", files_of(course), unmarked)
    print(f"{options.n} students, {sum(name.endswith('.html') for name in ours)} pages, equal to the byte on all sides")
    for side, spent in seconds.items():
        print(f"  {side:32} {spent:6.1f} s of CPU, {spent / options.n:.3f} s a student")
    kit, _, theirs, shipped = seconds.values()
    print(f"ratio nbgrader, the kit's exporter/kit: {theirs / kit:.1f}")
    print(f"ratio nbgrader, nbconvert's exporter/kit: {shipped / kit:.1f}")


if __name__ == "__main__":
    main()
