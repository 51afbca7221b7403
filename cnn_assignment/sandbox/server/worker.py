"""The process in which student code runs: it answers the grader's requests until the pipe closes.

It knows no expected value, no test and no solution. It is forked from the zygote, so it imports only the standard
library, NumPy, and of the kit the wire format and the files of this side. The process belongs to one
submission and ends with it, so it may change modules of Python's own for it.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import importlib
import inspect
import io
import itertools
import random
import sys
import types
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from cnn_assignment.sandbox import library, wire
from cnn_assignment.sandbox.server.channel import Channel
from cnn_assignment.sandbox.server.files import own_files
from cnn_assignment.sandbox.server.loading import (
    Importer,
    Unavailable,
    names_of_definition,
    names_of_import,
    select_statements,
)
from cnn_assignment.sandbox.server.scenes.facts import describe
from cnn_assignment.sandbox.server.scenes.scene import Witness
from cnn_assignment.sandbox.server.sources import Sources
from cnn_assignment.sandbox.server.stand_ins import cut_windows, describe_state, make_bare
from cnn_assignment.sandbox.server.system import refusals, waking

_MESSAGE_CAP = 400


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


class Worker:
    """Runs one submission: loads its code, then carries out the operations of each request."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._objects: dict[int, Any] = {}
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
        except BaseException as error:  # noqa: BLE001 - whatever student code raises is its result, not our end
            reply, buffers = {"nonce": self._nonce, "error": self._describe(error) | self._look_around(error)}, []
        self._channel.send(reply, buffers)

    def _describe(self, error: BaseException) -> dict[str, Any]:
        """What the grader is told of an exception: never a traceback, never an address of an object."""
        try:
            message = wire.printable(str(error))[:_MESSAGE_CAP]
        except BaseException:  # noqa: BLE001 - __str__ is student code too
            message = ""
        try:
            place = self._find_place(error)
        except BaseException:  # noqa: BLE001 - and so are the attributes of an exception
            place = None
        return {"step": self._step, "type": wire.type_name(error), "message": message, "at": place}

    def _look_around(self, error: BaseException) -> dict[str, Any]:
        """What the grader may explain the exception with: the scene where student code raised, else what was asked for."""
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
        """Put the data files into the working folder, and run the extracted statements in a new module; report those that failed, and go on after each."""
        failures: list[dict[str, Any]] = []
        for name, data in order.get("files", {}).items():
            # Into memory, where the files of a worker are.
            Path(name).write_bytes(base64.b64decode(data))

        def run(statement: ast.stmt, label: str, flags: int, module: types.ModuleType) -> None:
            failure = self._run_statement(statement, label, flags, module)
            if failure is not None:
                failures.append(failure)

        own = order.get("own", {})
        sys.meta_path.insert(0, Importer(order["provided"], order["modules"], own, run))
        random.seed(order["seed"])
        np.random.seed(order["seed"])  # noqa: NPY002 - forks share the legacy state, so it is what has to be reset
        module = types.ModuleType(order["module"])
        sys.modules[order["module"]] = module
        parts = (*order["chunks"], *own.values())
        self._labels = frozenset(label for label, *_ in parts)
        # Of what goes under one label, that which runs.
        self._witness = Witness({label: source for label, source, keep, *_ in parts if keep is None or keep})
        self._keep_sources(order)
        self._attributes = order.get("attributes", [])
        methods = [name for name in order["stand_ins"] if "." in name]
        functions = {name: None for name in order["stand_ins"] if "." not in name}
        self._replace_functions(module, functions, own)
        # A cell goes on with the `from __future__` imports of the cells above it.
        flags = 0
        for label, source, keep in order["chunks"]:
            vars(module)["__file__"] = label
            statements, own_flags = select_statements(source, label, keep)
            flags |= own_flags
            for statement in statements:
                run(statement, label, flags, module)
                self._replace_functions(module, functions, own)
        for name in methods:
            self._replace_method(module, name)
        self._objects = {0: module}
        return wire.encode(failures)

    def _keep_sources(self, order: dict[str, Any]) -> None:
        """Let Python find the text of all code that runs here; the submission has it anyway."""
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
            for name in names_of_import(statement):
                module.__dict__.setdefault(name, Unavailable(error))
            return {**self._describe(error), "line": statement.lineno, "label": label}
        except BaseException as error:  # noqa: BLE001 - a statement that fails must not take the others with it
            for name in names_of_definition(statement):
                self._lost[name] = [label, statement.lineno]
            return {**self._describe(error), "line": statement.lineno, "label": label}
        self._sources.note(module, statement, label)
        return None

    # Requests

    def _carry_out(self, header: dict[str, Any], payload: bytes) -> tuple[Any, list[bytes]]:
        """Carry out the operations in order and return the value that the request wants, if any."""
        operations = header["tree"][1:]
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
        caps = wire.Caps(payload_bytes=header["bytes"], items=header["items"], text=header["text"])
        return wire.encode(wanted, caps, tuple(self._objects.get(n) for n in header["windows"]))

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
            case "print":
                with contextlib.redirect_stdout(io.StringIO()) as told:
                    rest[0](*rest[1], **rest[2])
                return told.getvalue()
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
                return make_bare(rest[0], rest[1])
        raise ValueError(f"unknown operation {kind}")

    def _find_object(self, number: int) -> Any:
        return self._objects[number]

    # Stand-ins

    def _replace_functions(self, module: types.ModuleType, functions: dict[str, Any], own: Collection[str]) -> None:
        """Put stand-ins in the place of functions: after each statement, as the next one may call them.

        functions: by name the stand-in that is in place, None before there is one. own: the student's own modules, which
        may define a function that the submission imports.
        """
        for name, installed in functions.items():
            current = vars(module).get(name)
            if current is not None and current is installed:
                continue
            functions[name] = vars(module)[name] = self._make_function(name, current)
            for other in (sys.modules.get(name) for name in own):
                for key in [key for key, value in vars(other).items() if value is current] if other and current else ():
                    vars(other)[key] = functions[name]

    def _make_function(self, name: str, own: Any) -> Any:
        def stand_in(*args: Any, **named: Any) -> Any:
            if named:
                # Only the values travel, so the submission's own function says which place a name has.
                bound = inspect.signature(own).bind(*args, **named) if own is not None else None
                args = bound.args if bound is not None else (*args, *named.values())
            return self._ask(name, {}, args)

        stand_in.__name__ = name
        return stand_in

    def _replace_method(self, module: types.ModuleType, name: str) -> None:
        """Replace ``Class.method`` by a call that asks the grader for the values a right one gives."""
        class_name, _, method = name.partition(".")
        target = getattr(module, class_name, None)
        if isinstance(target, type):
            own: Any = getattr(target, method, None)

            def stand_in(instance: Any, *args: Any, **named: Any) -> Any:
                if named:
                    # Only the values travel, so the submission's own method says which place a name has.
                    args = inspect.signature(own).bind(instance, *args, **named).args[1:]
                return self._ask(name, describe_state(instance, self._attributes), args)

            stand_in.__name__ = method
            setattr(target, method, stand_in)

    def _ask(self, name: str, state: dict[str, Any], args: tuple[Any, ...]) -> Any:
        tree, buffers = wire.encode([name, state, args])
        self._channel.send({"nonce": self._nonce, "ask": tree}, buffers)
        header, payload = self._channel.receive()
        if "refusal" in header:
            raise ValueError(header["refusal"])
        answer = wire.decode(header["value"], payload, wire.Caps(items=1 << 30), windows=len(args))
        answer = cut_windows(answer, args)
        return iter(answer) if header["iterator"] else answer
