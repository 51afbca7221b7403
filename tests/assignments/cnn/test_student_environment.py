"""A student's own computer: the released folder, its requirements.txt and nothing of the kit."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import venv
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from cnn_assignment.authoring.skeleton import fill_only, strip_markers
from cnn_kit import POINTS

INSTALLATION_S, PYTEST_S = 900, 300
"""Far more than a slow connection and a slow machine need: they end what hangs, and judge no speed."""

# For each gap that is wrong: the task, what the answer becomes, and the words that help.
WRONG = {
    "conv-forward": (
        "axes=((1, 2), (1, 2))",
        "axes=((2, 1), (1, 2))",
        r'cache\["out"\]\[0, 0, 0, 0\]: expected -4, got \S+ \(\d+ of 12 values differ\)',
    ),
    "pool-backward": (
        "mask * grad_output[:, :, row, col, np.newaxis, np.newaxis]",
        "mask",
        r"gradient\[0, 0, 1, 0\]: expected 2, got 1 \(\d+ of 30 values differ\)",
    ),
}


class Student:
    """A virtual environment with the requirements of the assignment, and a copy of the released folder."""

    def __init__(self, home: Path, release: Path) -> None:
        self.folder = Path(shutil.copytree(release, home / "cnn"))
        venv.create(home / "venv", with_pip=True)
        self._home = home
        self._python = home / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python"

    def run(self, *words: str, timeout: int) -> subprocess.CompletedProcess[str]:
        """Run Python as a student does in the released folder: nothing of this environment is on its path."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "VIRTUAL_"))}
        return subprocess.run(
            [self._python, *words],
            cwd=self.folder,
            env={**own, "PIP_CACHE_DIR": str(self._home / "cache"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def install(self) -> None:
        """Install requirements.txt from the index that this machine is configured for."""
        done = self.run("-m", "pip", "install", "-qq", "-r", "requirements.txt", timeout=INSTALLATION_S)
        if done.returncode != 0:
            pytest.fail(
                "Students cannot install release/cnn/requirements.txt here: pip failed. This test needs a package "
                f"index that pip is configured for; without one it cannot say anything.\n{done.stdout}{done.stderr}",
                pytrace=False,
            )

    def check(self) -> tuple[str, dict[str, str]]:
        """Run the public checks: what pytest printed, and the message of each check, "" for one that passed."""
        done = self.run("-m", "pytest", "-p", "no:cacheprovider", "--junit-xml", "checks.xml", timeout=PYTEST_S)
        cases = ET.parse(self.folder / "checks.xml").getroot().iter("testcase")
        found = {}
        for case in cases:
            assert not case.findall("error"), done.stdout
            assert not case.findall("skipped"), done.stdout
            failure = case.find("failure")
            found[case.attrib["name"]] = "" if failure is None else failure.attrib["message"]
        assert done.returncode == (1 if any(found.values()) else 0), done.stdout
        assert done.stderr == ""
        return done.stdout, found

    def fill(self, text: str) -> None:
        """Put a module in the place of the skeleton."""
        (self.folder / "cnn.py").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def newcomer(course_root, tmp_path_factory) -> tuple[Student, BaseException]:
    """A student who has installed nothing yet, and what became of an attempt without a package index."""
    student = Student(tmp_path_factory.mktemp("student"), course_root / "release/cnn")
    with pytest.MonkeyPatch.context() as patch:
        # pip reads its settings from the environment, and finds nothing.
        for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
            patch.delenv(name)
        patch.setenv("PIP_CONFIG_FILE", os.devnull)
        patch.setenv("PIP_NO_INDEX", "1")
        with pytest.raises(pytest.fail.Exception, match="Students cannot install") as caught:
            student.install()
    return student, caught.value


@pytest.fixture(scope="module")
def student(newcomer) -> Student:
    newcomer[0].install()
    return newcomer[0]


@pytest.fixture
def solution(course_root) -> str:
    return (course_root / "solutions/cnn.py").read_text(encoding="utf-8")


def public_checks(course_root: Path) -> list[str]:
    text = (course_root / "release/cnn/test_cnn.py").read_text(encoding="utf-8")
    return [node.name for node in ast.parse(text).body if getattr(node, "name", "").startswith("test_")]


def task_of(check: str) -> str:
    """The task that a check's name begins with."""
    (task,) = [task for task in POINTS if check.startswith(f"test_{task.replace('-', '_')}_")]
    return task


def stands_alone(check: str) -> bool:
    """Whether a check needs its own task only; a numeric gradient also needs a forward pass to measure."""
    return not check.endswith("_numeric_gradient")


def test_nothing_of_the_kit_is_there(student):
    done = student.run("-c", "import cnn_assignment", timeout=PYTEST_S)
    assert done.returncode == 1
    assert "ModuleNotFoundError: No module named 'cnn_assignment'" in done.stderr
    listed = student.run("-m", "pip", "list", "--format=freeze", timeout=PYTEST_S).stdout
    assert not re.search(r"^(cnn[-_]assignment|nbgrader)==", listed, re.MULTILINE)


def test_the_installed_versions_are_those_of_requirements(student):
    listed = student.run("-m", "pip", "list", "--format=freeze", timeout=PYTEST_S).stdout.split()
    wanted = (student.folder / "requirements.txt").read_text(encoding="utf-8").split()
    assert wanted
    assert set(wanted) <= set(listed)


def test_every_check_fails_at_first_and_says_which_gap_is_open(student, course_root):
    shutil.copy(course_root / "release/cnn/cnn.py", student.folder / "cnn.py")
    said, found = student.check()
    assert list(found) == public_checks(course_root)
    assert {task_of(check) for check in found} == set(POINTS)
    for check, message in found.items():
        named = re.fullmatch(r"NotImplementedError: ([a-z-]+): fill in this gap", message)
        assert named, (check, message)
        assert named[1] in POINTS
        assert named[1] == task_of(check) or not stands_alone(check), check
    # What pytest shows are the student's own files: nothing fails inside a library.
    shown = set(re.findall(r"^(\S+\.py):\d+: ", said, re.MULTILINE))
    assert shown == {"test_cnn.py", "cnn.py"}
    assert "ERROR" not in said


def test_every_check_passes_on_the_solution(student, course_root, solution):
    student.fill(strip_markers(solution, "solutions/cnn.py"))
    said, found = student.check()
    assert found == dict.fromkeys(public_checks(course_root), "")
    assert f"{len(found)} passed" in said


def test_checks_of_one_task_pass_once_its_gap_is_filled(student, solution):
    student.fill(fill_only(solution, ["conv-forward", "pool-views"], "solutions/cnn.py"))
    _, found = student.check()
    passed = {check for check, message in found.items() if not message}
    assert passed == {check for check in found if task_of(check) in {"conv-forward", "pool-views"}}


@pytest.mark.parametrize("task", WRONG)
def test_a_wrong_answer_is_told_in_helpful_words(student, solution, task):
    right, wrong, words = WRONG[task]
    assert solution.count(right) == 1
    student.fill(strip_markers(solution.replace(right, wrong), "solutions/cnn.py"))
    _, found = student.check()
    failed = {check: message for check, message in found.items() if message}
    assert failed
    assert {task_of(check) for check in failed if stands_alone(check)} == {task}
    # In the order in which students work, as `pytest -x` goes, the first failure is the task's own.
    assert task_of(next(iter(failed))) == task
    assert any(re.search(words, message) for message in failed.values()), failed
    for message in failed.values():
        assert re.match(r"AssertionError: [^\n]*expected [^\n]*(got|but)", message), message


def test_without_a_package_index_the_test_fails_and_says_why(newcomer):
    _, failure = newcomer
    assert "This test needs a package index that pip is configured for" in str(failure)
