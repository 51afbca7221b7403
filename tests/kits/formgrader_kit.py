"""nbgrader's formgrader as an instructor has it: a real Jupyter server for a course, and Debian's Chromium before it."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, Dialog, Error, Locator, Page, Route, sync_playwright

from processes import end_family

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
NO_CHROMIUM = "Chromium is not installed (Debian's package chromium)"
SCREENSHOTS = "CNN_ASSIGNMENT_SCREENSHOTS"
"""A folder for pictures of every step. Without it only failures are photographed, into pytest's own folder."""

_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # root cannot have it, and it meets no page but ours
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_BACKSTOP_S = 300
"""Far more than any step needs: it ends one that hangs, and judges no speed."""
_LOADED = "() => typeof models !== 'undefined' && models !== undefined && models.loaded"
_NOTEBOOK_LOADED = "() => formgrader.loaded && formgrader.grades.loaded && formgrader.comments.loaded"
_MARKER = "stolen"
# nbgrader's pages load MathJax from elsewhere and stop where it is missing. This is all that they ask of it.
_MATHJAX = "latest.js"
_NO_MATHJAX = "window.MathJax = {Hub: {Config() {}, Queue() {}, Startup: {signal: {Interest() {}}}}};"
HOSTILE = f"<script>{_MARKER}('script')</script><img src=x onerror=\"{_MARKER}('image')\">"
"""Text of a student that tells `Instructor.stolen` where a page runs it."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running Jupyter server. login: the address of formgrader with the token in it."""

    url: str
    login: str
    pid: int
    log: Path


@contextmanager
def serve(course: Path, folder: Path) -> Iterator[Server]:
    """Run `jupyter server` in the course until the block ends; it and all that it started are gone afterwards.

    folder: where its log and its runtime files go; it exists. After an error the end of the log goes with it.
    """
    token, log = secrets.token_hex(16), folder / "server.log"
    words = [sys.executable, "-m", "jupyter", "server", "--no-browser", "--ip=127.0.0.1", "--ServerApp.port=0"]
    words += ["--ServerApp.root_dir=.", *(["--allow-root"] if os.geteuid() == 0 else [])]
    runtime = folder / "runtime"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(
            words,
            cwd=course,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "JUPYTER_TOKEN": token, "JUPYTER_RUNTIME_DIR": str(runtime)},
        )
    try:
        url = _wait_for_address(process, runtime / f"jpserver-{process.pid}.json")
        yield Server(url, f"{url}formgrader?token={token}", process.pid, log)
    except BaseException as error:
        error.add_note(f"The end of {log}:\n" + "\n".join(log.read_text(encoding="utf-8").splitlines()[-60:]))
        raise
    finally:
        left = end_family(process)
    assert not left, f"{len(left)} processes outlived the server"


def _wait_for_address(process: subprocess.Popen[bytes], file: Path) -> str:
    deadline = time.monotonic() + _BACKSTOP_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError, ValueError):  # not there, or half written
            return str(json.loads(file.read_text(encoding="utf-8"))["url"])
        time.sleep(0.05)
    raise AssertionError(f"no Jupyter server: exit status {process.poll()}")


@dataclass(slots=True)
class Instructor:
    """Clicks through formgrader, and keeps what a page must not do.

    troubles: errors of scripts, failed requests and answers, and dialogs. stolen: where text of a student was run.
    elsewhere: what pages wanted from other machines, which they do not get.
    """

    page: Page
    pictures: Path
    at_every_step: bool
    troubles: list[str] = field(default_factory=list)
    stolen: list[str] = field(default_factory=list)
    elsewhere: set[str] = field(default_factory=set)
    _count: int = 0

    @contextmanager
    def step(self, name: str) -> Iterator[Page]:
        """One thing that an instructor does; photographed after a failure, and always where every step is."""
        try:
            yield self.page
        except BaseException as error:
            with suppress(Error):
                error.add_note(f"What the page looked like: {self.photograph(f'{name}-failed')}")
            raise
        if self.at_every_step:
            self.photograph(name)

    def photograph(self, name: str) -> Path:
        """A picture of the whole page."""
        self._count += 1
        path = self.pictures / f"{self._count:02}-{name}.png"
        self.page.screenshot(path=path, full_page=True, animations="disabled")
        return path

    def wait_for_rows(self) -> None:
        """Wait until the page's table is filled."""
        self.page.wait_for_load_state("load")
        self.page.wait_for_function(_LOADED)

    def follow(self, link: Locator) -> None:
        """Click on what leads to another page with a table, and wait for its rows."""
        link.click()
        self.wait_for_rows()

    def open_notebook(self, link: Locator) -> None:
        """Click on what leads to a submission's notebook, and wait for its scores and comments."""
        link.click()
        self.page.wait_for_load_state("load")
        self.page.wait_for_function(_NOTEBOOK_LOADED)

    def menu(self, name: str) -> None:
        """Choose one of the pages at the left."""
        self.follow(self.page.locator(".nav-stacked a", has_text=name))

    def row(self, column: str, text: str) -> Locator:
        """The row of the table that has this text in this column."""
        cell = self.page.locator(f"td.{column}", has_text=re.compile(rf"^\s*{re.escape(text)}\s*$"))
        return self.page.locator("#main-table tr").filter(has=cell)

    def press(self, button: Locator) -> tuple[str, str]:
        """Press what works for a while, and close its answer; returns the answer's title and text."""
        button.click()
        modal = self.page.locator("#success-modal, #error-modal")
        modal.wait_for()
        title, said = modal.locator(".modal-title").inner_text(), modal.locator(".modal-body").inner_text()
        self.page.wait_for_load_state("networkidle")  # the row is fetched anew behind it
        if self.at_every_step:
            self.photograph(f"answer-{title}")
        modal.locator(".modal-footer button").click()
        modal.wait_for(state="detached")
        return title, said

    def fill(self, field_id: str, text: str, *, saves: str) -> None:
        """Write into a field and leave it; returns when what it saves is saved."""
        entry = self.page.locator(f"[id='{field_id}']")
        with self.page.expect_response(lambda answer: saves in answer.url and answer.request.method == "PUT") as answer:
            entry.fill(text)
            entry.blur()
        assert answer.value.ok


@contextmanager
def instruct(folder: Path, width: int = 1280, height: int = 900) -> Iterator[Instructor]:
    """A browser with a fresh profile, which reaches this machine and no other.

    folder: for pictures, where `SCREENSHOTS` names no other.
    """
    chosen = os.environ.get(SCREENSHOTS)
    pictures = Path(chosen) if chosen else folder
    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(_ARGUMENTS))
        context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB")
        context.set_default_timeout(_BACKSTOP_S * 1000)
        instructor = Instructor(context.new_page(), pictures, at_every_step=chosen is not None)
        _watch(context, instructor)
        try:
            yield instructor
        finally:
            browser.close()


def _watch(context: BrowserContext, instructor: Instructor) -> None:
    troubles, page = instructor.troubles, instructor.page

    def at_home(route: Route) -> None:
        place = urlsplit(route.request.url)
        if place.scheme in ("file", "data") or place.hostname == "127.0.0.1":
            route.continue_()
        elif place.path.endswith(_MATHJAX):
            route.fulfill(body=_NO_MATHJAX, content_type="text/javascript")
        else:
            instructor.elsewhere.add(f"{place.scheme}://{place.hostname}{place.path}")
            route.abort()

    def dismiss(dialog: Dialog) -> None:
        troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note(kind: str, text: str, url: str) -> None:
        if urlsplit(url).hostname in ("127.0.0.1", None, ""):
            troubles.append(f"{kind}: {text} ({url})")

    context.route("**/*", at_home)
    context.expose_function(_MARKER, lambda where: instructor.stolen.append(where))  # noqa: PLW0108  # it marks the function
    page.on("dialog", dismiss)
    page.on("pageerror", lambda error: note("script", str(error), page.url))
    page.on("requestfailed", lambda request: note("request", str(request.failure), request.url))
    page.on("response", lambda answer: answer.status >= 400 and note("answer", str(answer.status), answer.url))
