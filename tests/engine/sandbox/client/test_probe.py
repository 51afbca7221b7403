"""Doctor tells the truth: every protection that is active here is told as such, and none that is switched off."""

from __future__ import annotations

import json
import os
import shutil
import tempfile

import pytest
from click.testing import CliRunner

import doctor_kit as kit
from cnn_assignment.cli import main
from cnn_assignment.sandbox.client import probe as probing
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.probe import PROTECTIONS, probe
from cnn_assignment.sandbox.client.protocol import SandboxError, TimeLimits
from cnn_assignment.sandbox.limits import WorkerLimits
from sandbox_kit import children_of, count_descriptors, zygote_of

LEVELS = {protection.name: protection.level for protection in PROTECTIONS}
NAMESPACED = {name for name, level in LEVELS.items() if level == 3}
AS_ROOT = os.geteuid() == 0
# Only root's workers change their user, and what that alone prevents cannot be told apart otherwise.
ROOT_TOO = {"not_root"} if AS_ROOT else set()
STAY = kit.STAY_ROOT if AS_ROOT else ""

# Landlock's bits: include/uapi/linux/landlock.h.
EXECUTE, WRITE, READ, LIST, MAKE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 8

# What is switched off in the zygote, and what else depends on it. Below bubblewrap the attacks would find nothing.
CONFINED = {
    "separate_process": (kit.GRADERS_CODE, set()),
    "memory_limit": (kit.without_limit("RLIMIT_AS"), set()),
    "file_size_limit": (kit.without_limit("RLIMIT_FSIZE"), set()),
    "open_files_limit": (kit.without_limit("RLIMIT_NOFILE"), set()),
    "not_root": (kit.STAY_ROOT, set()),
    "no_file_reading": (kit.with_access(READ), set()),
    "no_file_writing": (kit.with_access(WRITE | MAKE), set()),
    "no_file_changes": (kit.with_calls("chmod", "fchmodat"), set()),
    "no_listing": (kit.with_access(LIST), set()),
    "no_processes": (kit.ANY_CLONE, set()),
    "no_programs": (kit.with_calls("execve") + kit.with_access(EXECUTE | READ, "/usr"), set()),
    "no_network": (kit.with_calls("socket", "connect"), set()),
    "no_signals": (kit.with_calls("kill") + "confinement._SCOPE_FROM = 99\n" + STAY, ROOT_TOO),
    "no_other_memory": (
        kit.NO_RULESET + kit.KEEP_POWERS + STAY,
        {"no_file_reading", "no_file_writing", "no_listing", *ROOT_TOO},
    ),
    "no_unlisted_calls": (kit.with_calls("memfd_create"), set()),
}


def share_processes(command):
    return [word for word in command if word != "--unshare-pid"]


def share_files(command):
    folder = tempfile.gettempdir()
    return [*command[:-1], "--ro-bind", folder, folder, command[-1]]


WRAPPED = {"no_process_list": share_processes, "no_file_names": share_files}


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as opened:
        yield opened


def ask_doctor():
    done = CliRunner().invoke(main, ["doctor", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    return told["level"], {name for name, active in told["protections"].items() if not active}, told["problem"]


def hide_bubblewrap(monkeypatch):
    found = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, *more: None if name == "bwrap" else found(name, *more))


def test_here_every_protection_is_active():
    assert ask_doctor() == (3, set(), "")


@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_a_lower_level_is_told_as_the_absence_of_what_higher_ones_add(level):
    with Sandbox(level) as lower:
        found = probe(lower)
    missing = {name for name, active in found.active.items() if not active}
    # An ordinary user's workers are never root.
    expected = {name for name, needed in LEVELS.items() if needed > level and name != "cpu_limit"}
    assert missing == (expected if AS_ROOT else expected - {"not_root"})
    assert found.level == level


def test_each_protection_is_switched_off_by_a_test():
    assert {*CONFINED, *WRAPPED, "cpu_limit"} == set(LEVELS)


@pytest.mark.parametrize("name", CONFINED)
def test_doctor_tells_a_protection_that_is_switched_off(monkeypatch, name):
    words, dependent = CONFINED[name]
    hide_bubblewrap(monkeypatch)
    kit.boot_with(monkeypatch, words)
    level, missing, problem = ask_doctor()
    assert missing == NAMESPACED | {name} | dependent
    assert level == max(LEVELS[name] - 1, 0)
    assert "bubblewrap (bwrap) is not installed" in problem


@pytest.mark.parametrize("name", WRAPPED)
def test_doctor_tells_a_namespace_that_is_not_closed(monkeypatch, name):
    kit.wrap_with(monkeypatch, WRAPPED[name])
    assert ask_doctor() == (2, {name}, "")


def test_without_a_limit_of_processor_time_the_wall_clock_does_not_pass_for_one(monkeypatch):
    monkeypatch.setattr(probing, "_LIMITS", TimeLimits(cpu_s=60.0, wall_s=1.0))
    assert ask_doctor() == (0, {"cpu_limit"}, "")


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("confinement._NET_FROM = 99\n", id="no rules for ports"),
        pytest.param("confinement._SCOPE_FROM = 99\n", id="no rules for signals"),
        pytest.param(kit.with_access(EXECUTE | READ, "/usr"), id="programs may be run"),
        pytest.param(kit.with_calls("execve"), id="the call that runs programs"),
        pytest.param(kit.with_calls("kill"), id="the call that sends signals"),
    ],
)
def test_where_two_protections_guard_the_same_one_of_them_is_enough(monkeypatch, words):
    kit.boot_with(monkeypatch, words)
    assert ask_doctor() == (3, set(), "")


def test_a_sandbox_in_which_nothing_runs_is_an_error_and_no_protection(sandbox, monkeypatch):
    monkeypatch.setattr(probing, "WorkerLimits", lambda **_: WorkerLimits(open_files=-5))
    with pytest.raises(SandboxError, match=r"no code runs in a worker: the process ended \(status 70\)"):
        probe(sandbox)


@pytest.mark.parametrize("name", LEVELS)
def test_an_attack_that_fails_for_another_reason_is_no_protection(sandbox, monkeypatch, name):
    monkeypatch.setattr(probing, "_ATTACKS", probing._ATTACKS.replace(f"def {name}(", "def lost("))
    if name == "separate_process":
        with pytest.raises(SandboxError, match="no code runs in a worker: AttributeError"):
            probe(sandbox)
        return
    found = probe(sandbox)
    assert [protection for protection, active in found.active.items() if not active] == [name]
    assert found.level == max(LEVELS[name] - 1, 0)


def test_probing_leaves_no_file_and_no_process(sandbox, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = count_descriptors()
    probe(sandbox)
    assert count_descriptors() == before
    assert children_of(zygote_of(sandbox)) == []
    assert list(tmp_path.iterdir()) == []
