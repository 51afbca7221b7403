"""Which top-level statements of a submission its layers need: imports, definitions and what those refer to or change.

Nothing is run. Plots, training and prints are left behind, wherever they stand, because no layer refers to them, and
because what calls change is followed with care: `cnn_assignment.submissions.python.effects` has the rule.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from cnn_assignment.submissions.plain.values import Keep
from cnn_assignment.submissions.python.effects import (
    DEFINITIONS,
    Call,
    Effects,
    Function,
    behind,
    changed_arguments,
    changed_places,
    handed_names,
    read_effects,
    read_functions,
)
from cnn_assignment.submissions.python.parsing import SCOPES

_BUILTINS = frozenset(dir(builtins))
# Attributes of modules that are no functions: `max = np.inf` begins a search, it does not replace max().
_CONSTANTS = frozenset({"e", "euler_gamma", "inf", "Inf", "maxsize", "nan", "NaN", "newaxis", "NINF", "pi", "tau"})
_ALWAYS = "setrecursionlimit"
# symtable looks through all scopes inside of a scope for each of its names. No layer has so many.
_MOST_SCOPES = 500


@dataclass(frozen=True, slots=True)
class Statement:
    """One top-level statement: where it stands, the global names it binds and reads, and what else it does.

    aliases: for an import, the name that each alias binds, in order; else empty. renames: for ``sum = np.sum`` the
    name at the bottom of the value, "" for a lambda. holds: for each name that it binds to other names' objects those
    names, and whether they lie in a display. always: it is run whatever the layers need.
    """

    chunk: int
    index: int
    binds: frozenset[str]
    reads: frozenset[str]
    aliases: tuple[str, ...] = ()
    is_definition: bool = False
    effects: Effects = field(default_factory=Effects)
    functions: tuple[Function, ...] = ()
    renames: dict[str, str] = field(default_factory=dict)
    holds: dict[str, tuple[frozenset[str], bool]] = field(default_factory=dict)
    always: bool = False


@dataclass(slots=True)
class Selection:
    """The statements to run, in document order, each with the positions of the aliases to keep of an import.

    missing: the wanted names that no statement defines. needed: all names that the statements need.
    """

    chosen: list[tuple[Statement, tuple[int, ...] | None]] = field(default_factory=list)
    needed: frozenset[str] = frozenset()
    missing: list[str] = field(default_factory=list)

    @property
    def keep(self) -> Keep:
        """The same by the statements' indexes, where all are of one chunk."""
        return tuple((statement.index, positions) for statement, positions in self.chosen)


def analyse(tree: ast.Module, chunk: int) -> tuple[Statement, ...]:
    """Describe every top-level statement of a parsed chunk, whose tree is not to be changed any more."""
    found = _describe_all(tree)
    return tuple(replace(statement, chunk=chunk) for statement in found) if chunk else found


# The cells of a release are described before any submission is read: see `confined.prepare`. It holds as many trees
# as `parsing.parse` remembers.
@lru_cache(maxsize=256)
def _describe_all(tree: ast.Module) -> tuple[Statement, ...]:
    """The statements of a tree as those of chunk 0."""
    return tuple(_describe(statement, 0, index) for index, statement in enumerate(tree.body))


def select(statements: Sequence[Statement], wanted: Iterable[str], also: Iterable[int] = ()) -> Selection:
    """Every statement that binds or changes a wanted name, and whatever those read in turn, in document order.

    also: numbers of statements that are taken whatever they do.
    """
    web = _Web(statements, frozenset(wanted))
    names = set(wanted)
    # A star import may matter to anything below it.
    chosen = {number for number, statement in enumerate(statements) if "*" in statement.aliases or statement.always}
    chosen |= set(also)
    for number in chosen:
        names |= statements[number].reads
    needed: set[str] = set()
    while names:
        name = names.pop()
        needed.add(name)
        for number in web.makers_of(name):
            if number not in chosen:
                chosen.add(number)
                names |= statements[number].reads - needed
    bound = {name for number in chosen for name in statements[number].binds}
    selection = Selection(missing=sorted(set(wanted) - bound), needed=frozenset(needed))
    selection.chosen += [(statements[number], _positions(statements[number], needed)) for number in sorted(chosen)]
    return selection


class _Web:
    """Who binds and who changes a name, directly, through another name for it, or in a function that is called.

    Every name, holder and caller is visited once for all questions together, so that no file can make this slow.
    """

    def __init__(self, statements: Sequence[Statement], wanted: frozenset[str]) -> None:
        self._statements = statements
        self._wanted = wanted
        self._binders: dict[str, list[int]] = {}
        self._changers: dict[str, list[int]] = {}
        self._reachers: dict[str, list[int]] = {}
        self._holders: dict[tuple[str, bool], list[str]] = {}
        self._callers: dict[str, list[int]] = {}
        self._calling: dict[str, list[str]] = {}
        self._seen: set[tuple[str, str]] = set()
        own = frozenset(name for s in statements if not s.aliases for name in s.binds)
        self._imported = frozenset(name for s in statements for name in s.aliases) - own
        defined = frozenset(name for s in statements if s.is_definition for name in s.binds)
        self._foreign = self._imported | (_BUILTINS - defined)
        functions = [function for statement in statements for function in statement.functions]
        self._functions = frozenset(function.name for function in functions)
        self._places, self._writers = changed_places(functions)
        self._layers = frozenset(
            name for s in statements if not s.is_definition and s.effects.makes & wanted for name in s.binds
        )
        for function in functions:
            for called in function.makes:
                self._calling.setdefault(called, []).append(function.name)
        self._training = self._find_training(functions)
        self._note_statements()

    def makers_of(self, name: str) -> set[int]:
        """The numbers of the statements that bind or change a name, as far as no earlier answer has told them."""
        found = set(self._binders.get(name, ()))
        todo = [("object", name)]
        while todo:
            kind, name = todo.pop()
            if (kind, name) in self._seen:
                continue
            self._seen.add((kind, name))
            if kind == "call":
                found |= set(self._callers.get(name, ()))
                todo += [("call", caller) for caller in self._calling.get(name, ()) if caller not in self._training]
                continue
            if kind == "object":
                found |= set(self._changers.get(name, ()))
                todo += [("object", holder) for holder in self._holders.get((name, False), ())]
            found |= set(self._reachers.get(name, ()))
            todo += [("part", holder) for holder in self._holders.get((name, True), ())]
            if kind == "part":
                todo += [("part", holder) for holder in self._holders.get((name, False), ())]
            if name not in self._imported:
                todo += [("call", writer) for writer in self._writers.get(name, ()) if writer not in self._training]
        return found

    def _find_training(self, functions: Sequence[Function]) -> frozenset[str]:
        """The functions that make or use a layer, or call one that does."""
        todo = [f.name for f in functions if f.makes & self._wanted or (f.uses - f.bound) & self._layers]
        found: set[str] = set()
        while todo:
            name = todo.pop()
            if name not in found:
                found.add(name)
                todo += self._calling.get(name, ())
        return frozenset(found)

    def _note_statements(self) -> None:
        callables = set(_BUILTINS | self._imported)
        for number, statement in enumerate(self._statements):
            callables |= statement.binds if statement.is_definition else set()
            callables |= {name for name, root in statement.renames.items() if not root or root in callables}
            binds = statement.binds
            if not statement.is_definition and not statement.aliases:
                # `sum = 0` in a plot must not become part of a layer that calls sum(), but `sum = np.sum` is.
                binds -= _BUILTINS - {n for n, root in statement.renames.items() if not root or root in callables}
            effects = statement.effects
            _note(self._binders, binds, number)
            _note(self._changers, effects.changes, number)
            _note(self._reachers, self._reached(effects), number)
            for name, (held, is_display) in statement.holds.items():
                for part in held - self._imported:
                    self._holders.setdefault((part, is_display), []).append(name)
            _note(self._callers, {call.function for call in (*self._counting(effects), *effects.decorators)}, number)

    def _counting(self, effects: Effects) -> list[Call]:
        """The bare calls of a statement, but for those that are given a layer: they train or test it."""
        return [] if effects.makes & self._wanted else [c for c in effects.calls if not c.names & self._layers]

    def _reached(self, effects: Effects) -> set[str]:
        """What a statement may change but for its direct changes."""
        handed = changed_arguments(self._counting(effects), self._places)
        found = effects.reaches | handed | behind(effects.changes | effects.reaches | handed, effects.loops)
        found |= (effects.methods | behind(effects.methods, effects.loops)) - self._wanted - self._layers
        for call in effects.decorators:
            if call.function not in self._foreign:
                # Of a plain function it is known what it writes; of any other object, a class or a table, it is not.
                found |= call.names if call.function in self._functions else {call.function, *call.names}
        return found - self._foreign


def _note(table: dict[str, list[int]], names: Iterable[str], number: int) -> None:
    for name in names:
        table.setdefault(name, []).append(number)


def _positions(statement: Statement, needed: set[str]) -> tuple[int, ...] | None:
    if not statement.aliases:
        return None
    return tuple(position for position, name in enumerate(statement.aliases) if name in needed or name == "*")


def _describe(statement: ast.stmt, chunk: int, index: int) -> Statement:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return _describe_import(statement, chunk, index)
    try:
        exact = _count_scopes(statement) <= _MOST_SCOPES
        binds, reads = _read_names(statement) if exact else _guess_names(statement)
    except (RecursionError, MemoryError, ValueError, SyntaxError):
        # Nested too deeply for symtable, or (before Python 3.12) an f-string that cannot be written out again.
        binds, reads = _guess_names(statement)
    return Statement(
        chunk,
        index,
        frozenset(binds),
        frozenset(reads),
        is_definition=isinstance(statement, DEFINITIONS),
        effects=read_effects(statement),
        functions=tuple(read_functions(statement)),
        renames=_renames(statement),
        holds=_holds(statement),
        always=_is_always_run(statement),
    )


def _targets_and_value(statement: ast.stmt) -> tuple[list[str], ast.expr | None]:
    """The plain names that an assignment binds to one and the same value."""
    match statement:
        case ast.Assign(targets=targets, value=value):
            return [target.id for target in targets if isinstance(target, ast.Name)], value
        case ast.AnnAssign(target=ast.Name(id=name), value=value):
            return [name], value
    return [], None


def _renames(statement: ast.stmt) -> dict[str, str]:
    """Names that become another name for what may be a function: ``sum = np.sum``."""
    names, value = _targets_and_value(statement)
    if isinstance(value, ast.Lambda):
        return dict.fromkeys(names, "")
    if isinstance(value, ast.Attribute) and value.attr in _CONSTANTS:
        return {}
    while isinstance(value, ast.Attribute):
        value = value.value
    return dict.fromkeys(names, value.id) if isinstance(value, ast.Name) else {}


def _holds(statement: ast.stmt) -> dict[str, tuple[frozenset[str], bool]]:
    names, value = _targets_and_value(statement)
    if value is None or isinstance(value, ast.Lambda):
        return {}
    return dict.fromkeys(names, (handed_names(value, parts=False), not isinstance(value, ast.Name)))


def _is_always_run(statement: ast.stmt) -> bool:
    """Whether a statement sets how deep functions may call each other, which no name tells."""
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(), attr=name) | ast.Name(id=name))):
            return name == _ALWAYS
    return False


def _count_scopes(statement: ast.stmt) -> int:
    return sum(isinstance(node, SCOPES) for node in ast.walk(statement))


def _read_names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The module's names that a statement binds and reads."""
    # A table of the statement alone: it tells names of this module from locals of functions, exactly.
    table = symtable.symtable(ast.unparse(statement), "statement", "exec")
    binds = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    reads = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    for child in table.get_children():
        reads |= _global_reads(child)
    if not isinstance(statement, DEFINITIONS):
        # A walrus inside a comprehension binds a name outside of it.
        binds |= {node.target.id for node in ast.walk(statement) if isinstance(node, ast.NamedExpr)}
    return binds, reads


def _guess_names(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """At least the names that a statement binds and reads, locals of its functions too."""
    names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
    binds = {node.id for node in names if not isinstance(node.ctx, ast.Load)}
    if isinstance(statement, DEFINITIONS):
        binds = {statement.name}
    return binds, {node.id for node in names if isinstance(node.ctx, ast.Load)}


def _describe_import(statement: ast.Import | ast.ImportFrom, chunk: int, index: int) -> Statement:
    if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
        return Statement(chunk, index, frozenset(), frozenset())
    aliases = tuple(
        alias.asname or (alias.name.partition(".")[0] if isinstance(statement, ast.Import) else alias.name)
        for alias in statement.names
    )
    return Statement(chunk, index, frozenset(aliases), frozenset(), aliases)


def _global_reads(table: symtable.SymbolTable) -> set[str]:
    """Names that a function or class, or anything inside it, takes from its module."""
    found = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
    if isinstance(table, symtable.Class):
        # `size = size` in a class reads the module's name before it binds its own.
        found |= {
            s.get_name() for s in table.get_symbols() if s.is_local() and s.is_referenced() and not s.is_namespace()
        }
    for child in table.get_children():
        found |= _global_reads(child)
    return found
