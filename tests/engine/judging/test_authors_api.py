"""What assignments rely on: documented as it is, and still there under the names that it had before."""

from __future__ import annotations

import inspect
import json
import re

import cnn_assignment.grading.misconceptions
import cnn_assignment.grading.testing
import processes
import toy_course
from cnn_assignment import misconceptions, testing
from cnn_assignment.authoring.gaps import _OPTIONS
from cnn_assignment.core.layout import _KEYS
from places import ROOT

PAGE = (ROOT / "docs/api.md").read_text(encoding="utf-8")

MISCONCEPTIONS = '''"""Mistakes."""

from cnn_assignment.misconceptions import Misconception

MISCONCEPTIONS = [
    Misconception("no-half", "scale", "Your values lack the half.", {"(x + HALF)": "(x)"}),
]
'''


def signature_of(name, thing):
    text = str(inspect.signature(thing)).replace("<factory>", "{}")
    # Types are strings in this package, and strings are quoted in signatures; defaults keep their quotes.
    return name + re.sub(r"(?<=[:>] )'([^']*)'", r"\1", text)


def test_every_signature_of_the_api_is_on_its_page():
    documented = {row.replace("\\|", "|") for row in re.findall(r"^\| `(.+?)` \|", PAGE, re.MULTILINE)}
    there = {signature_of(name, getattr(testing, name)) for name in testing.__all__}
    there.add(signature_of("Misconception", misconceptions.Misconception))
    assert documented == there


def test_every_setting_and_every_option_of_a_gap_is_on_the_page():
    assert [key for key in _KEYS if f"`{key}`" not in PAGE] == []
    assert [f"{key}={one}" for key, values in _OPTIONS.items() for one in values if f"`{key}={one}`" not in PAGE] == []


def test_the_old_places_hold_the_same_objects():
    assert all(getattr(cnn_assignment.grading.testing, name) is getattr(testing, name) for name in testing.__all__)
    assert cnn_assignment.grading.misconceptions.Misconception is misconceptions.Misconception


def test_an_assignment_with_the_old_imports_builds_verifies_and_grades_unchanged(tmp_path):
    found = []
    for folder, old in (("new", False), ("old", True)):
        root = tmp_path / folder
        toy_course.make_course(root)
        toy_course.write(root / "autograder/toy/misconceptions.py", MISCONCEPTIONS)
        for path in sorted((root / "autograder/toy").glob("*.py")) if old else ():
            text = path.read_text(encoding="utf-8")
            path.write_text(re.sub(r"cnn_assignment\.(testing|misconceptions)", r"cnn_assignment.grading.\1", text))
        toy_course.submit(root, "ada", toy_course.answer(scale="cache['out'][:] = self.factor * x"))
        built = processes.run("build", "toy", cwd=root).stdout
        processes.run("grade", "toy", "submitted", "--out", "out", "--no-gradebook", cwd=root)
        report = json.loads((root / "out/ada.json").read_text(encoding="utf-8"))
        # The tests are other bytes, and everything else is the same.
        assert report["autograder"].pop("digest")
        found.append((built, report, (root / "release/toy/toy.ipynb").read_bytes()))
    assert found[0] == found[1]
    assert json.loads(processes.run("verify", "toy", "--json", cwd=tmp_path / "old").stdout)["holds"] is True
    assert "Your values lack the half." in report["tasks"][0]["tests"][0]["diagnosis"]
