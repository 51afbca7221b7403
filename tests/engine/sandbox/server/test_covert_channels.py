"""What hostile code can carry out of the sandbox in a report: no more than the budget, whatever it uses for it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from cnn_assignment.core.model import Outcome, Report, ReportStatus, Status, TaskScore
from cnn_assignment.judging.telling import MOST_CHOSEN, MOST_REPORT, Quoting, Teller
from cnn_kit import NAME, copy_course, run
from places import ROOT
from toy_course import write

pytestmark = pytest.mark.usefixtures("unmeasured")

# Each finds the grader's pipe and writes its replies itself where it needs to; `secret` are the bytes of what it was given.
HEAD = """
import json, os, struct, sys, base64
import numpy as np

COUNT = [0]

def worker():
    frame = sys._getframe()
    while type(frame.f_locals.get("self")).__name__ != "Worker":
        frame = frame.f_back
    return frame.f_locals["self"]

def reply(header, payload=b""):
    text = json.dumps({"nonce": worker()._nonce, **header}, separators=(",", ":")).encode()
    os.write(4, struct.pack(">II", len(text), len(payload)) + text + payload)
    os._exit(0)

def digits(data, most):
    return int.from_bytes(b"\\x01" + data[:most], "big")

KINDS = ["none", "int", "float", "array", "list", "dict", "function", "class", "module", "object", "generator"]

def SCENE(data, left="array", right="array"):
    names = [" ".join(OURS[b % len(OURS)] for b in data[n:n + 5]) for n in (0, 5)]
    parts = [
        {"role": role, "text": name, "fact": {"kind": kind, "shape": list(data[n:n + 3]), "names": names}}
        for role, name, kind, n in (("left", names[0], left, 0), ("right", names[1], right, 3))
    ]
    scene = {"action": "operate", "word": "*", "parts": parts, "where": names[0], "called": names[1]}
    message = "unsupported operand type(s) for *: 'a' and 'b'"
    return {"type": "TypeError", "message": message, "step": 0, "at": ["cnn.py", 7], "scene": scene}
"""
CHANNELS = {
    "message": "raise ValueError(base64.b85encode(data[:320]).decode())",
    "type": "raise type('T' + data[:38].hex(), (Exception,), {})('x')",
    "words": "raise ValueError(' '.join(WORDS[b % len(WORDS)] for b in data[:60]))",
    "line": "reply({'error': {'type': 'E', 'message': 'm', 'step': 0, 'at': ['cnn.py', digits(data, 1700)]}})",
    "small line": "reply({'error': {'type': 'E', 'message': 'm', 'step': 0, 'at': ['cnn.py', digits(data, 2)]}})",
    "label": "reply({'error': {'type': 'E', 'message': 'm', 'step': 0, 'at': [data[:40].hex(), 7]}})",
    "number": "reply({'value': digits(data, 1700)})",
    "shape": "return np.zeros(tuple(1 + b for b in data[:2]) + (0,) + tuple(data[2:30]))",
    "opaque type": "return {'out': type('T' + data[:38].hex(), (), {})(), 'x': x}",
    "returned type": "return type('T' + data[:38].hex(), (), {})()",
    "opaque": "reply({'value': ['o', data[:38].hex(), data[:900].hex()]})",
    "dtype": "reply({'value': ['x', data[:32].hex(), [n for n in data[:30]], data[:40].hex()]})",
    "named in our words": "return type('_'.join(OURS[b % len(OURS)] for b in data[:9]), (), {})()",
    "said in our words": "return type(' '.join(OURS[b % len(OURS)] for b in data[:9]), (), {})()",
    "factor": "return np.asarray(data[0] / 256 * x)",
    "warning": "import warnings; warnings.warn(data[:200].hex()); raise KeyError(data[:120].hex())",
    "deep": "reply({'error': {'type': 'a.' + data[:20].hex(), 'message': '\\u202e\\n' + data[:150].hex(), 'step': -1, 'at': 5}})",
    "windows": "return ((digits(data[8 * n:], 7), digits(data[8 * n + 3:], 7), x[:, :, :1, :1]) for n in range(2))",
    "keys": "return {base64.b85encode(data[:300]).decode(): 1}",
    "tag": "reply({'value': [data[:300].hex()]})",
    "scene": "reply({'error': SCENE(data)})",
    "kinds": "reply({'error': SCENE(data, KINDS[data[0] % len(KINDS)], KINDS[data[1] % len(KINDS)])})",
    "exit": "os._exit(data[0] % 250)",
    "many": "raise ValueError('%d %s' % (COUNT[0], data[:140].hex()))",
}
# Words of which messages of ours are made.
OURS = [
    "values",
    "wrong",
    "shape",
    "first",
    "index",
    "view",
    "row",
    "col",
    "expected",
    "got",
    "weights",
    "cache",
    "out",
]
METHOD = re.compile(r"^(    def (?:forward|backward|_get_filtersizeXfiltersize_views)\(self.*\n)", re.MULTILINE)


def hostile(how: str) -> str:
    """The solution, whose every method says what it was given in one of these ways."""
    text = (ROOT / "solutions/cnn.py").read_text(encoding="utf-8")
    steps = "".join(f"    if which == {n}:\n        {CHANNELS[name]}\n" for n, name in enumerate(CHANNELS))
    which = list(CHANNELS).index(how) if how in CHANNELS else -1
    number = f"COUNT[0] % {len(CHANNELS)}" if which < 0 else str(which)
    leak = (
        f"{HEAD}\nWORDS, OURS = open.__doc__.split(), {OURS!r}\n\ndef leak(given):\n    COUNT[0] += 1\n    which = {number}\n"
        "    x = next((v for v in given.values() if isinstance(v, np.ndarray)), None)\n"
        "    for v in given.values():\n        if isinstance(v, dict) and isinstance(v.get('x'), np.ndarray): x = v['x']\n"
        f"    data = b'' if x is None else np.asarray(x).tobytes() * 9\n{steps}\n"
    )
    body = METHOD.sub(r"\1        return leak(dict(locals()))\n", text)
    future, rest = body.split("import numpy as np", 1)
    return f"{future}import numpy as np\n{leak}{rest}"


# Those that say the most, one by one; all of them by turns in one more submission.
ALONE = ("message", "type", "words", "line", "label", "opaque type", "windows", "scene", "kinds", "exit")
HOW = (*ALONE, "all")


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    course = copy_course(ROOT, tmp_path_factory.mktemp("covert") / "course", "release")
    for number, how in enumerate(HOW):
        write(course / f"submitted/s{number}/{NAME}/{NAME}.py", hostile(how))
    run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", "--no-gradebook", cwd=course)
    return {how: (course / f"reports/s{number}.json").read_bytes() for number, how in enumerate(HOW)}


def hidden_inputs() -> list[bytes]:
    """The bytes of what hidden tests draw, test by test: arrays of any shape take the same numbers in order."""
    report = json.loads((ROOT / "tests/assignments/cnn/golden/untouched.json").read_bytes())
    names = [
        f"test_{task['id'].replace('-', '_')}.py::{test['id']}" for task in report["tasks"] for test in task["tests"]
    ]
    seed = report["autograder"]["seed"]
    return [np.random.default_rng([seed, zlib.crc32(name.encode())]).normal(size=2000).tobytes() for name in names]


def readings(piece: str) -> Iterator[bytes]:
    """What a piece of a text may be the writing of."""
    for start in range(2):
        with suppress(ValueError):
            yield bytes.fromhex(piece[start : start + (len(piece) - start) // 2 * 2])
    with suppress(ValueError):
        yield base64.b85decode(piece)
    if piece.isdigit():
        number = int(piece)
        yield number.to_bytes(len(piece), "big").lstrip(b"\0")[1:]


def decode(report: dict[str, Any], inputs: Sequence[bytes]) -> set[bytes]:
    """The parts of hidden inputs, four bytes and longer, that can be read out of a report."""
    found = set()
    for text in words_of(report):
        for piece in {
            *re.findall(r"[!-~]{8,}", text),
            *re.findall(r"[0-9a-f]{8,}", text),
            *re.findall(r"\d{8,}", text),
        }:
            for read in readings(piece):
                found |= {part for part in parts_of(read) if any(part in data for data in inputs)}
    return found


def parts_of(read: bytes) -> Iterator[bytes]:
    """All words of four bytes, in steps of four."""
    return (read[start : start + 4] for start in range(0, len(read) - 3, 4))


def outcomes_in(report: dict[str, Any]) -> list[dict[str, Any]]:
    return [test for task in report["tasks"] for test in task["tests"]]


def words_of(report: dict[str, Any]) -> set[str]:
    return {*report["notes"], *(text for test in outcomes_in(report) for text in (test["message"], *test["diagnosis"]))}


PIECE = re.compile(r"[A-Za-z_]\w*|[^A-Za-z\s.,;:!?()\[\]'\"/=<>+*%`…-]")


@cache
def our_words() -> frozenset[str]:
    """Those that stand in the kit, the hidden tests and the solution."""
    files = [*ROOT.glob("cnn_assignment/**/*.py"), *ROOT.glob(f"autograder/{NAME}/*.*"), *ROOT.glob("s*/**/*.py")]
    texts = (file.read_text(encoding="utf-8") for file in files if file.suffix != ".gz")
    return frozenset(word for text in texts for word in PIECE.findall(text))


def test_of_hidden_inputs_no_more_can_be_decoded_than_the_budget(reports):
    inputs = hidden_inputs()
    found = {how: sum(map(len, decode(json.loads(data), inputs))) for how, data in reports.items()}
    # The decoder can read.
    assert found["message"] > 200, found
    assert found["type"] > 100, found
    assert max(found.values()) <= MOST_CHOSEN, found


@pytest.mark.parametrize("how", HOW)
def test_what_a_channel_carries_is_within_the_budget(reports, how):
    data = reports[how]
    report = json.loads(data)
    assert report["status"] == "graded"
    assert len(data) <= MOST_REPORT
    # All that the code said itself, and of our sentences whatever is neither a word of ours nor joins words.
    said = {test["message"] for test in outcomes_in(report) if test["outcome"] == "error"}
    # Of a sentence on an exception, all that it quotes.
    explained = {text for test in outcomes_in(report) if test["outcome"] == "error" for text in test["diagnosis"]}
    quoted = sum(len(quote.encode()) for text in explained for quote in re.findall(r"`[^`]*`", text))
    ours = {text.replace("`", "") for text in words_of(report) - said}
    assert quoted <= MOST_CHOSEN
    chosen = sum(len(text.encode()) for text in said if not re.fullmatch(r"(?:\w+: )?…", text))
    chosen += sum(len(piece) for text in ours for piece in PIECE.findall(text) if piece not in our_words())
    assert chosen <= MOST_CHOSEN, (said, ours)


def report_of(*messages: str, status: Status = Status.ERROR, diagnosis: tuple[str, ...] = ()) -> Report:
    tests = tuple(Outcome(f"t{n}", "title", status, 0.0, 1.0, text, diagnosis) for n, text in enumerate(messages))
    task = TaskScore("task", "Task", status, 0.0, 1.0, tests)
    return Report("toy", "ada", ReportStatus.GRADED, 0.0, 1.0, (task,), (), "toy.py", "", "", 0, "0", 2)


def messages_of(report: Report) -> list[str]:
    return [test.message for task in report.tasks for test in task.tests]


def test_of_our_sentences_only_what_was_chosen_is_counted_and_left_out():
    teller = Teller(["values", "are", "wrong", "of", "the", "first", "at", "index"])
    texts = [f"{n} of {n * 7} values are wrong, the first at index [{n}, {n}]" for n in range(200)]
    told = messages_of(teller.tell(report_of(*texts, status=Status.FAILED)))
    assert told[:100] == texts[:100]
    assert told[-1] == "… of … values are wrong, the first at index […]"
    assert sum(len(re.sub(r"\D", "", text)) for text in told) <= MOST_CHOSEN


def test_of_exceptions_everything_is_counted_and_the_type_stays():
    told = messages_of(Teller(["wrong"]).tell(report_of(*(f"ValueError: wrong wrong {n} wrong" for n in range(200)))))
    assert told[0] == "ValueError: wrong wrong 0 wrong"
    assert told[-1] == "ValueError: …"
    assert sum(len(text) for text in told if text != "ValueError: …") <= MOST_CHOSEN


def test_of_what_a_sentence_on_an_exception_quotes_everything_is_counted_and_without_room_it_is_left_out():
    tests = tuple(
        Outcome(f"t{n}", "title", Status.ERROR, 0.0, 1.0, "TypeError", (Quoting(f"`wrong wrong {n}` is wrong."),))
        for n in range(200)
    )
    task = TaskScore("task", "Task", Status.ERROR, 0.0, 1.0, tests)
    told = Teller(["wrong", "is"]).tell(replace(report_of("x"), tasks=(task,)))
    sentences = [test.diagnosis for test in told.tasks[0].tests]
    assert sentences[0] == ("`wrong wrong 0` is wrong.",)
    assert sentences[-1] == ()
    assert sum(len(text) - len(" is wrong.") for (text,) in filter(None, sentences)) <= MOST_CHOSEN
    assert all(test.message == "TypeError" for test in told.tasks[0].tests)


def test_what_is_said_again_costs_nothing():
    told = messages_of(Teller([]).tell(report_of(*["KeyError: 'weights' (cell 5, line 3)"] * 200)))
    assert set(told) == {"KeyError: 'weights' (cell 5, line 3)"}


def test_one_task_does_not_silence_those_below_it():
    loud = report_of(*(f"ValueError: {n:0200}" for n in range(40))).tasks[0]
    quiet = report_of("KeyError: 'a'").tasks[0]
    told = Teller([]).tell(replace(report_of("x"), tasks=(loud, loud, quiet)))
    assert told.tasks[-1].tests[0].message == "KeyError: 'a'"


def test_messages_are_one_line_of_visible_characters():
    (told,) = messages_of(Teller([]).tell(report_of("ValueError: a\x1b[31m\u202eb\n\n\x00c\u2028d")))
    assert told == r"ValueError: a\x1b[31m\u202eb \x00c d"


def test_a_report_is_never_larger_than_its_limit():
    report = report_of(*["not as described"] * 200, status=Status.FAILED, diagnosis=("a sentence of ours " * 14,))
    told = Teller(["a", "sentence", "of", "ours", "not", "as", "described"]).tell(report)
    assert len(json.dumps(told.to_json(), indent=2).encode()) <= MOST_REPORT
    assert told.tasks[0].tests[0].diagnosis
    assert told.tasks[0].tests[-1].diagnosis == ()
