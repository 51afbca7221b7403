from __future__ import annotations

import os

import pytest

from cnn_assignment.sandbox import probe as probing
from cnn_assignment.sandbox.host import Sandbox, SandboxError, TimeLimits, WorkerProcess
from cnn_assignment.sandbox.limits import WorkerLimits
from cnn_assignment.sandbox.probe import probe

ALL = ("separate_process", "cpu_limit", "memory_limit", "file_size_limit", "open_files_limit")
LOOSE = {
    "memory_limit": {"memory_mib": 1 << 20},
    "file_size_limit": {"file_mib": 1},
    "open_files_limit": {"open_files": 900},
}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as opened:
        yield opened


def test_here_every_protection_is_active(sandbox):
    found = probe(sandbox)
    assert {name: found.active[name] for name in ALL} == dict.fromkeys(ALL, True)
    assert found.level >= 1


@pytest.mark.parametrize("name", sorted(LOOSE))
def test_a_limit_that_is_not_set_is_told_and_lowers_the_level(sandbox, monkeypatch, name):
    monkeypatch.setattr(probing, "WorkerLimits", lambda **usual: WorkerLimits(**{**usual, **LOOSE[name]}))
    found = probe(sandbox)
    assert [protection for protection in ALL if not found.active[protection]] == [name]
    assert found.level == 0


def test_without_a_limit_of_processor_time_the_wall_clock_does_not_pass_for_one(sandbox, monkeypatch):
    monkeypatch.setattr(probing, "TimeLimits", lambda cpu_s, wall_s: TimeLimits(cpu_s=60.0, wall_s=min(wall_s, 1.0)))
    found = probe(sandbox)
    assert [protection for protection in ALL if not found.active[protection]] == ["cpu_limit"]
    assert found.level == 0


def test_code_that_runs_in_the_graders_own_process_is_told(sandbox, monkeypatch):
    request = WorkerProcess.request

    def in_this_process(worker, wanted, limits):
        attack = wanted.operations[0][3]
        return os.getpid() if attack == "tell_process" else request(worker, wanted, limits)

    monkeypatch.setattr(WorkerProcess, "request", in_this_process)
    found = probe(sandbox)
    assert not found.active["separate_process"]
    assert found.level == 0


def test_a_sandbox_in_which_nothing_runs_is_an_error_and_no_protection(sandbox, monkeypatch):
    monkeypatch.setattr(probing, "WorkerLimits", lambda **_: WorkerLimits(open_files=-5))
    with pytest.raises(SandboxError, match=r"no code runs in a worker: the process ended \(status 70\)"):
        probe(sandbox)


def test_an_attack_that_fails_for_another_reason_is_no_protection(sandbox, monkeypatch):
    monkeypatch.setattr(probing, "_ATTACKS", probing._ATTACKS.replace("def use_memory", "def lose_memory"))
    assert not probe(sandbox).active["memory_limit"]


def test_probing_leaves_no_file_and_no_process(sandbox, tmp_path):
    from sandbox_kit import children_of, count_descriptors

    before = count_descriptors()
    probe(sandbox)
    assert count_descriptors() == before
    assert children_of(sandbox._process.pid) == []
