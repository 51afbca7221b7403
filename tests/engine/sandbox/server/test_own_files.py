"""A submission's own files are as good as real ones, are its own alone, have their limits, and are on no disk."""

from __future__ import annotations

import secrets
import tempfile
import textwrap
from pathlib import Path

import pytest

from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.portable import PortableSandbox
from cnn_assignment.sandbox.client.protocol import CallRaised
from cnn_assignment.sandbox.server.files.memory_files import MOST_BYTES, MOST_NODES, MOST_OPEN
from sandbox_kit import call, count_descriptors, run, working

# Plays a game of files by chance, and tells all that it sees. Numbers of errors, and no words: those name the folder.
GAME = """
    import io, os, random, shutil, stat

    def play(folder, seed, steps):
        draw = random.Random(seed)
        names = ["a", "b", "c"]
        seen = []

        def path():
            return "/".join([folder, *draw.choices(names, k=draw.choice([1, 1, 1, 2, 2, 3]))])

        def write(mode):
            with open(path(), mode) as stream:
                if "r+" in mode:
                    stream.seek(draw.randrange(9))
                text = draw.choice(["one", "two\\n", "é" * 9, ""])
                return stream.write(text.encode() if "b" in mode else text), stream.tell(), stream.name[len(folder):]

        def read(mode):
            with open(path(), mode) as stream:
                return stream.read(draw.choice([-1, 3])), stream.readline(), stream.readlines(), stream.readable()

        def cut():
            with open(path(), "r+b") as stream:
                return stream.truncate(draw.randrange(20)), stream.seek(0, 2)

        def low():
            number = os.open(path(), draw.choice([os.O_RDWR, os.O_RDONLY, os.O_WRONLY | os.O_CREAT, os.O_RDWR | os.O_APPEND]))
            try:
                os.lseek(number, draw.randrange(5), os.SEEK_SET)
                return os.write(number, b"low"), os.lseek(number, 0, os.SEEK_CUR), os.fstat(number).st_size
            finally:
                os.close(number)

        def look():
            found = os.stat(path())
            return stat.S_IFMT(found.st_mode), found.st_size if stat.S_ISREG(found.st_mode) else 0

        def kinds():
            one = path()
            return os.path.exists(one), os.path.isfile(one), os.path.isdir(one), os.path.islink(one), os.access(one, os.R_OK)

        def scan():
            with os.scandir(path()) as entries:
                return sorted((entry.name, entry.path[len(folder):], entry.is_dir(), entry.is_file()) for entry in entries)

        def told(found):
            return str(found).removeprefix(folder)

        def walk():
            return sorted((top[len(folder):], sorted(folders), sorted(files)) for top, folders, files in os.walk(path()))

        moves = [
            *(lambda mode=mode: write(mode) for mode in ("w", "wb", "a", "ab", "x", "r+b", "w+")),
            *(lambda mode=mode: read(mode) for mode in ("r", "rb", "w", "a+", "r+")),
            cut, low, low, look, kinds, scan, walk,
            lambda: sorted(os.listdir(path())), lambda: os.mkdir(path()), lambda: os.mkdir(path()),
            lambda: os.makedirs(path(), exist_ok=True), lambda: os.rmdir(path()), lambda: os.unlink(path()),
            lambda: os.rename(path(), path()), lambda: os.replace(path(), path()), lambda: shutil.rmtree(path()),
            lambda: told(shutil.copyfile(path(), path())), lambda: told(shutil.copytree(path(), path())),
            lambda: told(shutil.move(path(), path())), lambda: os.truncate(path(), 4), lambda: open(path(), "rw"),
        ]
        for _ in range(steps):
            move = draw.randrange(len(moves))
            try:
                seen.append([move, repr(moves[move]())])
            except (OSError, ValueError) as error:
                seen.append([move, type(error).__name__, getattr(error, "errno", None)])
            except shutil.Error as error:
                seen.append([move, "Error"])
        return [line for line in seen if line]

    def answer(seed, steps):
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            return play(folder, seed, steps)
"""


@pytest.fixture(scope="module", params=[1, 3, "fresh"], ids=lambda level: f"level {level}")
def sandbox(request):
    with PortableSandbox() if request.param == "fresh" else Sandbox(request.param) as opened:
        yield opened


@pytest.fixture(scope="module")
def play():
    names: dict = {}
    exec(textwrap.dedent(GAME), names)
    return names["play"]


@pytest.mark.parametrize("seed", range(12))
def test_what_is_done_to_files_in_memory_is_seen_as_on_a_disk(sandbox, play, tmp_path, seed):
    assert run(sandbox, GAME, seed, 250) == play(str(tmp_path), seed, 250)


# Own alone

LEAVE = """
    import os, tempfile
    from pathlib import Path

    def leave(name):
        number, path = tempfile.mkstemp()
        Path(tempfile.gettempdir(), name).write_text("left")
        Path(name).write_text("left")
        os.mkdir("/tmp/" + name + "-folder")
        return path

    def find(*paths):
        seen = [path for path in paths if os.path.exists(path)]
        return seen, os.listdir(tempfile.gettempdir()), os.listdir()
"""


def test_a_worker_sees_no_file_of_another_whether_that_has_ended_or_not(sandbox):
    name = f"left-{secrets.token_hex(6)}"
    with working(sandbox, LEAVE) as first, working(sandbox, LEAVE) as beside:
        path = call(first, "leave", name)
        places = (path, f"/tmp/{name}", f"/submission/{name}", name)
        assert call(first, "find", *places)[0] == list(places)
        assert call(beside, "find", *places) == ([], [], [])
    with working(sandbox, LEAVE) as later:
        assert call(later, "find", *places) == ([], [], [])


def test_files_are_on_no_disk(sandbox):
    name = f"left-{secrets.token_hex(6)}"
    with working(sandbox, LEAVE) as worker:
        path = call(worker, "leave", name)
        places = [path, *(f"{folder}/{name}" for folder in ("/tmp", "/submission", "/", ".", tempfile.gettempdir()))]
        assert [place for place in places if Path(place).exists()] == []
        assert list(Path("/tmp").glob(f"{name}*")) == []
    assert not Path("/submission").exists()


def test_the_folder_for_temporary_files_hides_nothing_that_lies_there():
    with tempfile.NamedTemporaryFile("w", dir="/tmp", prefix="of-the-machine-") as theirs:
        theirs.write("theirs")
        theirs.flush()
        Path(theirs.name).chmod(0o644)
        with Sandbox(0) as loose:
            assert run(loose, "def answer(path):\n    return open(path).read()", theirs.name) == "theirs"
        for level in (2, 3):
            with Sandbox(level) as confined, pytest.raises(CallRaised, match=r"PermissionError|FileNotFoundError"):
                run(confined, "def answer(path):\n    return open(path).read()", theirs.name)


def test_the_fork_server_goes_on_with_the_systems_files():
    """What it opens for a worker's confinement has to be real."""
    with Sandbox(2) as sandbox:
        assert sandbox.level == 2
        for _ in range(3):
            assert run(sandbox, "def answer():\n    return open('x', 'w').write('abc')") == 3


# Limits


def test_files_have_a_size_and_a_number_and_room_comes_back(sandbox):
    source = f"""
        import os, tempfile

        def fill():
            with open("large", "wb") as stream:
                stream.write(bytes({MOST_BYTES}))

        def sparse():
            with open("sparse", "wb") as stream:
                stream.seek(1 << 40)
                stream.write(b"x")

        def extend():
            with open("long", "wb") as stream:
                stream.truncate(1 << 40)

        def many():
            for number in range({MOST_NODES} + 1):
                open(str(number), "w").close()

        def open_many():
            return len([open("one", "a") for _ in range({MOST_OPEN} + 1)])

        def clean():
            for name in os.listdir():
                os.remove(name)
            return os.listdir()
    """
    with working(sandbox, source) as worker:
        for _ in range(3):
            assert call(worker, "fill") is None
            for name in ("fill", "sparse", "extend", "many"):
                if name != "fill":
                    with pytest.raises(
                        CallRaised, match="No space left on device: a graded program may keep 16 MiB in 256"
                    ):
                        call(worker, name)
            assert call(worker, "clean") == []
        with pytest.raises(CallRaised, match="Too many open files"):
            call(worker, "open_many")
        # Nobody holds them any more.
        assert call(worker, "fill") is None


def test_files_count_as_memory_of_the_worker_and_descriptors_are_none():
    source = "def answer():\n    keep.append(open('x', 'wb'))\n    return keep[0].fileno()\nkeep = []\n"
    before = count_descriptors()
    with Sandbox(2) as sandbox, working(sandbox, source) as worker:
        descriptors = sorted(Path(f"/proc/{worker.pid}/fd").iterdir())
        assert call(worker, "answer") > 1000
        assert sorted(Path(f"/proc/{worker.pid}/fd").iterdir()) == descriptors
    assert count_descriptors() == before


# Edges


def test_a_path_out_of_the_folder_is_the_systems(sandbox):
    source = """
        import os

        def answer():
            os.mkdir("deep")
            os.chdir("deep")
            assert os.getcwd() == "/submission/deep" and os.path.abspath("x") == "/submission/deep/x"
            open("x", "w").close()
            assert os.listdir("..") == ["deep"] and os.path.exists("../deep/../deep/x")
            os.chdir("/submission")
            return os.path.exists("../../../dev/null"), os.path.exists("../usr/../dev/null"), os.path.exists("/tmp/../dev")
    """
    assert run(sandbox, source) == (True, True, True)


def test_there_are_no_links(sandbox):
    source = """
        import os

        def answer():
            open("x", "w").close()
            found = []
            for make, given in ((os.symlink, ("/etc/passwd", "y")), (os.link, ("x", "y")), (os.link, ("/etc/passwd", "y"))):
                try:
                    make(*given)
                except OSError as error:
                    found.append(error.errno)
            return found, os.listdir(), os.path.islink("x")
    """
    assert run(sandbox, source) == ([1, 1, 18], ["x"], False)


def test_an_open_file_outlives_its_name(sandbox):
    source = """
        import os

        def answer():
            with open("x", "w+") as stream:
                os.unlink("x")
                stream.write("abc")
                stream.seek(0)
                return stream.read(), os.path.exists("x")
    """
    assert run(sandbox, source) == ("abc", False)


def test_text_has_newlines_encodings_and_lines_as_ever(sandbox):
    source = r"""
        def answer():
            with open("x", "w", newline="\r\n", encoding="utf-16") as stream:
                stream.write("é\n")
            with open("x", "rb") as stream:
                raw = stream.read()
            with open("x", encoding="utf-16") as stream:
                lines = list(stream)
            with open("line", "w", buffering=1) as stream, open("line") as reader:
                stream.write("one\n")
                now = reader.read()
            return raw == "é\r\n".encode("utf-16"), lines, now, stream.mode, stream.name, stream.encoding.lower()
    """
    assert run(sandbox, source) == (True, ["é\n"], "one\n", "w", "line", "utf-8")


def test_functions_look_like_those_that_they_replace(sandbox):
    source = """
        import builtins, inspect, io, os

        def answer():
            same = builtins.open is io.open and open is io.open
            return same, open.__name__, open.__module__, os.stat.__name__, list(inspect.signature(open).parameters)
    """
    assert run(sandbox, source) == (
        *(True, "open", open.__module__, "stat"),
        ["file", "mode", "buffering", "encoding", "errors", "newline", "closefd", "opener"],
    )
