"""The project's own promises: its lock, its entry points, what it ships and what it never names."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
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


def read_lock() -> dict[str, list[Requirement]]:
    """The lines of the lock by canonical name; one package may have lines for several Pythons."""
    locked: dict[str, list[Requirement]] = {}
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement = Requirement(line)
            locked.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return locked


def locked_version(name: str, python: str) -> str:
    """The version that this platform gets on a Python."""
    environment = default_environment() | {"python_version": python, "python_full_version": f"{python}.0"}
    chosen = [
        requirement
        for requirement in read_lock()[canonicalize_name(name)]
        if requirement.marker is None or requirement.marker.evaluate(environment)
    ]
    assert len(chosen) == 1, f"{name} has {len(chosen)} lines for Python {python}"
    (specifier,) = chosen[0].specifier
    return specifier.version


def declared() -> list[Requirement]:
    """Every dependency of pyproject.toml: runtime, extras and build."""
    project = PYPROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
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


def test_the_lock_pins_every_line_exactly_and_names_no_place():
    for lines in read_lock().values():
        for requirement in lines:
            assert requirement.url is None
            assert [specifier.operator for specifier in requirement.specifier] == ["=="], str(requirement)
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert not re.search(r"://|file:|^-|(?<!\w)/", text, re.MULTILINE)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_the_lock_covers_every_dependency_on_every_python(requirement, python):
    assert requirement.specifier.contains(locked_version(requirement.name, python))


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
    assert PYPROJECT["tool"]["mypy"]["python_version"] == PYTHONS[0]
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{PYTHONS[0].replace('.', '')}"
