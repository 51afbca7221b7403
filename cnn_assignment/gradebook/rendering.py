"""What nbgrader's pages make of Markdown, cleaned after it was rendered: formgrader's, and those of the feedback.

The kit's own notebooks hold nothing that could start there (`harmless`); this is for every other one that a course has,
and for what nobody has thought of. nbconvert takes it as its filter ``markdown2html``: see `configure_rendering`.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

from jinja2 import pass_context

if TYPE_CHECKING:
    from jinja2.runtime import Context
    from traitlets.config import Config

_FILTER = "markdown2html"
_TEXT = (
    "b blockquote br caption cite code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p pre q"
)
_MORE = "s samp small span strong sub summary sup table tbody td tfoot th thead tr tt u ul var"
_TAGS = frozenset({*_TEXT.split(), *_MORE.split(), "a", "img"})
_ATTRIBUTES = {
    "*": {"title", "align"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan"},
}
# Of those that pygments gives to code.
_LONGEST_CLASS = 3
_PICTURES = ("data:image/png;base64,", "data:image/jpeg;base64,", "data:image/gif;base64,")
# A file beside the notebook, or a place in it. An empty name is where another machine's begins, once nbgrader's templates
# have taken ``files/`` away.
_PATH = r"(?!files/)(?:\./)?(?:[\w-][\w.-]{0,100}/){0,8}[\w-][\w.-]{0,100}"
_NEAR = re.compile(rf"{_PATH}|#[^\s\"'<>]{{0,300}}")
_NEAR_PICTURE = re.compile(rf"{_PATH}\.(?:gif|jpe?g|png)", re.IGNORECASE)
_WEB = ("http://", "https://", "mailto:")


def configure_rendering(c: Config) -> None:
    """Let every page that nbconvert renders for this course clean what it makes of Markdown. What is set stays."""
    filters = dict(c.HTMLExporter.filters) if "filters" in c.HTMLExporter else {}
    filters.setdefault(_FILTER, f"{__name__}.render_markdown")
    c.HTMLExporter.filters = filters


@pass_context
def render_markdown(context: Context, source: str) -> str:
    """The HTML of a Markdown text, in which nothing runs and for which nothing is fetched."""
    cell = context.get("cell") or {}
    # A comment is rendered by the same filter, and has no pictures.
    attachments = cell.get("attachments") or {} if source == cell.get("source") else {}
    try:
        html = _render(source, attachments)
    except Exception:  # noqa: BLE001 - a renderer that fails at one student's text must not cost the class its pages
        html = f"<pre>{escape(source)}</pre>"
    return clean(html)


def clean(html: str) -> str:
    """HTML with harmless elements and attributes only. No name of a page's own is given in it, and no picture from elsewhere."""
    import nh3

    return nh3.clean(
        html,
        tags=set(_TAGS),
        attributes={name: set(names) for name, names in _ATTRIBUTES.items()} | {"span": {"class"}, "div": {"class"}},
        attribute_filter=_filter_attribute,
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer",
    )


def _render(source: str, attachments: dict[str, Any]) -> str:
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    renderer = IPythonRenderer(escape=False, attachments=attachments, embed_images=False, exclude_anchor_links=True)
    html: str = MarkdownWithMath(renderer=renderer).render(source)
    return html


def _filter_attribute(tag: str, attribute: str, value: str) -> str | None:
    match tag, attribute:
        case "img", "src":
            return value if _NEAR_PICTURE.fullmatch(value) or value.startswith(_PICTURES) else None
        case "a", "href":
            return value if _NEAR.fullmatch(value) or value.lower().startswith(_WEB) else None
        case _, "class":
            # The colours of code; a page's own classes have longer names.
            names = [name for name in value.split() if len(name) < _LONGEST_CLASS or name == "highlight"]
            return " ".join(names) or None
    return value
