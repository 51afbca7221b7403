"""Runs every attack of `student` in workers of each level, and looks from outside whether it succeeded.

As a program: ``battery.py RESULT.json`` tries all of them as the user who runs it, and writes what was seen. A second
argument ``full`` fills level 1 of the table too, which promises little.
"""

from __future__ import annotations

import ast
import json
import os
import pty
import random
import secrets
import select
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[4]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "kits"), str(Path(__file__).resolve().parents[1])]

from attacks.student import tools
from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client import probe
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import Request, SandboxError, TimeLimits, WorkerFailure
from cnn_assignment.sandbox.client.worker_process import WorkerProcess
from cnn_assignment.sandbox.limits import WorkerLimits

STUDENT = Path(__file__).resolve().parent / "student"
PARTS = ("files", "processes", "kernel", "interpreter")
LEVELS = (0, 1, 2, 3)
# Attacks on memory take 160 MiB, so a worker with this budget must not have grown by 100.
LIMITS = WorkerLimits(memory_mib=64, cpu_s=20)
GROWTH_MIB = 100
# Small stacks fit into this budget by the thousand.
LIMITS_OF_FLOOD = WorkerLimits(memory_mib=1024, cpu_s=20)
PATIENT, SHORT = TimeLimits(cpu_s=5.0, wall_s=20.0), TimeLimits(cpu_s=0.1, wall_s=0.4)
CAPS = wire.Caps(1 << 20, 10_000)


@dataclass(frozen=True, slots=True)
class Attack:
    """One attack: the function of that name in a part of `student`. The other fields are explained in `student.tools`."""

    part: str
    name: str
    title: str
    seen: str
    stopped_from: int = 2
    control: str = "level 0"
    needs: str = ""
    rare: bool = False
    machine: str = ""

    @property
    def possible(self) -> bool:
        """Whether this user on this machine could do it without any sandbox."""
        is_root = os.geteuid() == 0
        return (self.needs != "root" or is_root) and self.machine in ("", os.uname().machine)


@dataclass(slots=True)
class Run:
    """What the battery saw. succeeded: by attack and column; told: what the attack itself got to hear, for the curious."""

    user: str
    available: dict[str, int] = field(default_factory=dict)
    problem: str = ""
    probed: int = 0
    columns: list[str] = field(default_factory=list)
    succeeded: dict[str, dict[str, bool]] = field(default_factory=dict)
    told: dict[str, dict[str, str]] = field(default_factory=dict)


def list_attacks() -> list[Attack]:
    """Every attack, read from the source and not run."""
    found = []
    for part in PARTS:
        for node in ast.parse((STUDENT / f"{part}.py").read_text(encoding="utf-8")).body:
            for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else []:
                assert isinstance(mark, ast.Call)
                options = {word.arg: ast.literal_eval(word.value) for word in mark.keywords if word.arg}
                found.append(Attack(part, node.name, ast.get_docstring(node) or "", **options))
    return found


# What attacks aim at


@dataclass(slots=True)
class Victim:
    """A process that stands for the grader, with a secret in its memory, environment, command line and a descriptor."""

    process: subprocess.Popen[str]
    secret: str
    address: int
    fd: int

    def look(self) -> tuple[object, ...]:
        """All that attacks change of a process."""
        try:
            return self._look()
        except (ProcessLookupError, FileNotFoundError, OSError):
            # It dies while it is looked at.
            return ("dead",)

    def _look(self) -> tuple[object, ...]:
        pid = self.process.pid
        if self.process.poll() is not None:
            return ("dead",)
        place = Path(f"/proc/{pid}")
        status = (place / "status").read_text(encoding="ascii").splitlines()
        with (place / "mem").open("rb", buffering=0) as memory:
            memory.seek(self.address)
            content = memory.read(40)
        return (
            content,
            # Sleeping or not, and who traces it.
            "T (stopped)" in status[2] or "t (tracing" in status[2],
            [line for line in status if line.startswith("TracerPid")],
            (place / "limits").read_text(encoding="ascii"),
            (place / "oom_score_adj").read_text(encoding="ascii"),
            os.getpriority(os.PRIO_PROCESS, pid),
            sorted(os.sched_getaffinity(pid)),
            os.sched_getscheduler(pid),
            tools.syscall("ioprio_get", 1, pid),
        )


_VICTIM = """
import ctypes, os, sys, time
# Machines with Yama let only parents look into a process, unless it says that anybody may.
ctypes.CDLL(None).prctl(0x59616D61, ctypes.c_ulong(2**64 - 1), 0, 0, 0)
buffer = ctypes.create_string_buffer(sys.argv[1].encode(), 64)
fd = os.memfd_create("open")
os.write(fd, sys.argv[1].encode())
print(ctypes.addressof(buffer), fd, flush=True)
time.sleep(300)
"""


def _start_victim() -> Victim:
    secret = _make_secret()
    command = [sys.executable, "-S", "-E", "-c", _VICTIM, secret]
    environment = {"SECRET": secret}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert process.stdout is not None
    address, fd = map(int, process.stdout.readline().split())
    return Victim(process, secret, address, fd)


def _make_secret() -> str:
    return f"expected-{secrets.token_hex(12)}"


class Scene:
    """A fresh place for one try of one attack: files, listeners and names."""

    def __init__(self, stack: ExitStack, victim: Victim) -> None:
        self.victim = victim
        self.name = f"atk{secrets.token_hex(5)}"
        self.secret = _make_secret()
        self.key = random.SystemRandom().randrange(1 << 20, 1 << 30)
        # More than a worker may have beside all that runs here, and beside the browsers that may yet be started here.
        self.many_threads = int(Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[2]) + 1_500
        self.size = random.SystemRandom().randrange(10**8, 10**9)
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attacked-")))
        self._place_files()
        self._listen(stack)
        self.secrets = (self.secret, victim.secret, str(self.size))
        self.before = self.snapshot()
        self.victim_before = victim.look()

    def _place_files(self) -> None:
        hidden = self.folder / "hidden"
        (self.folder / "other").mkdir()
        hidden.mkdir()
        self.hidden = hidden / "test_hidden.py"
        for path in (self.hidden, hidden / self.secret, hidden / "solution.py", self.folder / "other/submission.py"):
            path.write_text(f"SECRET = {self.secret!r}\n", encoding="ascii")
        (hidden / "link").symlink_to(self.folder / self.secret)
        with (hidden / "sized").open("wb") as stream:
            stream.truncate(self.size)
        # Open to everyone: what keeps a worker out has to be its confinement, and not who owns a file.
        for folder, _, names in os.walk(self.folder):
            Path(folder).chmod(0o777)
            for name in set(names) - {"link"}:
                (Path(folder) / name).chmod(0o666)

    def _listen(self, stack: ExitStack) -> None:
        self.tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self.listeners: list[Any] = [self.tcp]
        self.tcp6_port = 0
        with suppress(OSError):
            tcp6 = stack.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6))
            self.tcp6_port = tcp6.getsockname()[1]
            self.listeners.append(tcp6)
        self.udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.udp.bind(("127.0.0.1", 0))
        unix, abstract = (stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(2))
        unix.bind(str(self.folder / "unix"))
        (self.folder / "unix").chmod(0o777)
        abstract.bind(f"\0{self.name}")
        for server in (unix, abstract):
            server.listen()
        os.mkfifo(self.folder / "fifo")
        (self.folder / "fifo").chmod(0o666)
        pipe = os.open(self.folder / "fifo", os.O_RDONLY | os.O_NONBLOCK)
        ours, theirs = pty.openpty()
        self.terminal = os.ttyname(theirs)
        with suppress(OSError):
            Path(self.terminal).chmod(0o666)
        for fd in (pipe, ours, theirs):
            stack.callback(os.close, fd)
        self.listeners += [self.udp, unix, abstract, pipe, ours]
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.bell = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        self.bell.bind(f"\0bell{self.name}")

    @property
    def target(self) -> dict[str, Any]:
        """What an attack is told: places and numbers, never a secret."""
        hidden = self.hidden.parent
        return {
            "name": self.name,
            "key": self.key,
            "folder": str(self.folder),
            "hidden": str(self.hidden),
            "hidden_folder": str(hidden),
            "hidden_link": str(hidden / "link"),
            "sized": str(hidden / "sized"),
            "solution": str(hidden / "solution.py"),
            "other": str(self.folder / "other/submission.py"),
            "temporary": str(Path(tempfile.gettempdir(), self.name)),
            "kit": str(ROOT),
            "packages": [path for path in sys.path if path.endswith("-packages")] or [sysconfig.get_path("purelib")],
            "victim": self.victim.process.pid,
            "victim_fd": self.victim.fd,
            "address": self.victim.address,
            "tcp": self.tcp.getsockname()[1],
            "tcp6": self.tcp6_port,
            "udp": self.udp.getsockname()[1],
            "unix": str(self.folder / "unix"),
            "pipe": str(self.folder / "fifo"),
            "terminal": self.terminal,
            "port": self.port,
            "bell": f"\0bell{self.name}",
            "threads": self.many_threads + 100,
        }

    def snapshot(self) -> list[tuple[object, ...]]:
        """Everything about the folder that could be changed, without reading its files' times of access."""
        seen = []
        for path in sorted(self.folder.rglob("*")):
            info = path.lstat()
            content = path.read_bytes() if path.is_file() and info.st_size < 1 << 21 else b""
            labels = os.listxattr(path, follow_symlinks=False)
            kind = (info.st_mode, info.st_uid, info.st_gid, info.st_nlink, info.st_size, info.st_mtime_ns)
            # A folder's time follows from what is in it.
            seen.append((str(path), kind[:3] if path.is_dir() else kind, content, labels))
        return seen

    def answer_bell(self) -> None:
        """Make and read a file in the hidden folder, as the grader does, for each one that rings."""
        while True:
            try:
                _, asker = self.bell.recvfrom(10)
            except OSError:
                return
            if asker is None:
                return
            (self.hidden.parent / f"{self.secret}.new").write_text(self.secret, encoding="ascii")
            self.hidden.read_bytes()
            self.bell.sendto(b"done", asker)

    def sweep(self) -> None:
        """Remove what an attack has left outside of the folder."""
        libc = tools.libc
        for get, remove, words in (
            (libc.shmget, libc.shmctl, (0, None)),
            (libc.semget, libc.semctl, (0, 0)),
            (libc.msgget, libc.msgctl, (0, None)),
        ):
            arguments = (self.key, 0, 0) if get is not libc.msgget else (self.key, 0)
            number = get(*arguments)
            if number >= 0:
                # IPC_RMID is 0; a semaphore's number comes before it.
                remove(number, *words)
        libc.mq_unlink(b"/" + self.name.encode())
        for path in (Path("/dev/shm", self.name), Path(tempfile.gettempdir(), self.name)):
            path.unlink(missing_ok=True)
        for pid in _processes_called(self.name):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def open_scene(victim: Victim) -> Iterator[Scene]:
    """A scene, and nothing left of it afterwards."""
    with ExitStack() as stack:
        scene = Scene(stack, victim)
        bell = threading.Thread(target=scene.answer_bell, daemon=True)
        bell.start()
        try:
            yield scene
        finally:
            scene.sweep()
            with suppress(OSError):
                scene.bell.shutdown(socket.SHUT_RDWR)
            bell.join(5)


def _processes_called(name: str) -> list[int]:
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/comm", "rb") as stream:
            if stream.read().strip() == name.encode():
                found.append(int(pid))
    return found


# Witnesses: each says of a try whether it succeeded


@dataclass(slots=True)
class Try:
    """One try in a worker: what came back (None after a failure), and the worker as it was left."""

    scene: Scene
    sandbox: Sandbox
    worker: WorkerProcess
    attack: Attack
    result: Any
    failure: WorkerFailure | None
    memory_before_kib: int
    first_look: str

    def call(self, name: str) -> Any:
        """Call another function in the same worker; None where that fails."""
        try:
            return self.worker.request(_call(name, self.scene.target), PATIENT)
        except (WorkerFailure, OSError):
            return None


def _saw_secret(tried: Try) -> bool:
    return any(secret in str(tried.result) for secret in tried.scene.secrets)


def _saw_host(tried: Try) -> bool:
    return isinstance(tried.result, list) and socket.gethostname() in tried.result


def _saw_grant(tried: Try) -> bool:
    return tried.result is True


def _saw_change(tried: Try) -> bool:
    return tried.scene.snapshot() != tried.scene.before


def _saw_victim(tried: Try) -> bool:
    # A signal is on its way for a moment.
    for _ in range(5):
        if tried.scene.victim.look() != tried.scene.victim_before:
            return True
        time.sleep(0.004)
    return False


def _saw_process(tried: Try) -> bool:
    return bool(_processes_called(tried.scene.name))


def _saw_orphan(tried: Try) -> bool:
    tried.worker.kill()
    return bool(_processes_called(tried.scene.name))


def _saw_bytes(tried: Try) -> bool:
    return any(event & select.POLLIN for _, event in _poll(tried.scene.listeners, 5))


def _poll(things: list[Any], timeout_ms: int) -> list[tuple[int, int]]:
    poll = select.poll()
    for thing in things:
        poll.register(thing, select.POLLIN)
    return poll.poll(timeout_ms)


def _saw_service(tried: Try) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", tried.scene.port), timeout=1):
            return True
    except OSError:
        return False


def _saw_lock(tried: Try) -> bool:
    import fcntl

    try:
        fd = os.open(tried.scene.hidden, os.O_RDWR | os.O_NONBLOCK)
    except BlockingIOError:
        return True
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def _saw_left(tried: Try) -> bool:
    scene, libc = tried.scene, tools.libc
    queue = libc.mq_open(b"/" + scene.name.encode(), os.O_RDONLY)
    if queue >= 0:
        os.close(queue)
    return (
        queue >= 0
        or libc.shmget(scene.key, 0, 0) >= 0
        or libc.semget(scene.key, 0, 0) >= 0
        or libc.msgget(scene.key, 0) >= 0
        or Path("/dev/shm", scene.name).exists()
        or Path(tempfile.gettempdir(), scene.name).exists()
    )


def _status(pid: int, word: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(word):
            return int(line.split()[1])
    # A dead process has no memory.
    return 0


def _saw_memory(tried: Try) -> bool:
    if not tried.worker.alive:
        return False
    return _status(tried.worker.pid, "VmHWM") - tried.memory_before_kib > GROWTH_MIB << 10


def _saw_threads(tried: Try) -> bool:
    most = 200 if tried.attack.name == "flood_threads" else tried.scene.many_threads
    return tried.worker.alive and _status(tried.worker.pid, "Threads") > most


def _saw_next(tried: Try) -> bool:
    tried.worker.kill()
    return look_around(tried.sandbox, tried.attack) != tried.first_look


def look_around(sandbox: Sandbox, attack: Attack) -> str:
    """What a new submission sees of the interpreter."""
    worker = _load(sandbox, attack)
    try:
        return str(worker.request(_call("look", {}), PATIENT))
    finally:
        worker.kill()


def _saw_equality(tried: Try) -> bool:
    return bool(np.all(tried.result == EXPECTED))


EXPECTED = np.array([1.0, 2.0, 3.0])


def _saw_forgery(tried: Try) -> bool:
    return tried.call("honest") == "forged"


def _saw_hang(tried: Try) -> bool:
    return tried.failure is None or tried.worker.alive or Path(f"/proc/{tried.worker.pid}").exists()


def _saw_crash(tried: Try) -> bool:
    """The grader is still here, or nobody would look; what counts is that the next submission is graded as ever."""
    worker = _load(tried.sandbox, tried.attack)
    try:
        return bool(worker.request(_call("honest", tried.scene.target), PATIENT) != "honest")
    finally:
        worker.kill()


def _saw_dead_zygote(tried: Try) -> bool:
    return _ends(lambda: tried.sandbox._process.poll() is not None)


def _saw_outliving(tried: Try) -> bool:
    pid = tried.worker.pid
    tried.sandbox._process.kill()
    tried.sandbox._process.wait()
    return not _ends(lambda: not _processes_with(pid))


def _processes_with(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def _ends(condition: Callable[[], bool]) -> bool:
    for _ in range(30):
        if condition():
            return True
        time.sleep(0.01)
    return False


WITNESSES: dict[str, Callable[[Try], bool]] = {
    "secret": _saw_secret,
    "granted": _saw_grant,
    "host": _saw_host,
    "change": _saw_change,
    "victim": _saw_victim,
    "process": _saw_process,
    "orphan": _saw_orphan,
    "received": _saw_bytes,
    "served": _saw_service,
    "locked": _saw_lock,
    "left": _saw_left,
    "memory": _saw_memory,
    "threads": _saw_threads,
    "next": _saw_next,
    "equal": _saw_equality,
    "forged": _saw_forgery,
    "hang": _saw_hang,
    "crash": _saw_crash,
    "zygote": _saw_dead_zygote,
    "outlive": _saw_outliving,
}
# These end the fork server, so each has one of its own.
DESTRUCTIVE = frozenset({"zygote", "outlive"})


# Trying


def _call(name: str, target: dict[str, Any]) -> Request:
    return Request((("get", 1, wire.Handle(0), name), ("call", 2, wire.Handle(1), (target,), {})), 2, CAPS)


def _load(sandbox: Sandbox, attack: Attack) -> WorkerProcess:
    worker = sandbox.spawn(LIMITS_OF_FLOOD if attack.name == "flood_small_threads" else LIMITS)
    source = (STUDENT / f"{attack.part}.py").read_text(encoding="utf-8")
    order = {
        "provided": {"tools": (STUDENT / "tools.py").read_text(encoding="utf-8")},
        "modules": [],
        "seed": 0,
        "module": attack.part,
        "chunks": [[f"{attack.part}.py", source, None]],
        "stand_ins": [],
    }
    failures = worker.load(order, PATIENT)
    # An attack that cannot even be loaded would fail for a wrong reason.
    assert not failures, f"{attack.name}: {failures}"
    return worker


def try_attack(sandbox: Sandbox, attack: Attack, victim: Victim, first_look: str) -> tuple[bool, str]:
    """Whether the attack succeeds in a fresh worker, and what it got to hear. first_look: of a fork server's first worker."""
    with open_scene(victim) as scene:
        worker = _load(sandbox, attack)
        result, failure = None, None
        memory = _status(worker.pid, "VmHWM")
        try:
            result = worker.request(_call(attack.name, scene.target), SHORT if attack.seen == "hang" else PATIENT)
        except WorkerFailure as error:
            failure = error
        except SandboxError:
            if attack.seen not in DESTRUCTIVE:
                raise
        tried = Try(scene, sandbox, worker, attack, result, failure, memory, first_look)
        try:
            return WITNESSES[attack.seen](tried), str(failure or result)[:200]
        finally:
            worker.kill()


def try_unprotected(attack: Attack, victim: Victim) -> tuple[bool, str]:
    """The same in a fork of this process, as it would be without any sandbox: in the process that grades."""
    with open_scene(victim) as scene:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os.write(writing, str(_grade_unprotected(attack, scene)).encode())
            os._exit(0)
        os.close(writing)
        ready = _poll([reading], 800 if attack.seen == "hang" else 20_000)
        told = os.read(reading, 4096).decode() if ready else "hangs"
        os.close(reading)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # A grader that has ended said nothing.
        expected = {"hang": "hangs", "crash": ""}.get(attack.seen, "True")
        return told == expected, told


def _grade_unprotected(attack: Attack, scene: Scene) -> bool:
    """A grader without protection: expected values beside the submission, which answers on a pipe that both have."""
    expected = scene.secret
    os.environ["EXPECTED"] = expected
    sys.modules["hidden_tests"] = type(sys)("hidden_tests")
    # The function makes the collector track this dict: one of strings only is none of its business.
    vars(sys.modules["hidden_tests"]).update(EXPECTED=expected, grade=_grade_unprotected)
    sys.modules["tools"] = tools
    module: dict[str, Any] = {}
    exec((STUDENT / f"{attack.part}.py").read_text(encoding="utf-8"), module)
    random.seed(0)
    np.random.seed(0)
    before = module["look"](scene.target) if attack.seen == "next" else ""
    if attack.seen == "forged":
        reading, writing = os.pipe()
        os.dup2(writing, 4)
    random.seed(0)
    np.random.seed(0)
    result = module[attack.name](scene.target)
    match attack.seen:
        case "next":
            try:
                return bool(module["look"](scene.target) != before)
            except BaseException:
                # Not even looking works any more.
                return True
        case "equal":
            return bool(np.all(result == EXPECTED))
        case "forged":
            os.write(4, wire.pack({"value": module["honest"](scene.target)}, []))
            header_size, _ = wire.FRAME.unpack(os.read(reading, wire.FRAME.size))
            return wire.parse_header(os.read(reading, header_size))["value"] == "forged"
        case "secret":
            return expected in str(result)
        case "granted":
            return result is True
        case seen:
            return f"nothing to see for {seen}" == ""


def run_battery(*, full: bool, only: str = "") -> Run:
    """Try every attack at every level that works here, as this user. full: at level 1 also what it does not promise."""
    run = Run("root" if os.geteuid() == 0 else "ordinary user")
    victims = [_start_victim()]

    def fresh_victim() -> Victim:
        with suppress(OSError):
            if victims[-1].look() == victims_look[0]:
                return victims[-1]
        _end(victims.pop())
        victims.append(_start_victim())
        victims_look[0] = victims[-1].look()
        return victims[-1]

    victims_look = [victims[0].look()]
    attacks = [attack for attack in list_attacks() if only in attack.name]
    tries: list[tuple[str, Callable[[Attack], tuple[bool, str]]]] = []
    with ExitStack() as stack:
        stack.callback(lambda: _end(victims[-1]))
        for level in LEVELS:
            sandbox = stack.enter_context(Sandbox(level))
            run.available[str(level)] = sandbox.level
            if sandbox.level < level:
                run.problem = sandbox.problem
                continue
            tries.append((f"level {level}", _trier(sandbox, fresh_victim)))
            run.probed = max(run.probed, probe.probe(sandbox).level)
        run.columns = ["no sandbox", *(name for name, _ in tries)]
        for attack in attacks:
            seen = run.succeeded.setdefault(attack.name, {})
            told = run.told.setdefault(attack.name, {})
            if attack.control == "no sandbox":
                seen["no sandbox"], told["no sandbox"] = try_unprotected(attack, fresh_victim())
            for name, trying in tries:
                if _is_due(attack, name, full):
                    seen[name], told[name] = trying(attack)
    return run


def _is_due(attack: Attack, column: str, full: bool) -> bool:
    if column == "level 0":
        return attack.possible
    return full or column != "level 1" or attack.stopped_from <= 1


def _trier(sandbox: Sandbox, fresh_victim: Callable[[], Victim]) -> Callable[[Attack], tuple[bool, str]]:
    # Before any attack, and by the fork server that all of them use.
    first_look = look_around(sandbox, next(attack for attack in list_attacks() if attack.seen == "next"))

    def trying(attack: Attack) -> tuple[bool, str]:
        if attack.seen not in DESTRUCTIVE:
            return try_attack(sandbox, attack, fresh_victim(), first_look)
        with Sandbox(sandbox.level) as own:
            return try_attack(own, attack, fresh_victim(), first_look)

    return trying


def _end(victim: Victim) -> None:
    victim.process.kill()
    victim.process.communicate()


def main() -> None:
    """Run the battery; a third argument is a part of the names of those to try."""
    run = run_battery(full="full" in sys.argv[2:3], only="".join(sys.argv[3:4]))
    Path(sys.argv[1]).write_text(json.dumps(asdict(run)), encoding="utf-8")


if __name__ == "__main__":
    main()
