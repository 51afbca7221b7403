"""What the package rfc3987-syntax costs: nbgrader's commands with it, and without it.

jsonschema, which nbformat imports, takes it where it is there, and compiles a grammar each time. The lock leaves it out; a
`pip install` of the kit brings it, because jupyter-events asks for an extra of jsonschema. Here it is installed into a
folder that the commands of one side have on their path. Both sides run in turn in the same course, whole commands with
all that they start; the first round fills the caches of the file system and is not counted. Where a command does its work
in other processes, the time on the clock and the CPU time differ.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchkit import CLASS, NAME, copy_course
from feedback import count_orphans, cpu_of

PACKAGES = ("rfc3987-syntax==1.1.0", "lark==1.3.1")
"""The newest when this was written."""
STUDENTS = ("loops", "first-tie", "flipped-filter")
COURSE = "--CourseDirectory.course_id=example"
COMMANDS = (
    ("cnn-assignment", "build", NAME),
    ("nbgrader", "generate_assignment", NAME, "--force"),
    ("nbgrader", "validate", f"source/{NAME}/{NAME}.ipynb"),
    ("nbgrader", "release_assignment", NAME, "--force", COURSE),
    ("nbgrader", "list", COURSE),
    ("nbgrader", "collect", NAME, COURSE),
    ("nbgrader", "zip_collect", NAME, "--force"),
    ("nbgrader", "autograde", NAME, "--force"),
    ("nbgrader", "generate_feedback", NAME, "--force"),
    ("nbgrader", "release_feedback", NAME, COURSE),
    ("nbgrader", "export"),
    ("nbgrader", "db", "student", "list"),
    ("nbgrader", "db", "assignment", "list"),
    ("nbgrader", "--help"),
)
SIDES = ("with", "without")


def install(folder: Path) -> None:
    """Put the package and what it needs into a folder, and nothing else."""
    if importlib.util.find_spec("rfc3987_syntax") is not None:
        sys.exit("rfc3987-syntax is installed here: there is nothing to compare with. Uninstall it first.")
    command = [sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--target", folder, *PACKAGES]
    if subprocess.run(command, check=False).returncode:
        sys.exit(f"{' '.join(PACKAGES)} cannot be installed: this benchmark downloads them.")


def prepare(folder: Path) -> Path:
    """A course with a small class, an archive of another one to collect, and an exchange of its own."""
    course, exchange = copy_course(folder / "course"), folder / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    for student in STUDENTS:
        shutil.copytree(CLASS / student, course / "submitted" / student / NAME)
    archive = course / "downloaded" / NAME / "archive"
    archive.mkdir(parents=True)
    shutil.copy(
        CLASS / STUDENTS[0] / f"{NAME}.ipynb", archive / f"zipped_{NAME}_attempt_2026-01-31-12-00-00_{NAME}.ipynb"
    )
    with (course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write(f"\nget_config().Exchange.root = {str(exchange)!r}\n")
    return course


def main() -> None:
    """Print the seconds of each command on both sides, and the ratio of all of them together."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=3, help="rounds that are counted (default: 3)")
    parser.add_argument("--only", metavar="WORD", help="the commands with this word alone, in the order of the list")
    options = parser.parse_args()
    commands = [command for command in COMMANDS if options.only is None or options.only in command]
    count_orphans()
    taken: dict[tuple[str, tuple[str, ...]], list[tuple[float, float]]] = {}
    before = os.environ.get("PYTHONPATH", "")
    with tempfile.TemporaryDirectory() as place:
        packages = Path(place, "packages")
        install(packages)
        course = prepare(Path(place))
        paths = {"with": os.pathsep.join(filter(None, [str(packages), before])), "without": before}
        for number in range(options.n + 1):
            for command in commands:
                for side in SIDES:
                    os.environ["PYTHONPATH"] = paths[side]
                    start = time.perf_counter()
                    cpu = cpu_of(*command, cwd=course)
                    if number:
                        taken.setdefault((side, command), []).append((time.perf_counter() - start, cpu))
    medians = {key: [statistics.median(one) for one in zip(*times, strict=True)] for key, times in taken.items()}
    print(f"{'':44} {'with: clock':>12} {'CPU':>7} {'without: clock':>15} {'CPU':>7}")
    for command in commands:
        words = " ".join(word for word in command if not word.startswith("--C"))
        (wall, cpu), (wall_less, cpu_less) = (medians[side, command] for side in SIDES)
        print(f"{words:44} {wall:10.2f} s {cpu:5.2f} s {wall_less:13.2f} s {cpu_less:5.2f} s")
    total = [sum(medians[side, command][1] for command in commands) for side in SIDES]
    print(f"ratio with/without, CPU time of all: {total[0] / total[1]:.1f}")


if __name__ == "__main__":
    main()
