"""A large class, graded by the real command with nbgrader's gradebook: throughput, memory, and every score checked.

The class is made by `class_maker`: the same for a seed, no two submissions alike, a tenth of them hostile or broken.
`--folder` keeps it; what was made and graded there is not made and graded again, so a run that was interrupted goes on
(and says so, because its throughput is that of the rest). Memory is sampled once a second: that of the command, of its
grader processes, and of all that they started. Flat means that the last fifth of the run needs what the middle fifth
did; the result is that ratio, and exit status 1 says that a score is not what it must be.
"""

from __future__ import annotations

import argparse
import csv
import json
import multiprocessing
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil
from benchkit import NAME, copy_course, environment, program
from class_maker import ClassMaker, Work, problems, write

MIB = 1 << 20
_SHOWN = 40
_maker: ClassMaker | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory in MiB at one moment. tree: shared pages of all processes counted once."""

    second: float
    reports: int
    command: float
    graders: float
    tree: float


def make_class(folder: Path, students: int, seed: int) -> None:
    """Make what is not there yet, with all cores."""
    settings, note = {"students": students, "seed": seed}, folder / "class.json"
    if note.is_file() and json.loads(note.read_text(encoding="utf-8")) != settings:
        sys.exit(f"{folder} holds another class: {note.read_text(encoding='utf-8')}")
    submitted = folder / "course" / "submitted"
    if not submitted.is_dir():
        copy_course(folder / "course")
        submitted.mkdir()
    note.write_text(json.dumps(settings), encoding="utf-8")
    there = {path.name for path in submitted.iterdir()}
    missing = [number for number in range(students) if f"s{number:05}" not in there]
    start = time.perf_counter()
    jobs = [(seed, submitted, missing[begin : begin + 50]) for begin in range(0, len(missing), 50)]
    with multiprocessing.Pool() as pool:
        for done, _ in enumerate(pool.imap_unordered(make_some, jobs), 1):
            show(f"made {min(50 * done, len(missing))} of {len(missing)} submissions")
    print(f"made {len(missing)} of {students} submissions in {time.perf_counter() - start:.0f} s, seed {seed}")


def make_some(job: tuple[int, Path, list[int]]) -> None:
    """Make some students, in a process that has made others before."""
    global _maker  # noqa: PLW0603 - reading all works takes longer than making a student
    seed, submitted, numbers = job
    _maker = _maker or ClassMaker(seed)
    for number in numbers:
        write(_maker.make(number), submitted)


def show(text: str) -> None:
    """Progress, where somebody looks."""
    if sys.stderr.isatty():
        print(f"\r{text:78}", end="", file=sys.stderr, flush=True)


def grade(folder: Path, jobs: int) -> tuple[float, list[Sample]]:
    """Run the command to its end: its seconds and its memory."""
    course = folder / "course"
    words = ["grade", NAME, "submitted", "--out", "reports", "--jobs", str(jobs)]
    samples: list[Sample] = []
    with (folder / "grade.log").open("w", encoding="utf-8") as log:
        start = time.perf_counter()
        process = subprocess.Popen(
            [program("cnn-assignment"), *words], cwd=course, env=environment(), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                time.sleep(1)
                with suppress(psutil.NoSuchProcess):
                    samples.append(take_sample(process.pid, course / "reports", time.perf_counter() - start))
                    show(f"{samples[-1].reports} reports, {samples[-1].tree:.0f} MiB")
        except KeyboardInterrupt:
            process.wait()
            raise
        seconds = time.perf_counter() - start
    with (folder / "memory.csv").open("w", encoding="utf-8", newline="") as table:
        csv.writer(table).writerows([[f.name for f in fields(Sample)], *map(astuple, samples)])
    if process.returncode:
        print(f"exit status {process.returncode}: {(folder / 'grade.log').read_text(encoding='utf-8')[-2000:]}")
    return seconds, samples


def take_sample(pid: int, reports: Path, second: float) -> Sample:
    """Look at all processes of the command."""
    command = psutil.Process(pid)
    own, graders, tree = command.memory_info().rss, 0, 0
    for process in (command, *command.children(recursive=True)):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if "cnn_assignment.running.grader" in process.cmdline():
                graders += process.memory_info().rss
            tree += process.memory_full_info().pss
    count = sum(entry.name.endswith(".json") for entry in os.scandir(reports)) if reports.is_dir() else 0
    return Sample(round(second, 1), count, own / MIB, graders / MIB, tree / MIB)


def check(folder: Path, students: int, seed: int) -> list[str]:
    """What is not as it must be: in the reports, in the class table, and in the gradebook."""
    maker, wrong, totals = ClassMaker(seed), [], {}
    alike: dict[str, set[tuple[float, ...]]] = defaultdict(set)
    for number in range(students):
        name, work = f"s{number:05}", maker.choose(number)
        path = folder / "course" / "reports" / f"{name}.json"
        if not path.is_file():
            wrong.append(f"{name} ({work.name}): no report")
            continue
        report = json.loads(path.read_text(encoding="utf-8"))
        totals[name] = report["score"]
        wrong += [f"{name} ({work.name}): {problem}" for problem in problems(work, report)]
        alike[work.name].add(tuple(task["score"] for task in report["tasks"]))
    different = [name for name, scores in alike.items() if len(scores) > 1]
    wrong += [f"{name}: {alike[name]} for the same work" for name in different]
    with (folder / "course" / "reports" / "class.csv").open(encoding="utf-8", newline="") as table:
        rows = {row["student"]: float(row["score"]) for row in csv.DictReader(table)}
    recorded = dict(read_gradebook(folder / "course" / "gradebook.db"))
    for name, score in totals.items():
        for place, found in (("class.csv", rows.get(name)), ("the gradebook", recorded.get(name))):
            if found is None or abs(found - score) > 1e-6:
                wrong.append(f"{name}: {score} in its report, {found} in {place}")
    return wrong


def read_gradebook(path: Path) -> Iterator[tuple[str, float]]:
    """The score of every student, as nbgrader keeps it."""
    with closing(sqlite3.connect(path)) as database:
        yield from database.execute(
            "select submitted_assignment.student_id, sum(grade.auto_score) from submitted_assignment"
            " join submitted_notebook on submitted_notebook.assignment_id = submitted_assignment.id"
            " join grade on grade.notebook_id = submitted_notebook.id group by submitted_assignment.student_id"
        )


def fifths(samples: list[Sample]) -> tuple[float, float]:
    """Memory of command and graders in the middle fifth and in the last fifth of the run."""
    own = [sample.command + sample.graders for sample in samples]
    n = len(own)
    return statistics.median(own[2 * n // 5 : 3 * n // 5 + 1]), statistics.median(own[4 * n // 5 :])


def tell_kinds(students: int, seed: int) -> None:
    """Print what the class is made of."""
    maker = ClassMaker(seed)

    def kind(work: Work) -> str:
        return work.name.partition("/")[0] if "/" in work.name else "example class and hostile code"

    kinds = Counter(kind(maker.choose(number)) for number in range(students))
    print(f"{students} students: {', '.join(f'{count} {name}' for name, count in kinds.most_common())}")


def main() -> None:
    """Make, grade, check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=10_000, help="(default: 10000)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="grader processes (default: all cores)")
    parser.add_argument("--seed", type=int, default=6, help="(default: 6)")
    parser.add_argument("--folder", type=Path, help="where the class is kept (default: a temporary folder)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.folder or Path(scratch)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        tell_kinds(options.students, options.seed)
        make_class(folder, options.students, options.seed)
        before = len(list((folder / "course" / "reports").glob("*.json")))
        seconds, samples = grade(folder, options.jobs)
        wrong = check(folder, options.students, options.seed)
        report(options, before, seconds, samples, wrong)
    sys.exit(1 if wrong else 0)


def report(options: argparse.Namespace, before: int, seconds: float, samples: list[Sample], wrong: list[str]) -> None:
    """Print what was found."""
    graded = options.students - before
    if before:
        print(f"an earlier run went on: {before} reports were there")
    print(f"graded {graded} with --jobs {options.jobs} on {os.cpu_count()} cores in {seconds:.0f} s: ", end="")
    print(
        f"{graded / seconds:.2f} a second, {1000 * options.jobs * seconds / max(1, graded):.0f} ms a submission and job"
    )
    print(f"most memory, every process counted: {max(sample.tree for sample in samples):.0f} MiB; ", end="")
    print(f"the command {max(sample.command for sample in samples):.0f} MiB, ", end="")
    print(f"its graders {max(sample.graders for sample in samples):.0f} MiB")
    middle, last = fifths(samples)
    print(f"command and graders in the middle fifth {middle:.0f} MiB, in the last fifth {last:.0f} MiB")
    for problem in wrong[:_SHOWN]:
        print(f"  {problem}")
    print(f"mismatches: {len(wrong)} (every report, class.csv and the gradebook)")
    print(f"ratio of memory, last fifth/middle fifth: {last / middle:.3f}")


if __name__ == "__main__":
    main()
