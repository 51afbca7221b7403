"""A page as BeautifulSoup would write it, in a twentieth of the time.

nbconvert parses every page that it has rendered and writes it anew, which takes longer than all the rest together. A
page consists of few different tags, many times each: BeautifulSoup is asked once for each of them, and the page is put
together of its answers. That is right for markup in which nothing is left to a parser's choice: known elements,
quoted attributes, every element closed in its place. Of anything else `as_parsed` makes nothing, and nbconvert goes
its own way.
"""

from __future__ import annotations

import re
from functools import lru_cache

# Their content is neither raw text nor of another language, and what may stand in them is no business of html.parser.
_ELEMENTS = frozenset(
    "a b blockquote body br caption cite code dd del details div dl dt em footer h1 h2 h3 h4 h5 h6 head header hr html "  # noqa: SIM905 - to be read
    "i img input ins kbd li link main mark meta nav ol p pre q s samp section small span strong sub summary sup table "
    "tbody td tfoot th thead tr tt u ul var".split()
)
_BLANK = "[ \\t\\n]"
_ATTRIBUTES = rf"(?:{_BLANK}++[a-z][a-z0-9-]*+(?:=\"[^\"<>]*+\"|='[^'<>]*+')?+)*+{_BLANK}*+/?>"
# Code in colours, which is most of a page: it is written as it stands, but for quotation marks.
_WORDS = r"(?:[^<>&]++|&(?:lt|gt|amp|quot|\#39);)*+"
_COLOURED = rf"<pre><span></span>{_WORDS}(?:<span[ ]class=\"[a-z0-9]{{1,3}}\">{_WORDS}</span>{_WORDS})*+</pre>"
_MARKUP = re.compile(
    rf"({_COLOURED}|<(?:script|style)(?=[ \t\n>]){_ATTRIBUTES}[^<]*+(?:<(?![/!])[^<]*+)*+</(?:script|style)>|<title>[^<&]*+</title>"
    rf"|<!DOCTYPE[ ]html>|<!--[ \w]*+-->|</?[a-z][a-z0-9]*+{_ATTRIBUTES})"
)
_RAW = ("<script", "<style", "<title")
_REFERENCE = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]*|#[0-9]+|#x[0-9a-fA-F]+);")
_SPACES = " \n\t\f\r"
# What nbconvert does to some elements before it writes the page, by what they have; see HTMLExporter.
_TOUCHED = "jp-Notebook"
# The longest tag that is remembered: pictures are tags too.
_LONGEST = 1000


def as_parsed(page: str) -> str | None:
    """The page that nbconvert's HTML exporter would make of a rendered template; None where only nbconvert can tell."""
    if _TOUCHED in page:
        return None
    made: list[str] = []
    within: list[str] = []
    pieces = _MARKUP.split(page)
    for text, markup in zip(pieces[::2], [*pieces[1::2], ""], strict=True):
        shown = _text(text, is_kept="pre" in within) if text else ""
        put = _put(markup, within) if markup else ""
        if shown is None or put is None:
            return None
        made += (shown, put)
    return None if within else "".join(made)


def _put(markup: str, within: list[str]) -> str | None:
    """A tag, or a whole element, as it is written; within are the elements around it, which a tag changes."""
    if markup.startswith("</"):
        return markup if within and within.pop() == markup[2:-1] else None
    if markup.startswith("<pre><"):
        return markup.replace("&quot;", '"').replace("&#39;", "'")
    if markup.startswith(("<!", *_RAW)):
        return None if "pre" in within else _parse(markup)
    opened = _open(markup) if len(markup) <= _LONGEST else _open.__wrapped__(markup)
    if opened is None:
        return None
    written, name = opened
    if name:
        within.append(name)
    return written


def _text(text: str, *, is_kept: bool) -> str | None:
    """Text between two tags. is_kept: whether it stands where blanks count."""
    if "<" in text:
        return None
    if not text.strip(_SPACES):
        return text if is_kept else _parse(text)
    text = text.replace(">", "&gt;")
    if "&" not in text:
        return text
    parts = _REFERENCE.split(text)
    if any("&" in part for part in parts):
        return None
    characters = list(map(_parse, _REFERENCE.findall(text)))
    # Blanks that were written as numbers may make all of it blank.
    if not all(character.strip(_SPACES) for character in characters):
        return None
    return "".join(part for pair in zip(parts, [*characters, ""], strict=True) for part in pair)


@lru_cache(maxsize=10_000)
def _open(tag: str) -> tuple[str, str] | None:
    """A tag that begins an element as it is written, and the element's name where its end is to come."""
    name = re.split(r"[ \t\n/>]", tag[1:], maxsplit=1)[0]
    if name not in _ELEMENTS:
        return None
    written = _parse.__wrapped__(tag)
    if name == "img" and " alt=" not in written:
        return None
    end = f"</{name}>"
    if tag.endswith("/>") or not written.endswith(end):
        return written, ""
    return written.removesuffix(end), name


@lru_cache(maxsize=1_000)
def _parse(markup: str) -> str:
    from bs4 import BeautifulSoup

    # Within something, because it takes a text without any tag for an address or a file's name, and warns.
    return str(BeautifulSoup(f"<i>{markup}</i>", "html.parser")).removeprefix("<i>").removesuffix("</i>")
