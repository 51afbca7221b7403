"""Text cells of students that start nothing, whatever renders them: Markdown with pictures, links and formulas, and no HTML.

Markdown renderers hand HTML on as it is, and disagree on where it begins. So what could begin a tag, a link to a program
or a picture from elsewhere is not looked for: every ``<``, ``![``, ``](`` and ``]:`` is kept from meaning anything, but
where all that follows is of a form that is known to be harmless. Every expression here has bounded repetitions, so its
time is linear.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import unquote

# Invisible, and no letter: what stands after it begins no tag, and what stands before it is no link.
_JOINER = "\N{WORD JOINER}"
_MOST_CHARACTERS = 50_000
# Signs that mean something to a renderer, of which some take quadratic time for many of them.
_SIGNS = re.compile(r"[\[\]()*_`$~>|<!\\&-]")
_MOST_SIGNS = 6_000
_MOST_ENVIRONMENTS = 200
_DEEP = re.compile(r"^(?:[ \t]{0,40}(?:>|[-+*][ \t]|\d{1,9}[.)][ \t])){12}|^[ \t]{200}", re.MULTILINE)
_RUN = re.compile(r"([\[\]()*_`$~!\\])\1{80}")

# No attributes, and neither a form, a frame, a style nor a picture.
_PLAIN_TAG = r"/?(?:b|br|code|details|em|hr|i|kbd|mark|s|small|strong|sub|summary|sup|u)[ \t]{0,3}/?>"
# In what some renderers take for HTML this is a tag with attributes, so it is written as a link.
_ADDRESS = r"(?P<address>(?:https?://|mailto:)[A-Za-z0-9._~:/#?@!$+,;%=&-]{1,500})>"
_FORMULA = r"\$[^$]{1,2000}\$"
_TAG = re.compile(rf"(?P<formula>{_FORMULA})|<(?!{_PLAIN_TAG})(?![ \t\n0-9=<\u2060-])(?:{_ADDRESS})?", re.IGNORECASE)
_TAG_IN_FORMULA = re.compile(r"<(?=[^ \t\n0-9=])")

_TITLE = r'(?:[ \t]{1,3}"[^"<>\n\\&]{0,200}")?'
_WEB = r"(?:https?://|mailto:)(?:[^\s<>()\"'`\\]|\([^\s<>()\"'`\\]{0,100}\)){1,500}"
# A file beside the notebook: neither a folder above it nor an empty name, which is where another machine's begins.
_PATH = r"(?:\./)?(?:[\w-][\w.-]{0,100}/){0,8}[\w-][\w.-]{0,100}"
_NEAR = rf"#[\w-]{{0,100}}|{_PATH}\.(?:csv|gif|ipynb|jpe?g|md|png|py|txt)"
# Of pictures only: as a link it leads nowhere.
_ATTACHED = r"attachment:[\w.%-]{1,120}"
_LINK = re.compile(
    rf"\](?=[(:])(?!\((?:{_WEB}|{_NEAR}|{_ATTACHED}){_TITLE}\))(?!:[ \t]{{0,3}}{_WEB}{_TITLE}[ \t]{{0,10}}(?:\n|\Z))",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    rf"!\[(?:(?P<alt>[^\[\]<>\n!]{{0,200}})\]\((?P<place>attachment:(?P<name>[\w.%-]{{1,120}})"
    rf"|{_PATH}\.(?:gif|jpe?g|png)){_TITLE}\)|(?=(?P<link>[^\[\]\n]{{0,200}}\][(\[])))?",
    re.IGNORECASE,
)
# The language that a block of code names. Renderers have a program for each language, of which some take exponential
# time for texts that are made for them, and others (mermaid) draw what the block says.
_LANGUAGE = re.compile(
    r"(`{3,80}|~{3,80})([ \t]{0,10})(?=[^\s`~])"
    r"(?!(?:bash|c|console|csv|ipython3?|json|latex|markdown|none|numpy|py|pycon|python3?|sh|shell|tex|text|toml|txt|yaml)(?:\s|\Z))",
    re.IGNORECASE,
)
# A character written as a number or by its name. Of these a command, or the sign that begins a formula, could be put
# together behind the back of the next expression; few are in use, and mean no more than themselves.
_REFERENCE = re.compile(
    r"&(?=#|[A-Za-z][A-Za-z0-9]{1,31};)(?!(?:amp|lt|gt|quot|nbsp|hellip|[mn]dash|times|middot|deg|pm|le|ge|ne|[lr]arr"
    r"|copy|[AOUaou]uml|szlig|[aeiou]acute|[aeiou]grave|[aeiou]circ|alpha|beta|gamma|delta|epsilon|theta|lambda|mu|sigma);)"
)
# What formulas can do besides being formulas: links, styles, identifiers, and code of extensions.
_MACRO = re.compile(
    r"\\(?=(?:bbox|class|cssId|data|enclose|href|html\w{0,20}|includegraphics|mmlToken|require|style|unicode|url)(?![A-Za-z]))",
    re.IGNORECASE,
)


def make_harmless(text: str, attachments: Collection[str] = ()) -> str:
    """A text cell that starts nothing and reads as before. attachments: the names of the pictures in it.

    One that is too long, or too intricate for renderers to be done with it soon, is shown as it was written.
    """
    shown = text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]} ..."
    return show_as_written(shown) if is_intricate(shown) else _without_programs(shown, attachments)


def is_intricate(text: str) -> bool:
    """Whether a text is longer or more intricate than people write, and renderers may take long for it."""
    if len(text) > _MOST_CHARACTERS + 10 or len(_SIGNS.findall(text)) > _MOST_SIGNS:
        return True
    return text.count("\\begin") > _MOST_ENVIRONMENTS or bool(_DEEP.search(text) or _RUN.search(text))


def show_as_written(text: str) -> str:
    """A text as a block of code, in which Markdown means nothing; for cells that renderers take for HTML too."""
    inert = _TAG_IN_FORMULA.sub(f"<{_JOINER}", text[:_MOST_CHARACTERS].expandtabs(4))
    # A line that begins the block may not be empty.
    return "\n".join(f"    {line}" for line in ["text:", "", *inert.split("\n")])


def _without_programs(text: str, attachments: Collection[str]) -> str:
    text = _LANGUAGE.sub(rf"\1\2{_JOINER}", text)
    text = _PICTURE.sub(lambda found: _keep_picture(found, attachments), text)
    text = _LINK.sub(f"]{_JOINER}", text)
    return _TAG.sub(_close, without_macros(_REFERENCE.sub(f"&{_JOINER}", text)))


def without_macros(text: str) -> str:
    """A text whose formulas are nothing but formulas."""
    return _MACRO.sub(rf"\\{_JOINER}", text)


def _keep_picture(found: re.Match[str], attachments: Collection[str]) -> str:
    """A picture that comes with the notebook; of one that is not there its words, of one from elsewhere a link."""
    if found["place"] is None:
        # In code it may be two operators, which both are to be seen.
        return "[" if found["link"] is not None else f"!{_JOINER}["
    if found["name"] is not None and unquote(found["name"]) not in attachments:
        return f"({found['alt'] or 'picture'}: the picture was not handed in)"
    return found[0]


def _close(found: re.Match[str]) -> str:
    """What stands in the place of a ``<``; in a formula a blank, which means nothing there."""
    if found["formula"] is not None:
        return _TAG_IN_FORMULA.sub("< ", found["formula"])
    address = found["address"]
    return f"<{_JOINER}" if address is None else f"[{address}]({address})"
