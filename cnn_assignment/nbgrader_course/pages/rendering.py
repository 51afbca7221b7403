"""Cleans the notebooks that nbgrader's pages show: formgrader's page of a submission, and the feedback.

The kit's own notebooks hold nothing that could start there (`harmless`); this is for every other one that a course has,
and for what nobody has thought of. nbconvert takes it as filters of its templates and as a preprocessor: see
`configure_rendering`. Instructors' pages keep their own names, styles and scripts, and share none of them with what
students wrote.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from jinja2 import pass_context

from cnn_assignment.nbgrader_course.notebooks.harmless import is_intricate, show_as_written, without_macros
from cnn_assignment.nbgrader_course.pages.time_limits import TookTooLongError, limit_time

if TYPE_CHECKING:
    from jinja2.runtime import Context
    from nbformat import NotebookNode
    from traitlets.config import Config

_TEXT = (
    "b blockquote br caption cite code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q"
)
_MORE = "s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var"
_TAGS = frozenset({*_TEXT.split(), *_MORE.split(), "a", "img"})
_ATTRIBUTES = {
    "*": {"title", "align", "class"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan", "style"},
    "th": {"colspan", "rowspan", "style"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
# Before each name of a heading, so that none is one of the page's own.
_OWN_NAMES = "student-"
# Of those that pygments gives to code; and what renderers and this kit give to the outside of a result. A page's own
# classes have longer names.
_LONGEST_CLASS = 3
_CLASSES = frozenset({"highlight", "dataframe", "tex2jax_ignore", "mathjax_ignore"})
# None of them moves anything to another place of the page, and a value without brackets fetches nothing.
_PROPERTIES = frozenset(
    "background background-color border border-collapse border-left border-radius border-top color font-family font-size "  # noqa: SIM905 - to be read
    "font-style font-weight margin max-width padding text-align vertical-align white-space width".split()
)
_STYLE = re.compile(r"(?:[\w\s#:;,.%]|-(?![\d.])){0,400}")
_PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,")
# A file beside the notebook, or a place in it: no folder above, no other machine, and nothing that the server does.
_PATH = r"(?:\./)?(?:[\w-][\w.-]{0,100}/){0,8}[\w-][\w.-]{0,100}"
_NEAR = re.compile(rf"{_PATH}|#[^\s\"'<>]{{0,300}}")
_NEAR_PICTURE = re.compile(rf"{_PATH}\.(?:gif|jpe?g|png)", re.IGNORECASE)
_WEB = ("http://", "https://", "mailto:")
# As mistune writes the box of a task in a list.
_BOX = re.compile(r'<input class="task-list-item-checkbox" type="checkbox" disabled( checked)?/>')

_HEADING = re.compile(r"<h([1-6])>([^\n]{1,300})</h\1>")
_ELEMENT = re.compile(r"<[^<>]{0,300}>")
_PLAIN_NAME = re.compile(r"[\w.+# -]{1,60}")
_GRADE_ID = re.compile(r"[A-Za-z0-9_-]{1,200}")
_KEPT_METADATA = frozenset({"kernelspec", "language_info"})
_KEPT_OUTPUTS = frozenset({"text/html", "text/latex", "text/markdown", "text/plain", "image/jpeg", "image/png"})
# What formgrader's templates put into a page as it is.
_NAMES = ("student", "first_name", "last_name", "filename", "assignment_id", "notebook_id", "notebook_path")

_MOST_CHARACTERS = 100_000
# CPU time of one cell and of all cells of a page; the known worst cells take about one second.
_CELL_S, _PAGE_S = 5.0, 30.0
_TIME_LEFT = "cnn_assignment_time_left"


def configure_rendering(c: Config) -> None:
    """Let every page that nbconvert renders for this course be clean. What is set stays."""
    filters = dict(c.HTMLExporter.filters) if "filters" in c.HTMLExporter else {}
    for name, function in (
        ("markdown2html", render_markdown),
        ("highlight_code", render_code),
        ("strip_files_prefix", keep_addresses),
    ):
        filters.setdefault(name, f"{__name__}.{function.__name__}")
    c.HTMLExporter.filters = filters
    ours = f"{__name__}.{clean_notebook.__name__}"
    before = list(c.HTMLExporter.preprocessors) if "preprocessors" in c.HTMLExporter else []
    c.HTMLExporter.preprocessors = before if ours in before else [*before, ours]


@pass_context
def render_markdown(context: Context, source: str) -> str:
    """The HTML of a Markdown text, in which nothing runs and for which nothing is fetched."""
    cell = context.get("cell") or {}
    # A comment is rendered by the same filter, and has no pictures.
    attachments = cell.get("attachments") or {} if source == cell.get("source") else {}
    return _in_time(context, source, lambda text: _write(text, attachments) if attachments else _write_plain(text))


@pass_context
def render_code(
    context: Context, source: str, language: str | None = None, metadata: dict[str, Any] | None = None
) -> str:
    """The HTML of a code cell, coloured as nbconvert does it."""
    info = context["nb"].metadata.get("language_info", {}) if "nb" in context else {}
    lexer = info.get("pygments_lexer", info.get("name"))
    magics = (metadata or {}).get("magics_language")
    return _in_time(context, source, lambda text: _paint(text, lexer, language, magics), is_code=True)


# A class has most of its cells in common.
@lru_cache(maxsize=200)
def _write_plain(source: str) -> str:
    return _write(source, {})


@lru_cache(maxsize=200)
def _paint(source: str, lexer: str | None, language: str | None, magics: str | None) -> str:
    """A code cell in colours. magics: the language that its first line names, if it does; nothing else of metadata counts."""
    from nbconvert.filters import Highlight2HTML

    metadata = {} if magics is None else {"magics_language": magics}
    return str(Highlight2HTML(pygments_lexer=lexer)(source, language=language, metadata=metadata))


def keep_addresses(text: str) -> str:
    """Return a text as it is. nbconvert's own filter takes ``files/`` from cleaned addresses, and so changes them."""
    return text


def clean_notebook(nb: NotebookNode, resources: MutableMapping[str, Any]) -> tuple[NotebookNode, Any]:
    """A notebook without what templates put into a page as it is: raw cells, programs in outputs, names.

    nb: nbconvert's own copy, which this changes. Markdown and code have filters of their own.
    """
    for name in _NAMES:
        if isinstance(resources.get(name), str):
            resources[name] = escape(resources[name])
    # Not by way of attributes: a lexer's name becomes a class of the page.
    nb.metadata = type(nb)({key: nb.metadata[key] for key in sorted(_KEPT_METADATA & set(nb.metadata))})
    info = nb.metadata.get("language_info", {})
    if not all(_is_plain_name(info.get(key, "python")) for key in ("name", "pygments_lexer")):
        del nb.metadata["language_info"]
    for number, cell in enumerate(nb.cells):
        _clean_cell(cell, number)
    return nb, resources


def _clean_cell(cell: NotebookNode, number: int) -> None:
    if cell.cell_type == "raw":
        cell.cell_type, cell.source = "markdown", show_as_written(cell.source)
    if not _GRADE_ID.fullmatch(cell.get("id", "none")):
        cell.id = f"cell-{number}"
    about, tags = cell.metadata.get("nbgrader"), cell.metadata.get("tags")
    cell.metadata = type(cell)()
    if isinstance(about, dict) and _GRADE_ID.fullmatch(str(about.get("grade_id", ""))):
        cell.metadata.nbgrader = about
    if isinstance(tags, list):
        cell.metadata.tags = [tag for tag in tags if _GRADE_ID.fullmatch(str(tag))]
    if cell.cell_type == "code":
        cell.outputs = [_clean_output(output) for output in cell.outputs]


def _clean_output(output: NotebookNode) -> NotebookNode:
    """An output without programs; streams and errors are escaped by the templates."""
    if "data" not in output:
        return output
    for kind in set(output.data) - _KEPT_OUTPUTS:
        del output.data[kind]
    if not output.data:
        output.data["text/plain"] = "An output of another kind than text, table and picture is not shown."
    for kind in {"text/html", "text/latex"} & set(output.data):
        text = without_macros("".join(output.data[kind]))
        output.data[kind] = clean_html(text, keep_styles=True) if kind == "text/html" else text
    for kind in {"image/png", "image/jpeg"} & set(output.data):
        output.data[kind] = re.sub(r"[^A-Za-z0-9+/=]", "", "".join(output.data[kind]))
    sizes = output.get("metadata", {})
    output.metadata = type(output)(
        {kind: type(output)(_whole_numbers(sizes[kind])) for kind in sorted(set(output.data) & set(sizes))}
    )
    return output


def _whole_numbers(sizes: Any) -> dict[str, int]:
    """The size that a picture is to be shown in."""
    found = {name: sizes.get(name) for name in ("width", "height")} if isinstance(sizes, dict) else {}
    return {name: size for name, size in found.items() if type(size) is int}


def _is_plain_name(name: Any) -> bool:
    return isinstance(name, str) and _PLAIN_NAME.fullmatch(name) is not None


def clean_html(html: str, *, keep_styles: bool = False) -> str:
    """HTML with harmless elements and attributes only. No name of a page's own is given in it, and no picture from elsewhere.

    keep_styles: colours, borders and the like, as tables of results have them.
    """
    import nh3

    attributes = {name: set(names) for name, names in _ATTRIBUTES.items()}
    if keep_styles:
        attributes["*"].add("style")
    cleaned = nh3.clean(
        html,
        tags=set(_TAGS),
        attributes=attributes,
        attribute_filter=_filter_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        filter_style_properties=set(_PROPERTIES if keep_styles else {"text-align"}),
        link_rel="noopener noreferrer",
        id_prefix=_OWN_NAMES,
    )
    # Not before: characters that were written as numbers have become themselves only now.
    return without_macros(cleaned)


def _in_time(context: Context, source: str, render: Callable[[str], str], *, is_code: bool = False) -> str:
    """What render makes of a text; the text as it is where that would take long, or fails.

    All cells of a page share an amount of time: a page of which each cell takes long would take hours.
    """
    resources: Any = context.get("resources")
    resources = resources if isinstance(resources, MutableMapping) else {}
    left = float(resources.get(_TIME_LEFT, _PAGE_S))
    began = time.process_time()
    try:
        if left > 0 and len(source) <= _MOST_CHARACTERS and (is_code or not is_intricate(source)):
            with limit_time(min(_CELL_S, left)):
                return render(source)
    except TookTooLongError:
        pass
    except Exception:  # noqa: BLE001, S110 - a renderer that fails at one student's text must not cost the class its pages
        pass
    finally:
        resources[_TIME_LEFT] = left - (time.process_time() - began)
    shown = source if len(source) <= _MOST_CHARACTERS else f"{source[:_MOST_CHARACTERS]} ..."
    return f'<div class="highlight tex2jax_ignore mathjax_ignore"><pre>{escape(shown)}</pre></div>'


def _write(source: str, attachments: dict[str, Any]) -> str:
    return clean_html(_render(without_macros(source), attachments))


def _render(source: str, attachments: dict[str, Any]) -> str:
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    # A name in an address may be written as addresses are.
    pictures = attachments | {quote(name): picture for name, picture in attachments.items()}
    renderer = IPythonRenderer(escape=False, attachments=pictures, embed_images=False, exclude_anchor_links=True)
    html: str = MarkdownWithMath(renderer=renderer).render(source)
    html = _HEADING.sub(_name_heading, html)
    return _BOX.sub(lambda box: "\N{BALLOT BOX WITH CHECK} " if box[1] else "\N{BALLOT BOX} ", html)


def _name_heading(found: re.Match[str]) -> str:
    """A heading with a name for links, made of its words as nbconvert does it."""
    name = _ELEMENT.sub("", found[2]).replace(" ", "-").replace('"', "&quot;")
    return f'<h{found[1]} id="{name}">{found[2]}</h{found[1]}>'


def _filter_attribute(tag: str, attribute: str, value: str) -> str | None:
    match tag, attribute:
        case "img", "src":
            return value if _NEAR_PICTURE.fullmatch(value) or value.startswith(_PICTURES) else None
        case "a", "href":
            if value.startswith("#"):
                return f"#{_OWN_NAMES}{value[1:]}" if _NEAR.fullmatch(value) else None
            return value if _NEAR.fullmatch(value) or value.lower().startswith(_WEB) else None
        case _, "class":
            return " ".join(name for name in value.split() if len(name) < _LONGEST_CLASS or name in _CLASSES) or None
        case _, "style":
            return value if _STYLE.fullmatch(value) else None
    return value
