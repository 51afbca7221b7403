"""The kit against `otter run` of Otter-Grader, on the same notebooks with equivalent hidden tests.

Otter-Grader is installed into an environment of its own (`--venv` keeps it), in the versions of requirements-otter.txt.
Its autograder holds one test file a task with one test case for each of our cases: the same functions on the same inputs
for the same points. What `otter run` does is called in a process that has imported Otter before, and the kit is asked
for reports in a grader process that is ready, so start-up counts on neither side. One core, in turn, submission by
submission. As with nbgrader there are two notebooks: the one that students hand in, with its training, and one with
nothing but its classes and checks.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path
from time import perf_counter

import nbformat
from benchkit import (
    NAME,
    ONE_THREAD,
    ROOT,
    add_core_options,
    environment,
    median_ratio,
    stay_on_one_core,
    the_assignment,
)
from inline_tests import otter_text
from nbgrader_autograde import require_equal
from notebooks import fill, layers_only, read, sample_texts, split_by_class

from cnn_assignment.core.layout import task_order
from cnn_assignment.running.pool import GraderProcess
from cnn_assignment.submissions import find_submission

REQUIREMENTS = Path(__file__).with_name("requirements-otter.txt")


def python_with_otter(folder: Path) -> Path:
    """The interpreter of the environment in folder, which is made if it is not there."""
    python = folder / "bin" / "python"
    if not python.is_file():
        print("installing requirements-otter.txt, a minute or two", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        done = subprocess.run([python, "-m", "pip", "--quiet", "install", "-r", REQUIREMENTS], check=False)
        if done.returncode:
            sys.exit("Otter-Grader cannot be installed here; pip says why above. Nothing was compared.")
    return python


def make_autograder(path: Path) -> Path:
    """Otter's zip: its settings, the provided files, and the tests."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("otter_config.json", json.dumps({"print_summary": False, "warn_missing_pdf": False}))
        for file in the_assignment().provided_files:
            archive.write(file, f"files/{file.name}")
        for task in task_order(the_assignment()):
            archive.writestr(f"tests/{task}.py", otter_text(task))
    return path


class Otter:
    """The process of otter_process.py."""

    def __init__(self, python: Path, folder: Path) -> None:
        autograder = make_autograder(folder / "autograder.zip")
        self._process = subprocess.Popen(
            [python, "-P", Path(__file__).with_name("otter_process.py"), autograder, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # its kernels warn each time
            text=True,
            env={**environment(), **ONE_THREAD},
        )

    def grade(self, path: Path) -> tuple[float, dict[str, float]]:
        """Seconds, and points by task."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or "{}")
        if not answer:
            sys.exit("Otter's process has ended")
        return answer["seconds"], answer["scores"]

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()


def compare(folder: Path, otter: Otter, kit: GraderProcess, options: argparse.Namespace, *, whole: bool) -> float:
    """Grade the same notebooks with both, print what was found, and give the ratio."""
    released = read(ROOT / "release" / NAME / f"{NAME}.ipynb")
    texts = sample_texts(options.n)
    for name, text in texts.items():
        (folder / name).mkdir(parents=True)
        book = fill(released if whole else layers_only(released), split_by_class(text))
        nbformat.write(book, folder / name / f"{NAME}.ipynb")
    times: dict[str, list[float]] = defaultdict(list)
    scores: dict[str, dict[str, dict[str, float]]] = {"otter": {}, "kit": {}}
    for name in list(texts)[:1] * 2:
        # Expected values, and what tests look at.
        kit.grade(find_submission(name, folder / name, the_assignment()))
    for number in range(options.rounds + 1):
        for name in texts:
            submission = find_submission(name, folder / name, the_assignment())
            assert submission.path is not None
            seconds, scores["otter"][submission.student] = otter.grade(submission.path)
            start = perf_counter()
            report = kit.grade(submission)
            taken = perf_counter() - start
            scores["kit"][submission.student] = {task.id: task.score for task in report.tasks}
            if number:
                times["otter"].append(seconds)
                times["kit"].append(taken)
            else:
                times["kit, first of its kind"].append(taken)
    require_equal(scores["otter"], scores["kit"], texts)
    full = sum(sum(tasks.values()) == 100 for tasks in scores["kit"].values())
    print(
        f"{'the whole notebook' if whole else 'classes and checks alone'}: {len(texts)} submissions, {full} of them right;"
    )
    print("  scores are equal, but for tasks that only lose marks in Otter because they use another one that is wrong")
    for name, seconds_each in times.items():
        print(f"  {name:22} {statistics.median(seconds_each):7.3f} s a submission")
    return median_ratio(times["otter"], times["kit"])


def main() -> None:
    """Print the seconds and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=9, help="submissions (default: 9)")
    parser.add_argument(
        "--rounds", type=int, default=2, help="rounds that are counted, after one that is not (default: 2)"
    )
    parser.add_argument(
        "--venv", type=Path, help="where Otter-Grader is or will be installed (default: a temporary folder)"
    )
    add_core_options(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        python = python_with_otter((options.venv or folder / "venv").absolute())
        stay_on_one_core(options)
        otter = Otter(python, folder)
        # A new process for each, which knows no answers yet.
        with GraderProcess(the_assignment()) as kit:
            least = compare(folder / "layers", otter, kit, options, whole=False)
        with GraderProcess(the_assignment()) as kit:
            ratio = compare(folder / "whole", otter, kit, options, whole=True)
        otter.close()
    print(f"ratio otter/kit, classes and checks alone: {least:.1f}")
    print(f"ratio otter/kit, the notebook as handed in: {ratio:.1f}")


if __name__ == "__main__":
    main()
