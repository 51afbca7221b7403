"""The content security policies of nbgrader's pages, and the names that formgrader accepts in addresses.

The last layer below `harmless` and `rendering`: whatever still stood in a page, the browser would not run it, fetch it
from elsewhere or show it in a frame. Formgrader's page of a submission and the feedback say so themselves, with the
scripts that they have without any cell. nbgrader has no setting for its handlers, so these get methods.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import sys
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode

from cnn_assignment.nbgrader_course.pages.parsed import as_parsed
from cnn_assignment.nbgrader_course.pages.rendering import configure_rendering

if TYPE_CHECKING:
    from jinja2 import Template
    from traitlets.config import Config

_HANDLERS = "nbgrader.server_extensions.formgrader.handlers"
# What nbgrader's own page of a submission has in attributes; no other attribute is run.
_OWN_SCRIPTS = ("toggle_name(true);", "toggle_name(false);")
# With these a name could end the text, the attribute or the string that a template puts it into.
_UNSAFE = frozenset('"<>\\`')


_EXPORTER = "cnn_assignment_exporter"


class _Template:
    """A template that keeps the page from nbconvert's parser where `as_parsed` knows what comes of it."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._page: str | None = None

    def render(self, **names: Any) -> str:
        """The page, or nothing where `take` has it."""
        rendered = self.render_all(**names)
        self._page = as_parsed(rendered.lstrip("\r\n"))
        return rendered if self._page is None else ""

    def render_all(self, **names: Any) -> str:
        """The page as the template makes it."""
        return self._template.render(**names)

    def take(self, parsed: str) -> str:
        """The page that was rendered last. parsed: what nbconvert made of `render`'s."""
        page, self._page = self._page, None
        return parsed if page is None else page


class PageExporter(HTMLExporter):
    """nbconvert's exporter, for pages that run the scripts of their template and no other. `HTMLExporter`'s settings count."""

    def _load_template(self) -> _Template:
        return _Template(super()._load_template())

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own, whose parents make notebooks
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[str, dict[str, Any]]:
        """The page of a notebook, and what else was made for it."""
        parsed, made = super().from_notebook_node(nb, resources, **kw)
        page = self.template.take(parsed)
        empty = self.template.render_all(nb=NotebookNode(cells=[], metadata=NotebookNode()), resources=made)
        meta = f'<meta http-equiv="Content-Security-Policy" content="{escape(policy_for(empty), quote=False)}">'
        before, head, after = page.partition("<head>")
        return f"{before}{head}{meta}{after}" if head else f"{meta}{page}", made


def policy_for(page: str) -> str:
    """The policy of a page, whatever is added to it: only its own scripts run, and scripts from the sites that it names."""
    from bs4 import BeautifulSoup

    elements = BeautifulSoup(page, "html.parser").find_all(True)
    scripts = [element for element in elements if element.name == "script"]
    places = [urlsplit(str(script["src"])) for script in scripts if script.get("src")]
    known = ["'self'", *sorted({f"{place.scheme}://{place.netloc}" for place in places if place.netloc})]
    written = [script.string or "" for script in scripts if not script.get("src")]
    written += [str(text) for element in elements for name, text in element.attrs.items() if name.startswith("on")]
    allowed = [f"'sha256-{_digest(text)}'" for text in dict.fromkeys(written)]
    return "; ".join(
        [
            "default-src 'none'",
            # MathJax makes functions of text; what is set as a formula is not among it.
            f"script-src {' '.join([*known, *allowed])} 'unsafe-hashes' 'unsafe-eval'",
            f"style-src {' '.join(known)} 'unsafe-inline'",
            f"font-src {' '.join(known)} data:",
            "img-src 'self' data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def configure_pages(c: Config) -> None:
    """Give feedback pages, and formgrader in the process that serves it, their policies. Again, it changes nothing."""
    c.GenerateFeedback.exporter_class = PageExporter
    handlers: Any = sys.modules.get(_HANDLERS)
    if handlers is None:
        return
    handlers.BaseHandler.render = render
    handlers.BaseHandler.exporter = property(exporter)
    handlers.SubmissionHandler.content_security_policy = property(submission_policy)
    handlers.SubmissionFilesHandler.content_security_policy = property(file_policy)


def render(self: Any, name: str, **ns: Any) -> str:
    """Render a template for nbgrader's handlers. Templates escape nothing, and names come from addresses and gradebooks."""
    from tornado.web import HTTPError

    for key in ("assignment_id", "notebook_id", "student_id"):
        if not _is_safe(ns.get(key, "")):
            raise HTTPError(404, "no such name")
    if "resources" in ns:
        # The page of a submission whose notebook is gone; its other page escapes them too.
        ns["resources"] = {key: _escaped(value) for key, value in ns["resources"].items()}
    return str(self.settings["nbgrader_jinja2_env"].get_template(name).render(**ns))


def exporter(self: Any) -> HTMLExporter:
    """The exporter of a server, also of one that was started where it did not yet know the course's configuration."""
    if _EXPORTER not in self.settings:
        config = copy.deepcopy(self.settings["nbgrader_exporter"].config)
        configure_rendering(config)
        self.settings[_EXPORTER] = PageExporter(config=config)
    found: HTMLExporter = self.settings[_EXPORTER]
    return found


def submission_policy(self: Any) -> str:
    """The policy of a submission's page: nbgrader's own scripts and MathJax run, and pictures come from this server."""
    exporter = self.exporter
    addresses = (exporter.mathjax_url, exporter.require_js_url, exporter.jquery_url, self.mathjax_url)
    libraries = sorted({f"{place.scheme}://{place.netloc}" for place in map(urlsplit, addresses) if place.netloc})
    scripts = " ".join(["'self'", *libraries])
    allowed = " ".join(f"'sha256-{_digest(script)}'" for script in _OWN_SCRIPTS)
    return "; ".join(
        [
            _server_policy(self),
            "default-src 'self'",
            f"script-src {scripts} 'unsafe-inline' 'unsafe-eval'",
            f"script-src-attr 'unsafe-hashes' {allowed}",
            f"style-src {scripts} 'unsafe-inline'",
            f"font-src {scripts} data:",
            "img-src 'self' data:",
            *(f"{kind} 'none'" for kind in ("object-src", "frame-src", "media-src", "base-uri")),
            "form-action 'self'",
        ]
    )


def file_policy(self: Any) -> str:
    """The policy of a file beside a notebook: it belongs to no server, and no script in it runs."""
    return f"{_server_policy(self)}; default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; sandbox"


def _server_policy(handler: Any) -> str:
    from jupyter_server.base.handlers import JupyterHandler

    # Of the class below nbgrader's, which has the method above in its place.
    return str(super(JupyterHandler, handler).content_security_policy)


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _is_safe(name: Any) -> bool:
    return not isinstance(name, str) or (name.isprintable() and not _UNSAFE & set(name)) or not name


def _escaped(value: Any) -> Any:
    return escape(value) if isinstance(value, str) else value
