"""Reports as files and the class as a table."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from cnn_assignment.core.errors import UsageError
from cnn_assignment.core.model import ReportStatus
from cnn_assignment.core.names import why_not_a_student
from cnn_assignment.reporting import read_report, report_path, write_class_csv, write_report
from gradebook_kit import make_report

NAMES = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=30).filter(
    lambda n: not why_not_a_student(n)
)


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@given(
    student=NAMES,
    message=st.text(st.characters(codec="utf-8")),
    score=st.floats(0, 3),
)
def test_a_report_is_read_back_as_it_was_written(tmp_path_factory, student, message, score):
    report = make_report(student, score, message=message, notes=(message,))
    path = write_report(report, tmp_path_factory.mktemp("reports"))
    assert read_report(path) == report


def test_equal_reports_give_equal_bytes_in_the_order_of_the_schema(tmp_path):
    first = write_report(make_report(message="größer"), tmp_path / "a").read_bytes()
    assert write_report(make_report(message="größer"), tmp_path / "b").read_bytes() == first
    assert first.endswith(b"}\n")
    assert "größer".encode() in first
    assert next(iter(json.loads(first))) == "schema"


def test_writing_again_replaces_the_file_and_leaves_nothing_beside_it(tmp_path):
    write_report(make_report(score=0.5), tmp_path)
    path = write_report(make_report(score=1.0), tmp_path)
    assert read_report(path).score == 1.0
    assert [each.name for each in tmp_path.iterdir()] == ["ada.json"]
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = write_report(make_report(), tmp_path)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_report(replace(make_report(), score=float("nan")), tmp_path)
    assert read_report(path) == make_report()
    assert [each.name for each in tmp_path.iterdir()] == ["ada.json"]


@pytest.mark.parametrize(
    "student", ["", ".", "..", "../eve", "a/b", "a\\b", "/etc/passwd", "a\0b", "a\nb", "-rf", "a" * 252]
)
def test_a_students_name_cannot_leave_the_folder(tmp_path, student):
    with pytest.raises(UsageError, match="cannot name a file"):
        write_report(make_report(student), tmp_path / "out")
    with pytest.raises(UsageError, match="cannot name a file"):
        report_path(tmp_path, student)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "{}", '{"schema": "other/1"}', '{"schema": "cnn-assignment/report/1"}']
)
def test_what_is_no_report_is_told_with_its_place(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"x\.json: not a report"):
        read_report(path)


def test_the_table_has_a_row_a_student_and_two_columns_a_task(tmp_path):
    write_class_csv([make_report("bob", 0.5), make_report("ada", 1.5, notes=("one,", "two"))], tmp_path / "class.csv")
    text = (tmp_path / "class.csv").read_bytes().decode()
    assert text == (
        "student,status,score,max_score,"
        "scale,scale_status,slope,slope_status,cut,cut_status,clear,clear_status,notes\n"
        'ada,graded,1.5,8.0,0.0,not_attempted,0.0,not_attempted,0.0,not_attempted,1.5,partial,"one,; two"\n'
        "bob,graded,0.5,8.0,0.0,not_attempted,0.0,not_attempted,0.0,not_attempted,0.5,partial,\n"
    )


def test_a_withheld_grade_is_empty_and_not_zero(tmp_path):
    broken = replace(make_report("eve", status=ReportStatus.GRADER_ERROR), tasks=make_report().tasks)
    write_class_csv([broken, make_report()], tmp_path / "class.csv")
    row = rows_of(tmp_path / "class.csv")[1]
    assert (row["student"], row["status"]) == ("eve", "grader_error")
    assert row["score"] == row["clear"] == row["clear_status"] == ""


def test_an_unreadable_submission_is_zero(tmp_path):
    write_class_csv([make_report(status=ReportStatus.UNREADABLE, notes=("no file",))], tmp_path / "class.csv")
    (row,) = rows_of(tmp_path / "class.csv")
    assert (row["score"], row["notes"]) == ("0.0", "no file")


FORMULA_STARTS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\u2212"


@pytest.mark.parametrize(
    "before", ["", " ", "\t", "\xa0", "\u3000", "x;", "x\t", "x, ", "x|", 'x;"', "x\r\n", "x%0A", "x;\u200b"]
)
@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_no_cell_is_a_formula_whatever_separates_cells(tmp_path, before, start):
    text = f"{before}{start}HYPERLINK(1)"
    write_class_csv([make_report(text, notes=(text, text))], tmp_path / "class.csv")
    (row,) = rows_of(tmp_path / "class.csv")
    lines = (tmp_path / "class.csv").read_text(encoding="utf-8").split("\n")
    cells = [cell for line in lines for cell in re.split(r"[;,|\t\r]|%0A", line)]
    for cell in (row["student"], row["notes"], *cells):
        assert not cell.lstrip().lstrip('"').lstrip().startswith(tuple(FORMULA_STARTS))
    assert row["notes"].endswith("HYPERLINK(1)")
    assert len(lines) == 3


def test_honest_notes_stay_as_they_are_and_nothing_in_them_acts(tmp_path):
    honest = "cell 3 was read before cell 1; a = b - 1, and so on (see x@y)."
    write_class_csv([make_report("zo\xeb", notes=(honest, "\x1b[2J\u202eevil\n"))], tmp_path / "class.csv")
    (row,) = rows_of(tmp_path / "class.csv")
    assert (row["student"], row["notes"]) == ("zo\xeb", honest + "; \\x1b[2J\\u202eevil")


def test_two_reports_of_one_student_are_refused(tmp_path):
    with pytest.raises(UsageError, match="two reports of 'ada'"):
        write_class_csv([make_report(), make_report()], tmp_path / "class.csv")


def test_an_empty_class_has_a_header_only(tmp_path):
    write_class_csv([], tmp_path / "new" / "class.csv")
    assert (tmp_path / "new" / "class.csv").read_text() == "student,status,score,max_score,notes\n"
