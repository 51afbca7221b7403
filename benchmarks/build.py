"""Making an assignment: `cnn-assignment build` against nbgrader's own `generate_assignment`.

Each has a copy of the course. nbgrader runs as it ships, without the kit's preprocessors, on the notebook that the kit
built with its markers still in it. The kit does more: it makes that notebook from the solution and the narrative, a
hint for each gap, the module, the checks and their points, and looks for leaks; nbgrader also fills its database. Whole
commands, in turn on one core, everything made anew each time; the first round is not counted.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import nbformat
from benchkit import NAME, add_core_options, copy_course, median_ms, median_ratio, run, stay_on_one_core


def prepare(folder: Path) -> dict[str, Path]:
    """A course for each."""
    kit, stock = copy_course(folder / "kit"), folder / "stock"
    (stock / "source").mkdir(parents=True)
    shutil.copytree(kit / "source" / NAME, stock / "source" / NAME)
    (stock / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    path = stock / "source" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    if not any("### BEGIN SOLUTION" in cell.source for cell in notebook.cells):
        raise SystemExit("the notebook holds no gap: there is nothing to do for nbgrader")
    return {"kit": kit, "stock": stock}


def make(side: str, course: Path) -> float:
    """The seconds that it takes to make everything anew."""
    shutil.rmtree(course / "release", ignore_errors=True)
    if side == "kit":
        shutil.rmtree(course / "source" / NAME)
        return run("cnn-assignment", "build", NAME, cwd=course)
    (course / "gradebook.db").unlink(missing_ok=True)
    return run("nbgrader", "generate_assignment", NAME, cwd=course)


def main() -> None:
    """Print the milliseconds and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=5, help="rounds (default: 5)")
    add_core_options(parser)
    options = parser.parse_args()
    stay_on_one_core(options)
    with tempfile.TemporaryDirectory() as folder:
        courses = prepare(Path(folder))
        times: dict[str, list[float]] = {side: [] for side in courses}
        for number in range(options.n + 1):
            for side, course in courses.items():
                taken = make(side, course)
                if not (course / "release" / NAME / f"{NAME}.ipynb").is_file():
                    raise SystemExit(f"{side}: no release was made")
                if number:
                    times[side].append(taken)
    for side, what in (("kit", "cnn-assignment build"), ("stock", "nbgrader generate_assignment")):
        print(f"{what:30} {median_ms(times[side]):7.0f} ms")
    print(f"ratio nbgrader/kit: {median_ratio(times['stock'], times['kit']):.1f}")


if __name__ == "__main__":
    main()
