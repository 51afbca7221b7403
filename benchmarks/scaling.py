"""How much faster a class is graded by more grader processes, and by more Dask workers.

The same class each time, every report made anew, without the gradebook, whole commands with their start-up. Dask's
scheduler and its workers, one thread each, are processes on this machine's own loopback, started before the clock is.
The number of processes goes up to that of the cores, in turn, and the first round is not counted: it also fills what
the kit keeps between graders. On a machine that does other work the figures say less than nothing; see its load.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchkit import NAME, ROOT, copy_course, run
from unchanged import hand_in

Way = tuple[str, int]


def numbers() -> list[int]:
    """1, 2, 4 and so on, up to all cores."""
    cores = len(os.sched_getaffinity(0))
    return sorted({*(1 << n for n in range(cores.bit_length()) if 1 << n <= cores), cores})


def open_clusters(folder: Path, stack: ExitStack) -> Iterator[tuple[Way, str]]:
    """A cluster for each number of workers, with its address."""
    sys.path.insert(0, str(ROOT / "tests" / "kits"))
    from cluster_kit import open_cluster

    for number in numbers():
        cluster = stack.enter_context(open_cluster(folder / f"cluster-{number}"))
        for _ in range(number):
            cluster.add_worker("--no-nanny")
        yield ("dask workers", number), cluster.address


def main() -> None:
    """Print the seconds and the speed-ups."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=100, help="submissions (default: 100)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that are counted (default: 3)")
    parser.add_argument("--seed", type=int, default=6, help="(default: 6)")
    options = parser.parse_args()
    print(f"{len(os.sched_getaffinity(0))} cores, at {os.getloadavg()[0]:.1f} of load when this began")
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        folder = Path(place)
        course = copy_course(folder / "course")
        (course / "submitted").mkdir()
        hand_in(course / "submitted", options.n, options.seed)
        ways: dict[Way, tuple[str, ...]] = {("jobs", number): ("--jobs", str(number)) for number in numbers()}
        if importlib.util.find_spec("distributed") is None:
            print("no Dask here: pip install 'cnn-assignment[dask]'")
        else:
            ways |= {way: ("--dask", address) for way, address in open_clusters(folder, stack)}
        times = measure(course, ways, options.rounds)
    for (what, number), seconds in times.items():
        single = statistics.median(times[what, 1])
        taken = statistics.median(seconds)
        print(f"{number} {what}: {taken:6.1f} s for {options.n} submissions, speed-up {single / taken:.2f}")
    most = max(numbers())
    for what in dict.fromkeys(what for what, _ in times):
        print(f"ratio {what} 1/{most}: {statistics.median(times[what, 1]) / statistics.median(times[what, most]):.2f}")


def measure(course: Path, ways: dict[Way, tuple[str, ...]], rounds: int) -> dict[Way, list[float]]:
    """The seconds of every way, in turn; all of them must write the same reports."""
    times: dict[Way, list[float]] = {way: [] for way in ways}
    for number in range(rounds + 1):
        reports: dict[Way, list[bytes]] = {}
        for way, words in ways.items():
            taken = run(
                *("cnn-assignment", "grade", NAME, "submitted", "--out", "reports"),
                *("--fresh", "--no-gradebook", *words),
                cwd=course,
            )
            if number:
                times[way].append(taken)
            reports[way] = [path.read_bytes() for path in sorted((course / "reports").glob("s*.json"))]
        if any(found != reports["jobs", 1] for found in reports.values()):
            sys.exit("the reports differ between the ways")
    return times


if __name__ == "__main__":
    main()
