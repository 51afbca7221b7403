"""The project's own promises: its lock, its entry points, what it ships and what it never names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import Marker, default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import cnn_assignment
from cnn_assignment.core.layout import list_assignments, load_assignment
from places import ROOT

PACKAGE = ROOT / "cnn_assignment"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.11", "3.12", "3.13")

# Written so that no pattern finds itself in this file.
FOREIGN = {
    "a folder of one machine": r"(?<![\w.~])/(roo[t]|wor[k]|home/[a-z][\w-]*|Users/[A-Za-z][\w-]*|tm[p]/[a-z]+[0-9]*)/",
    "the address of a package index": r"(?i)pypi\.org|pythonhosted\.org|npmjs\.org|deb\.debian\.org|https?://\S*/simple\b",
    "an option that names a package index": r"--(extra-)?index-ur[l]|--find-link[s]|--trusted-hos[t]",
}


# What is installed: for the kit alone, as `make demo` does, and with all extras.
KIT_LOCK, WHOLE_LOCK = LOCKS = ("requirements.lock", "requirements-dev.lock")
# Where it is installed, every import of nbformat compiles its grammar for seconds. jsonschema, of which jupyter-events
# asks for an extra that brings it, does without it.
LEFT_OUT = {"rfc3987-syntax"}


def read_lock(name: str = WHOLE_LOCK) -> dict[str, list[Requirement]]:
    """The lines of a lock by canonical name; one package may have lines for several Pythons."""
    locked: dict[str, list[Requirement]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement = Requirement(line)
            locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return locked


def locked_version(name: str, python: str, lock: str = WHOLE_LOCK) -> str:
    """The version that this platform gets on a Python."""
    environment = environment_of(python)
    chosen = [
        requirement
        for requirement in read_lock(lock)[canonicalize_name(name)]
        if requirement.marker is None or requirement.marker.evaluate(environment)
    ]
    assert len(chosen) == 1, f"{name} has {len(chosen)} lines for Python {python}"
    (specifier,) = chosen[0].specifier
    return specifier.version


def environment_of(python: str) -> dict[str, str]:
    """What markers ask for on this platform with another Python."""
    here = {key: str(value) for key, value in default_environment().items()}
    return here | {"python_version": python, "python_full_version": f"{python}.0"}


def needed_by(names: Iterable[str], environment: dict[str, str]) -> set[str]:
    """The packages that installed ones ask for, each with the extras that it is asked for with, all the way down."""
    seen: set[tuple[str, str]] = set()
    todo = [
        (canonicalize_name(Requirement(name).name), extra)
        for name in names
        for extra in ("", *Requirement(name).extras)
    ]
    while todo:
        name, extra = todo.pop()
        if (name, extra) in seen or name in LEFT_OUT:
            continue
        seen.add((name, extra))
        for requirement in map(Requirement, metadata.requires(name) or ()):
            marker = requirement.marker
            if marker is None or marker.evaluate({**environment, "extra": extra}):
                child = canonicalize_name(requirement.name)
                todo += [(child, wanted) for wanted in ("", *requirement.extras)]
    return {name for name, _ in seen}


def declared(*, whole: bool = True) -> list[Requirement]:
    """Every dependency of pyproject.toml: runtime and build, and with whole extras too."""
    project = PYPROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines] if whole else []
    lines = [*project["dependencies"], *extras, *PYPROJECT["build-system"]["requires"]]
    return [r for r in map(Requirement, lines) if canonicalize_name(r.name) != project["name"]]


def project_files() -> list[Path]:
    """What git tracks or would, so that a new file is looked at before it is committed."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout
    paths = [ROOT / name for name in listing.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


def run_python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


# The lock


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_every_line_exactly_and_names_no_place(lock):
    for lines in read_lock(lock).values():
        for requirement in lines:
            assert requirement.url is None
            assert [specifier.operator for specifier in requirement.specifier] == ["=="], str(requirement)
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"://|file:|^-|(?<!\w)/", text, re.MULTILINE)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_the_lock_covers_every_dependency_on_every_python(requirement, python):
    assert requirement.specifier.contains(locked_version(requirement.name, python))


@pytest.mark.parametrize("python", PYTHONS)
def test_the_kits_lock_has_all_that_it_needs_in_the_versions_of_the_whole_lock(python):
    for requirement in declared(whole=False):
        assert requirement.specifier.contains(locked_version(requirement.name, python, KIT_LOCK))
    for name in read_lock(KIT_LOCK):
        versions = {str(line.specifier) for lock in LOCKS for line in read_lock(lock)[name]}
        assert len(versions) == 1, f"{name}: {versions}"


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_is_complete_but_for_what_is_left_out_with_a_reason(lock):
    environment = environment_of(f"{sys.version_info[0]}.{sys.version_info[1]}")
    names = [str(requirement) for requirement in declared(whole=lock == WHOLE_LOCK)]
    assert needed_by(names, environment) <= set(read_lock(lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_what_makes_nbgrader_slow_to_start_is_left_out(lock):
    assert set(PYPROJECT["tool"]["uv"]["exclude-dependencies"]) == LEFT_OUT
    assert not LEFT_OUT & set(read_lock(lock))
    asked = [Requirement(line) for name in read_lock(WHOLE_LOCK) for line in _requires(name)]
    assert {canonicalize_name(requirement.name) for requirement in asked} >= LEFT_OUT, "nothing asks for it any more"


def _requires(name: str) -> list[str]:
    """What an installed package asks for; nothing of one that this platform does not need."""
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


@pytest.mark.parametrize("assignment", list_assignments(ROOT))
@pytest.mark.parametrize("python", PYTHONS)
def test_students_install_the_versions_of_the_lock(assignment, python):
    pins = load_assignment(ROOT, assignment).requirements
    assert pins
    for pin in map(Requirement, pins):
        assert str(pin.specifier) == f"=={locked_version(pin.name, python)}"


def test_the_lock_is_what_is_installed():
    environment = {key: str(value) for key, value in default_environment().items()}
    for name, lines in read_lock().items():
        for requirement in lines:
            if requirement.marker is None or Marker(str(requirement.marker)).evaluate(environment):
                assert requirement.specifier.contains(metadata.version(name)), name


def test_an_oracle_is_pinned_exactly_and_part_of_no_other_installation():
    lines = (ROOT / "tests" / "requirements-oracles.txt").read_text(encoding="utf-8").splitlines()
    oracles = [Requirement(line) for line in lines if not line.startswith("#")]
    assert [(oracle.name, [specifier.operator for specifier in oracle.specifier]) for oracle in oracles] == [
        ("torch", ["=="])
    ]
    students = [Requirement(pin) for name in list_assignments(ROOT) for pin in load_assignment(ROOT, name).requirements]
    elsewhere = {canonicalize_name(requirement.name) for requirement in [*declared(), *students]} | set(read_lock())
    assert not elsewhere & {canonicalize_name(oracle.name) for oracle in oracles}


# The package


def test_the_installed_version_is_that_of_the_package():
    assert metadata.version("cnn-assignment") == cnn_assignment.__version__


def test_the_changelog_tells_of_this_version():
    assert f"\n## [{cnn_assignment.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_entry_point_resolves():
    mine = metadata.distribution("cnn-assignment").entry_points
    assert {(point.group, point.name) for point in mine} == {
        ("console_scripts", "cnn-assignment"),
        ("pytest11", "cnn_assignment"),
    }
    for point in mine:
        point.load()


def test_the_kit_imports_only_what_it_declares():
    top_level = metadata.packages_distributions()
    project = PYPROJECT["project"]
    lines = [*project["dependencies"], *project["optional-dependencies"]["dask"]]
    runtime = {canonicalize_name(Requirement(line).name) for line in lines}
    undeclared = set()
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module]
            else:
                continue
            for name in (name.partition(".")[0] for name in names):
                if name in sys.stdlib_module_names or name == "cnn_assignment":
                    continue
                if not runtime & {canonicalize_name(owner) for owner in top_level.get(name, ())}:
                    undeclared.add(f"{path.relative_to(ROOT)}:{node.lineno}: {name}")
    assert not undeclared


def test_a_wheel_holds_every_file_of_the_package_and_nothing_else(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    kept = {path.relative_to(ROOT).as_posix() for path in project_files() if path.is_relative_to(PACKAGE)}
    assert shipped == kept


def test_help_starts_without_the_heavy_libraries():
    loaded = run_python(
        "import sys\n"
        "from cnn_assignment.cli import main\n"
        "sys.argv = ['cnn-assignment', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as done:\n"
        "    assert not done.code, done.code\n"
        "print('\\nloaded:', *sys.modules)\n"
    )
    usage, _, names = loaded.rpartition("\nloaded: ")
    assert "Usage" in usage
    assert not {"numpy", "nbgrader", "nbformat", "nbconvert", "jupytext", "pytest", "dask", "distributed"} & set(
        names.split()
    )


@pytest.mark.parametrize(
    "module", ["wire", "server.zygote", "server.fresh", "server.worker", "server.scenes.scene", "server.system.waking"]
)
def test_where_student_code_runs_there_is_only_the_standard_library_and_numpy(module):
    module = f"cnn_assignment.sandbox.{module}"
    # What coverage and the environment's own start-up files load comes before, and is not the module's doing.
    names = run_python(
        f"import sys\nbefore = set(sys.modules)\nimport {module}\nprint(*(set(sys.modules) - before))\n"
    ).split()
    assert module in names
    kit = {name for name in names if name.partition(".")[0] == "cnn_assignment"}
    assert {name for name in kit if not name.startswith("cnn_assignment.sandbox")} <= {"cnn_assignment"}
    others = {name.partition(".")[0] for name in names} - {"cnn_assignment", "numpy"}
    assert others <= sys.stdlib_module_names


# The files


@pytest.mark.parametrize("what", FOREIGN)
def test_no_file_names(what):
    pattern = re.compile(FOREIGN[what].encode())
    found = []
    for path in project_files():
        for number, line in enumerate(path.read_bytes().splitlines(), start=1):
            match = pattern.search(line)
            if match:
                found.append(f"{path.relative_to(ROOT)}:{number}: {match[0].decode()}")
    assert not found


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("a folder of one machine", "see /" + "root/notes"),
        ("a folder of one machine", "open('/" + "home/ada/cnn.py')"),
        ("a folder of one machine", "/" + "tmp/scratch1/cnn.py"),
        ("the address of a package index", "https://files.python" + "hosted.org/x"),
        ("the address of a package index", "https://mirror.example/" + "root/" + "simple"),
        ("an option that names a package index", "pip install --extra-" + "index-url x"),
    ],
)
def test_the_patterns_find_what_they_are_for(what, line):
    assert re.search(FOREIGN[what], line)


def test_the_lists_of_python_versions_agree():
    classifiers = set(PYPROJECT["project"]["classifiers"])
    assert {f"Programming Language :: Python :: {python}" for python in PYTHONS} <= classifiers
    assert PYPROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"
    assert f"pythons=({' '.join(PYTHONS)})" in (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert PYPROJECT["tool"]["mypy"]["python_version"] == PYTHONS[0]
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"
