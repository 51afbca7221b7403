"""A report in a notebook: the number that nbgrader reads, the table that students see, and the comments."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import hypothesis.strategies as st
import nbformat
import pytest
from hypothesis import given
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell
from nbgrader.utils import determine_grade

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.model import ReportStatus, Status, TaskScore
from cnn_assignment.nbgrader_course import cell_comments, comments
from cnn_assignment.nbgrader_course.notebooks.annotate import annotate
from gradebook_kit import cell_metadata, cell_of, make_report, source_notebook
from toy_course import TASKS

HOSTILE = "<script>alert(1)</script> $$ [x](javascript:alert(1)) \\[ <img src=x onerror=alert(1)> `<b>` $$ <b>"


class Tags(HTMLParser):
    """Collects what a browser would take for elements, attributes and text."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data


def parse(html):
    tags = Tags()
    tags.feed(html)
    return tags


def result_of(notebook, name):
    (output,) = cell_of(notebook, name).outputs
    return output


def with_last(**changes):
    """A report whose last task, the one that has tests, is another."""
    report = make_report()
    return replace(report, tasks=(*report.tasks[:-1], replace(report.tasks[-1], **changes)))


def lost_test():
    return next(test for test in make_report().tasks[-1].tests if test.outcome is Status.FAILED)


@given(st.floats(0, 3))
def test_nbgrader_reads_back_exactly_the_score(score):
    notebook = annotate(source_notebook(), with_last(score=score))
    assert determine_grade(cell_of(notebook, "clear")) == (score, 3)
    assert determine_grade(cell_of(notebook, "cut")) == (0, 2)


@pytest.mark.parametrize(
    ("score", "text"), [(-1.0, "0.0"), (3.0000001, "3.0"), (2, "2.0"), (0.1 + 0.2, repr(0.1 + 0.2))]
)
def test_a_score_is_a_plain_float_within_the_points(score, text):
    assert result_of(annotate(source_notebook(), with_last(score=score)), "clear").data["text/plain"] == text


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_a_graders_error(score):
    with pytest.raises(GraderError, match="the score of clear is"):
        annotate(source_notebook(), with_last(score=score))


def test_outputs_of_other_cells_go_and_the_argument_stays():
    notebook = source_notebook()
    cell_of(notebook, "Cutter").outputs = [new_output("stream", text="x" * 10_000)]
    cell_of(notebook, "clear").outputs = [new_output("stream", name="stderr", text="warning")]
    before = nbformat.writes(notebook)
    annotated = annotate(notebook, make_report())
    assert nbformat.writes(notebook) == before
    assert cell_of(annotated, "Cutter").outputs == []
    assert [output.output_type for output in cell_of(annotated, "clear").outputs] == ["execute_result"]
    nbformat.validate(annotated)
    assert nbformat.writes(annotate(annotated, make_report())) == nbformat.writes(annotated)


def test_the_table_tells_outcomes_in_words():
    tags = parse(result_of(annotate(source_notebook(), make_report()), "clear").data["text/html"])
    words = (
        "Clearing",
        "1.5 of 3 points",
        "wrong result",
        "expected shape (2, 3)",
        "Rows and columns are swapped.",
    )
    for text in words:
        assert text in tags.text


def test_no_text_of_a_student_becomes_html():
    report = make_report(message=HOSTILE, diagnosis=(HOSTILE,), notes=(HOSTILE,))
    for task in ("scale", "clear"):  # where the notes are, and the lost test
        html = result_of(annotate(source_notebook(), report), task).data["text/html"]
        tags = parse(html)
        assert tags.names <= {"div", "b", "ul", "li", "table", "tr", "th", "td", "br", "span", "i"}
        assert tags.attributes == {"class", "style"}
        assert "mathjax_ignore" in html
        assert HOSTILE in tags.text


@pytest.mark.parametrize(
    "text", [HOSTILE, "$$", "[a]: javascript:x [a]", "<javascript:x>", "a\n\n<script>", "```\n<script>"]
)
def test_no_comment_becomes_html_in_nbgraders_feedback(text):
    report = make_report(message=text, diagnosis=(), notes=(text,))
    for comment in cell_comments(source_notebook(), report).values():
        html = markdown2html(comment + "\n\n" + comment)
        tags = parse(html)
        assert tags.names <= {"p", "ul", "li", "code", "span", "em", "strong", "br"}
        assert "href" not in tags.attributes
        assert "$" not in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "text <svg/onload=alert(1)> text",
        "<IFRAME srcdoc='<script>alert(1)</script>'>",
        "</div></div><form action=x>",
        "<!--><script>alert(1)</script>",
        "<b onclick=alert(1)>bold</b>",
        "[x](javascript:alert(1))",
        "[x](JavaScript&#58;alert(1))",
        "![x](javascript:alert(1))",
        "[x][y]\n\n[y]: javascript:alert(1)",
        "<javascript:alert(1)>",
        "[my page](page.html)",
        "[my picture](picture.svg)",
        "[x](https://example.org/&quot;onclick=alert(1))",
        "$$ <script>alert(1)</script> $$",
        "    <script>alert(1)</script>",
        "```\n</code><script>alert(1)</script>\n```",
        "<\\script>alert(1)</script>",
    ],
)
@pytest.mark.parametrize("new_cell", [new_markdown_cell, new_raw_cell])
def test_no_text_cell_starts_a_program_in_a_page(new_cell, text):
    notebook = source_notebook()
    notebook.cells.insert(0, new_cell(text))
    shown = annotate(notebook, make_report()).cells[0]
    assert shown.cell_type == "markdown"
    words, found = re.findall(r"\w+", text), re.findall(r"\w+", shown.source)
    assert [word for word in words if word != "text"] == [word for word in found if word != "text"]
    tags = parse(markdown2html(shown.source))
    assert tags.names <= {"p", "code", "pre", "span", "b", "em", "strong"} | ({"a"} if "https:" in text else set())
    assert tags.attributes <= {"class"} | ({"href"} if "https:" in text else set())


def test_plain_text_with_formulas_code_and_links_stays_as_it_is():
    text = (
        "# A title\n\nx < y, `a<2` and $a < b$; **bold**, line<br>break, H<sub>2</sub>O, <details><summary>more</summary>, <https://example.org/a?b=c&d=e>, "
        '[a](https://example.org/a_(b)), [b](mlp.py), [c](#title "see"), ![d](attachment:plot.png), [ ] open, a[i]\n'
    )
    notebook = source_notebook()
    cell = new_markdown_cell(text, attachments={"plot.png": {"image/png": "iVBORw0KGgo="}})
    notebook.cells.insert(0, cell)
    shown = annotate(notebook, make_report()).cells[0]
    assert markdown2html(shown.source.replace("attachment:", "")) == markdown2html(text.replace("attachment:", ""))


def test_tests_that_are_lost_alike_share_a_line_of_the_comment():
    lost = lost_test()
    other = replace(lost, title="Another stride")
    unlike = replace(lost, title="No stride", diagnosis=("The sign is wrong.",))
    assert comments(with_last(tests=(lost, unlike, other, other)))["clear"].split("\n")[2:] == [
        "- Stride two and 2 more (wrong result): Rows and columns are swapped.",
        "- No stride (wrong result): The sign is wrong.",
    ]


def test_of_many_lost_tests_the_comment_tells_some_and_counts_the_others():
    lost = lost_test()
    tests = tuple(replace(lost, title=f"Stride {i}", diagnosis=(f"Wrong by {i % 7}.",)) for i in range(9))
    lines = comments(with_last(tests=tests))["clear"].split("\n")[2:]
    assert len(lines) == 6
    assert lines[0] == "- Stride 0 and 1 more (wrong result): Wrong by 0."
    assert lines[-1] == "- and 2 more, listed in the table of this task"


def test_an_enormous_message_is_cut():
    html = result_of(annotate(source_notebook(), make_report(message="x" * 10**6)), "clear").data["text/html"]
    assert len(html) < 10_000
    assert all(len(text) < 2_000 for text in comments(make_report(message="x" * 10**6, diagnosis=())).values())


def test_a_message_with_a_lone_surrogate_can_be_stored():
    annotated = annotate(source_notebook(), make_report(message="\ud800"))
    assert nbformat.writes(annotated).encode("utf-8")


def test_an_unreadable_submission_scores_zero_everywhere_and_says_why():
    report = make_report(status=ReportStatus.UNREADABLE, notes=("There is no class Cutter.",))
    notebook = annotate(source_notebook(), report)
    for name in TASKS:
        assert determine_grade(cell_of(notebook, name))[0] == 0
        assert "There is no class Cutter." in result_of(notebook, name).data["text/html"]
    for comment in cell_comments(source_notebook(), report).values():
        assert "There is no class Cutter." in comment


def test_a_withheld_grade_is_an_error_and_no_number():
    with pytest.raises(GraderError, match="'ada' is withheld: the grader broke"):
        annotate(source_notebook(), make_report(status=ReportStatus.GRADER_ERROR, notes=("the grader broke",)))


def test_a_grade_cell_without_a_task_is_an_error_because_nbgrader_would_give_it_full_marks():
    notebook = source_notebook()
    notebook.cells.append(new_code_cell("check()", metadata=cell_metadata("third", points=1)))
    with pytest.raises(GraderError, match="do not belong together: third"):
        annotate(notebook, make_report())


def test_a_task_without_a_grade_cell_is_an_error():
    task = TaskScore("third", "Third", Status.PASSED, 1.0, 1.0, ())
    with pytest.raises(GraderError, match="do not belong together: third"):
        annotate(source_notebook(), replace(make_report(), tasks=(*make_report().tasks, task)))


def test_points_of_another_build_are_an_error():
    notebook = source_notebook()
    cell_of(notebook, "cut").metadata["nbgrader"]["points"] = 7
    with pytest.raises(GraderError, match="cut has 7 points in the notebook and 2 in its hidden tests"):
        annotate(notebook, make_report())


def test_a_solution_cell_is_told_about_all_tasks_that_it_names():
    told = cell_comments(source_notebook(), make_report(notes=("A copied cell was left out.",)))
    assert {name: text.split("\n\n") for name, text in told.items()} == {
        "Scaler": [
            "Scaling: 0 of 1 points, not attempted.",
            "The slope of scaling: 0 of 2 points, not attempted.",
            "Note: A copied cell was left out.",
        ],
        "Cutter": [
            "Cutting: 0 of 2 points, not attempted.",
            "Clearing: 1.5 of 3 points, partly right.",
            "- Stride two (wrong result): Rows and columns are swapped.",
        ],
    }


def test_a_task_that_no_cell_names_belongs_to_the_solution_cell_before_its_grade_cell():
    notebook = source_notebook()
    cell_of(notebook, "Cutter").source = "cut"
    place = notebook.cells.index(cell_of(notebook, "clear"))
    notebook.cells.insert(place, new_code_cell("x = 0", metadata=cell_metadata("x", solution=True)))
    told = cell_comments(notebook, make_report())
    assert told["Cutter"] == "Cutting: 0 of 2 points, not attempted."
    assert told["x"].startswith("Clearing")
