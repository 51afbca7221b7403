"""Attacks inside of Python: hunts for expected values, what reaches the next submission, forged and endless answers."""

from __future__ import annotations

import builtins
import ctypes
import gc
import json
import os
import random
import re
import signal
import struct
import sys
import time
import warnings

import numpy as np
from tools import attack

# Hunts


@attack(seen="secret", control="no sandbox", stopped_from=0)
def hunt_frames(target):
    """look at the variables of all callers"""
    found, frame = [], sys._getframe()
    while frame is not None:
        found += [repr(value)[:200] for value in frame.f_locals.values() if type(value) is str]
        frame = frame.f_back
    return [text for text in found if "expected" in text]


@attack(seen="secret", control="no sandbox", stopped_from=0)
def hunt_objects(target):
    """look at all objects of the collector"""
    dicts = [thing for thing in gc.get_objects() if type(thing) is dict]
    return [value for found in dicts for value in list(found.values()) if is_expected(value)]


@attack(seen="secret", control="no sandbox", stopped_from=0)
def hunt_modules(target):
    """look into all modules"""
    return [value for module in list(sys.modules.values()) for value in vars(module).values() if is_expected(value)]


def is_expected(value):
    return type(value) is str and value.startswith("expected-")


@attack(seen="secret", control="no sandbox", stopped_from=0)
def hunt_environment(target):
    """look at the environment"""
    return [text for text in os.environ.values() if text.startswith("expected")]


@attack(seen="secret", control="no sandbox", stopped_from=0)
def hunt_memory(target):
    """search the whole memory of this process"""
    found = set()
    with open("/proc/self/maps", encoding="ascii") as stream:
        lines = stream.read().splitlines()
    with open("/proc/self/mem", "rb", buffering=0) as memory:
        for line in lines:
            first, last = (int(text, 16) for text in line.split()[0].split("-"))
            if " rw" in line and last - first < 64 << 20:
                memory.seek(first)
                found |= set(re.findall(rb"expected-[0-9a-f]{24}", memory.read(last - first)))
    return sorted(text.decode() for text in found)


# What reaches the next submission


def look(target):
    """What a submission sees of the state that an earlier one could have changed."""
    return repr(
        (
            float(np.sum(np.ones(3))),
            float(np.linalg.norm(np.ones(4))),
            len([1, 2]),
            str(int("77")),
            json.dumps([1]),
            random.random(),
            float(np.random.rand()),
            np.geterr(),
            str(np.array([1 / 3])),
            os.environ.get("LEFT"),
            sys.getrecursionlimit(),
            getattr(sys, "left", None),
            len(warnings.filters),
            sorted(name for name in sys.modules if name == "left"),
            str(signal.getsignal(signal.SIGUSR1)),
        )
    )


@attack(seen="next", control="no sandbox", stopped_from=0)
def patch_numpy(target):
    """replace a function of NumPy"""
    np.sum = np.linalg.norm = lambda *_, **__: 42.0


@attack(seen="next", control="no sandbox", stopped_from=0)
def patch_builtins(target):
    """replace a built-in function"""
    builtins.len = lambda _: 42


@attack(seen="next", control="no sandbox", stopped_from=0)
def patch_json(target):
    """replace what answers are written with"""
    json.dumps = lambda *_, **__: "forged"


@attack(seen="next", control="no sandbox", stopped_from=0)
def draw_random_numbers(target):
    """move the generators on"""
    random.seed(5)
    np.random.seed(5)


@attack(seen="next", control="no sandbox", stopped_from=0)
def change_settings(target):
    """change settings of NumPy and Python"""
    np.seterr(all="raise")
    np.set_printoptions(precision=2)
    sys.setrecursionlimit(500)
    warnings.simplefilter("error")


@attack(seen="next", control="no sandbox", stopped_from=0)
def leave_message(target):
    """leave a message in the environment, in sys and as a module"""
    os.environ["LEFT"] = "message"
    sys.left = "message"
    sys.modules["left"] = sys


@attack(seen="next", control="no sandbox", stopped_from=0)
def leave_handler(target):
    """leave a handler of signals"""
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


@attack(seen="next", control="no sandbox", stopped_from=0)
def write_into_number(target):
    """make 77 equal to 78 in memory"""
    ctypes.memmove(id(int("77")) + 24, id(int("78")) + 24, 4)


# Answers


class _AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None


class _EqualArray(np.ndarray):
    def __eq__(self, other):
        return np.ones(3, dtype=bool)

    __hash__ = None


@attack(seen="equal", control="no sandbox", stopped_from=0)
def claim_equality(target):
    """answer with something that equals everything"""
    return _AlwaysEqual()


@attack(seen="equal", control="no sandbox", stopped_from=0)
def claim_equal_array(target):
    """answer with an array that equals every other"""
    return np.zeros(3).view(_EqualArray)


def honest(target):
    return "honest"


def _forge(nonce):
    text = json.dumps({"nonce": nonce, "value": "forged"}).encode()
    os.write(4, struct.pack(">II", len(text), 0) + text)


@attack(seen="forged", control="no sandbox", stopped_from=0)
def send_answer_early(target):
    """answer the next request before it is made"""
    _forge("0" * 32)


@attack(seen="forged", control="no sandbox", stopped_from=0)
def send_answer_twice(target):
    """answer the next request with the number of this one"""
    frame, nonce = sys._getframe(), ""
    while frame is not None:
        nonce = getattr(frame.f_locals.get("self"), "_nonce", nonce)
        frame = frame.f_back
    _forge(nonce)
    _forge(nonce)


# Endings


@attack(seen="crash", control="no sandbox", stopped_from=0)
def leave_at_once(target):
    """end the process in the middle of grading"""
    os._exit(0)


@attack(seen="crash", control="no sandbox", stopped_from=0)
def crash(target):
    """read where no memory is"""
    ctypes.string_at(8)


@attack(seen="hang", control="no sandbox", stopped_from=0)
def loop(target):
    """loop for ever and ignore signals"""
    for number in range(1, 32):
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            continue
    while True:
        pass


@attack(seen="hang", control="no sandbox", stopped_from=0)
def sleep(target):
    """sleep for ever"""
    while True:
        time.sleep(1000)


@attack(seen="hang", control="no sandbox", stopped_from=0)
def search_for_ever(target):
    """match a pattern that never ends, in C"""
    re.match(r"(a+)+b", "a" * 60)
