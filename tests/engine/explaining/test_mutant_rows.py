"""What mutants give: fingerprints that know a failure again, and sentences that are told only where nothing is an accident."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

import toy_course
from cnn_assignment.core.model import Status
from cnn_assignment.explaining.fingerprints import Fingerprint, take_fingerprint
from cnn_assignment.explaining.mutant_rows import (
    MutantRow,
    MutantRows,
    Mutation,
    TaskRows,
    find_common,
    read_rows,
    rows_path,
    write_rows,
)
from cnn_assignment.explaining.mutant_words import LEAD, Place, SlipKind, tell
from cnn_assignment.judging.signature import FailureSignature, Likeness
from toy_course import edit

VALUES = np.array([[0.5, -1.25, 3.75], [2.5, 8.125, -0.375]])
OUT = Place("Scaler.forward", 'cache["out"]', "is written")


def failure(actual, said="wrong", status=Status.FAILED):
    return FailureSignature(status, said, None, actual, "out")


def compare(one, other):
    found = [take_fingerprint(failure(value)) for value in (one, other)]
    assert found[0].compare(found[1]) is found[1].compare(found[0])
    return found[0].compare(found[1])


@pytest.mark.parametrize(
    ("one", "other", "likeness"),
    [
        (VALUES, VALUES * (1 + 1e-12), Likeness.STRONG),
        (VALUES, VALUES.T, Likeness.NONE),
        (VALUES, VALUES[:, ::-1], Likeness.NONE),
        (VALUES, VALUES[::-1], Likeness.NONE),
        (VALUES, VALUES.astype(np.float32), Likeness.NONE),
        (VALUES.astype(np.float32), (VALUES * (1 + 1e-7)).astype(np.float32), Likeness.STRONG),
        (VALUES, VALUES + 1e-5, Likeness.NONE),
        (np.zeros(6), np.zeros(6), Likeness.WEAK),
        (np.full(6, 0.5), np.full(6, 0.5), Likeness.WEAK),
        (np.array([0.5]), np.array([0.5]), Likeness.WEAK),
        (np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 3.0]), Likeness.WEAK),
        ([(0, VALUES)], [(0, VALUES.copy())], Likeness.STRONG),
        ([(0, VALUES)], [(1, VALUES)], Likeness.NONE),
        ({"a": VALUES}, {"b": VALUES}, Likeness.NONE),
        (np.where(VALUES > 3, np.nan, VALUES), np.where(VALUES > 3, np.nan, VALUES), Likeness.STRONG),
        (np.where(VALUES > 3, np.nan, VALUES), np.where(VALUES > 3, np.inf, VALUES), Likeness.NONE),
        (None, None, Likeness.WEAK),
    ],
)
def test_fingerprints_are_alike_by_the_values_that_came(one, other, likeness):
    assert compare(one, other) is likeness


def test_a_fingerprint_survives_its_file():
    found = take_fingerprint(failure(VALUES))
    assert Fingerprint.from_json(found.to_json()).compare(found) is Likeness.STRONG
    assert str(VALUES[0, 0]) not in str(found.to_json())


def known(*rows):
    """Rows of a task with two tests, as pairs of what came in each and of mutations."""
    made = [
        MutantRow(tuple(value and take_fingerprint(value) for value in values), tuple(mutations))
        for values, mutations in rows
    ]
    return MutantRows({"scale": TaskRows(("a", "b"), tuple(made))})


def find(rows, *values):
    return rows.find("scale", ["a", "b"], values)


INDEX = Mutation(SlipKind.INDEX, OUT)


def test_a_mutant_that_gives_the_whole_row_is_told_with_kind_and_place():
    rows = known(((failure(VALUES), None), [INDEX]))
    assert find(rows, failure(VALUES), None) == tell(SlipKind.INDEX, OUT)
    assert 'where `cache["out"]` is written' in tell(SlipKind.INDEX, OUT)


def test_a_test_that_differs_rules_a_mutant_out():
    rows = known(((failure(VALUES), None), [INDEX]))
    assert find(rows, failure(VALUES), failure(VALUES)) == ""
    assert find(rows, None, failure(VALUES)) == ""
    assert find(rows, failure(VALUES + 1), None) == ""
    # Nothing is told of a part of the tests, or of other ones.
    assert rows.find("scale", ["a"], [failure(VALUES)]) == ""
    assert rows.find("slope", ["a", "b"], [failure(VALUES), None]) == ""


@pytest.mark.parametrize("value", [np.zeros(6), np.full(6, 0.5), np.array([0.5]), np.arange(6.0), None])
def test_what_may_be_an_accident_is_not_told(value):
    assert find(known(((failure(value), None), [INDEX])), failure(value), None) == ""


def test_one_unmistakable_test_of_three_is_too_few():
    raised = failure(None, status=Status.ERROR)
    rows = MutantRows(
        {
            "scale": TaskRows(
                tuple("abc"), (MutantRow(tuple(map(take_fingerprint, (failure(VALUES), raised, raised))), (INDEX,)),)
            )
        }
    )
    assert rows.find("scale", list("abc"), [failure(VALUES), raised, raised]) == ""


def test_of_several_mutants_only_what_they_have_in_common_is_told():
    grads = Place("Scaler.forward", "grads", "is written")
    assert find_common([INDEX, Mutation(SlipKind.ORDER, OUT)]) == Mutation(SlipKind.UNKNOWN, OUT)
    assert find_common([INDEX, Mutation(SlipKind.INDEX, grads)]) == Mutation(SlipKind.INDEX, Place("Scaler.forward"))
    assert find_common([INDEX, Mutation(SlipKind.INDEX, Place("Scaler.backward"))]) is None
    assert find_common([]) is None


def test_mutants_of_the_solution_come_before_those_of_variants():
    variant = Mutation(SlipKind.TERM, Place("Scaler.forward"), is_of_variant=True)
    rows = known(((failure(VALUES), None), [variant]), ((failure(VALUES), None), [INDEX]))
    assert find(rows, failure(VALUES), None) == tell(SlipKind.INDEX, OUT)
    assert find(known(((failure(VALUES), None), [variant])), failure(VALUES), None) == tell(
        SlipKind.TERM, variant.place
    )


@pytest.mark.parametrize("kind", SlipKind)
def test_every_kind_has_words(kind):
    assert tell(kind, OUT).startswith(LEAD)
    assert len(tell(kind, OUT)) <= 300


@pytest.fixture
def course(tmp_path):
    return toy_course.make_course(tmp_path)


def test_rows_are_kept_for_the_tests_that_they_are_of(course):
    row = MutantRow((take_fingerprint(failure(VALUES)), None), (INDEX,))
    write_rows(course, {"scale": TaskRows(("a", "b"), (row,))}, "digest")
    first = rows_path(course).read_bytes()
    write_rows(course, {"scale": TaskRows(("a", "b"), (row,))}, "digest")
    assert rows_path(course).read_bytes() == first
    assert read_rows(course).made_from == "digest"
    assert find(read_rows(course), failure(VALUES), None) == tell(SlipKind.INDEX, OUT)
    edit(course.autograder_dir / "test_slope.py", "size=(2, 4)", "size=(2, 5)")
    assert find(read_rows(course), failure(VALUES), None) == ""


@pytest.mark.parametrize("data", [None, b"no gzip", b"[]", b'{"schema": 1}'])
def test_any_other_file_is_none(course, data):
    rows_path(course).write_bytes(data if data == b"no gzip" else gzip.compress(data or b""))
    assert read_rows(course).made_from == ""
