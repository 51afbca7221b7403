"""What a worker is told when it starts: which code to load, and what it may use."""

from __future__ import annotations

import ast
import itertools
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from cnn_assignment.core.model import Assignment
from cnn_assignment.sandbox.limits import WorkerLimits
from cnn_assignment.submissions import ExtractedCode

_MAIN = "__submission__"
# Of a submission's memory, what its worker that waits may hold, and what the worker of the solution may use.
_WAITING_SHARE, _SOLUTION_SHARE = 8, 4
# Less would not do for the solution of an assignment whose students get little.
_LEAST_MIB_OF_SOLUTION = 128
_MIB = 1024 * 1024


def load_order(assignment: Assignment, code: ExtractedCode, stand_ins: Sequence[str] = ()) -> dict[str, Any]:
    """What a worker is told to load: code, the provided files, and what to replace.

    Under "attributes" stand the names of what a replaced method tells of its object, whatever way the object keeps it.
    """
    provided = {path.stem: path.read_text(encoding="utf-8") for path in assignment.provided_modules}
    solution = assignment.solution_file.read_text(encoding="utf-8") if stand_ins else ""
    return {
        # A notebook may import a module of this name, which it must not be itself then.
        "module": _MAIN if any(module.name == assignment.module for module in code.modules) else assignment.module,
        "provided": provided,
        "files": {path.name: b64encode(path.read_bytes()).decode("ascii") for path in assignment.provided_data},
        "modules": list(assignment.modules),
        "seed": assignment.seed,
        "chunks": [chunk.to_json() for chunk in code.chunks],
        "own": {module.name: module.to_json() for module in code.modules},
        "stand_ins": list(stand_ins),
        "attributes": list(_find_attributes((solution, *provided.values()))) if stand_ins else [],
    }


# The same few texts, for every worker of a grader.
@lru_cache(maxsize=8)
def _find_attributes(sources: tuple[str, ...]) -> tuple[str, ...]:
    """The names of the attributes that objects of these sources have: assigned anywhere, declared, or read of self.

    Public ones only, because they reach the worker of the student.
    """
    names: set[str] = set()
    for node in itertools.chain.from_iterable(ast.walk(ast.parse(source)) for source in sources):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store()) | ast.Attribute(ast.Name("self"), name):
                names.add(name)
            case ast.ClassDef(body=body):
                fields = (part.target for part in body if isinstance(part, ast.AnnAssign))
                names.update(field.id for field in fields if isinstance(field, ast.Name))
    return tuple(sorted(name for name in names if not name.startswith("_")))


def worker_limits(assignment: Assignment) -> WorkerLimits:
    """The kernel's limits for a worker of this assignment."""
    limits = assignment.limits
    return WorkerLimits(memory_mib=limits.memory_mib, cpu_s=int(limits.submission_wall_s) + 1)


def solution_limits(assignment: Assignment) -> WorkerLimits:
    """The same for a worker of the solution, which answers beside one of the student: less memory, as it needs less."""
    limits = worker_limits(assignment)
    share = max(limits.memory_mib // _SOLUTION_SHARE, _LEAST_MIB_OF_SOLUTION)
    return replace(limits, memory_mib=min(share, limits.memory_mib))


def most_bytes_waiting(assignment: Assignment) -> int:
    """How much memory a worker may have taken to be kept while another one of the same submission is asked."""
    return assignment.limits.memory_mib * _MIB // _WAITING_SHARE
