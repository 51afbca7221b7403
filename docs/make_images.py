"""Draw the README's pictures anew from a finished demo: run `make demo`, then this with the same Python.

The page is photographed with Chromium, which must be installed.
"""

from __future__ import annotations

import io
import json
import re
import subprocess
import tempfile
from pathlib import Path

from rich.console import Console

from cnn_assignment.display import class_table
from cnn_assignment.export import read_report

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
STUDENT, TASK = "stride-forgotten", "conv-backward"
CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")


def draw_class(reports: Path) -> None:
    """The terminal's table as a vector picture."""
    console = Console(record=True, width=116, file=io.StringIO())
    console.print(class_table([read_report(path) for path in sorted(reports.glob("*.json"))]))
    svg = console.export_svg(title="cnn-assignment grade cnn examples/class --out reports", unique_id="class")
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


def main() -> None:
    """Draw both."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    draw_class(ROOT / "demo" / "reports")
    photograph_result(ROOT / "demo" / "autograded" / STUDENT / "cnn" / "cnn.ipynb")


if __name__ == "__main__":
    main()
