"""Draw the pictures of the README and of docs/ anew from a finished demo: run `make demo`, then this with the same Python.

Pages are photographed with Chromium, which must be installed; formgrader by what its tests drive it with.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw
from rich.console import Console

from cnn_assignment.reporting import read_report
from cnn_assignment.reporting.terminal import class_table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "kits"))

import formgrader_kit  # noqa: E402  # it lies with the tests

IMAGES = ROOT / "docs" / "images"
STUDENT, TASK = "stride-forgotten", "conv-backward"
SOLUTION_CELL = "Convolution2dLayer"
WIDTH, HEIGHT = 1280, 720
COLOURS = 48
"""Enough for text in the colours of code, and a small file."""
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")


def draw_class(reports: Path) -> None:
    """The terminal's table as a vector picture."""
    console = Console(record=True, width=116, file=io.StringIO())
    console.print(class_table([read_report(path) for path in sorted(reports.glob("*.json"))]))
    svg = console.export_svg(title="cnn-assignment grade cnn examples/cnn --out reports", unique_id="class")
    # The picture must not fetch a font from elsewhere when it is looked at; the monospace font of the reader will do.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    (IMAGES / "class.svg").write_text(svg, encoding="utf-8")


def photograph_result(notebook: Path) -> None:
    """The result of one task, as the autograded notebook and the feedback page show it."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    cell = next(cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("grade_id") == TASK)
    result = "".join(cell["outputs"][0]["data"]["text/html"])
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.html"
        page.write_text(f"<!doctype html><meta charset=utf-8><body style='margin:10px'>{result}", encoding="utf-8")
        picture = f"--screenshot={IMAGES / 'feedback.png'}"
        profile = f"--user-data-dir={folder}/profile"
        subprocess.run(
            [*CHROMIUM, profile, "--window-size=820,600", picture, page.as_uri()], check=True, stderr=subprocess.DEVNULL
        )


def photograph_formgrader(course: Path) -> None:
    """The list of submissions, a submission with its comment and score, and excerpts of the feedback page."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            formgrader_kit.serve(course, folder) as server,
            formgrader_kit.instruct(folder, WIDTH, HEIGHT) as instructor,
        ):
            page = instructor.page
            page.goto(server.login)
            instructor.wait_for_rows()
            instructor.follow(instructor.row("name", "cnn").locator(".num-submissions a"))
            page.screenshot(path=folder / "list.png")
            instructor.menu("Manual Grading")
            for _ in ("assignment", "notebook"):
                instructor.follow(page.locator("td.name a", has_text="cnn"))
            page.locator("#toggle_names").click()
            instructor.open_notebook(page.locator("a.name-shown", has_text=STUDENT))
            page.locator(".name-hidden.glyphicon").click()
            page.mouse.move(0, HEIGHT)  # off the icon, whose hint goes
            page.wait_for_function("() => document.querySelector('.tooltip') === null")
            page.locator(f"[id='{SOLUTION_CELL}-comment']").evaluate("field => scrollTo(0, field.offsetTop - 330)")
            page.screenshot(path=folder / "submission.png")
            page.goto((course / "feedback" / STUDENT / "cnn" / "cnn.html").as_uri())
            cell = page.locator("div.cell", has=page.locator(f"a[name='{TASK}']"))
            excerpts = {
                "top": page.locator(".panel-heading").first,
                "comment": page.locator(f"div.nbgrader_cell:has(a[name='comment-{SOLUTION_CELL}']) .panel-footer"),
                "score": cell.locator(".panel-heading"),
                "result": cell.locator(".output_html"),
            }
            for excerpt, place in excerpts.items():
                place.screenshot(path=folder / f"{excerpt}.png")
        _save([folder / "list.png"], "formgrader-submissions.png")
        _save([folder / "submission.png"], "formgrader-submission.png")
        _save([folder / f"{excerpt}.png" for excerpt in excerpts], "feedback-page.png")


def photograph_student_notebook(release: Path) -> None:
    """A class with its gaps open, and what the check below it says."""
    import nbformat
    from nbclient import NotebookClient
    from nbconvert import HTMLExporter

    notebook = nbformat.read(release / "cnn.ipynb", as_version=4)
    marks = [cell.metadata.get("nbgrader", {}).get("grade_id") for cell in notebook.cells]
    first, last = marks.index(SOLUTION_CELL), marks.index("conv-forward")
    notebook.cells = notebook.cells[: last + 1]
    NotebookClient(notebook, allow_errors=True, resources={"metadata": {"path": str(release)}}).execute()
    shown = notebook.cells[first], notebook.cells[last]
    # Of the class the gap, of the check its last lines: the picture is to be read at a glance.
    shown[0].source = _around(shown[0].source, "    def forward", "        return cache")
    shown[1].source = "# the checks\n..."
    for output in shown[1].outputs:
        output.traceback = output.traceback[-1:]
    notebook.cells = list(shown)
    page, _ = HTMLExporter(template_name="lab").from_notebook_node(notebook)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "page.html").write_text(page, encoding="utf-8")
        with formgrader_kit.instruct(folder, 1080, HEIGHT) as instructor:
            instructor.page.goto((folder / "page.html").as_uri())
            instructor.page.locator("main").screenshot(path=folder / "notebook.png")
        _save([folder / "notebook.png"], "student-notebook.png")


def _around(text: str, begin: str, end: str) -> str:
    """The class's first line, and the lines of one method."""
    lines = text.split("\n")
    first = next(number for number, line in enumerate(lines) if line.startswith(begin))
    last = next(number for number, line in enumerate(lines) if number > first and line.startswith(end))
    return "\n".join([lines[0], "    ...", "", *lines[first : last + 1]])


def _save(parts: Sequence[Path], name: str) -> None:
    """The parts of a page one below the other, with a line where something is left out between them."""
    pictures = [Image.open(part).convert("RGB") for part in parts]
    margin = 12 if len(pictures) > 1 else 0
    height = sum(picture.height for picture in pictures) + 2 * margin * len(pictures)
    whole = Image.new("RGB", (max(picture.width for picture in pictures) + 2 * margin, height), "white")
    draw, top = ImageDraw.Draw(whole), 0
    for picture in pictures:
        if top:
            for left in range(0, whole.width, 12):
                draw.line([(left, top), (left + 6, top)], fill="#8c959f")
        whole.paste(picture, (margin, top + margin))
        top += picture.height + 2 * margin
    whole.quantize(COLOURS).save(IMAGES / name, optimize=True)


def main() -> None:
    """Draw them all."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    draw_class(ROOT / "demo" / "reports")
    photograph_result(ROOT / "demo" / "autograded" / STUDENT / "cnn" / "cnn.ipynb")
    photograph_formgrader(ROOT / "demo")
    photograph_student_notebook(ROOT / "release" / "cnn")


if __name__ == "__main__":
    main()
