"""Pictures that a student pasted into a text cell: those that are what they say they are, within a size."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

Attachments = dict[str, dict[str, str]]
"""As a cell keeps them: for each file name the media type, and the bytes in base64."""

# What browsers show as a picture and never as a page, and how each begins.
_BEGINNINGS = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
}
_NAME = re.compile(r"\w[\w. -]{0,99}")
_MOST_PICTURES = 20
# Characters of base64: of one picture, and of all in a cell.
_MOST_CHARACTERS, _MOST_IN_ALL = 3 << 20, 6 << 20
_INLINE = re.compile(
    rf"\]\([ \t]{{0,3}}data:image/(png|jpe?g|gif);base64,([A-Za-z0-9+/=]{{1,{_MOST_CHARACTERS}}})(?=[)\s])",
    re.IGNORECASE,
)


def read_attachments(data: Any) -> Attachments:
    """The pictures among a cell's attachments; all other attachments are left out."""
    found: Attachments = {}
    left = _MOST_IN_ALL
    for name, kinds in data.items() if isinstance(data, dict) else ():
        if len(found) >= _MOST_PICTURES:
            break
        picture = _read_picture(kinds) if isinstance(name, str) and _NAME.fullmatch(name) else None
        if picture is not None and len(picture[1]) <= left:
            left -= len(picture[1])
            found[name] = dict([picture])
    return found


def take_inline_pictures(source: str, attachments: Attachments) -> tuple[str, Attachments]:
    """A text whose pictures stand in their addresses, as some editors paste them, with attachments in their place."""
    found = dict(attachments)

    def attach(match: re.Match[str]) -> str:
        name = f"inline-{len(found) + 1}.{match[1].lower()}"
        picture = read_attachments({name: {f"image/{match[1].lower().replace('jpg', 'jpeg')}": match[2]}})
        left = _MOST_IN_ALL - sum(len(text) for kinds in found.values() for text in kinds.values())
        if not picture or name in found or len(found) >= _MOST_PICTURES or len(match[2]) > left:
            return match[0]
        found.update(picture)
        return f"](attachment:{name}"

    return _INLINE.sub(attach, source), found


def _read_picture(kinds: Any) -> tuple[str, str] | None:
    """The first picture of one attachment, its base64 written anew."""
    for kind, beginnings in _BEGINNINGS.items():
        text = kinds.get(kind) if isinstance(kinds, dict) else None
        if isinstance(text, list) and all(isinstance(line, str) for line in text):
            text = "".join(text)
        if not isinstance(text, str) or len(text) > _MOST_CHARACTERS:
            continue
        try:
            picture = base64.b64decode(text)
        except (binascii.Error, ValueError):
            continue
        if picture.startswith(beginnings):
            return kind, base64.b64encode(picture).decode("ascii")
    return None
