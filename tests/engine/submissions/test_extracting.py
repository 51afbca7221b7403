"""Extracting: imports, definitions and what they refer to are taken; nothing else is, wherever it stands."""

from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_assignment.submissions.extracting.needed import analyse, select

LAYERS = """
import numpy as np
from math import sqrt

SCALE = 2.0

def helper(x):
    return SCALE * x

class Layer:
    def forward(self, x):
        return helper(np.asarray(x)) / sqrt(4)
"""


def extract(*chunks: str, wanted: tuple[str, ...] = ("Layer",)) -> str:
    """The extracted statements as text, one after the other."""
    trees = [ast.parse(textwrap.dedent(chunk)) for chunk in chunks]
    selection = select([s for number, tree in enumerate(trees) for s in analyse(tree, number)], wanted)
    found = []
    for chosen, aliases in selection.chosen:
        statement = trees[chosen.chunk].body[chosen.index]
        if aliases is not None:
            statement.names = [statement.names[position] for position in aliases]
        found.append(ast.unparse(statement))
    return "\n".join(found)


def plain(text: str) -> str:
    """All statements, written as `extract` writes them."""
    return "\n".join(ast.unparse(statement) for statement in ast.parse(text).body)


LAYER = "class Layer:\n    def f(self, x): return"
BUILTINS = (
    "import numpy as np\nfrom numpy import amin\nsum = np.sum\nmax = lambda x: x\nmin = amin\nabs: object = np.abs\n"
)
TAKEN = {
    "definitions, imports, and what they refer to": LAYERS,
    "decorators, bases and metaclasses": (
        "def d(c): return c\nclass M(type): pass\nclass B: pass\n@d\nclass Layer(B, metaclass=M): pass"
    ),
    "dataclasses": "from dataclasses import dataclass, field\n@dataclass\nclass Layer:\n    n: int = field(default=1)",
    "functions that stand for a builtin": f"{BUILTINS}{LAYER} sum(max(abs(min(x))))",
    "every definition of a name, so that the last wins": "class Layer: a = 1\nclass Layer(Layer): b = 2",
}


@pytest.mark.parametrize("what", TAKEN)
def test_all_that_a_layer_needs_is_extracted_in_document_order(what):
    assert extract(TAKEN[what]) == plain(TAKEN[what])
    # In cells of their own, too.
    assert extract(*map(ast.unparse, ast.parse(TAKEN[what]).body)) == plain(TAKEN[what])


UNRELATED_STATEMENTS = [
    "print(Layer().forward(1))", "x = input('a number')", "import matplotlib.pyplot as plt",
    "for epoch in range(10**9): loss = Layer().forward(epoch)", "layer = Layer(); layer.weights = np.ones(3)",
    "while True: pass", "if __name__ == '__main__': main()", "with open('data') as f: data = f.read()",
    "assert Layer().forward(2) == 2", "np.random.seed(0)", "lambda: Layer()", "raise SystemExit",
    "def unused(): return Layer()", "'a docstring'", "del layer",
    "try:\n    import torch\nexcept ImportError:\n    pass",
]  # fmt: skip


@pytest.mark.parametrize("statement", UNRELATED_STATEMENTS)
def test_what_no_layer_refers_to_is_left_behind_before_and_after(statement):
    assert extract(statement + "\n" + LAYERS + statement) == extract(LAYERS)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (
            f"import numpy as np, matplotlib.pyplot as plt\nfrom os import path, system\n{LAYER} np.e, path.sep",
            ["import numpy as np", "from os import path"],
        ),
        (f"import os.path, sys\n{LAYER} os.sep", ["import os.path"]),
        (f"import numpy as np; x = train(); A = 1; print(x)\n{LAYER} A + np.e", ["import numpy as np", "A = 1"]),
    ],
    ids=["names of an import", "the first name of a dotted import", "statements joined by semicolons"],
)
def test_of_a_line_only_what_is_needed_is_kept(text, first):
    assert extract(text).split("\n")[: len(first) + 1] == [*first, "class Layer:"]


UNNAMED = {
    "locals": """
        x = load(); out = train(x); i = 5; mask = out; y = 1
        class Layer:
            def forward(self, x, *mask, **y):
                out = [i for i in x]
                return out
    """,
    "attributes and keywords": "size = train()\nclass Layer:\n    def f(self): return self.size + self.g(size=1)",
    "a property": (
        "size = train()\nclass Layer:\n    @property\n    def size(self): pass\n    @size.setter\n    def size(self, n): pass"
    ),
    "a builtin's name in a plot": (
        "sum = train()\nfor max in range(3): pass\nclass Layer:\n    def f(self, x): return sum(max(x))"
    ),
    # The worker compiles every statement of the chunk with its flags instead.
    "a future import": "from __future__ import annotations\nclass Layer: pass",
}


@pytest.mark.parametrize("what", UNNAMED)
def test_a_global_that_only_has_the_name_of_something_in_a_layer_is_left_behind(what):
    assert extract(UNNAMED[what]).startswith("class Layer")


BINDINGS = [
    ("a = 1", "a"), ("a: int = 1", "a"), ("a, (b, *c) = 1, (2, 3)", "c"), ("a = b = 1", "b"), ("[a := 1]", "a"),
    ("squares = [a := n for n in range(3)]", "a"), ("for a in range(3): pass", "a"),
    ("with open('f') as a: pass", "a"), ("if True:\n    import json", "json"),
    ("try:\n    import json\nexcept ImportError:\n    pass", "json"),
    ("try:\n    from json import loads\nfinally:\n    pass", "loads"), ("a = lambda: 1", "a"),
    ("async def a(): pass", "a"), ("class a: pass", "a"), ("match 1:\n    case a: pass", "a"),
    ("from json import *", "loads"), ("from numpy import max", "max"), ("def sum(x): return x", "sum"),
]  # fmt: skip


@pytest.mark.parametrize(("needed", "use"), BINDINGS)
def test_every_way_to_bind_a_name_is_seen(needed, use):
    assert ast.unparse(ast.parse(needed)) in extract(f"{needed}\nclass Layer:\n    def f(self): return {use}")


READINGS = [
    "    def f(self, y=a): pass", "    def f(self): return [n + a for n in range(3)]",
    "    def f(self): return lambda: a", "    def f(self):\n        def g():\n            return a\n        return g",
    "    def f(self):\n        global a\n        a += 1", "    @a\n    def f(self): pass", "    a = a",
    "    b: int = a", "    def f(self): return f'{a!r:>{a}}'", "    def f(self, y: a): pass",
]  # fmt: skip


@pytest.mark.parametrize("use", READINGS)
def test_every_way_to_read_a_name_is_seen(use):
    assert "a = make()" in extract(f"a = make()\nclass Layer:\n{use}")


CHANGES = [
    "Layer.forward = forward", "Layer.table[0] = forward", "setattr(Layer, 'forward', forward)",
    "for name in ('forward', 'backward'): setattr(Layer, name, forward)", "if True:\n    Layer.forward = forward",
    "try:\n    Layer.forward = forward\nexcept Exception:\n    pass", "Layer.forward: object = forward",
    "Layer.count += forward", "del Layer.forward",
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_attached_to_a_class_afterwards_is_extracted_with_what_it_needs(change):
    found = extract(f"class Layer: pass\ndef forward(self, x): return x\n{change}")
    assert ast.unparse(ast.parse(change)) in found
    assert ("def forward" in found) == ("forward" in change and "del" not in change)


def test_tables_that_are_filled_by_calls_are_extracted_whole():
    text = "TABLE = []\nTABLE.append(1)\nfor n in range(3):\n    TABLE.extend([n])\nTABLE.clear()\n"
    found = extract(text + "class Layer:\n    def f(self): return TABLE")
    assert "TABLE.append(1)" in found
    assert "TABLE.extend([n])" in found


# Statements that make what a layer needs, each with all that it needs; a layer reads TABLE and helper.
CALLS = {
    "a decorator that attaches": """
        def add_to_class(cls):
            def wrapper(f):
                setattr(cls, f.__name__, f)
            return wrapper
        @add_to_class(Layer)
        def forward(self, x): return x
    """,
    "a decorator that fills a table": """
        def operation(name):
            def keep(f):
                TABLE[name] = f
                return f
            return keep
        @operation("max")
        def largest(x): return x.max()
    """,
    "a decorator that is a method": """
        class Registry(dict):
            def register(self, f):
                self[f.__name__] = f
        TABLE = Registry()
        @TABLE.register
        def largest(x): return x.max()
    """,
    "single dispatch": """
        from functools import singledispatch
        @singledispatch
        def helper(x): return x
        @helper.register(dict)
        def _(x): return x["x"]
    """,
    "a decorated definition in a branch": """
        def keep(f): TABLE[f.__name__] = f
        if True:
            @keep
            def largest(x): return x.max()
    """,
    "a call that sets attributes": """
        def install(cls, **methods):
            for name, method in methods.items():
                setattr(cls, name, method)
        def forward(self, x): return x
        install(Layer, forward=forward)
    """,
    "a call that assigns attributes": """
        def install(*, into, method): into.forward = method
        def forward(self, x): return x
        install(into=Layer, method=forward)
    """,
    "a call of a lambda": """
        install = lambda cls, f: setattr(cls, f.__name__, f)
        def forward(self, x): return x
        install(Layer, forward)
    """,
    "a call that hands its argument on": """
        def install(cls, f): put(f, cls)
        def put(f, cls): vars(cls)["forward"] = f
        def forward(self, x): return x
        install(Layer, forward)
    """,
    "a call with stars": """
        def install(f, *classes):
            for cls in classes:
                cls.forward = f
        def forward(self, x): return x
        CLASSES = [Layer]
        install(forward, *CLASSES)
    """,
    "a call in a loop": """
        def install(cls, f): cls.forward = f
        def forward(self, x): return x
        for cls in (Layer,):
            install(cls, forward)
    """,
    "a loop over classes": """
        def describe(self): return 1
        for cls in (Layer, Other):
            cls.describe = describe
    """,
    "a loop over named classes": """
        CLASSES = {"a": Layer, "b": Other}
        for name, cls in CLASSES.items():
            setattr(cls, "title", name)
    """,
    "a loop over pairs": """
        def one(self): return 1
        for cls, f in zip([Layer, Other], [one, one]):
            cls.one = f
    """,
    "loops in loops": """
        def one(self): return 1
        for group in [(Layer, Other)]:
            for cls in group:
                cls.one = one
    """,
    "a comprehension that stands alone": """
        def one(self): return 1
        [setattr(Layer, f.__name__, f) for f in (one,)]
    """,
    "another name for the class": """
        def one(self): return 1
        Same = Layer
        Same.one = one
    """,
    "several attributes at once": """
        def one(self): return 1
        (Layer.one, Layer.two), other = (one, one), 3
    """,
    "a call that binds a global": """
        def setup():
            global TABLE
            TABLE = {1: 2}
        setup()
    """,
    "a call of a call that fills a global": """
        def setup(): fill()
        def fill(): TABLE.setdefault("a", 1)
        setup()
    """,
    "a method of a table": """
        class Registry(dict):
            def register(self, f): self[1] = f
        def one(x): return 1
        TABLE = Registry()
        TABLE.register(one)
    """,
    "the depth of recursion": """
        import sys
        DEPTH = 9999
        sys.setrecursionlimit(DEPTH)
    """,
}


@pytest.mark.parametrize("what", CALLS)
def test_calls_and_decorators_that_make_what_a_layer_needs_are_extracted_with_what_they_need(what):
    before = "TABLE = {}\nclass Other: pass\nclass Layer:\n    def f(self): return TABLE, helper\n"
    own = textwrap.dedent(CALLS[what])
    found = extract(before + own)
    for statement in ast.parse(own).body:
        assert ast.unparse(statement) in found
    # In cells of their own, too.
    assert extract(before, *map(ast.unparse, ast.parse(own).body)) == found


TRAINING = [
    "train(net)", "train(Layer(), COUNT)", "run()", "again()", "test(Layer)", "test(cls=Layer)",
    "test_all(Layer, results)", "[test(cls) for cls in (Layer, Other)]", "for cls in (Layer, Other): test(cls)",
    "for cls in (Layer, Other): cls().forward(1)",
    "for cls in (Layer, Other):\n    layer = cls()\n    layer.weights = np.ones(3)",
    "for layer in (Layer(), Other()): layer.weights = np.ones(3)", "layer = Layer(); layer.forward(1)",
    "Layer.forward(net, 1)", "net.train(images, helper)", "print(train(net), helper(SCALE), Layer)",
    "plt.plot(SCALE)", "np.seterr(all='ignore')", "np.testing.assert_equal(helper(1), SCALE)",
    "results.append(helper(SCALE))", "@timer\ndef everything(): return [train(net) for _ in range(10**9)]",
    "@pytest.mark.parametrize('cls', [Layer, Other])\ndef test_layer(cls): cls()",
    "@unknown(max)\ndef unused(): pass",
]  # fmt: skip


@pytest.mark.parametrize("statement", TRAINING)
def test_calls_that_train_test_and_plot_are_left_behind(statement):
    given = """
    import numpy as np
    import matplotlib.pyplot as plt
    import pytest
    COUNT = {}
    SCALE = 2
    def helper(x): return max(x, SCALE)
    def timer(f): return lambda *args: f(*args)
    class Other: pass
    class Layer:
        @timer
        def forward(self, x):
            COUNT["calls"] = 1
            return helper(np.asarray(x)), Other
    results = []
    net = Layer()
    def train(model, counts=COUNT):
        global COUNT
        COUNT = {}
        model.weights -= 1
        counts["steps"] = 3
    def run():
        model = Layer()
        train(model)
    def again(): train(net)
    def test(cls):
        layer = cls()
        layer.weights = np.ones(3)
        assert layer.forward(1)
    def test_all(cls, results): results.append(test(cls))
    """
    assert extract(given, statement) == extract(given)


@pytest.mark.parametrize(
    "value", ["0", "-np.inf", "np.inf", "best", "best.loss", "losses[0]", "train()", "[]", "np.pi"]
)
def test_numbers_that_have_the_name_of_a_builtin_do_not_become_part_of_a_layer(value):
    layer = "import numpy as np\nclass Layer:\n    def f(self, x): return max(np.abs(x))"
    assert extract(f"best = 3\nlosses = [1]\nmax = {value}\n{layer}") == plain(layer)


def test_many_calls_that_lead_to_each_other_are_followed_in_time():
    shapes = (
        "def f{0}(a): f{1}(a)\nf0(n{0})",
        "def f(a): a.b = n{0}\nf(n{0})",
        "def g(): n{0}.append(n{1})\ng()",
        "n{0} = n{1}\nn{0}.b = 1",
        "for n{0} in (n{1}, Layer): f(n{0})",
        "@g.register(n{0})\ndef f(): n{0}.b = n{1}",
        "n{0} = [n{1}, Layer]",
    )
    text = "\n".join(shape.format(number, number + 1) for shape in shapes for number in range(500))
    tree = ast.parse(f"{text}\nclass Layer:\n    def g(self): return f, g, n1")
    assert len(select(analyse(tree, 0), ["Layer"]).chosen) > 3_000


def test_helpers_in_later_chunks_are_found():
    found = extract(
        "class Layer:\n    def f(self): return helper()", "print(1)", "def helper(): return LIMIT", "LIMIT = 3"
    )
    assert found.endswith("def helper():\n    return LIMIT\nLIMIT = 3")
    assert "print" not in found


def test_missing_names_are_told():
    tree = ast.parse("class Layer: pass")
    assert select(analyse(tree, 0), ["Layer", "Pool", "Net"]).missing == ["Net", "Pool"]


@pytest.mark.parametrize("deep", ["x" + ".a" * 900, "-" * 900 + "x", "[" * 90 + "x" + "]" * 90])
def test_a_deep_expression_is_described_without_ending_the_grader(deep):
    tree = ast.parse(f"x = 1\ny = {deep}\nz = 1\nclass Layer:\n    def f(self): return y")
    chosen = select(analyse(tree, 0), ["Layer"]).chosen
    assert [(statement.index, aliases) for statement, aliases in chosen] == [(0, None), (1, None), (3, None)]


def test_a_chain_of_many_definitions_is_followed_in_time():
    count = 5_000
    chain = "\n".join(f"n{number} = n{number + 1}" for number in range(count))
    text = f"{chain}\nn{count} = 1\nclass Layer:\n    def f(self): return n0"
    tree = ast.parse(text)
    assert len(select(analyse(tree, 0), ["Layer"]).chosen) == count + 2


# Names of their own, so that nothing here has to do with the layers.
NAMES = st.sampled_from(["aa", "bb", "cc", "dd"])
UNRELATED = st.one_of(
    st.builds("{} = {}".format, NAMES, st.integers()),
    st.builds("print({}, Layer)".format, NAMES),
    st.builds("{} = Layer().forward({})".format, NAMES, NAMES),
    st.builds("import matplotlib.pyplot as {}".format, NAMES),
    st.builds("def {}(x, SCALE=1): return helper(x)".format, NAMES),
    st.builds("class {}(Layer): pass".format, NAMES),
    st.builds("{}.weights = np.ones(3)".format, NAMES),
    st.builds("for {} in range(3): {} = sqrt({})".format, NAMES, NAMES, NAMES),
    st.builds("if SCALE > 1: {} = 1".format, NAMES),
    st.builds("{} = lambda np: np + SCALE".format, NAMES),
    st.builds("{} = [helper for helper in range(3)]".format, NAMES),
    st.builds("with open('x') as {}: pass".format, NAMES),
    st.builds("def {}(x):\n    global {}\n    {} = x = 1".format, NAMES, NAMES, NAMES),
    st.builds("{}(Layer, x={})".format, NAMES, NAMES),
    st.builds("{}.add({}, helper)".format, NAMES, NAMES),
    st.builds("for {} in (Layer(), {}): {}.forward = helper".format, NAMES, NAMES, NAMES),
)


@given(st.lists(st.tuples(st.integers(0, 5), UNRELATED), max_size=8))
def test_unrelated_statements_never_change_what_is_extracted(additions):
    statements = [ast.unparse(statement) for statement in ast.parse(LAYERS).body]
    for place, statement in additions:
        statements.insert(place, statement)
    assert extract("\n".join(statements)) == extract(LAYERS)
    assert extract(*statements) == extract(LAYERS)
