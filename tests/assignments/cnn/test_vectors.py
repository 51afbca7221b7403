"""What students write starts nothing where instructors look at it: each layer alone, and both in a real browser."""

from __future__ import annotations

import base64
import json
import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import markdown2html
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from traitlets.config import Config

from cnn_assignment.nbgrader_course.notebooks.harmless import make_harmless, show_as_written
from cnn_assignment.nbgrader_course.pages.rendering import _render, clean_html, clean_notebook, configure_rendering
from cnn_assignment.nbgrader_course.pages.time_limits import TookTooLongError, limit_time
from cnn_kit import CLASSES, NAME, class_cells, copy_course, run, submit
from formgrader_kit import CHROMIUM, instruct, serve
from places import ROOT
from vectors import make_vectors

VECTORS = make_vectors()
MINE, HONEST = "mallory", "honest"
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PICTURE = {"pasted.png": {"image/png": base64.b64encode(PIXEL).decode()}}
NICE = r"""# A heading

Text with **bold**, *italics*, `code <b>` and a < b, $a < b$ and $$\sum_{i < n} x_i$$

| left | right |
|---|--:|
| 1 | 2 |

- a [link](https://example.org/a_(b)?q=1&r=2 "title"), <https://example.org/plain> and [one][1]
- x<sub>i</sub>, a<br>break and [the section](#A-heading)

```python
for i in range(3):
    if i < 2: print("<b>")
```

> quoted

![pasted](attachment:pasted.png)

[1]: https://example.org/one
"""

# What a renderer makes of Markdown without any HTML, and the plain tags.
TAGS = frozenset(
    "a b blockquote br code dd del details dl dt em h1 h2 h3 h4 h5 h6 hr i img input kbd li mark ol p pre s small span "  # noqa: SIM905 - to be read
    "strong sub summary sup table tbody td th thead tr u ul div".split()
)
ADDRESS = re.compile(r"(?:https?://|mailto:|#|(?![a-z.+-]*:)(?!//|\\|/))", re.IGNORECASE)
# nbconvert takes "files/" away from an address, so what is behind it must not be another machine's.
PICTURE_ADDRESS = re.compile(
    r"(?!/?files/)(?:\./)?\w[\w.-]*(?:/\w[\w.-]*)*|data:image/(?:png|jpeg|gif);base64,.*", re.DOTALL
)


def troubles_of(html: str) -> list[str]:
    """What in a piece of HTML could start something, by any rule."""
    found = []
    # In an element, because a text that is an address and nothing else brings a warning.
    for element in BeautifulSoup(f"<p>{html}</p>", "html.parser").find_all(True):
        if element.name not in TAGS or (element.name == "input" and element.get("type") != "checkbox"):
            found.append(str(element)[:100])
        for name, value in element.attrs.items():
            text = " ".join(value) if isinstance(value, list) else value
            if name.lower().startswith("on") or name in ("style", "srcdoc", "srcset", "ping", "target", "formaction"):
                found.append(f"{name}={text}")
            if name == "href" and not ADDRESS.match(text):
                found.append(f"{name}={text}")
            if name == "src" and not PICTURE_ADDRESS.fullmatch(text):
                found.append(f"{name}={text}")
    return found


@pytest.mark.parametrize("before", ["", "<hr>\n", "- ", "text "], ids=["alone", "rule", "item", "text"])
def test_no_vector_survives_in_the_notebook_whatever_renders_it(before):
    left = {}
    for vector in VECTORS:
        for text in (make_harmless(before + vector), show_as_written(before + vector)):
            if found := troubles_of(markdown2html(text)):
                left[vector] = found
            assert not re.search(r"<(?=[A-Za-z/!?\0])(?!/?[a-z]{1,9}[ \t]{0,3}/?>)", text, re.IGNORECASE)
    assert left == {}


def test_no_vector_survives_where_only_the_page_is_cleaned():
    left = {}
    for vector in (*VECTORS, *("\n\n".join(VECTORS[start : start + 9]) for start in range(0, len(VECTORS), 9))):
        if found := troubles_of(clean_html(_render(vector.replace("attachment:", ""), {}))):
            left[vector] = found
    assert left == {}


def test_vectors_that_stand_together_do_not_help_each_other():
    for start in range(0, len(VECTORS), 7):
        together = "\n\n".join(VECTORS[start : start + 14])
        assert troubles_of(markdown2html(make_harmless(together))) == []


def test_there_are_many_vectors_and_most_run_without_the_kit():
    assert len(VECTORS) >= 200
    harmful = [vector for vector in VECTORS if "attachment:" not in vector and troubles_of(markdown2html(vector))]
    assert len(harmful) >= 200


@pytest.mark.parametrize(
    "filler", ["[", "](", "![", "*a_", "`", "$", "> ", "<b", "|a", "\\begin{a}", "[a]: x\n", "\\href"]
)
def test_what_a_renderer_would_take_long_for_is_shown_as_it_was_written(filler):
    shown = make_harmless(filler * (40_000 // len(filler)))
    assert shown.startswith("    text:\n    \n    ")
    assert all(line.startswith("    ") for line in shown.split("\n"))


def test_honest_markdown_is_rendered_as_before():
    def shape(html):
        soup = BeautifulSoup(html, "html.parser")
        names = [(e.name, e.get("href"), e.get("src"), e.get("style")) for e in soup.find_all(True) if e.name != "span"]
        # A formula knows no blanks.
        words = "".join(soup.get_text().replace("\N{WORD JOINER}", "").split())
        return names, words

    assert shape(clean_html(_render(make_harmless(NICE, PICTURE), PICTURE)).replace("#student-", "#")) == shape(
        _render(NICE, PICTURE)
    )


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("x.svg", {"image/svg+xml": "PHN2Zz4="}),
        ("x.png", {"image/png": "PHN2Zz4="}),
        ("x.png", {"text/html": "PHN2Zz4="}),
        ('x"onerror="y.png', {"image/png": "iVBORw0KGgo="}),
        ("x.png", {"image/png": 3}),
        ("x.png", "image/png"),
        ("x.png", {"image/png": "iVBORw0KGgo" * 400_000}),
    ],
)
def test_an_attachment_that_is_no_picture_is_left_out(name, kinds):
    from cnn_assignment.submissions.plain.attachments import read_attachments

    assert read_attachments({name: kinds}) == {}
    assert read_attachments({name: kinds, **PICTURE}) == PICTURE


def render_page(*cells, resources=None):
    """What nbconvert makes of a notebook that the kit did not write, with the kit's filters only."""
    config = Config({"HTMLExporter": {"template_name": "classic"}})
    configure_rendering(config)
    page, _ = HTMLExporter(config=config).from_notebook_node(new_notebook(cells=list(cells)), resources=resources)
    return BeautifulSoup(page, "html.parser").find(id="notebook-container")


def test_a_page_of_any_other_notebook_is_clean_too():
    cells = [new_raw_cell(vector) for vector in VECTORS]
    for vector in VECTORS:
        data = {"text/html": vector, "text/markdown": vector, "image/svg+xml": vector}
        cells.append(new_code_cell(vector, outputs=[new_output("display_data", {"text/html": vector})]))
        cells.append(
            new_code_cell("1", outputs=[new_output("display_data", {**data, "application/javascript": "stolen(1)"})])
        )
    cells[0].metadata.tags = ['x"><script>stolen(1)</script>']
    for cell in render_page(*cells).select(".text_cell_render, .output_subarea"):
        # The kit's tables have colours of their own, which nothing can be fetched with.
        assert not [t for t in troubles_of(cell.decode_contents()) if not re.fullmatch(r"style=[\w\s#:;,.%-]*", t)]


def test_no_address_becomes_another_one_after_it_was_cleaned():
    for place in ("files///elsewhere.invalid/x.png", "/files///elsewhere.invalid/x.png", "files//x.png", "../x.png"):
        assert render_page(new_markdown_cell(f"![x]({place})")).find("img", src=True) is None


def test_names_of_people_are_text():
    resources = {"student": '"><script>', "first_name": "<img src=x onerror=stolen(1)>", "last_name": "O'Brien & ü"}
    _, shown = clean_notebook(new_notebook(), dict(resources))
    assert {BeautifulSoup(text, "html.parser").get_text() for text in shown.values()} == set(resources.values())
    assert not any(set('<>"') & set(text) for text in shown.values())


def test_tables_of_results_keep_their_looks():
    table = '<div class="tex2jax_ignore" style="border:1px solid #d5d9de;color:#1f2328"><b>Title</b></div>'
    assert clean_html(table, keep_styles=True) == table
    for style in ("background:url(//x)", "position:fixed", "margin:-99px", "background:image-set('x' 1x)"):
        shown = BeautifulSoup(clean_html(f'<b style="{style}">x</b>', keep_styles=True), "html.parser")
        assert shown.b.get("style", "") == ""


def test_a_computation_without_an_end_is_stopped_and_the_next_one_is_not():
    with pytest.raises(TookTooLongError, match=r"^$"), limit_time(0.2):
        re.match(r"(a+)+$", "a" * 60 + "b")
    with limit_time(100):
        assert sum(range(10)) == 45


COMMANDS = (
    "&#36;&#92;href{javascript:JS}{x}&#36;",
    "&#x24;&#x5C;href{javascript:JS}{x}&#x24;",
    "&dollar;&bsol;href{javascript:JS}{x}&dollar;",
    "$a$ \\h&#114;ef{javascript:JS}{x} $b$",
    "$a$ \\&#104ref{javascript:JS}{x}",
    "\\\\(a\\\\) \\mmlT&#111;ken{mi}[href=x]{y}",
    "$a$ \\\\href{x}{y}",
)


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_that_is_put_together_from_characters_by_number_is_none(text):
    # As MathJax reads it: elements and comments keep text apart, character references do not.
    for html in (markdown2html(make_harmless(text)), clean_html(_render(text, {}))):
        assert not re.search(r"\\(?:href|mmlToken)", BeautifulSoup(html, "html.parser").get_text())


def test_characters_by_name_that_people_use_stay():
    assert (
        make_harmless("a&nbsp;b &lt;c&gt; &alpha; R&D; AT&T $a & b$") == "a&nbsp;b &lt;c&gt; &alpha; R&D; AT&T $a & b$"
    )


def test_a_link_to_a_heading_leads_to_it_and_no_heading_takes_a_name_of_the_page():
    soup = BeautifulSoup(
        clean_html(_render("# conv-forward\n\n[up](#conv-forward)\n\n<h2 id=formgrader>x</h2>", {})), "html.parser"
    )
    names = [element["id"] for element in soup.find_all(["h1", "h2"])]
    assert soup.a["href"] == "#student-conv-forward"
    assert names == ["student-conv-forward", "student-formgrader"]


def test_a_picture_in_an_address_is_kept_as_an_attachment_and_anything_else_in_one_is_not():
    from cnn_assignment.submissions.plain.attachments import take_inline_pictures

    data = PICTURE["pasted.png"]["image/png"]
    text, found = take_inline_pictures(f"a ![x](data:image/png;base64,{data}) b", {})
    assert (text, found) == ("a ![x](attachment:inline-1.png) b", {"inline-1.png": {"image/png": data}})
    for bad in ("data:image/svg+xml;base64,PHN2Zz4=", "data:image/png;base64,PHN2Zz4=", "data:text/html,x"):
        assert take_inline_pictures(f"![x]({bad})", {}) == (f"![x]({bad})", {})


# In a browser


def hostile_notebook() -> nbformat.NotebookNode:
    """Each vector in every kind of cell, and what each test's exception says."""
    notebook = nbformat.read(ROOT / "examples/cnn/einsum/cnn.ipynb", as_version=4)
    texts = f"MINE = {VECTORS!r}\nTURN = [0]\n\n\ndef fail():\n    TURN[0] += 1\n    raise ValueError(MINE[TURN[0] % len(MINE)])\n"
    cell = class_cells(notebook)[CLASSES[0]]
    cell.source = texts + re.sub(
        r"^(    def (?:forward|backward)\(self.*\n)", r"\1        fail()\n", cell.source, flags=re.MULTILINE
    )
    for vector in VECTORS:
        notebook.cells += [new_markdown_cell(vector), new_markdown_cell(f"<hr>\n{vector}"), new_raw_cell(vector)]
        notebook.cells.append(new_code_cell(vector, outputs=[new_output("display_data", {"text/html": vector})]))
    for start in range(0, len(VECTORS), 20):
        notebook.cells.append(new_markdown_cell("\n\n".join(VECTORS[start : start + 20])))
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            vector = VECTORS[number % len(VECTORS)]
            cell.attachments = {
                vector: {"image/svg+xml": "PHN2Zy8+"},
                "x.svg": {"image/svg+xml": "PHN2Zy8+"},
                vector[:20]: PICTURE["pasted.png"],
            }
    return notebook


@pytest.fixture(scope="module")
def course(tmp_path_factory, unmeasured):
    course = copy_course(ROOT, tmp_path_factory.mktemp("vectors") / "course", "release")
    submit(course, MINE, hostile_notebook())
    honest = nbformat.read(ROOT / "examples/cnn/einsum/cnn.ipynb", as_version=4)
    honest.cells.insert(0, new_markdown_cell(NICE, attachments=PICTURE))
    honest.cells.insert(1, new_markdown_cell("![gone](attachment:gone.png)"))
    submit(course, HONEST, honest)
    for name in (
        "a.shtml",
        "a.xhtm",
        "a.xpdl",
        "a.svg",
        "a.html",
        "a.HTM",
        "a.xml",
        "a.js",
        "a.mht",
        "a.pdf",
        "a.png.html",
        "a",
        "a.png",
    ):
        (course / "submitted" / MINE / NAME / name).write_text("<script>stolen(1)</script>", encoding="utf-8")
    run("nbgrader", "generate_assignment", NAME, "--force", cwd=course)
    run("nbgrader", "autograde", NAME, cwd=course)
    run("nbgrader", "generate_feedback", NAME, cwd=course)
    return course


def test_files_of_unknown_kinds_are_not_given_out(course):
    found = {path.name for path in (course / "autograded" / MINE / NAME).iterdir()}
    assert {name for name in found if name.startswith("a")} == {"a.png"}


def test_a_pasted_picture_stays_and_a_missing_one_costs_no_page(course):
    page = BeautifulSoup(
        (course / "feedback" / HONEST / NAME / f"{NAME}.html").read_text(encoding="utf-8"), "html.parser"
    )
    pictures = [image["src"] for image in page.find_all("img", alt="pasted")]
    assert pictures == [f"data:image/png;base64,{PICTURE['pasted.png']['image/png']}"]
    assert "gone: the picture was not handed in" in page.get_text()


LOOK = """() => {
    const bad = [];
    for (const cell of document.querySelectorAll('.text_cell_render, .output_area, .input_area, .comment')) {
        for (const e of cell.querySelectorAll('*')) {
            for (const kind of ['mouseover', 'pointerover', 'mouseenter', 'focus', 'toggle', 'animationstart', 'error', 'load'])
                e.dispatchEvent(new Event(kind, {bubbles: true}));
            if (e.focus) e.focus();
            if (/^(script|iframe|frame|object|embed|applet|form|svg|math|link|meta|base|style|video|audio|button|select|textarea|template)$/i.test(e.localName))
                bad.push(e.outerHTML.slice(0, 200));
            for (const a of e.attributes)
                if (/^on/i.test(a.name) || (/^(href|src|action|data|xlink:href)$/i.test(a.name) && /^[^a-z]*(java|vb|data:text|data:image.svg)/i.test(a.value)))
                    bad.push(a.name + '=' + a.value);
        }
    }
    return bad;
}"""


SCRIPT = "const e = document.createElement('script'); e.textContent = 'stolen(6)'; document.body.append(e);"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian's package chromium)")
def test_no_script_runs_and_no_request_leaves_in_formgrader_and_in_the_feedback(course, tmp_path):
    with serve(course, tmp_path) as server, instruct(tmp_path / "pictures") as instructor:
        page = instructor.page
        page.goto(server.login)
        for place in (
            "manage_assignments",
            f"manage_submissions/{NAME}",
            "gradebook",
            f"gradebook/{NAME}/{NAME}",
            "manage_students",
        ):
            page.goto(f"{server.url}formgrader/{place}")
            instructor.wait_for_rows()
            assert instructor.stolen == []
        page.goto(f"{server.url}formgrader/gradebook/{NAME}/{NAME}")
        instructor.wait_for_rows()
        addresses = page.eval_on_selector_all("#main-table a", "links => links.map(link => link.href)")
        assert len({address for address in addresses if "/submissions/" in address}) == 2
        known = set(instructor.elsewhere)
        for address in sorted({address for address in addresses if "/submissions/" in address}):
            page.goto(address)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("() => typeof formgrader.submission_id") == "string"
            # The last layer: an attribute is not run, even if one got into the page.
            page.evaluate("() => document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=stolen(9)>')")
            page.evaluate(f"() => {{ {SCRIPT} }}")
            page.wait_for_load_state("networkidle")
            assert page.evaluate(LOOK) == []
        # Names in addresses are put into scripts of nbgrader's pages.
        for place in (f"gradebook/{NAME}", "manage_students", f"manage_students/{NAME}", "manage_submissions"):
            for name in ("%22;stolen(1);%22", "%3C%2Fscript%3E%3Cscript%3Estolen(1)%3C%2Fscript%3E", "%5C"):
                assert page.goto(f"{server.url}formgrader/{place}/{name}").status == 404
        for student in (MINE, HONEST):
            file = course / "feedback" / student / NAME / f"{NAME}.html"
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace("</h4>", "</h4><script>stolen(8)</script><b onclick=stolen(7)>b</b>", 1))
            page.goto((course / "feedback" / student / NAME / f"{NAME}.html").as_uri())
            page.wait_for_load_state("load")
            page.evaluate("() => document.querySelector('b[onclick]').click()")
            assert page.evaluate(LOOK) == []
        instructor.photograph("feedback")
        assert instructor.stolen == []
        assert not any("elsewhere" in place for place in instructor.elsewhere - known)
        assert not any("dialog" in trouble for trouble in instructor.troubles)


def test_reports_hold_vectors_as_text(course):
    run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", "--no-gradebook", cwd=course)
    report = json.loads((course / f"reports/{MINE}.json").read_text(encoding="utf-8"))
    said = [test["message"] for task in report["tasks"] for test in task["tests"]]
    assert any("onerror" in message or "<script" in message for message in said)
