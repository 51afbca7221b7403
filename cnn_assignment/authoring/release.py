"""Build what students get, and compare it with what is committed.

The release is made of the source folder by nbgrader's own converter, which the callers of `build` and `check` pass in:
this room knows nothing of nbgrader.
"""

from __future__ import annotations

import difflib
import fnmatch
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from cnn_assignment.authoring.leaks import find_leaks
from cnn_assignment.authoring.notebook import make_solution_notebook
from cnn_assignment.authoring.skeleton import make_skeleton, strip_markers
from cnn_assignment.authoring.texts import make_task_table, read_text, render, write_text
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.model import Assignment, Hints, Task

_LEFT_BY_TOOLS = (".ipynb_checkpoints", "__pycache__", "*.pyc", ".pytest_cache", ".DS_Store")
_LONGEST_DIFF = 60


class Generate(Protocol):
    """Makes ``release/<name>`` of ``source/<name>``; `nbgrader_course.converting.generate.generate_release` is one.

    source and release: absolute folders, which may lie outside the course. record: whether the course's gradebook
    learns of the assignment. Raises AuthoringError where the assignment cannot be generated or recorded.
    """

    def __call__(self, assignment: Assignment, source: Path, release: Path, *, record: bool) -> None:
        """Make one release."""


def build(assignment: Assignment, tasks: tuple[Task, ...], hints: Hints, generate: Generate) -> list[Path]:
    """Build ``source/<name>/`` and ``release/<name>/``, and return their files.

    tasks: collected from the hidden tests. generate: makes the release of the source. Equal inputs give equal bytes.
    The assignment is recorded in the course's gradebook, as ``nbgrader generate_assignment`` does, so that submissions
    can be graded at once.
    Raises AuthoringError for an assignment that does not fit together, for a leak, and where the gradebook refuses
    because it holds submissions of another version; folders and gradebook are then as they were.
    """
    with tempfile.TemporaryDirectory(prefix="cnn-assignment-") as scratch:
        built = Path(scratch)
        _build_into(assignment, tasks, hints, built, generate)
        _refuse_leaks(assignment, built / "release" / assignment.name)
        generate(assignment, built / "source", built / "recorded", record=True)
        _replace_folder(built / "source" / assignment.name, assignment.source_dir)
        _replace_folder(built / "release" / assignment.name, assignment.release_dir)
    folders = (assignment.source_dir, assignment.release_dir)
    return [folder / name for folder in folders for name in sorted(_files(folder))]


def check(assignment: Assignment, tasks: tuple[Task, ...], hints: Hints, generate: Generate) -> list[str]:
    """How ``source/<name>/`` and ``release/<name>/`` differ from a fresh build: one text a file, empty if nowhere.

    Changes nothing in the course, and does not open its gradebook. Raises AuthoringError as `build` does.
    """
    with tempfile.TemporaryDirectory(prefix="cnn-assignment-") as scratch:
        built = Path(scratch)
        _build_into(assignment, tasks, hints, built, generate)
        _refuse_leaks(assignment, built / "release" / assignment.name)
        return [
            *_compare(assignment.source_dir, built / "source" / assignment.name, assignment.root),
            *_compare(assignment.release_dir, built / "release" / assignment.name, assignment.root),
        ]


def write_source(assignment: Assignment, tasks: tuple[Task, ...], hints: Hints, into: Path) -> None:
    """Write nbgrader's source folder: the notebook with its answers, and every file that students get as it is.

    nbgrader copies all but the notebook verbatim to students, so nothing else may ever be put there.
    """
    import nbformat

    name, module = assignment.name, assignment.module
    into.mkdir(parents=True, exist_ok=True)
    notebook = make_solution_notebook(assignment, tasks, hints)
    nbformat.validate(notebook)
    solution = read_text(assignment.solution_file, assignment.root)
    texts = {
        f"{name}.ipynb": nbformat.writes(notebook).rstrip("\n") + "\n",
        f"{module}.py": make_skeleton(solution, assignment.solution_label, hints),
        f"test_{module}.py": read_text(assignment.checks_file, assignment.root),
        "requirements.txt": "".join(f"{requirement}\n" for requirement in assignment.requirements),
        "README.md": _render_readme(assignment, tasks),
    }
    for file, text in texts.items():
        write_text(into / file, text)
    for path in assignment.provided_files:
        if path.parent != assignment.solution_file.parent or path.name in texts:
            raise AuthoringError(
                f"{path.name!r} cannot be a provided file",
                place=f"autograder/{name}/assignment.toml",
                remedy=f"Name files in solutions/ other than {', '.join(texts)}.",
            )
        if not path.is_file():
            raise AuthoringError(
                "no such provided file",
                place=f"solutions/{path.name}",
                remedy=f"Write it, or leave it out of autograder/{name}/assignment.toml.",
            )
        if path.name in assignment.provided_solutions:
            label = f"solutions/{path.name}"
            write_text(into / path.name, strip_markers(read_text(path, assignment.root), label))
        else:
            shutil.copyfile(path, into / path.name)


def _refuse_leaks(assignment: Assignment, folder: Path) -> None:
    """Raise AuthoringError if a folder for students gives anything away."""
    leaks = find_leaks(assignment, folder)
    if leaks:
        raise AuthoringError(
            "students would get what they must not see:\n  " + "\n  ".join(leaks) + "\nNothing was built",
            place=f"release/{assignment.name}",
            remedy="Reword or remove these.",
        )


def _build_into(
    assignment: Assignment, tasks: tuple[Task, ...], hints: Hints, folder: Path, generate: Generate
) -> None:
    """Build ``source/<name>/`` and ``release/<name>/`` in another folder; the gradebook stays closed."""
    write_source(assignment, tasks, hints, folder / "source" / assignment.name)
    generate(assignment, folder / "source", folder / "release", record=False)


def _render_readme(assignment: Assignment, tasks: tuple[Task, ...]) -> str:
    return render(
        "README.md.j2",
        name=assignment.name,
        module=assignment.module,
        title=assignment.title,
        provided=assignment.provided,
        python=assignment.python,
        task_table=make_task_table(tasks),
    )


# Folders.


def _replace_folder(new: Path, final: Path) -> None:
    """Put a folder in the place of another. Until the last moment the old one stays whole."""
    staged, old = (final.with_name(f".{final.name}.{word}") for word in ("new", "old"))
    for leftover in (staged, old):
        shutil.rmtree(leftover, ignore_errors=True)
    final.parent.mkdir(parents=True, exist_ok=True)
    # Copied first, because the new one may lie on another file system, where it could not be renamed.
    shutil.copytree(new, staged)
    if final.exists():
        final.rename(old)
    staged.rename(final)
    shutil.rmtree(old, ignore_errors=True)


def _files(folder: Path) -> Iterator[str]:
    """The files of a folder as relative paths, without what Jupyter and Python leave behind."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(fnmatch.fnmatch(part, left) for part in parts for left in _LEFT_BY_TOOLS):
            yield "/".join(parts)


def _compare(committed: Path, fresh: Path, root: Path) -> Iterator[str]:
    shown = committed.relative_to(root).as_posix()
    there, wanted = set(_files(committed)), set(_files(fresh))
    for name in sorted(there | wanted):
        if name not in there:
            yield f"{shown}/{name}: missing"
        elif name not in wanted:
            yield f"{shown}/{name}: not made by the build"
        elif (committed / name).read_bytes() != (fresh / name).read_bytes():
            yield _diff(f"{shown}/{name}", (committed / name).read_bytes(), (fresh / name).read_bytes())


def _diff(name: str, committed: bytes, fresh: bytes) -> str:
    try:
        old, new = committed.decode("utf-8"), fresh.decode("utf-8")
    except UnicodeDecodeError:
        return f"{name}: differs"
    lines = list(
        difflib.unified_diff(
            old.splitlines(keepends=True), new.splitlines(keepends=True), f"{name} (committed)", f"{name} (fresh)"
        )
    )
    shown = [line.rstrip("\n") for line in lines[:_LONGEST_DIFF]]
    if len(lines) > _LONGEST_DIFF:
        shown.append(f"... {len(lines) - _LONGEST_DIFF} more lines")
    return "\n".join([f"{name}: differs", *shown])
