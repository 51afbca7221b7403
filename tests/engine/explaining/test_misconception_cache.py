"""What misconceptions give, kept between graders: the same signature comes back, and a bad file costs time only."""

from __future__ import annotations

import numpy as np
import pytest

from cnn_assignment.core.model import Status
from cnn_assignment.explaining.misconception_cache import MisconceptionCache, count_known, rows_file, without_expected
from cnn_assignment.judging.signature import FailureSignature, Likeness
from cnn_assignment.sandbox.wire import Opaque

VALUES = [
    None,
    np.arange(12.0).reshape(3, 4) / 7,
    np.asfortranarray(np.full((2, 3), np.nan)),
    np.arange(3, dtype=np.int8),
    np.array([], dtype=np.float32),
    [(1, 2, np.ones((1, 2)) / 3), (0, "text", None)],
    {"convolution": np.ones(2) / 9, "mlp": {"weights": [np.eye(2) / 3]}},
    Opaque("ndarray", "shape (3,), dtype |O: dtype"),
    float("inf"),
    np.float32(0.5),
    True,
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep/rows.sqlite"


def signature(actual, said="1 of 2 values are wrong"):
    return FailureSignature(Status.FAILED, said, np.ones(2), actual, 'cache["out"]', ("row", "column"))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_signature_comes_back_as_it_was(path, value):
    MisconceptionCache(path).keep("mistake", {"test_a": signature(value), "test_b[1]": None})
    found = MisconceptionCache(path).find("mistake")
    assert found["test_b[1]"] is None
    kept, due = found["test_a"], without_expected(signature(value))
    assert (kept.status, kept.said, kept.what, kept.axes) == (due.status, due.said, due.what, due.axes)
    assert kept.expected is None
    assert repr(kept.actual) == repr(due.actual)
    assert kept.compare(due) is not Likeness.NONE


def test_rows_of_another_misconception_are_not_found(path):
    rows = MisconceptionCache(path)
    rows.keep("one", {"test_a": None})
    rows.keep("two", {"test_a": signature(None, "raised")})
    assert rows.find("one") == {"test_a": None}
    assert rows.find("three") == {}


def test_two_graders_may_write_at_once(path):
    one, other = MisconceptionCache(path), MisconceptionCache(path)
    one.keep("one", {"test_a": None})
    other.keep("one", {"test_b": None})
    assert one.find("one") == other.find("one") == {"test_a": None, "test_b": None}


@pytest.mark.parametrize("content", [b"no database at all, whatever its name says" * 40, b"SQLite format 3\0 broken"])
def test_a_broken_file_keeps_nothing_and_stops_nobody(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    rows = MisconceptionCache(path)
    rows.keep("one", {"test_a": None})
    assert rows.find("one") == {}


def test_a_broken_row_is_not_believed(path):
    rows = MisconceptionCache(path)
    rows.keep("one", {"test_a": None})
    rows._execute("UPDATE row SET frame = ? WHERE misconception = ?", (b"\0\0\0\2\0\0\0\0{]", "one"))
    assert rows.find("one") == {}


def test_a_place_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    rows = MisconceptionCache(tmp_path / "file/rows.sqlite")
    rows.keep("one", {"test_a": None})
    assert rows.find("one") == {}


def test_old_files_go(path):
    for number in range(30):
        MisconceptionCache(path.with_name(f"{number:02}.sqlite")).keep("one", {"test_a": None})
    assert len(list(path.parent.iterdir())) == 16
    assert path.with_name("29.sqlite").exists()


def test_each_state_of_an_assignment_has_a_file_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert rows_file("a", "b") != rows_file("a", "c")
    assert rows_file("a", "b").is_relative_to(tmp_path)


def test_how_many_are_known_is_told_to_others_as_soon_as_a_grader_told_the_total(path):
    assert count_known(path) is None
    kept = MisconceptionCache(path)
    assert count_known(path) is None
    kept.tell_total(3)
    assert count_known(path) == (0, 3)
    kept.keep("one", {"test_a": None, "test_b": None})
    kept.keep("other", {"test_a": signature(np.ones(2))})
    assert count_known(path) == (2, 3)
    MisconceptionCache(path).tell_total(3)
    assert count_known(path) == (2, 3)


@pytest.mark.parametrize("content", [b"", b"no database"])
def test_nobody_is_told_what_a_file_that_is_none_holds(tmp_path, content):
    path = tmp_path / "rows.sqlite"
    path.write_bytes(content)
    assert count_known(path) is None
