"""Prove that students get no answer, no hidden test and no path of the instructor's.

Code is compared by its syntax tree, so other spacing, quotes or comments hide nothing. All text, also in Markdown,
comments, outputs and metadata, is compared without its white space.
"""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cnn_assignment.authoring.gaps import parse_answer, parse_gaps
from cnn_assignment.authoring.texts import read_text
from cnn_assignment.core.errors import AuthoringError
from cnn_assignment.core.layout import list_assignments, load_assignment
from cnn_assignment.core.model import Assignment, Gap

_LONG_ANSWER = 12
"""From this many characters on, without white space, a statement of a gap is looked for in text too."""

_LONG_TEST = 30
"""Hidden tests share short statements, such as `x = np.zeros(3)`, with any other code; only longer ones tell."""

_MARKER = re.compile(r"^[^\S\n]*#+[^\S\n]*(?:BEGIN|END)[^\S\n]+(?:SOLUTION|HIDDEN TESTS)\b[^\n]{0,60}", re.MULTILINE)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class _Secret:
    """Something that must not be in a release. tree: its dumped syntax tree. texts: its text without white space.

    gap: which gap it is an answer of, if it is one.
    """

    what: str
    tree: str
    texts: tuple[str, ...]
    gap: str = ""


@dataclass(frozen=True, slots=True)
class _Released:
    """One file of a release: the statements of its code, and all its text, as it is and without white space."""

    name: str
    trees: frozenset[str]
    text: str
    compact: str


def find_leaks(assignment: Assignment, folder: Path) -> list[str]:
    """The leaks of a folder, one sentence each with the file first; empty where nothing leaks.

    Looked for are all statements of gaps (not those that the solution also has as code outside its gaps, nor trivial
    ones such as ``pass`` and ``return x``), hidden tests, their longer statements (not those that the public checks also
    have) and their names, and paths of the course. Provided files are handed out as they are, so in these also the
    markers of gaps, and the answers of the course's other assignments, unless the settings say that it is to be solved.
    """
    secrets = [*_answers(assignment), *_hidden_statements(assignment)]
    words = [*_hidden_names(assignment), *_paths(assignment)]
    others = list(_other_assignments(assignment))
    found = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        file = _read_released(path, path.relative_to(folder).as_posix())
        if file.name in assignment.provided:
            hidden = () if file.name in assignment.provided_solutions else others
            found += [f"{file.name}: holds {what}" for what in _given_away(file, hidden)]
        found += [f"{file.name}: holds {secret.what}" for secret in secrets if _holds(file, secret)]
        found += [f"{file.name}: holds {what}" for what, pattern in words if pattern.search(file.text)]
    return list(dict.fromkeys(found))


def _holds(file: _Released, secret: _Secret) -> bool:
    return secret.tree in file.trees or any(text in file.compact for text in secret.texts)


# What must not be there.


def _answers(assignment: Assignment) -> Iterator[_Secret]:
    """The statements of all gaps, less those that stand outside the gaps too and so are given to students."""
    label = assignment.solution_label
    solution = read_text(assignment.solution_file, assignment.root)
    gaps = parse_gaps(solution, label)
    given = _without_gaps(solution, gaps)
    given_trees = frozenset(_dump(node) for node in _statements(_parse(given)))
    # Only what is code there: a comment or a docstring that says a gap's statement tells it to students.
    given_text = _without_comments(_without_docstrings(given))
    for gap in gaps:
        lines = f"if 1:\n{gap.answer}" if gap.indent else f"\n{gap.answer}"
        for node in _statements(parse_answer(gap).body):
            tree = _dump(node)
            if tree in given_trees:
                continue
            texts = [text for text in _texts(lines, node, _LONG_ANSWER) if text not in given_text]
            what = f"an answer of the gap {gap.task!r} ({label}:{gap.begin_line + node.lineno - 1})"
            yield _Secret(what, tree, tuple(texts), f"{gap.task}:{gap.begin_line}")


def _other_assignments(assignment: Assignment) -> Iterator[Assignment]:
    """The other assignments of the course that can be read: one that is not finished keeps nobody from building this."""
    for name in list_assignments(assignment.root):
        if name != assignment.name:
            with suppress(AuthoringError):
                yield load_assignment(assignment.root, name)


def _given_away(file: _Released, others: Iterable[Assignment]) -> Iterator[str]:
    """What a provided file gives away of other assignments, or of its own: it is handed out with all that is in it."""
    marker = _MARKER.search(file.text)
    if marker is not None:
        yield f"the marker of a gap, {marker[0].strip()!r}: it would be handed out with its answers"
    for other in others:
        with suppress(AuthoringError):
            answers: dict[str, list[_Secret]] = {}
            for secret in _answers(other):
                answers.setdefault(secret.gap, []).append(secret)
            for secrets in answers.values():
                held = [secret for secret in secrets if _holds(file, secret)]
                # One short statement may be anybody's; all that a gap asks for, or a longer one, is its answer.
                if len(held) == len(secrets) or any(len(text) >= _LONG_TEST for one in held for text in one.texts):
                    yield f"{held[0].what} of the assignment {other.name!r}"


def _without_docstrings(source: str) -> str:
    """Code without the strings that stand alone as statements."""
    lines = source.split("\n")
    alone = [
        node
        for node in ast.walk(ast.Module(body=_parse(source), type_ignores=[]))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]
    for node in alone:
        assert node.end_lineno is not None
        for number in range(node.lineno - 1, node.end_lineno):
            lines[number] = ""
    return "\n".join(lines)


def _without_gaps(solution: str, gaps: tuple[Gap, ...]) -> str:
    """The solution with an empty statement in the place of every gap."""
    lines = solution.split("\n")
    for gap in reversed(gaps):
        lines[gap.begin_line - 1 : gap.end_line] = [f"{gap.indent}pass"]
    return "\n".join(lines)


def _hidden_statements(assignment: Assignment) -> Iterator[_Secret]:
    """The hidden tests as wholes, and the longer statements of everything beside them but the public checks.

    Two tests of one thing share statements, so what the public checks say too is no secret; a whole test is.
    """
    public = read_text(assignment.checks_file, assignment.root)
    public_trees = frozenset(_dump(node) for node in _statements(_parse(public)))
    public_text = _without_comments(public)
    for path in sorted(set(assignment.autograder_dir.glob("*.py")) - {assignment.checks_file}):
        text = read_text(path, assignment.root)
        label = path.relative_to(assignment.root).as_posix()
        for node in _statements(_parse(text)):
            if isinstance(node, _Function) and node.name.startswith("test_"):
                yield _Secret(f"a hidden test ({label}:{node.lineno})", _dump_body(node), ())
            texts = tuple(piece for piece in _texts(text, node, _LONG_TEST) if piece not in public_text)
            if texts and _dump(node) not in public_trees:
                yield _Secret(f"a hidden test's statement ({label}:{node.lineno})", _dump(node), texts)


def _hidden_names(assignment: Assignment) -> Iterator[tuple[str, re.Pattern[str]]]:
    """The names of hidden tests and of their files, less those that the public checks have too."""
    public = set(_function_names(assignment.checks_file, assignment.root))
    for path in assignment.hidden_test_files:
        for name in {path.stem, *_function_names(path, assignment.root)} - public:
            if name.startswith("test_"):
                label = path.relative_to(assignment.root).as_posix()
                yield f"the name of a hidden test, {name} ({label})", re.compile(rf"\b{re.escape(name)}\b")


def _function_names(path: Path, root: Path) -> Iterator[str]:
    for node in ast.walk(ast.Module(body=_parse(read_text(path, root)), type_ignores=[])):
        if isinstance(node, _Function):
            yield node.name


def _paths(assignment: Assignment) -> Iterator[tuple[str, re.Pattern[str]]]:
    """Folders of the instructor. Where home is the root of the file system, it says nothing."""
    for folder in sorted({assignment.root, assignment.root.resolve(), Path.home()}):
        if folder != Path(folder.anchor):
            yield "a path of the instructor's machine", re.compile(rf"(?<!\w){re.escape(str(folder))}(?![\w-])")
    for word in ("autograder", "solutions"):
        yield f"the path {word}/", re.compile(rf"\b{word}[/\\]")


# What is there.


def _read_released(path: Path, name: str) -> _Released:
    raw = path.read_bytes().decode("utf-8", errors="replace")
    if path.suffix == ".ipynb":
        text, code = _read_notebook(raw)
    else:
        text, code = raw, [raw] if path.suffix == ".py" else []
    nodes = [node for source in code for node in _statements(_parse(source))]
    trees = frozenset([*map(_dump, nodes), *(_dump_body(node) for node in nodes if isinstance(node, _Function))])
    return _Released(name, trees, text, _compact(text))


def _read_notebook(raw: str) -> tuple[str, list[str]]:
    """All strings of a notebook, keys too, and the sources of its code cells."""
    try:
        notebook = json.loads(raw)
    except ValueError:
        return raw, []
    strings = "\n".join(_strings(notebook))
    cells = notebook.get("cells", []) if isinstance(notebook, dict) else []
    return strings, ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]


def _strings(value: Any) -> Iterator[str]:
    """The strings of a parsed JSON value; a list of lines, as notebooks write text, counts as one string."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list):
        if value and all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for item in value:
                yield from _strings(item)


# Statements and texts.


def _parse(source: str) -> list[ast.stmt]:
    """The statements of a file or a cell. Where IPython's own syntax stands between them, it is left out."""
    try:
        return ast.parse(source).body
    except SyntaxError:
        lines = ["" if re.match(r"\s*[%!?]", line) else line for line in source.split("\n")]
    try:
        return ast.parse("\n".join(lines)).body
    except SyntaxError:
        return []


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """All statements that tell something, at every depth."""
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.stmt) and not _is_trivial(node):
                yield node


def _is_trivial(node: ast.stmt) -> bool:
    """Whether a statement tells nothing: ``pass``, an import, a docstring, ``x = 0`` or ``return x``."""
    match node:
        case (
            ast.Pass() | ast.Continue() | ast.Break() | ast.Import() | ast.ImportFrom() | ast.Global() | ast.Nonlocal()
        ):
            return True
        case ast.Return(value=None | ast.Name() | ast.Constant()) | ast.Expr(value=ast.Constant() | ast.Name()):
            return True
        case ast.Assign(targets=[ast.Name()], value=ast.Constant() | ast.Name()) | ast.AnnAssign(value=None):
            return True
        case _:
            return False


def _dump(node: ast.stmt) -> str:
    return ast.dump(node)


def _dump_body(function: _Function) -> str:
    """What a function does, whatever its name, its arguments and its docstring are."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    return ast.dump(ast.Module(body=body, type_ignores=[]))


def _texts(source: str, node: ast.stmt, shortest: int) -> tuple[str, ...]:
    """A statement as it is written and as Python would write it, without white space; the same of its value.

    shortest: what has fewer characters is left out, and a value needs twice as many, because it alone says less.
    """
    value = getattr(node, "value", None)
    parts: list[tuple[ast.AST, int]] = [(node, shortest)]
    if isinstance(value, ast.expr):
        parts.append((value, 2 * shortest))
    found = []
    for part, least in parts:
        written = _without_comments(ast.get_source_segment(source, part) or "")
        found += [text for text in (written, _compact(ast.unparse(part))) if len(text) >= least]
    return tuple(dict.fromkeys(found))


def _without_comments(segment: str) -> str:
    """A piece of code without comments and white space."""
    # In brackets, so that the tokenizer takes a piece that was cut out of deeper lines.
    tokens = tokenize.generate_tokens(io.StringIO(f"({segment}\n)").readline)
    try:
        kept = [token.string for token in tokens if token.type != tokenize.COMMENT]
    except (tokenize.TokenError, SyntaxError):
        return _compact(segment)
    return _compact("".join(kept))[1:-1]


def _compact(text: str) -> str:
    return "".join(text.split())
