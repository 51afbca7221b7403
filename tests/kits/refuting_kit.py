"""Tries what the grader tells of failing cases against cases that it did not look at; a process of its own.

``python refuting_kit.py ROOT NAME PART PARTS`` takes every so many-th misconception and mutant of an assignment, asks for
the pattern over the cases of each test that passes some and fails others, and prints as JSON how many were asked, the
sentences, and those that other cases refute. Right variants fail nothing, as the gate proves, so nothing is told of them.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from itertools import takewhile
from pathlib import Path

import pytest

from cnn_assignment.core.errors import GraderError
from cnn_assignment.core.layout import load_assignment
from cnn_assignment.core.model import Status
from cnn_assignment.core.traits import read_traits
from cnn_assignment.explaining.further import FurtherCases, draw_cases, has_further_cases
from cnn_assignment.judging.hidden import HiddenTests
from cnn_assignment.judging.replay import ReplayCache
from cnn_assignment.judging.session import Session
from cnn_assignment.proving.gate import make_gate
from cnn_assignment.proving.trials import Kind
from cnn_assignment.running.grader import GradingLoop
from cnn_assignment.sandbox.client.choice import open_sandbox
from cnn_assignment.submissions import Chunk, ExtractedCode

KINDS = (Kind.MISCONCEPTION, Kind.MUTANT)
OTHER_CASES = 50
# The cases that the grader draws are number 0.
OTHER_NUMBER = 1


class Refuter:
    """A plugin in the place of pytest's loop over tests."""

    def __init__(self, hidden, part, parts):
        self._hidden = hidden
        # Every misconception, and every other mutant: neighbours differ by one number.
        trials = [trial for trial in make_gate(hidden.assignment, ()) if trial.kind in KINDS]
        mutants = [trial for trial in trials if trial.kind is Kind.MUTANT]
        self._trials = [trial for trial in trials if trial not in mutants[1::2]][part::parts]
        self.found = {"asked": 0, "told": [], "refuted": []}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self):
        """Try every trial."""
        with open_sandbox(self._hidden.assignment.modules) as self._sandbox:
            for trial in self._trials:
                self._try(trial)
        return True

    @staticmethod
    @pytest.hookimpl
    def pytest_runtest_makereport(item, call):
        """A report without a rendered traceback, as the grader makes them: it would cost a hundred times the test."""
        return GradingLoop.pytest_runtest_makereport(item, call)

    def _try(self, trial):
        code = ExtractedCode((Chunk("cnn.py", trial.content),), ())
        self._hidden.session = session = Session(self._sandbox, self._hidden.assignment, code)
        try:
            for task in self._hidden.collected:
                if task.id in (trial.task or task.id):
                    self._ask(trial, task, session)
        finally:
            session.close()

    def _ask(self, trial, task, session):
        functions = defaultdict(list)
        for test in task.tests:
            functions[test.function].append(test)

        def passes(test):
            try:
                judged = self._hidden.judge(task, test, None)
            except GraderError:
                return None
            if session.is_troubled or judged.outcome.outcome is Status.TIMEOUT:
                return None
            return judged.signature is None

        for tests in functions.values():
            if not has_further_cases(tests[0]):
                continue
            # Where one never ends, nothing is told.
            passed = list(takewhile(lambda result: result is not None, map(passes, tests)))
            # No pattern is looked for either where all fail or none does.
            if len(passed) < len(tests) or len(set(passed)) == 1:
                continue
            self.found["asked"] += 1
            sentence = FurtherCases(tests, passed, passes).find_pattern("answer")
            if sentence:
                name = f"{trial.kind} {task.id}: {trial.name}: {sentence}"
                self.found["told"].append(name)
                others = draw_cases(tests[0], OTHER_CASES, more=OTHER_NUMBER)
                results = [(case, passes(case)) for case in others]
                self.found["refuted"] += [
                    f"{name} {case.instead}"
                    for case, passed in results
                    if passed is None or refutes(sentence, case, passed)
                ]


def refutes(sentence, test, passed):
    """Whether the result of a case refutes a sentence, read as a student reads it."""
    found = re.fullmatch(
        r"Your answer (?:is right wherever (?P<right>.*), and goes wrong only elsewhere|goes wrong only where (?P<wrong>.*))"
        r": so it was in all of \d+ cases\.",
        sentence,
    )
    traits = read_traits(test.parameters)
    if found["right"]:
        return _holds(found["right"], traits) and not passed
    return not _holds(found["wrong"], traits) and not passed


def _holds(clause, traits):
    if clause in traits:
        return traits[clause]
    name, _, value = clause.partition(" is ")
    bound = value.removeprefix("at most ")
    return traits[name] <= float(bound) if bound != value else traits[name] == float(value)


def main():
    """Print what was found."""
    # The plugin of the environment collects hidden tests too.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    root, name, part, parts = sys.argv[1:]
    hidden = HiddenTests(load_assignment(Path(root), name), replay_cache=ReplayCache())
    refuter = Refuter(hidden, int(part), int(parts))
    folder = str(hidden.assignment.autograder_dir)
    quiet = ("-p", "no:terminal", "-p", "no:cacheprovider", "-p", "no:faulthandler", "-s", "-c", os.devnull)
    status = pytest.main([folder, f"--rootdir={folder}", *quiet], plugins=[hidden, refuter])
    sys.stdout.write(json.dumps(refuter.found) + "\n")
    return int(status)


if __name__ == "__main__":
    sys.exit(main())
