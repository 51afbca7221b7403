"""The code of a submission is loaded statement by statement, with right methods in the place of some of its own."""

from __future__ import annotations

import numpy as np
import pytest

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import Answer, CallRaised, Request
from cnn_assignment.sandbox.limits import WorkerLimits
from levels import LEVELS
from sandbox_kit import LOADING, PATIENT, call, failures_of, make_order, run, working


def test_a_statement_that_fails_takes_no_other_with_it(sandbox):
    source = """
        first = 1
        import no_such_module
        from pandas import DataFrame
        raise SystemExit("at the top")
        1 / 0
        def answer():
            return first
        def use():
            return DataFrame()
    """
    worker = sandbox.spawn(WorkerLimits())
    try:
        failures = worker.load(make_order(source), LOADING)
        told = [(f["type"], f["message"], f["line"], f["label"]) for f in failures]
        assert told == [
            ("ModuleNotFoundError", "no_such_module is not available when this assignment is graded", 3, "lesson.py"),
            ("ModuleNotFoundError", "pandas is not available when this assignment is graded", 4, "lesson.py"),
            ("SystemExit", "at the top", 5, "lesson.py"),
            ("ZeroDivisionError", "division by zero", 6, "lesson.py"),
        ]
        assert call(worker, "answer") == 1
        with pytest.raises(CallRaised, match="ModuleNotFoundError: pandas is not available"):
            call(worker, "use")
    finally:
        worker.kill()


def test_only_the_statements_that_are_kept_run_and_of_imports_only_the_names(sandbox):
    source = "from __future__ import annotations\nimport json, re, math\nx = 1\ny = 2\ndef f(a: Missing): return x\n"
    with working(sandbox, "", chunks=[["cell 1", source, [[1, [2]], [2, None], [4, None]]]]) as worker:
        assert call(worker, "f", 0) == 1
        for name in ("json", "re", "y"):
            with pytest.raises(CallRaised, match=f"AttributeError: module 'lesson' has no attribute '{name}'"):
                worker.request(Request((("get", 1, wire.Handle(0), name),), 1), PATIENT)
        assert call(worker, "f", 0) == 1


@pytest.mark.parametrize("level", LEVELS)
def test_provided_files_are_served_from_memory_and_allowed_modules_from_disk(level):
    order = {"provided": {"given": "import os\nVALUE = __name__\n"}, "modules": ["packaging"]}
    source = """
        import given
        import packaging

        def answer():
            return given.VALUE, packaging.__name__
    """
    with Sandbox(level, ("packaging",)) as sandbox, working(sandbox, source, **order) as worker:
        assert call(worker, "answer") == ("given", "packaging")
    with Sandbox(level) as sandbox:
        assert [f["type"] for f in failures_of(sandbox, "import packaging")] == ["ModuleNotFoundError"]


def test_the_kit_and_what_lies_around_it_cannot_be_imported(sandbox):
    source = "import cnn_assignment.grading\nimport pytest\nimport solutions\nimport lib2to9\n"
    told = [(f["type"], f["line"]) for f in failures_of(sandbox, source)]
    assert told == [("ModuleNotFoundError", line) for line in (1, 2, 3, 4)]


def test_random_numbers_begin_at_the_seed_in_every_worker(sandbox):
    source = """
        import random
        import numpy as np

        def answer():
            return random.random(), np.random.random()
    """
    first, second = run(sandbox, source), run(sandbox, source)
    assert first == second
    with working(sandbox, source, seed=1) as worker:
        assert call(worker, "answer") != first


def test_one_worker_leaves_nothing_for_the_next(sandbox):
    spoil = """
        import builtins, sys
        import numpy as np
        np.sum = np.zeros = None
        builtins.abs = lambda _: 42
        sys.modules["json"] = None
        sys.path.clear()

        def answer():
            return abs(-1)
    """
    assert run(sandbox, spoil) == 42
    check = """
        import json, sys
        import numpy as np

        def answer():
            return abs(-1), np.sum([1, 2]) == 3, json is not None, bool(sys.path)
    """
    assert run(sandbox, check) == (1, np.True_, True, True)


# Stand-ins


STAND_IN = """
    class Layer:
        def __init__(self):
            self.size = 2

        def parts(self, x):
            raise NotImplementedError

    def answer(x):
        result = Layer().parts(x)
        listed = list(result)
        return iter(result) is result, listed, [bool(view.base is x or view is x) for view in listed if hasattr(view, "base")]

    def spoil(x):
        for view in Layer().parts(x):
            view[...] = -1
        return x
"""


def test_a_stand_in_asks_the_grader_and_gets_real_windows_of_its_arguments(sandbox):
    asked = []

    def ask(name, state, args):
        asked.append((name, state, args[0].shape))
        return Answer([wire.WindowOf(0, (slice(0, 2),)), wire.WindowOf(0, (slice(2, 4),))], iterator=True)

    with working(sandbox, STAND_IN, stand_ins=["Layer.parts", "Absent.method"]) as worker:
        is_iterator, listed, are_views = call(worker, "answer", np.arange(5.0), ask=ask)
        assert is_iterator
        assert [part.tolist() for part in listed] == [[0.0, 1.0], [2.0, 3.0]]
        assert are_views == [True, True]
        assert call(worker, "spoil", np.arange(5.0), ask=ask).tolist() == [-1.0, -1.0, -1.0, -1.0, 4.0]
    assert asked == [("Layer.parts", {"size": 2}, (5,))] * 2


ATTRIBUTES = """
    class Slots:
        __slots__ = ("size", "open")

        def __init__(self):
            self.size = 2

        def parts(self, x):
            raise NotImplementedError

    class Layer:
        def __init__(self):
            self._own = 1
            self.table = {"size": 2}
            self.history = [list(range(50_000))]
            self.itself = [self.history]
            self.itself.append(self.itself)
            vars(self)[3] = 4

        def __getattr__(self, name):
            return self.table[name]

        def parts(self, x):
            raise NotImplementedError

    def answer(name, x):
        return globals()[name]().parts(x)
"""


def test_a_stand_in_tells_the_attributes_that_it_is_asked_for_and_its_own(sandbox):
    asked = []

    def ask(name, state, args):
        asked.append(state)
        return Answer(0)

    replaced = {"stand_ins": ["Slots.parts", "Layer.parts"], "attributes": ["open", "size", "absent"]}
    with working(sandbox, ATTRIBUTES, **replaced) as worker:
        assert call(worker, "answer", "Slots", 1, ask=ask) == 0
        # What is too much for a question stays out.
        assert call(worker, "answer", "Layer", 1, ask=ask) == 0
    assert asked == [{"size": 2}, {"size": 2, "_own": 1, "table": {"size": 2}}]


def test_a_refusal_is_an_error_of_the_call(sandbox):
    with working(sandbox, STAND_IN, stand_ins=["Layer.parts"]) as worker:
        with pytest.raises(CallRaised, match="ValueError: not with these") as caught:
            call(worker, "answer", np.arange(5.0), ask=lambda *_: Answer(refusal="not with these"))
        assert caught.value.place == ("lesson.py", 10)
        assert call(worker, "answer", np.arange(5.0), ask=lambda *_: Answer([1]))[:2] == (False, [1])
