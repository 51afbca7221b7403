from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from cnn_assignment.sandbox import library, wire
from cnn_assignment.sandbox.host import Answer, CallRaised, Request, Sandbox, WorkerDied
from cnn_assignment.sandbox.limits import WorkerLimits
from sandbox_kit import LEVELS, LOADING, PATIENT, call, make_order, run, working, zygote_of


@pytest.fixture(scope="module", params=LEVELS, ids=["limits", "confined", "namespaced"])
def sandbox(request):
    with Sandbox(request.param) as opened:
        assert (opened.level, opened.problem) == (request.param, "")
        yield opened


def failures_of(sandbox, source, **changes):
    worker = sandbox.spawn(WorkerLimits())
    try:
        return worker.load(make_order(source, **changes), LOADING)
    finally:
        worker.kill()


# Calls


def test_a_call_gives_its_value(sandbox):
    source = """
        import numpy as np

        def answer(x, scale, *, shift=0):
            return {"out": x * scale, "many": [1, (2.5, "text", None)], "which": ...}
    """
    x = np.arange(6.0).reshape(2, 3)
    value = run(sandbox, source, x, 2.0)
    assert np.array_equal(value.pop("out"), 2 * x)
    assert value == {"many": [1, (2.5, "text", None)], "which": ...}


@pytest.mark.parametrize("size", [200, 20_000, 1_000_000])
def test_memory_that_nobody_wrote_holds_the_same_everywhere(sandbox, size):
    source = """
        import numpy as np

        def answer(size):
            return np.unique(np.empty(size, dtype=np.uint8))
    """
    # Below a kilobyte NumPy hands out what it was given back before.
    assert run(sandbox, source, 8 * size).tolist() == [0x7F]


def test_every_kind_of_operation_is_carried_out(sandbox):
    source = """
        class Layer:
            def __init__(self, size, *, name):
                self.size, self.name, self.table = size, name, {}

            def pairs(self):
                yield from self.table.items()
    """
    h = wire.Handle
    operations = (
        ("forget", 0),
        ("put", 1, [1, 2]),
        ("get", 2, h(0), "Layer"),
        ("call", 3, h(2), (h(1),), {"name": "n"}),
        ("set", 4, h(3), "name", (h(1), {"deep": [h(1)]})),
        ("get", 5, h(3), "table"),
        ("set_item", 6, h(5), "key", h(1)),
        ("item", 7, h(5), "key"),
        ("get", 8, h(3), "pairs"),
        ("call", 9, h(8), (), {}),
        ("collect", 10, h(9), 5),
        ("get", 11, h(3), "name"),
        ("module", 12, "math"),
        ("get", 13, h(12), "pi"),
        ("bare", 14, h(2), {"size": 7}),
        ("get", 15, h(14), "size"),
        ("settle", 16, h(1), 3),
        ("put", 17, (h(7), h(10), h(11), h(13), h(15), h(16))),
    )
    with working(sandbox, source) as worker:
        value = worker.request(Request(operations, 17), PATIENT)
    assert value == ([1, 2], [("key", [1, 2])], ([1, 2], {"deep": [[1, 2]]}), 3.141592653589793, 7, (False, [1, 2]))


def test_an_operation_that_does_not_exist_is_an_error_and_not_the_end(sandbox):
    with working(sandbox, "answer = int") as worker:
        with pytest.raises(CallRaised, match="ValueError: unknown operation leap"):
            worker.request(Request((("leap", 1),), 1), PATIENT)
        assert call(worker, "answer", 3) == 3


def test_an_object_without_a_constructor_takes_attributes_and_keeps_its_methods(sandbox):
    source = """
        class Slots:
            __slots__ = ("size",)

            def double(self):
                return 2 * self.size

            @property
            def half(self):
                return self.size / 2
    """
    operations = (
        ("get", 1, wire.Handle(0), "Slots"),
        ("bare", 2, wire.Handle(1), {"size": 3, "double": 4, "half": 5, "other": 6}),
        ("get", 3, wire.Handle(2), "double"),
        ("call", 4, wire.Handle(3), (), {}),
        ("get", 5, wire.Handle(2), "half"),
        ("put", 6, [wire.Handle(4), wire.Handle(5)]),
    )
    with working(sandbox, source) as worker:
        assert worker.request(Request(operations, 6), PATIENT) == [6, 1.5]


def test_a_new_conversation_forgets_the_objects_of_the_last(sandbox):
    with working(sandbox, "answer = int") as worker:
        worker.request(Request((("put", 5, 1),)), PATIENT)
        assert worker.request(Request((), 5), PATIENT) == 1
        with pytest.raises(CallRaised, match="KeyError: 5"):
            worker.request(Request((("forget", 0),), 5), PATIENT)
        assert call(worker, "answer", 3) == 3


def test_an_endless_generator_is_collected_as_far_as_asked(sandbox):
    source = """
        import itertools
        answer = itertools.count
    """
    assert run(sandbox, source, 5, collect=4) == [5, 6, 7, 8]


def test_settle_tells_an_iterator_from_a_value(sandbox):
    source = """
        def answer():
            yield from (1, 2, 3)
    """
    operations = (
        ("get", 1, wire.Handle(0), "answer"),
        ("call", 2, wire.Handle(1), (), {}),
        ("settle", 3, wire.Handle(2), 2),
    )
    with working(sandbox, source) as worker:
        assert worker.request(Request(operations, 3), PATIENT) == (True, [1, 2])


def test_a_window_of_an_argument_is_told_as_one(sandbox):
    x = np.arange(20.0).reshape(4, 5)
    operations = (
        ("put", 1, x),
        ("item", 2, wire.Handle(1), (slice(1, 3), slice(0, 5, 2))),
        ("put", 3, [wire.Handle(2), wire.Handle(1)]),
    )
    with working(sandbox, "") as worker:
        window, whole = worker.request(Request(operations, 3, windows=(9, 1)), PATIENT)
    assert window.argument == whole.argument == 1
    assert np.array_equal(x[window.slices], x[1:3, 0:5:2])
    assert np.array_equal(x[whole.slices], x)


def test_arrays_arrive_with_the_layout_that_they_had(sandbox):
    source = """
        def answer(*arrays):
            return [(a.flags.c_contiguous, a.flags.f_contiguous, a.flags.writeable) for a in arrays]
    """
    x = np.arange(24.0).reshape(4, 6)
    value = run(sandbox, source, x, np.asfortranarray(x), x[:, ::2], x.T[::2, ::2])
    assert value == [(True, False, True), (False, True, True), (False, False, True), (False, False, True)]


def test_what_cannot_cross_stays_and_can_be_passed_back(sandbox):
    source = """
        class Thing:
            pass

        def answer():
            return Thing()

        def is_thing(x):
            return type(x) is Thing
    """
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == wire.Opaque("Thing")
        operations = (("get", 3, wire.Handle(0), "is_thing"), ("call", 4, wire.Handle(3), (wire.Handle(2),), {}))
        assert worker.request(Request(operations, 4), PATIENT) is True


@pytest.mark.parametrize("length", [10, 5000, 200_000])
def test_a_long_text_goes_to_student_code_whole(sandbox, length):
    assert run(sandbox, "answer = len", "é" * length) == length


# Errors


@pytest.mark.parametrize(
    ("body", "type_name", "message"),
    [
        ("raise ValueError('no')", "ValueError", "no"),
        ("raise SystemExit(3)", "SystemExit", "3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("raise GeneratorExit", "GeneratorExit", ""),
        ("import sys; sys.exit('bye')", "SystemExit", "bye"),
        ("raise Mine('own')", "Mine", "own"),
        ("raise Mute('x')", "Mute", ""),
        ("raise Loud('x')", "Loud", ""),
        ("raise Wide('x')", "Wide", "y" * 400),
        ("raise Strange('x')", "Strange", "true text"),
        ("raise Blind('x')", "Blind", "x"),
        ("raise Nameless('x')", "Nameless", "x"),
        ("raise ValueError('\\udc80')", "ValueError", "?"),
        ("raise type('E' * 500, (Exception,), {})('x')", "E" * 60, "x"),
        ("return answer()", "RecursionError", "maximum recursion depth exceeded"),
        ("return bytearray(1 << 40)", "MemoryError", ""),
        ("return np.zeros(1 << 40)", "MemoryError", "Unable to allocate 8.00 TiB for an array with shape"),
        ("raise EOFError", "EOFError", ""),
        ("raise StopIteration(4)", "StopIteration", "4"),
        ("raise ExceptionGroup('several', [ValueError(1)])", "ExceptionGroup", "several (1 sub-exception)"),
        ("raise 5", "TypeError", "exceptions must derive from BaseException"),
        ("assert 1 == 2, 'told'", "AssertionError", "told"),
    ],
)  # fmt: skip
def test_what_student_code_raises_arrives_with_type_words_and_place(sandbox, body, type_name, message):
    source = f"""
import numpy as np

class Mine(BaseException): pass

class Mute(Exception):
    def __str__(self): raise SystemExit

class Loud(Exception):
    def __str__(self): return 5

class Wide(Exception):
    def __str__(self): return "y" * 10**7

class Text(str):
    def __getitem__(self, _): return 5
    def encode(self, *_): raise OSError
    def __str__(self): return self

class Strange(Exception):
    def __str__(self): return Text("true text")

class Blind(Exception):
    @property
    def __traceback__(self): raise OSError

class Shouting(type):
    @property
    def __name__(cls): raise OSError

class Nameless(Exception, metaclass=Shouting): pass

def answer():
    {body}
"""
    line = source.splitlines().index("def answer():") + 2
    with working(sandbox, source) as worker:
        with pytest.raises(CallRaised, match=type_name[:20]) as caught:
            call(worker, "answer")
        assert worker.alive
        assert call(worker, "Text", "still") == "still"
    failure = caught.value
    assert failure.type_name == type_name
    assert failure.message[:60].startswith(message[:60])
    assert len(failure.message) <= 400
    assert failure.place == (None if type_name == "Blind" else ("lesson.py", line))
    assert failure.step == 1


def test_the_place_of_an_error_is_the_innermost_line_of_the_submission(sandbox):
    source = """
        import json

        def answer():
            inner()

        def inner():
            json.loads("{")
    """
    with pytest.raises(CallRaised, match="JSONDecodeError: Expecting property name") as caught:
        run(sandbox, source)
    assert caught.value.place == ("lesson.py", 8)


@pytest.mark.parametrize("lies", ["e.filename = []", "e.lineno = object()", "e.lineno = 10**6000", "e.filename = {}"])
def test_a_syntax_error_may_lie_about_its_place(sandbox, lies):
    source = f"""
        def answer():
            e = SyntaxError("bad")
            e.filename, e.lineno = "lesson.py", 4
            {lies}
            raise e
    """
    with pytest.raises(CallRaised, match=r"SyntaxError: bad|SyntaxError: $"):
        run(sandbox, source)


def test_an_error_while_the_result_is_looked_at_is_an_error_of_the_call(sandbox):
    source = """
        def answer():
            yield 1
            raise RuntimeError("in the middle")
    """
    with pytest.raises(CallRaised, match="RuntimeError: in the middle") as caught:
        run(sandbox, source, collect=5)
    assert caught.value.step == 2


# Loading


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


@pytest.mark.parametrize("level", [1, 2, 3])
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


# Surroundings


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_worker_sees_nothing_of_the_graders_environment(monkeypatch, level):
    monkeypatch.setenv("COURSE_TOKEN", "sentinel-of-the-environment")
    monkeypatch.setenv("PYTHONPATH", "/sentinel-of-the-path")
    source = """
        import os, stat, sys

        def answer():
            return dict(os.environ), os.getcwd(), sys.argv, sys.path, dict(descriptors())

        def descriptors():
            for number in range(64):
                try:
                    found = os.fstat(number)
                except OSError:
                    continue
                pipe, folder, null = (
                    stat.S_ISFIFO(found.st_mode),
                    stat.S_ISDIR(found.st_mode),
                    stat.S_ISCHR(found.st_mode) and found.st_rdev == os.makedev(1, 3),
                )
                yield number, "pipe" if pipe else "folder" if folder else "null" if null else "other"
    """
    with Sandbox(level) as sandbox, working(sandbox, source) as worker:
        environ, folder, argv, path, descriptors = call(worker, "answer")
        # Confined, it cannot read these itself; the zygote's are the same.
        block, command = (
            Path(f"/proc/{zygote_of(sandbox)}/{name}").read_text(encoding="utf-8") for name in ("environ", "cmdline")
        )
    told = repr((environ, block, command, argv, path))
    assert "sentinel" not in told
    # bubblewrap adds the working folder.
    assert environ.pop("PWD", "/") == "/"
    assert set(environ) == {
        *("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "PYTHONHASHSEED"),
        *("PYTHONDONTWRITEBYTECODE", "MALLOC_PERTURB_", "LC_ALL", "HOME", "USER"),
    }
    assert folder == environ["HOME"] == "/submission"
    assert argv == [""]
    standard = library.standard_library()
    assert path
    assert all(
        Path(entry).is_relative_to(standard) and entry.endswith(("lib-dynload", standard.name)) for entry in path
    )
    # Standard streams to nowhere, the two pipes, and the folder of the standard library.
    assert descriptors == {0: "null", 1: "null", 2: "null", 3: "pipe", 4: "pipe", 6: "folder"}


def test_a_worker_has_imported_nothing_of_the_kit_but_its_own_side(sandbox):
    source = """
        import sys

        def answer():
            return sorted(name for name in sys.modules if name.partition(".")[0] == "cnn_assignment")
    """
    own = (
        *("confinement", "facts", "library", "limits", "memory_files", "memory_streams", "own_files", "own_functions"),
        *("own_paths", "peeking", "refusals", "scene", "sources", "variables", "waking", "wire", "worker", "zygote"),
    )
    assert run(sandbox, source) == [
        "cnn_assignment",
        *(f"cnn_assignment.{name}" for name in sorted(["sandbox", *(f"sandbox.{name}" for name in own)])),
    ]


def test_a_worker_runs_in_a_session_and_a_process_of_its_own(sandbox):
    source = """
        import os, threading

        def answer():
            return os.getpid(), threading.active_count()
    """
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == (worker._process._inner_pid, 1)
        assert os.getsid(worker.pid) == os.getpgid(worker.pid) == worker.pid


def test_limits_hold_and_cannot_be_raised(sandbox):
    source = """
        import resource

        def answer():
            resource.setrlimit(resource.RLIMIT_CPU, (8, 8))
    """
    with working(sandbox, source, WorkerLimits(memory_mib=100, cpu_s=7, file_mib=2, open_files=20)) as worker:
        if sandbox.level >= 2 or os.geteuid() != 0:
            with pytest.raises(CallRaised, match=r"PermissionError|ValueError: not allowed to raise"):
                call(worker, "answer")
        found = limits_of(worker.pid)
    space = found.pop("address space")
    assert found == {
        "cpu time": (7, 7),
        "file size": (2 << 20, 2 << 20),
        "open files": (20, 20),
        "core file size": (0, 0),
        "locked memory": (0, 0),
        "msgqueue size": (0, 0),
    }
    assert 100 << 20 < space[0] == space[1] < 10 << 30


def limits_of(pid):
    """Soft and hard limit by name, as the kernel tells them: those that are set."""
    found = {}
    for line in Path(f"/proc/{pid}/limits").read_text(encoding="ascii").splitlines()[1:]:
        soft, hard = line[26:].split()[:2]
        name = line[:26].strip().removeprefix("Max ")
        if name in (
            "cpu time",
            "file size",
            "open files",
            "core file size",
            "locked memory",
            "msgqueue size",
            "address space",
        ):
            found[name] = (int(soft), int(hard))
    return found


def test_the_memory_budget_comes_on_top_of_the_interpreter(sandbox):
    source = """
        def answer(mib):
            return len(bytearray(mib << 20))
    """
    with working(sandbox, source, WorkerLimits(memory_mib=100)) as worker:
        assert call(worker, "answer", 60) == 60 << 20
        with pytest.raises(CallRaised, match="MemoryError"):
            call(worker, "answer", 130)
        assert call(worker, "answer", 60) == 60 << 20


def test_the_processor_limit_of_a_whole_life_ends_a_worker(sandbox):
    source = """
        import signal

        def answer():
            for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_IGN)
            while True:
                pass
    """
    with working(sandbox, source, WorkerLimits(cpu_s=1)) as worker, pytest.raises(WorkerDied, match="status -9"):
        call(worker, "answer")


def test_numpy_uses_one_thread(sandbox):
    source = """
        import os
        import numpy as np

        def answer():
            a = np.ones((300, 300))
            return float((a @ a).sum())
    """
    with working(sandbox, source) as worker:
        assert call(worker, "answer") == 300.0**3
        assert len(list(Path(f"/proc/{worker.pid}/task").iterdir())) == 1


def test_the_modules_that_a_worker_may_always_import_are_importable(sandbox):
    assert failures_of(sandbox, "import numpy.linalg, numpy.random, json, dataclasses, typing, math, itertools") == []
    assert sys.version_info[:2] == run(sandbox, "import sys\ndef answer(): return tuple(sys.version_info[:2])")
