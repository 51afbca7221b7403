"""Attacks on files: hidden tests, the solution, other submissions, the grader's own."""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import importlib.util
import mmap
import os
import platform
import posix
import shutil
import signal
import socket
import stat
import struct
import sys
import tempfile
from pathlib import Path

import numpy as np
from tools import attack, check, libc, syscall

AT_FDCWD = -100
LIBRARY_FD = 6


def read(path, **options):
    with open(path, encoding="utf-8", **options) as stream:
        return stream.read()


# Reading


@attack(seen="host")
def read_host_name(target):
    """ask in every way what the machine is called"""
    name = ctypes.create_string_buffer(400)
    found = []
    for ask in (
        lambda: libc.gethostname(name, 400) or name.value.decode(),
        lambda: libc.uname(name) or name.raw[65:130].partition(b"\0")[0].decode(),
        socket.gethostname,
        platform.node,
        lambda: os.uname().nodename,
        lambda: posix.uname().nodename,
        lambda: read("/proc/sys/kernel/hostname").strip(),
        lambda: read("/etc/hostname").strip(),
        lambda: os.environ["HOSTNAME"],
    ):
        try:
            found.append(ask())
        except Exception as error:
            found.append(error)
    return list(map(str, found))


@attack(seen="secret")
def read_hidden_test(target):
    """open a hidden test by its path"""
    return read(target["hidden"])


@attack(seen="secret")
def list_hidden_tests(target):
    """list the folder of hidden tests"""
    return os.listdir(target["hidden_folder"])


@attack(seen="secret")
def scan_hidden_tests(target):
    """walk from the folder above"""
    return [str(path) for path in Path(target["hidden_folder"]).parent.rglob("*")]


@attack(seen="secret")
def read_by_openat2(target):
    """open it by openat2, which filters forget"""
    how = struct.pack("QQQ", os.O_RDONLY, 0, 0)
    fd = syscall("openat2", AT_FDCWD, target["hidden"].encode(), how, len(how))
    return os.read(fd, 1000).decode()


@attack(seen="secret")
def read_through_library_descriptor(target):
    """climb by .. from the descriptor of the standard library"""
    path = "../" * 30 + target["hidden"].lstrip("/")
    return os.read(os.open(path, os.O_RDONLY, dir_fd=LIBRARY_FD), 1000).decode()


@attack(seen="secret")
def read_through_any_descriptor(target):
    """climb by .. from every descriptor that is open"""
    path = "../" * 30 + target["hidden"].lstrip("/")
    for fd in range(64):
        try:
            return os.read(os.open(path, os.O_RDONLY, dir_fd=fd), 1000).decode()
        except OSError:
            continue
    return None


@attack(seen="secret")
def read_through_proc_root(target):
    """go by /proc/self/root"""
    return read("/proc/self/root" + target["hidden"])


@attack(seen="secret")
def read_through_path_descriptor(target):
    """take an O_PATH descriptor and open it again by /proc/self/fd"""
    fd = os.open(target["hidden"], os.O_PATH)
    return read(f"/proc/self/fd/{fd}")


@attack(seen="secret")
def read_through_path_folder(target):
    """take an O_PATH descriptor of the folder and open a name in it"""
    folder = os.open(target["hidden_folder"], os.O_PATH)
    return os.read(os.open(os.path.basename(target["hidden"]), os.O_RDONLY, dir_fd=folder), 1000).decode()


@attack(seen="secret")
def read_through_mapping(target):
    """map it into memory"""
    fd = os.open(target["hidden"], os.O_RDONLY)
    return mmap.mmap(fd, 0, access=mmap.ACCESS_READ)[:].decode()


@attack(seen="secret")
def read_through_numpy(target):
    """let NumPy read it"""
    return np.fromfile(target["hidden"], dtype=np.uint8).tobytes().decode()


@attack(seen="secret")
def read_other_submission(target):
    """read what another student handed in"""
    return read(target["other"])


@attack(seen="secret")
def read_through_own_symlink(target):
    """make a link to it and read that"""
    link = target["folder"] + "/link"
    os.symlink(target["hidden"], link)
    return read(link)


@attack(seen="secret")
def read_through_link_among_temporary_files(target):
    """make a link to it among the temporary files"""
    posix.symlink(target["hidden"], target["temporary"])
    return read(target["temporary"])


@attack(seen="secret")
def read_by_climbing_out(target):
    """climb by .. out of the working folder"""
    return read("../../../.." + target["hidden"])


@attack(seen="secret")
def read_through_own_opener(target):
    """open a file of its own by a descriptor of the hidden test"""
    with open("mine", encoding="utf-8", opener=lambda *_: posix.open(target["hidden"], os.O_RDONLY)) as stream:
        return stream.read()


@attack(seen="secret", needs="root", rare=True)
def read_by_file_handle(target):
    """open it by its number on the disk"""
    handle = ctypes.create_string_buffer(struct.pack("Ii", 128, 0), 8 + 128)
    mount = ctypes.c_int()
    syscall("name_to_handle_at", AT_FDCWD, target["hidden"].encode(), handle, ctypes.byref(mount), 0)
    place = os.open(target["hidden_folder"], os.O_RDONLY)
    return os.read(syscall("open_by_handle_at", place, handle, os.O_RDONLY), 1000).decode()


@attack(seen="secret")
def import_solution_by_path(target):
    """import the solution from its folder"""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("cnn_assignment")]
    sys.path.insert(0, os.path.dirname(target["solution"]))
    importlib.invalidate_caches()
    return importlib.import_module("solution").SECRET


@attack(seen="secret")
def run_solution_by_path(target):
    """load the solution without the import statement"""
    spec = importlib.util.spec_from_file_location("taken", target["solution"])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SECRET


@attack(seen="granted")
def import_pytest(target):
    """import pytest, and with it the grader's plugins"""
    sys.meta_path[:] = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("cnn_assignment")]
    sys.path[:0] = target["packages"]
    importlib.invalidate_caches()
    return hasattr(importlib.import_module("pytest"), "main")


@attack(seen="granted")
def read_grading_code(target):
    """read the code of the grader"""
    return "def " in read(target["kit"] + "/cnn_assignment/judging/scoring.py")


@attack(seen="granted")
def read_passwords(target):
    """read the list of the machine's users"""
    return "root" in read("/etc/passwd")


@attack(seen="secret", stopped_from=3)
def stat_hidden_test(target):
    """ask for the size of a hidden test"""
    return os.stat(target["sized"]).st_size


@attack(seen="secret")
def read_hidden_link(target):
    """read where a hidden link leads"""
    return os.readlink(target["hidden_link"])


@attack(seen="secret")
def watch_by_inotify(target):
    """be told of new files in the hidden folder"""
    fd = check(libc.inotify_init())
    check(libc.inotify_add_watch(fd, target["hidden_folder"].encode(), 0x100))
    # A process that opens files there stands for the grader: this one has to make its own.
    return _read_event(fd, target)


@attack(seen="secret", needs="root", rare=True)
def watch_by_fanotify(target):
    """be told by fanotify, with a descriptor of what was opened"""
    fd = syscall("fanotify_init", 0, os.O_RDONLY)
    syscall("fanotify_mark", fd, 1, ctypes.c_uint64(0x20 | 1 << 27), AT_FDCWD, target["hidden_folder"].encode())
    request_opening(target)
    event = os.read(fd, 4096)
    return os.read(struct.unpack_from("i", event, 16)[0], 1000).decode()


def request_opening(target):
    """Have the test make and read a file there: it does so for whoever sends it a datagram."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as asker:
        asker.bind("\0asker" + target["name"])
        asker.settimeout(2)
        asker.sendto(b"open", target["bell"])
        asker.recv(10)


def _read_event(fd, target):
    request_opening(target)
    return os.read(fd, 4096).decode("latin-1")


# Writing


@attack(seen="change")
def write_file(target):
    """make a file"""
    Path(target["folder"], "marker").write_text("here", encoding="ascii")


@attack(seen="granted", stopped_from=1)
def fill_disk(target):
    """make a large file"""
    with open(target["folder"] + "/large", "wb", buffering=0) as stream:
        return stream.write(b"x" * (1 << 20)) == 1 << 20


@attack(seen="granted", control="no sandbox", stopped_from=0)
def fill_own_file(target):
    """keep more in temporary files than there is room for"""
    with tempfile.TemporaryFile() as stream:
        return stream.write(bytes(17 << 20)) == 17 << 20


@attack(seen="granted", control="no sandbox", stopped_from=0)
def make_many_own_files(target):
    """make temporary files without number"""
    with tempfile.TemporaryDirectory() as folder:
        for number in range(300):
            Path(folder, str(number)).touch()
        return len(os.listdir(folder)) == 300


@attack(seen="change")
def take_hidden_test(target):
    """move it to the files of its own"""
    shutil.move(target["hidden"], "mine")


@attack(seen="change")
def append_to_hidden_test(target):
    """add a line to a hidden test"""
    with open(target["hidden"], "a", encoding="ascii") as stream:
        stream.write("# more\n")


@attack(seen="change")
def write_through_mapping(target):
    """change a hidden test in a shared mapping of it"""
    with open(target["hidden"], "r+b") as stream:
        mmap.mmap(stream.fileno(), 0)[:4] = b"####"


@attack(seen="change")
def write_through_proc_descriptor(target):
    """open it for reading, and again for writing by /proc/self/fd"""
    fd = os.open(target["hidden"], os.O_RDONLY)
    os.write(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_APPEND), b"#")


@attack(seen="change")
def truncate_by_open(target):
    """empty it by opening it"""
    os.open(target["hidden"], os.O_RDONLY | os.O_TRUNC)


@attack(seen="change")
def truncate_by_path(target):
    """cut it by its path"""
    os.truncate(target["hidden"], 1)


@attack(seen="change")
def remove_hidden_test(target):
    """remove a hidden test"""
    os.unlink(target["hidden"])


@attack(seen="change")
def rename_hidden_test(target):
    """rename a hidden test"""
    os.rename(target["hidden"], target["hidden"] + ".old")


@attack(seen="change")
def hardlink_hidden_test(target):
    """give it a second name"""
    os.link(target["hidden"], target["folder"] + "/second")


@attack(seen="change")
def leave_symlink(target):
    """leave a link"""
    os.symlink("/etc/passwd", target["folder"] + "/link")


@attack(seen="change")
def leave_folder(target):
    """leave a folder"""
    os.mkdir(target["folder"] + "/deep")


@attack(seen="change")
def leave_pipe(target):
    """leave a named pipe"""
    os.mkfifo(target["folder"] + "/pipe")


@attack(seen="change", needs="root", rare=True)
def leave_device(target):
    """leave a device"""
    os.mknod(target["folder"] + "/device", stat.S_IFCHR | 0o666, os.makedev(1, 3))


@attack(seen="change")
def chmod_hidden_test(target):
    """open a hidden test to everyone"""
    os.chmod(target["hidden"], 0o777)


@attack(seen="change", needs="root")
def chown_hidden_test(target):
    """give it to somebody else"""
    os.chown(target["hidden"], 12345, 12345)


@attack(seen="change")
def date_back_hidden_test(target):
    """change its time"""
    os.utime(target["hidden"], (1, 1))


@attack(seen="change", rare=True)
def label_hidden_test(target):
    """hang an extended attribute on it"""
    os.setxattr(target["hidden"], "user.mark", b"here")


@attack(seen="change")
def copy_hidden_test(target):
    """copy it to where others can read"""
    shutil.copyfile(target["hidden"], target["folder"] + "/copy")


@attack(seen="granted", needs="root")
def write_into_numpy(target):
    """open NumPy's own code for writing"""
    with open(np.__file__, "r+b"):
        return True


@attack(seen="granted", needs="root")
def poison_bytecode(target):
    """open the compiled file of a module of the standard library for writing"""
    import json

    with open(importlib.util.cache_from_source(json.__file__), "r+b"):
        return True


@attack(seen="granted", needs="root")
def write_into_kit(target):
    """open the kit's code for writing"""
    with open(target["kit"] + "/cnn_assignment/__init__.py", "r+b"):
        return True


# Holding


@attack(seen="locked")
def lock_hidden_test(target):
    """lock a hidden test, so that the grader waits for ever"""
    target["held"] = os.open(target["hidden"], os.O_RDONLY)
    fcntl.flock(target["held"], fcntl.LOCK_EX | fcntl.LOCK_NB)


@attack(seen="locked")
def lease_hidden_test(target):
    """take a lease on it, so that opening it blocks"""
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    target["held"] = os.open(target["hidden"], os.O_RDONLY)
    fcntl.fcntl(target["held"], fcntl.F_SETLEASE, fcntl.F_WRLCK)


@attack(seen="granted", stopped_from=1)
def hoard_descriptors(target):
    """open very many files"""
    return len([os.open(os.devnull, os.O_RDONLY) for _ in range(300)]) == 300
