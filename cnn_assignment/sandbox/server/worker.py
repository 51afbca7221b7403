"""The process in which student code runs: it answers the grader's requests until the pipe closes.

It knows no expected value, no test and no solution. It is forked from the zygote, so it imports only the standard
library and NumPy, and of the kit the wire format and what makes honest code feel at home.
"""

from __future__ import annotations
import __future__

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import itertools
import json
import os
import random
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from cnn_assignment.sandbox import library, wire
from cnn_assignment.sandbox.server import refusals, waking
from cnn_assignment.sandbox.server.facts import describe
from cnn_assignment.sandbox.server.files import own_files
from cnn_assignment.sandbox.server.scene import Witness
from cnn_assignment.sandbox.server.sources import Sources

MESSAGE_CAP = 400
# Characters of a question that may describe the state of its object; the arguments need room too.
_STATE_ROOM = wire.HEADER_CAP // 4
# Characters of a reply's header for the wanted value and what is read ahead of it; alone, a value may have them all.
_AHEAD_ROOM = wire.HEADER_CAP // 4
# Where looking an item up runs no code of the submission.
_PLAIN = (dict, list, tuple, np.ndarray)
_ALWAYS_IMPORTABLE = frozenset({"numpy", *sys.stdlib_module_names, *sys.builtin_module_names})

type_name = wire.type_name


class Channel:
    """Blocking frames over two pipe descriptors, the worker's side."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self._inbox = wire.Inbox()

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """The next frame. Raises EOFError when the grader has closed its end."""
        header_size, payload_size = wire.FRAME.unpack(self._read(wire.FRAME.size))
        return wire.parse_header(self._read(header_size)), self._read(payload_size)

    def send(self, header: dict[str, Any], buffers: list[bytes]) -> None:
        """Write one frame whole."""
        data = memoryview(wire.pack(header, buffers))
        while data:
            data = data[os.write(self._write_fd, data) :]

    def _read(self, size: int) -> bytes:
        while missing := self._inbox.missing(size):
            part = os.read(self._read_fd, missing)
            if not part:
                raise EOFError
            self._inbox += part
        return self._inbox.take(size)


def prepare(_: Any) -> Callable[[Channel], None]:
    """What each fork of a zygote runs; see `launch.Service`."""
    files, refused = own_files.Change(), refusals.list_refusals()
    waking.install_pool()
    library.add_names_of_site()

    def serve(channel: Channel) -> None:
        files.do()
        refusals.explain_questions()
        if refusals.is_confined():
            waking.install_loop()
            refusals.explain_refusals(refused)
        Worker(channel).serve()

    return serve


class _Unavailable:
    """Stands for a name whose import failed: the import hurts only code that uses it."""

    def __init__(self, error: ImportError) -> None:
        self.__dict__["_error"] = error

    def __getattr__(self, name: str) -> Any:
        raise self.__dict__["_error"]

    def __call__(self, *_: Any, **__: Any) -> Any:
        raise self.__dict__["_error"]


class _Importer(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves the provided files and the student's own modules from memory and refuses what grading does not offer.

    own: by dotted name the label, the text, the statements to run and whether it is a package. run: runs one of them.
    """

    def __init__(
        self,
        provided: dict[str, str],
        allowed: Sequence[str],
        own: dict[str, list[Any]],
        run: Callable[[ast.stmt, str, int, types.ModuleType], None],
    ) -> None:
        self._provided = provided
        self._allowed = _ALWAYS_IMPORTABLE | frozenset(allowed)
        self._own = own
        self._run = run

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec for what is served; None leaves the search to Python; ModuleNotFoundError refuses."""
        del path, target
        if fullname in self._provided:
            return importlib.util.spec_from_loader(fullname, self)
        if fullname in self._own:
            return importlib.util.spec_from_loader(fullname, self, is_package=self._own[fullname][3])
        top = fullname.partition(".")[0]
        if top in self._allowed:
            return None
        raise ModuleNotFoundError(f"{top} is not available when this assignment is graded", name=top)

    def exec_module(self, module: types.ModuleType) -> None:
        """Run a provided file, or what was extracted from a student's own, in its new module."""
        if module.__name__ in self._own:
            label, source, keep, _ = self._own[module.__name__]
            module.__file__ = label
            statements, flags = _select_statements(source, label, keep)
            for statement in statements:
                self._run(statement, label, flags, module)
            return
        label = f"{module.__name__}.py"
        code = compile(self._provided[module.__name__], label, "exec", dont_inherit=True)
        exec(code, module.__dict__)  # noqa: S102 - running code is what this process is for


class Worker:
    """Runs one submission: loads its code, then carries out the operations of each request."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._objects: dict[int, Any] = {}
        # Numbers of objects that were read ahead, and that nobody may have asked for.
        self._ahead: list[int] = []
        self._labels: frozenset[str] = frozenset()
        self._sources = Sources()
        # What a stand-in tells of its object; public names, since student code can read them here.
        self._attributes: list[str] = []
        self._nonce = ""
        self._witness = Witness({})
        # What the operation that is carried out is about.
        self._operands: list[Any] = []
        # Names that a statement which failed would have defined, and where it stands.
        self._lost: dict[str, list[Any]] = {}

    def serve(self) -> None:
        """Answer requests until the grader closes the pipe."""
        while True:
            try:
                header, payload = self._channel.receive()
            except EOFError:
                return
            self._nonce = header["nonce"]
            self._answer(header, payload)

    def _answer(self, header: dict[str, Any], payload: bytes) -> None:
        self._step = 0
        self._operands = []
        try:
            tree, buffers = self._load(header["load"]) if "load" in header else self._carry_out(header, payload)
            reply: dict[str, Any] = {"nonce": self._nonce, "value": tree}
            if "ahead" in header:
                self._read_ahead(header["ahead"], reply, buffers)
        except BaseException as error:  # noqa: BLE001 - whatever student code raises is its result, not our end
            reply, buffers = {"nonce": self._nonce, "error": self._describe(error) | self._look_around(error)}, []
        self._channel.send(reply, buffers)

    def _describe(self, error: BaseException) -> dict[str, Any]:
        """What the grader is told of an exception: never a traceback, never an address of an object."""
        try:
            message = wire.printable(str(error))[:MESSAGE_CAP]
        except BaseException:  # noqa: BLE001 - __str__ is student code too
            message = ""
        try:
            place = self._find_place(error)
        except BaseException:  # noqa: BLE001 - and so are the attributes of an exception
            place = None
        return {"step": self._step, "type": type_name(error), "message": message, "at": place}

    def _look_around(self, error: BaseException) -> dict[str, Any]:
        """What the grader may explain the exception with; nothing where that cannot be told."""
        try:
            scene = self._witness.describe(error)
            if scene is not None:
                return {"scene": scene | {"lost": self._lost.get(scene.get("word", ""))}}
            return {"holder": describe(self._operands[0])} if self._operands else {}
        except BaseException:  # noqa: BLE001 - an explanation is an extra
            return {}

    def _find_place(self, error: BaseException) -> list[Any] | None:
        """File label and line of the innermost frame of the submission."""
        place = None
        if isinstance(error, SyntaxError) and error.filename in self._labels:
            line = error.lineno
            return [wire.printable(error.filename), line if type(line) is int and 0 <= line < 1 << 31 else 0]
        frame = error.__traceback__
        while frame is not None:
            label = frame.tb_frame.f_code.co_filename
            if label in self._labels:
                place = [label, frame.tb_lineno]
            frame = frame.tb_next
        return place

    # Loading

    def _load(self, order: dict[str, Any]) -> tuple[Any, list[bytes]]:
        """Run the extracted statements in a new module; report those that failed, and go on after each."""
        failures: list[dict[str, Any]] = []

        def run(statement: ast.stmt, label: str, flags: int, module: types.ModuleType) -> None:
            failure = self._run_statement(statement, label, flags, module)
            if failure is not None:
                failures.append(failure)

        own = order.get("own", {})
        sys.meta_path.insert(0, _Importer(order["provided"], order["modules"], own, run))
        random.seed(order["seed"])
        np.random.seed(order["seed"])  # noqa: NPY002 - forks share the legacy state, so it is what has to be reset
        module = types.ModuleType(order["module"])
        sys.modules[order["module"]] = module
        parts = (*order["chunks"], *own.values())
        self._labels = frozenset(label for label, *_ in parts)
        # Of what goes under one label, that which runs.
        self._witness = Witness({label: source for label, source, keep, *_ in parts if keep is None or keep})
        self._keep_sources(order)
        # A cell goes on with the `from __future__` imports of the cells above it.
        flags = 0
        for label, source, keep in order["chunks"]:
            vars(module)["__file__"] = label
            statements, own_flags = _select_statements(source, label, keep)
            flags |= own_flags
            for statement in statements:
                run(statement, label, flags, module)
        for name in order["stand_ins"]:
            self._install_stand_in(module, name)
        self._attributes = order.get("attributes", [])
        self._objects = {0: module}
        return wire.encode(failures)

    def _keep_sources(self, order: dict[str, Any]) -> None:
        """Let Python find the text of all that runs: it is the submission's own, or was given to it."""
        for label, text, *_ in (*order["chunks"], *order.get("own", {}).values()):
            self._sources.keep(label, text)
        for name, text in order["provided"].items():
            self._sources.keep(f"{name}.py", text)
        self._sources.install()

    def _run_statement(
        self, statement: ast.stmt, label: str, flags: int, module: types.ModuleType
    ) -> dict[str, Any] | None:
        try:
            tree = ast.Module(body=[statement], type_ignores=[])
            code = compile(tree, label, "exec", flags=flags, dont_inherit=True)
            exec(code, module.__dict__)  # noqa: S102 - running code is what this process is for
        except ImportError as error:
            for name in _names_of_import(statement):
                module.__dict__.setdefault(name, _Unavailable(error))
            return {**self._describe(error), "line": statement.lineno, "label": label}
        except BaseException as error:  # noqa: BLE001 - a statement that fails must not take the others with it
            for name in _names_of_definition(statement):
                self._lost[name] = [label, statement.lineno]
            return {**self._describe(error), "line": statement.lineno, "label": label}
        self._sources.note(module, statement, label)
        return None

    # Requests

    def _carry_out(self, header: dict[str, Any], payload: bytes) -> tuple[Any, list[bytes]]:
        """Carry out the operations in order and return the value that the request wants, if any."""
        operations = header["tree"][1:]
        self._forget_ahead(operations)
        decoder = wire.Decoder(payload, wire.Caps(items=1 << 30), handles=self._find_object)
        for self._step, operation in enumerate(operations):
            # One after the other: an operation may need what the one before it made.
            _, kind, target, *arguments = operation
            if kind == "forget":
                self._objects = {0: self._objects[0]}
            else:
                self._operands = [decoder.decode(argument) for argument in arguments]
                self._objects[target] = self._operate(kind, self._operands)
        if header["want"] is None:
            return None, []
        wanted = self._objects[header["want"]]
        caps = wire.Caps(payload_bytes=header["bytes"], items=header["items"])
        return wire.encode(wanted, caps, tuple(self._objects.get(n) for n in header["windows"]))

    def _read_ahead(self, reads: list[dict[str, Any]], reply: dict[str, Any], buffers: list[bytes]) -> None:
        """Add what is likely to be read next, up to the first that only the submission's own code could find."""
        room, bytes_left = _AHEAD_ROOM - len(json.dumps(reply["value"])), wire.AHEAD_CAP
        found, sizes = reply.setdefault("ahead", []), reply.setdefault("sizes", [])
        for read in reads:
            try:
                for operation in read["tree"][1:]:
                    _, target, holder, key = wire.decode(operation, b"", handles=self._find_object)
                    if type(holder) not in _PLAIN:
                        return
                    self._objects[target] = holder[key]
                    self._ahead.append(target)
                caps = wire.Caps(payload_bytes=read["bytes"], items=read["items"])
                tree, parts = wire.encode(self._objects[read["want"]], caps)
            except Exception:  # noqa: BLE001 - whatever it is, it will be found out when it is asked for
                return
            size = sum(map(len, parts))
            room -= len(json.dumps(tree))
            bytes_left -= size
            if room < 0 or bytes_left < 0:
                return
            found.append(tree)
            sizes.append(size)
            buffers += parts

    def _forget_ahead(self, operations: list[list[Any]]) -> None:
        """Drop what was read ahead and not taken: the grader goes on with other objects of these numbers."""
        if operations:
            _, _, first, *_ = operations[0]
            for number in self._ahead:
                if number >= first:
                    self._objects.pop(number, None)
            self._ahead = []

    def _operate(self, kind: str, rest: list[Any]) -> Any:
        match kind:
            case "put":
                return rest[0]
            case "module":
                return importlib.import_module(rest[0])
            case "get":
                return getattr(rest[0], rest[1])
            case "set":
                return setattr(rest[0], rest[1], rest[2])
            case "call":
                return rest[0](*rest[1], **rest[2])
            case "item":
                return rest[0][rest[1]]
            case "set_item":
                rest[0][rest[1]] = rest[2]
                return None
            case "collect":
                return list(itertools.islice(iter(rest[0]), rest[1]))
            case "settle":
                is_iterator = isinstance(rest[0], Iterator)
                return is_iterator, list(itertools.islice(rest[0], rest[1])) if is_iterator else rest[0]
            case "bare":
                # An object that never ran its constructor, with given attributes: the reference side of a stand-in.
                return _make_bare(rest[0], rest[1])
        raise ValueError(f"unknown operation {kind}")

    def _find_object(self, number: int) -> Any:
        return self._objects[number]

    # Stand-ins

    def _install_stand_in(self, module: types.ModuleType, name: str) -> None:
        """Replace ``Class.method`` by a call that asks the grader for the values a right one gives."""
        class_name, _, method = name.partition(".")
        target = getattr(module, class_name, None)
        if isinstance(target, type):
            own: Any = getattr(target, method, None)

            def stand_in(instance: Any, *args: Any, **named: Any) -> Any:
                if named:
                    # Only the values travel, so the submission's own method says which place a name has.
                    args = inspect.signature(own).bind(instance, *args, **named).args[1:]
                return self._ask(name, instance, args)

            stand_in.__name__ = method
            setattr(target, method, stand_in)

    def _ask(self, name: str, instance: Any, args: tuple[Any, ...]) -> Any:
        tree, buffers = wire.encode([name, _describe_state(instance, self._attributes), args])
        self._channel.send({"nonce": self._nonce, "ask": tree}, buffers)
        header, payload = self._channel.receive()
        if "refusal" in header:
            raise ValueError(header["refusal"])
        answer = wire.decode(header["value"], payload, wire.Caps(items=1 << 30), windows=len(args))
        answer = _cut_windows(answer, args)
        return iter(answer) if header["iterator"] else answer


def _describe_state(instance: Any, names: Sequence[str]) -> dict[str, Any]:
    """What a right method may have to know of an object: the attributes with these names, and all that it holds.

    Submissions keep attributes in a __dict__, in slots, behind properties or a __getattr__. What would fill a question
    stays out: that which only this submission has may be of any size, and may hold itself.
    """
    found: dict[str, Any] = {}
    for name in names:
        # Where there is no such attribute, code of the submission may raise what it likes.
        with suppress(Exception):
            found[name] = getattr(instance, name)
    with suppress(Exception):
        found = {name: value for name, value in vars(instance).items() if type(name) is str} | found
    room = _STATE_ROOM
    state = {}
    # What was asked for comes first.
    for name in sorted(found, key=lambda name: name not in names):
        try:
            size = len(json.dumps([name, wire.encode(found[name], wire.Caps(items=room))[0]]))
        except wire.WireError:
            continue
        if size <= room:
            room -= size
            state[name] = found[name]
    return state


def _make_bare(kind: type, state: dict[str, Any]) -> Any:
    """An object of a class whose constructor did not run, with the attributes of a state that it has room for."""
    instance: Any = object.__new__(kind)
    for name, value in state.items():
        # The state is that of an object of another class, which may keep anything under the name of a method here.
        if not callable(getattr(kind, name, None)):
            # A slot is not there, or a property takes no value: it has its own way to find one.
            with suppress(AttributeError):
                object.__setattr__(instance, name, value)
    return instance


def _cut_windows(value: Any, args: tuple[Any, ...]) -> Any:
    """Turn descriptions of windows into real views of the arguments."""
    if isinstance(value, wire.WindowOf):
        return args[value.argument][value.slices]
    if isinstance(value, list | tuple):
        return type(value)(_cut_windows(item, args) for item in value)
    if isinstance(value, dict):
        return {key: _cut_windows(item, args) for key, item in value.items()}
    return value


def _select_statements(source: str, label: str, keep: list[list[Any]] | None) -> tuple[list[ast.stmt], int]:
    """The statements to run, and the compiler flags of the chunk's ``from __future__`` imports.

    keep holds ``[index, aliases]`` pairs; aliases, where given, are the positions of the names to keep of an import.
    Without keep everything runs.
    """
    body = ast.parse(source, label).body
    flags = 0
    for statement in body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    pairs: list[list[Any]] = [[index, None] for index in range(len(body))] if keep is None else keep
    chosen = []
    for index, aliases in pairs:
        statement = body[index]
        if aliases is not None and isinstance(statement, ast.Import | ast.ImportFrom):
            statement.names = [statement.names[position] for position in aliases]
        chosen.append(statement)
    return chosen, flags


def _names_of_definition(statement: ast.stmt) -> list[str]:
    """The names that a statement would have defined."""
    match statement:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


def _names_of_import(statement: ast.stmt) -> list[str]:
    """The names that an import statement would have bound."""
    if not isinstance(statement, ast.Import | ast.ImportFrom):
        return []
    return [alias.asname or alias.name.partition(".")[0] for alias in statement.names if alias.name != "*"]
