"""The confined side of reading: one file of a submission comes in, plain data goes out.

It runs in a fork of its own, under the limits of student code: what a file does to the parser, to the compiler or to the
kit hurts no other submission. It can open no file; the files beside a submission are asked for through the pipe.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from cnn_assignment.core.errors import TooLargeError, UnreadableSubmissionError
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.server.channel import Channel
from cnn_assignment.submissions.extracting.extract import extract, find_own_modules
from cnn_assignment.submissions.extracting.needed import analyse
from cnn_assignment.submissions.plain.values import Wanted
from cnn_assignment.submissions.reading.document import parse_document
from cnn_assignment.submissions.reading.showing import show
from cnn_assignment.submissions.repairing.cells import CellReader
from cnn_assignment.submissions.repairing.effort import Effort
from cnn_assignment.submissions.repairing.mending import mend


def prepare(release: str | None) -> Callable[[Channel], None]:
    """Called once before anything is confined; see `launch.Service`.

    release: the notebook that students were given. Most submissions hold most of its cells, and no fork has to parse
    those again.
    """
    # Once imported, parso knows where a cache of its own may lie, and fails for a user without a home. It writes none here.
    os.environ.setdefault("XDG_CACHE_HOME", os.devnull)
    # What IPython and parso import when they are first used could not be opened any more.
    CellReader().read("%time x = 1\n", "cell")
    mend("def f(:\n", Effort())
    methods: dict[str, tuple[str, ...]] = {}
    if release is not None:
        # A course may be graded where the release was never built, or while it is.
        with suppress(OSError, UnreadableSubmissionError):
            for part in parse_document(Path(release).read_bytes(), release, Wanted(())).parts:
                if isinstance(part.tree, ast.Module):
                    analyse(part.tree, 0)
                    methods |= _methods_of(part.tree)
    return partial(serve, methods=methods)


def serve(channel: Channel, methods: Mapping[str, tuple[str, ...]]) -> None:
    """Answer the one order of this fork. methods: by class, the methods that the release has."""
    header, payload = channel.receive()
    order, nonce = header["read"], header["nonce"]
    try:
        answer = _carry_out(order, payload, _AskedFiles(channel, nonce), methods)
    except UnreadableSubmissionError as error:
        answer = {"unreadable": [error.fact, error.place, error.remedy]}
    except MemoryError:
        answer = {"too_large": True}
    text = json.dumps(answer).encode("ascii")
    channel.send({"nonce": nonce, "value": ["a", "|u1", [len(text)], "C"]}, [text])


def _methods_of(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """The methods of the classes at the top, by class."""
    return {
        node.name: tuple(part.name for part in node.body if isinstance(part, ast.FunctionDef))
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }


def _carry_out(
    order: dict[str, Any], raw: bytes, beside: _AskedFiles, methods: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    wanted, name = Wanted.from_json(order["wanted"]), order["name"]
    wanted = replace(wanted, methods={cls: methods[cls] for cls in wanted.names if cls in methods})
    match order["what"]:
        case "extract":
            return {"found": extract(raw, name, wanted, beside).to_json()}
        case "find_modules":
            return {"found": list(find_own_modules(raw, name, wanted, beside))}
        case "show":
            return {"found": show(raw, name, wanted).to_json()}
    raise ValueError(order["what"])


class _AskedFiles:
    """Files beside the submission, as `folder.Files`, which the other side of the pipe reads."""

    def __init__(self, channel: Channel, nonce: str) -> None:
        self._channel = channel
        self._nonce = nonce

    def read(self, name: str, most: int) -> bytes | None:
        """See `folder.Files`."""
        header, payload = self._ask(["read", name, most])
        if header["found"] == "too large":
            raise TooLargeError(name)
        return payload if header["found"] else None

    def find_module(self, folder: str) -> str | None:
        """See `folder.Files`."""
        found: str | None = self._ask(["module_in", folder])[0]["found"]
        return found

    def _ask(self, question: list[Any]) -> tuple[dict[str, Any], bytes]:
        if len(json.dumps(question)) > wire.HEADER_CAP // 2:
            return {"found": None}, b""
        # The nonce first, and the question next: see `protocol.Reply`.
        self._channel.send({"nonce": self._nonce, "ask": question}, [])
        return self._channel.receive()
