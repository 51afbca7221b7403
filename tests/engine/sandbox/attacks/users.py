"""Runs the battery as the user who asks and, where that is root, as an ordinary user too, both at once.

An ordinary user may not be able to walk to this Python and to this folder. Then the battery runs in a mount namespace
of its own, in which every folder on the way can be walked through and holds nothing but what leads there.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from attacks.battery import Run

BATTERY = Path(__file__).resolve().parent / "battery.py"
KIT = BATTERY.parents[2]
# No user of the machine: it owns nothing and runs nothing else.
ORDINARY = 62841
TIMEOUT_S = 400


def run_all(*, full: bool = False) -> list[Run]:
    """What the battery sees as each user. full: see `battery`. Raises RuntimeError where it cannot be run to its end."""
    commands = [_command_here]
    if os.geteuid() == 0:
        commands.append(as_ordinary)
    with tempfile.TemporaryDirectory() as folder:
        # Both users write here.
        Path(folder).chmod(0o1777)
        started = []
        for number, command in enumerate(commands):
            result = Path(folder, f"{number}.json")
            words = Path(folder, f"{number}.txt")
            with words.open("wb") as stream:
                process = subprocess.Popen(
                    command([sys.executable, str(BATTERY), str(result), "full" if full else "short"]),
                    cwd="/",
                    env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=stream,
                    start_new_session=True,
                )
            started.append((process, result, words))
        return [_wait_for(*three) for three in started]


def bubblewrap_works_for(user: str) -> bool:
    """Whether "root" or an "ordinary user" could have level 3: found without the kit."""
    program = shutil.which("bwrap")
    if program is None:
        return False
    own = [] if user == "root" else ["--unshare-user"]
    command = [program, *own, "--unshare-pid", "--unshare-net", "--ro-bind", "/", "/", "--", "/bin/true"]
    if user == "ordinary user" and os.geteuid() == 0:
        command = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups", "--", *command]
    return subprocess.run(command, check=False, capture_output=True, cwd="/").returncode == 0


def _wait_for(process: subprocess.Popen[bytes], result: Path, words: Path) -> Run:
    if process.wait(TIMEOUT_S) != 0 or not result.exists():
        raise RuntimeError(f"the battery did not run to its end:\n{words.read_text(encoding='utf-8')[-3000:]}")
    return Run(**json.loads(result.read_text(encoding="utf-8")))


def _command_here(command: list[str]) -> list[str]:
    return command


def as_ordinary(command: list[str], user: int = ORDINARY) -> list[str]:
    """The command as an ordinary user, in a namespace in which that user can reach Python, the packages and the kit."""
    plain = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--", *command]
    needed = [path for path in _outermost({Path(sys.base_prefix), Path(sys.prefix), KIT}) if _blocker(path)]
    if not needed:
        return plain
    lines = ["set -e", "stage=$(mktemp -d)", 'mount -t tmpfs none "$stage"']
    for number, path in enumerate(needed):
        lines += [f'mkdir "$stage/{number}"', f'mount --rbind {shlex.quote(str(path))} "$stage/{number}"']
    for blocker in sorted({str(_blocker(path)) for path in needed}):
        lines.append(f"mount -t tmpfs -o mode=755 none {shlex.quote(blocker)}")
    for number, path in enumerate(needed):
        place = shlex.quote(str(path))
        lines += [f"mkdir -p {place}", f'mount --rbind "$stage/{number}" {place}']
    # The mounts stay where they are needed; the empty folder goes with the last line.
    lines += ['umount -l "$stage"', 'rmdir "$stage"', f"exec {shlex.join(plain)}"]
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", "\n".join(lines)]


def _outermost(paths: set[Path]) -> list[Path]:
    """The paths without those that lie in another one."""
    real = {path.resolve() for path in paths}
    return sorted(path for path in real if not real & set(path.parents))


def _blocker(path: Path) -> Path | None:
    """The outermost folder on the way that others may not walk through."""
    for folder in [*reversed(path.parents), path]:
        if not folder.stat().st_mode & 0o001:
            return folder
    return None
