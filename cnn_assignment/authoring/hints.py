"""Make the hint that stays in a gap from the answer's syntax tree, in the answer's own formatting.

Everything works on the answer's tokens: a hint is the statement with some spans of its text replaced by ``?``, put on
one line. So quotes, names and spacing stay as the instructor wrote them, and comments go.
"""

from __future__ import annotations

import ast
import io
import itertools
import tokenize
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from cnn_assignment.authoring.gaps import parse_answer
from cnn_assignment.core.model import Gap, Hints

OPEN_HINT = "# your code here"
_MASK = "?"

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.MatMult: "@",
    ast.Div: "/",
    ast.Mod: "%",
    ast.Pow: "**",
    ast.LShift: "<<",
    ast.RShift: ">>",
    ast.BitOr: "|",
    ast.BitXor: "^",
    ast.BitAnd: "&",
    ast.FloorDiv: "//",
}

Position = tuple[int, int]
Span = tuple[Position, Position]


def make_hint(gap: Gap, hints: Hints) -> list[str]:
    """The comment lines that stay in a gap, without the gap's own indentation.

    hints: the edition of the build; the gap's option ``hints=`` goes before it. Where an edition leaves nothing, as
    standard does for an answer of calls only, the open hint stays.
    """
    edition = Hints(gap.options.get("hints", hints))
    answer = _Answer(gap)
    lines: Iterable[str] = ()
    if edition is Hints.STANDARD:
        lines = _standard_lines(answer, answer.body, keep_slices=gap.options.get("keep") == "slices")
    elif edition is Hints.GUIDED:
        lines = _guided_lines(answer, answer.body, "")
    return [f"# {line}" for line in lines] or [OPEN_HINT]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A token or a mask: its text and where it begins and ends."""

    text: str
    start: Position
    end: Position


class _Answer:
    """The answer of a gap: its statements and its tokens, in the positions of the syntax tree.

    A position is (line, column in characters); `begin` and `end` translate the syntax tree's columns, which count
    UTF-8 bytes.
    """

    def __init__(self, gap: Gap) -> None:
        self.body = parse_answer(gap).body
        text = f"if 1:\n{gap.answer}\n" if gap.indent else f"\n{gap.answer}\n"
        self._lines = text.split("\n")
        skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}
        self._tokens = [
            token
            for token in tokenize.generate_tokens(io.StringIO(text).readline)
            if token.type not in skipped and token.type != tokenize.ENDMARKER
        ]

    def _position(self, line: int, column: int) -> Position:
        return line, len(self._lines[line - 1].encode()[:column].decode())

    def begin(self, node: ast.AST) -> Position:
        """Where a node begins."""
        return self._position(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> Position:
        """Where a node ends."""
        return self._position(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def span(self, node: ast.AST) -> Span:
        """Where a node begins and ends."""
        return self.begin(node), self.end(node)

    def header_end(self, start: Position, body: list[ast.stmt]) -> Position:
        """Where the colon before a body ends; start is where its header begins."""
        first = min([body[0], *getattr(body[0], "decorator_list", ())], key=lambda node: (node.lineno, node.col_offset))
        before = [token for token in self._tokens if start <= token.start < self.begin(first)]
        return next(token.end for token in reversed(before) if token.string == ":")

    def starts_with(self, position: Position, word: str) -> bool:
        """Whether a word stands at a position."""
        return self._lines[position[0] - 1].startswith(word, position[1])

    def render(self, start: Position, end: Position, masks: Iterable[Span] = ()) -> str:
        """The text from start to end on one line, each masked span replaced by ``?``."""
        pieces = self._pieces(start, end, sorted(masks))
        closed = _drop_trailing_commas(pieces)
        line = closed[0].text if closed else ""
        for last, piece in itertools.pairwise(closed):
            line += self._space(last, piece) + piece.text
        return line

    def _pieces(self, start: Position, end: Position, masks: list[Span]) -> list[_Piece]:
        pieces: list[_Piece] = []
        for token in self._tokens:
            if not start <= token.start < end:
                continue
            mask = next((span for span in masks if span[0] <= token.start < span[1]), None)
            if mask is None:
                pieces.append(_Piece(token.string, token.start, token.end))
            elif not pieces or pieces[-1].end < mask[1] or pieces[-1].text != _MASK:
                pieces.append(_Piece(_MASK, *mask))
        return pieces

    def _space(self, last: _Piece, piece: _Piece) -> str:
        """The white space between two pieces; a line break counts as one space, or as none beside a bracket."""
        if last.end[0] == piece.start[0]:
            return self._lines[last.end[0] - 1][last.end[1] : piece.start[1]]
        return "" if last.text in ("(", "[", "{") or piece.text in (")", "]", "}", ",") else " "


def _drop_trailing_commas(pieces: list[_Piece]) -> list[_Piece]:
    """Leave out a comma that only stood at the end of a line before a closing bracket.

    The comma of a tuple with one element stays: without it the tuple is gone.
    """
    kept: list[_Piece] = []
    openers: list[tuple[int, int]] = []  # (index in kept, commas since)
    for piece in pieces:
        if piece.text in ("(", "[", "{"):
            openers.append((len(kept), 0))
        elif piece.text == "," and openers:
            openers[-1] = (openers[-1][0], openers[-1][1] + 1)
        elif piece.text in (")", "]", "}") and openers:
            index, commas = openers.pop()
            alone = kept[index].text == "(" and commas == 1 and not _follows_name(kept, index)
            if kept[-1].text == "," and kept[-1].end[0] < piece.start[0] and not alone:
                kept.pop()
        kept.append(piece)
    return kept


def _follows_name(pieces: list[_Piece], index: int) -> bool:
    """Whether the bracket at an index is that of a call."""
    if index == 0:
        return False
    last = pieces[index - 1]
    return last.end == pieces[index].start and (last.text.isidentifier() or last.text in (")", "]", _MASK))


# The standard edition: targets, `return` and `yield`, on one level.


def _standard_lines(answer: _Answer, body: list[ast.stmt], *, keep_slices: bool) -> Iterator[str]:
    for statement in body:
        line = _standard_line(answer, statement, keep_slices=keep_slices)
        if line is not None:
            yield line
        for block in _blocks(statement):
            yield from _standard_lines(answer, block, keep_slices=keep_slices)


def _standard_line(answer: _Answer, statement: ast.stmt, *, keep_slices: bool) -> str | None:
    def mask_index(part: ast.expr) -> Iterator[Span]:
        whole = isinstance(part, ast.Slice) and part.lower is None and part.upper is None and part.step is None
        if not (keep_slices and whole):
            yield answer.span(part)

    def target(node: ast.expr) -> str:
        return answer.render(*answer.span(node), _target_masks(answer, node, mask_index))

    match statement:
        case ast.Assign(targets=targets):
            return " = ".join([*map(target, targets), "..."])
        case ast.AugAssign(target=node, op=operator):
            return f"{target(node)} {_OPERATORS[type(operator)]}= ..."
        case ast.AnnAssign(target=node, annotation=annotation, value=value):
            declared = f"{target(node)}: {answer.render(*answer.span(annotation))}"
            return declared if value is None else f"{declared} = ..."
        case ast.Return(value=value):
            return "return" if value is None else "return ..."
        case ast.Expr(value=ast.Yield(value=value)):
            return "yield" if value is None else "yield ..."
        case ast.Expr(value=ast.YieldFrom()):
            return "yield from ..."
        case _:
            return None


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks under a compound statement, in the order of their lines."""
    if isinstance(statement, ast.Match):
        yield from (case.body for case in statement.cases)
        return
    yield getattr(statement, "body", [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body
    yield getattr(statement, "orelse", [])
    yield getattr(statement, "finalbody", [])


# The guided edition: calls, operators and keywords, line by line.


def _guided_lines(answer: _Answer, body: list[ast.stmt], indent: str) -> Iterator[str]:
    for statement in body:
        if any(_blocks(statement)):
            yield from _guided_compound(answer, statement, indent)
        elif not _is_docstring(statement):
            yield indent + _guided_line(answer, statement)


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _guided_line(answer: _Answer, statement: ast.stmt) -> str:
    """One simple statement, masked."""
    if isinstance(statement, ast.Import):
        return "import ?"
    if isinstance(statement, ast.ImportFrom):
        return "from ? import ?"
    if isinstance(statement, ast.Global | ast.Nonlocal):
        return "global ?" if isinstance(statement, ast.Global) else "nonlocal ?"
    masks = list(_statement_masks(answer, statement))
    if not masks and not isinstance(statement, ast.Pass | ast.Break | ast.Continue):
        # Nothing to mask, as in `x = f()`: the line would be the answer itself.
        return _standard_line(answer, statement, keep_slices=True) or "..."
    return answer.render(*answer.span(statement), masks)


def _guided_compound(answer: _Answer, statement: ast.stmt, indent: str) -> Iterator[str]:
    """A loop, a condition or the like: its masked header, and what stands under it one level deeper."""
    inner = indent + "    "
    if isinstance(statement, ast.Match):
        yield f"{indent}match ?:"
        for case in statement.cases:
            yield f"{inner}case ?:"
            yield from _guided_lines(answer, case.body, inner + "    ")
        return
    body: list[ast.stmt] = statement.body  # type: ignore[attr-defined]  # every other compound statement has one
    yield indent + _guided_header(answer, statement, body)
    yield from _guided_lines(answer, body, inner)
    for handler in getattr(statement, "handlers", []):
        yield indent + _guided_header(answer, handler, handler.body)
        yield from _guided_lines(answer, handler.body, inner)
    yield from _guided_else(answer, getattr(statement, "orelse", []), indent)
    if getattr(statement, "finalbody", []):
        yield f"{indent}finally:"
        yield from _guided_lines(answer, statement.finalbody, inner)  # type: ignore[attr-defined]


def _guided_header(answer: _Answer, node: ast.AST, body: list[ast.stmt]) -> str:
    start = answer.begin(node)
    masks = list(_header_masks(answer, node))
    return answer.render(start, answer.header_end(start, body), masks)


def _guided_else(answer: _Answer, block: list[ast.stmt], indent: str) -> Iterator[str]:
    if not block:
        return
    if isinstance(block[0], ast.If) and answer.starts_with(answer.begin(block[0]), "elif"):
        yield from _guided_compound(answer, block[0], indent)
        return
    yield f"{indent}else:"
    yield from _guided_lines(answer, block, indent + "    ")


def _header_masks(answer: _Answer, node: ast.AST) -> Iterator[Span]:
    """Masks of everything between a header's start and its colon. The name of a nested function stays."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
        yield answer.span(node.returns)
    for name, value in ast.iter_fields(node):
        if name in ("body", "handlers", "orelse", "finalbody", "decorator_list", "returns"):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from _value_masks(answer, part)


def _statement_masks(answer: _Answer, statement: ast.stmt) -> Iterator[Span]:
    """Masks of a simple statement; an annotation stays."""
    for child in ast.iter_child_nodes(statement):
        if isinstance(child, ast.expr) and isinstance(getattr(child, "ctx", None), ast.Store):
            yield from _target_masks(answer, child, lambda part: _value_masks(answer, part))
        elif not (isinstance(statement, ast.AnnAssign) and child is statement.annotation):
            yield from _value_masks(answer, child)


def _value_masks(answer: _Answer, node: ast.AST) -> Iterator[Span]:
    """Masks of the names and constants under a node; what is called, operators and keywords stay."""
    if isinstance(node, ast.arg) or (
        isinstance(node, ast.expr) and (_is_leaf(node) or _is_plain_display(answer, node))
    ):
        yield answer.span(node)
    elif isinstance(node, ast.NamedExpr):
        yield from _value_masks(answer, node.value)
    else:
        for child in ast.iter_child_nodes(node):
            called = isinstance(node, ast.Call) and child is node.func
            if not (called and isinstance(child, ast.expr) and _is_dotted(child)):
                yield from _value_masks(answer, child)


def _is_dotted(node: ast.expr) -> bool:
    """Whether a node is a name or a chain such as ``self.mlp.backward``."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _is_leaf(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.JoinedStr) or _is_dotted(node)


def _is_plain_display(answer: _Answer, node: ast.expr) -> bool:
    """Whether a node is a bracketed tuple, list, set or dict of leaves only: it is masked as one."""
    match node:
        case ast.Tuple(elts=parts):
            bracketed = answer.starts_with(answer.begin(node), "(") and (
                not parts or answer.begin(parts[0]) > answer.begin(node)
            )
            if not bracketed:
                return False
        case ast.List(elts=parts) | ast.Set(elts=parts):
            pass
        case ast.Dict(keys=keys, values=values):
            parts = [part for part in (*keys, *values) if part is not None]
        case _:
            return False
    return all(_is_leaf(part) or _is_plain_display(answer, part) for part in parts)


def _target_masks(answer: _Answer, node: ast.expr, mask_index: Callable[[ast.expr], Iterator[Span]]) -> Iterator[Span]:
    """Masks of an assignment's target: its names, attributes and string keys stay, mask_index masks its indices."""
    match node:
        case ast.Name():
            return
        case ast.Attribute(value=value) | ast.Starred(value=value):
            yield from _target_masks(answer, value, mask_index)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _target_masks(answer, part, mask_index)
        case ast.Subscript(value=value, slice=index):
            yield from _target_masks(answer, value, mask_index)
            for part in index.elts if isinstance(index, ast.Tuple) else [index]:
                if not (isinstance(part, ast.Constant) and isinstance(part.value, str)):
                    yield from mask_index(part)
        case ast.Call(func=called, args=arguments, keywords=keywords):
            yield from _target_masks(answer, called, mask_index)
            for argument in (*arguments, *(keyword.value for keyword in keywords)):
                yield from mask_index(argument)
        case _:
            yield from _value_masks(answer, node)
