"""What an honest submission may do with the standard library: a table of small programs, each with an ``answer()``.

Each of HARMLESS returns True wherever it works. Each of NEEDING needs what no worker at level 2 has, and comes with the
pattern that what it raises there has to match.
"""

from __future__ import annotations

# Files, as a notebook writes them: to the temporary folder or, left over from looking for a mistake, beside itself.
FILES = {
    "TemporaryFile": """
        import tempfile
        import numpy as np

        def answer():
            x = np.arange(12.0).reshape(3, 4)
            with tempfile.TemporaryFile() as stream:
                np.save(stream, x)
                np.save(stream, x.T)
                stream.seek(0)
                first, second = np.load(stream), np.load(stream)
            with tempfile.TemporaryFile("w+", encoding="utf-8", newline="") as stream:
                stream.write("é\\r\\n")
                stream.seek(0)
                words = stream.read()
            return bool((first == x).all() and (second == x.T).all() and words == "é\\r\\n" and stream.closed)
    """,
    "NamedTemporaryFile": """
        import os, tempfile
        import numpy as np

        def answer():
            with tempfile.NamedTemporaryFile(suffix=".npy") as stream:
                np.save(stream, np.arange(3))
                stream.flush()
                assert os.path.exists(stream.name) and os.path.getsize(stream.name) == stream.tell()
                found = np.load(stream.name)
            kept = tempfile.NamedTemporaryFile("w", delete=False)
            kept.write("x")
            kept.close()
            assert open(kept.name).read() == "x"
            os.unlink(kept.name)
            return found.sum() == 3 and not os.path.exists(stream.name) and not os.path.exists(kept.name)
    """,
    "TemporaryDirectory": """
        import glob, json, os, pickle, shutil, tempfile
        from pathlib import Path
        import numpy as np

        def answer():
            x = np.random.default_rng(0).normal(size=(3, 4))
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                np.save(folder / "x.npy", x)
                np.savez(os.path.join(name, "all.npz"), x=x, y=x + 1)
                np.savez_compressed(folder / "small.npz", x=x)
                np.savetxt(folder / "x.csv", x, delimiter=",")
                (folder / "deep" / "er").mkdir(parents=True)
                (folder / "deep" / "words.txt").write_text("one\\ntwo\\n", encoding="utf-8")
                with open(folder / "deep" / "x.json", "w") as stream:
                    json.dump(x.tolist(), stream)
                with open(folder / "x.pkl", "wb") as stream:
                    pickle.dump(x, stream)
                with open(folder / "deep" / "words.txt", "a") as stream:
                    print("three", file=stream)
                assert np.array_equal(np.load(folder / "x.npy"), x)
                with np.load(folder / "all.npz") as arrays:
                    assert sorted(arrays) == ["x", "y"] and np.array_equal(arrays["y"], x + 1)
                assert np.array_equal(np.load(folder / "small.npz")["x"], x)
                assert np.allclose(np.loadtxt(folder / "x.csv", delimiter=","), x)
                assert np.allclose(np.genfromtxt(folder / "x.csv", delimiter=","), x)
                assert json.loads((folder / "deep" / "x.json").read_text()) == x.tolist()
                with open(folder / "x.pkl", "rb") as stream:
                    assert np.array_equal(pickle.load(stream), x)
                with open(folder / "deep" / "words.txt") as stream:
                    assert [line.strip() for line in stream] == ["one", "two", "three"]
                shutil.copy(folder / "x.npy", folder / "deep" / "copy.npy")
                (folder / "x.csv").rename(folder / "moved.csv")
                assert sorted(path.name for path in folder.rglob("*.npy")) == ["copy.npy", "x.npy"]
                assert glob.glob(name + "/*.csv") == [str(folder / "moved.csv")]
                assert sorted(os.listdir(folder / "deep")) == ["copy.npy", "er", "words.txt", "x.json"]
                assert [files for _, _, files in os.walk(folder / "deep" / "er")] == [[]]
                assert folder.is_dir() and (folder / "x.npy").is_file() and (folder / "x.npy").stat().st_size == 224
                (folder / "x.npy").unlink()
                assert not (folder / "x.npy").exists()
            return not folder.exists()
    """,
    "SpooledTemporaryFile": """
        import tempfile

        def answer():
            with tempfile.SpooledTemporaryFile(max_size=10) as stream:
                stream.write(b"x" * 100)
                stream.seek(90)
                return stream.read() == b"x" * 10
    """,
    "mkstemp and mkdtemp": """
        import os, shutil, tempfile

        def answer():
            number, path = tempfile.mkstemp()
            assert os.write(number, b"abc") == 3 and os.lseek(number, 1, os.SEEK_SET) == 1
            assert os.read(number, 9) == b"bc" and os.fstat(number).st_size == 3
            os.close(number)
            number, other = tempfile.mkstemp(text=True)
            with os.fdopen(number, "w") as stream:
                stream.write("abc")
                stream.flush()
                os.fsync(stream.fileno())
            assert open(other).read() == "abc" and os.path.samefile(other, other)
            os.replace(other, path)
            os.remove(path)
            folder = tempfile.mkdtemp()
            os.makedirs(folder + "/a/b")
            shutil.rmtree(folder)
            return not os.path.exists(folder) and not os.path.exists(other)
    """,
    "files beside the notebook": """
        import os
        import numpy as np

        def answer():
            np.savez("weights.npz", w=np.ones(3))
            os.makedirs("runs/first", exist_ok=True)
            with open("runs/first/log.txt", "a") as stream:
                stream.write("loss 0.1\\n")
            assert sorted(os.listdir()) == ["runs", "weights.npz"]
            assert open(os.path.abspath("weights.npz"), "rb").read(2) == b"PK"
            return np.load("weights.npz")["w"].sum() == 3 and open("runs/first/log.txt").read() == "loss 0.1\\n"
    """,
    "logging to a file": """
        import logging

        def answer():
            logging.basicConfig(filename="debug.log", level=logging.INFO, force=True)
            logging.info("shape %s", (3, 4))
            return "shape (3, 4)" in open("debug.log").read()
    """,
    "tables and archives": """
        import csv, gzip, os, tempfile, zipfile

        def answer():
            with tempfile.TemporaryDirectory() as folder:
                with open(folder + "/t.csv", "w", newline="") as stream:
                    csv.writer(stream).writerows([[1, 2], [3, 4]])
                with open(folder + "/t.csv", newline="") as stream:
                    assert list(csv.reader(stream)) == [["1", "2"], ["3", "4"]]
                with gzip.open(folder + "/t.gz", "wt") as stream:
                    stream.write("abc")
                with gzip.open(folder + "/t.gz", "rt") as stream:
                    assert stream.read() == "abc"
                with zipfile.ZipFile(folder + "/t.zip", "w") as archive:
                    archive.write(folder + "/t.csv", "t.csv")
                return zipfile.ZipFile(folder + "/t.zip").namelist() == ["t.csv"]
    """,
    "errors of files": """
        import os, tempfile
        from pathlib import Path

        def answer():
            found = []
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "a").mkdir()
                Path(folder, "b").touch()
                Path(folder, "b").touch()
                for attempt in (
                    lambda: open(folder + "/none"), lambda: open(folder + "/a"), lambda: open(folder + "/b", "x"),
                    lambda: os.mkdir(folder + "/a"), lambda: os.listdir(folder + "/b"), lambda: os.rmdir(folder + "/c"),
                    lambda: open(folder + "/none/file", "w"), lambda: os.unlink(folder + "/none"),
                    lambda: open(folder + "/b").write("x"), lambda: open(folder + "/b", "w").read(),
                    lambda: os.rmdir(folder), lambda: open(folder + "/b/c"), lambda: os.stat(folder + "/none"),
                ):
                    try:
                        attempt()
                    except OSError as error:
                        found.append(type(error).__name__)
            return " ".join(found) == (
                "FileNotFoundError IsADirectoryError FileExistsError FileExistsError NotADirectoryError "
                "FileNotFoundError FileNotFoundError FileNotFoundError UnsupportedOperation UnsupportedOperation "
                "OSError NotADirectoryError FileNotFoundError")
    """,
}

WAITING = {
    "asyncio": """
        import asyncio

        async def double(n):
            await asyncio.sleep(0.001)
            return 2 * n

        async def main():
            queue = asyncio.Queue()
            await queue.put(5)
            doubled = await asyncio.gather(*(double(n) for n in range(5)))
            in_thread = await asyncio.to_thread(sum, [1, 2, 3])
            try:
                await asyncio.wait_for(asyncio.sleep(10), 0.001)
            except asyncio.TimeoutError:
                late = True
            async with asyncio.TaskGroup() as group:
                task = group.create_task(double(4))
            return doubled, in_thread, late, await queue.get(), task.result()

        def answer():
            assert asyncio.run(main(), debug=True) == asyncio.run(main())
            loop = asyncio.new_event_loop()
            loop.call_later(0.001, loop.stop)
            loop.run_forever()
            loop.close()
            return asyncio.run(main()) == ([0, 2, 4, 6, 8], 6, True, 5, 8)
    """,
    "an event loop in another thread": """
        import asyncio, threading

        def answer():
            loop = asyncio.new_event_loop()
            thread = threading.Thread(target=loop.run_forever)
            thread.start()
            async def value():
                return 5
            found = [asyncio.run_coroutine_threadsafe(value(), loop).result(5) for _ in range(200)]
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()
            return found == [5] * 200
    """,
    "ThreadPool": """
        from multiprocessing.dummy import Pool
        from multiprocessing.pool import ThreadPool

        def answer():
            with ThreadPool(3) as pool:
                found = pool.map(abs, range(-4, 0)), pool.apply_async(sum, ([1, 2],)).get(5)
                assert sorted(pool.imap_unordered(abs, [-1, 2])) == [1, 2] and pool.starmap(pow, [(2, 3)]) == [8]
            pool = Pool(2)
            assert pool.map(abs, [-1]) == [1]
            pool.close()
            pool.join()
            return found == ([4, 3, 2, 1], 3)
    """,
    "threads with locks and queues": """
        import queue, threading
        from concurrent.futures import ThreadPoolExecutor, as_completed, wait

        def answer():
            lock, tasks, total = threading.Lock(), queue.Queue(maxsize=2), [0]
            barrier, ready, local = threading.Barrier(3), threading.Event(), threading.local()
            space, condition = threading.Semaphore(2), threading.Condition()

            def work():
                barrier.wait(5)
                local.seen = 0
                while (item := tasks.get()) is not None:
                    with lock, space:
                        total[0] += item
                with condition:
                    condition.notify_all()

            threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
            for thread in threads:
                thread.start()
            for item in [*range(10), None, None, None]:
                tasks.put(item)
            for thread in threads:
                thread.join(5)
            timer = threading.Timer(0.001, ready.set)
            timer.start()
            assert ready.wait(5) and queue.SimpleQueue().empty() and queue.PriorityQueue().empty()
            with ThreadPoolExecutor() as pool:
                futures = [pool.submit(abs, -n) for n in range(5)]
                assert sorted(future.result() for future in as_completed(futures)) == list(range(5))
                return total == [45] and len(wait(futures).done) == 5
    """,
}

LOOKING = {
    "getsource": """
        import functools, inspect
        from dataclasses import dataclass

        class Layer:
            # a remark
            size = 3

            class Inner:
                pass

            def forward(self, x):
                return x + 1

            @staticmethod
            def helper():
                pass

        @dataclass
        class Point:
            x: int = 0

        @functools.lru_cache
        def cached(n):
            return n

        def answer():
            assert inspect.getsource(Layer.forward) == "    def forward(self, x):\\n        return x + 1\\n"
            assert inspect.getsource(Layer().forward) == inspect.getsource(Layer.forward)
            assert inspect.getsource(Layer).startswith("class Layer:\\n    # a remark") and "helper" in inspect.getsource(Layer)
            assert "@staticmethod" in inspect.getsource(Layer.helper)
            assert inspect.getsource(Layer.Inner) == "    class Inner:\\n        pass\\n"
            assert inspect.getsource(Point) == "@dataclass\\nclass Point:\\n    x: int = 0\\n"
            assert inspect.getsource(cached).startswith("@functools.lru_cache")
            lines, first = inspect.getsourcelines(Layer)
            assert lines[0] == "class Layer:\\n" and inspect.getsourcelines(Layer.forward)[1] == first + 7
            assert inspect.getsource(lambda x: x + 2).strip().startswith("assert inspect.getsource(lambda")
            assert inspect.getsource(inspect.getmodule(answer)).startswith("\\nimport functools")
            return inspect.getfile(Layer) == inspect.getsourcefile(answer) == __file__
    """,
    "tracebacks": """
        import io, sys, traceback

        def fail():
            return 1 / 0  # here

        def answer():
            said, sys.stderr = sys.stderr, io.StringIO()
            try:
                fail()
            except ZeroDivisionError as error:
                traceback.print_exc()
                lines = [frame.line for frame in traceback.extract_tb(error.__traceback__)]
            words, sys.stderr = sys.stderr.getvalue(), said
            traceback.print_stack()
            return lines == ["fail()", "return 1 / 0  # here"] and "    return 1 / 0  # here" in words
    """,
    "own code, taken apart": """
        import ast, dis, inspect, io, textwrap, tokenize, typing

        class Layer:
            def forward(self, x: "int") -> int:
                '''Add one.'''
                return x + 1

        def answer():
            tree = ast.parse(textwrap.dedent(inspect.getsource(Layer.forward)))
            words = io.StringIO()
            dis.dis(Layer.forward, file=words)
            assert any(isinstance(node, ast.BinOp) for node in ast.walk(tree)) and "RETURN" in words.getvalue()
            assert inspect.getdoc(Layer.forward) == "Add one." and typing.get_type_hints(Layer.forward)["x"] is int
            return inspect.getmembers(Layer, inspect.isfunction)[0][0] == "forward"
    """,
    "profilers": """
        import cProfile, io, pstats, profile, timeit, tracemalloc
        import numpy as np

        def work():
            return np.ones(1000).sum()

        def answer():
            profiler = cProfile.Profile()
            assert profiler.runcall(work) == 1000
            words = io.StringIO()
            pstats.Stats(profiler, stream=words).sort_stats("cumulative").print_stats(5)
            tracemalloc.start()
            keep = bytearray(100_000)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.take_snapshot().statistics("lineno")
            tracemalloc.stop()
            slow = profile.Profile()
            slow.runcall(len, "abc")
            return "work" in words.getvalue() and peak >= len(keep) and timeit.timeit(work, number=3) > 0
    """,
    "the interpreter and the machine": """
        import getpass, locale, os, platform, resource, sys, sysconfig, time

        def answer():
            sys.setrecursionlimit(5000)
            assert os.getpid() > 0 and os.getppid() >= 0 and os.environ.get("HOME", "none") and os.cpu_count() >= 1
            assert platform.python_version() and platform.system() and platform.machine() and platform.platform()
            assert sys.version_info >= (3, 11) and sys.maxsize > 0 and sys.getsizeof([]) and sys.executable is not None
            os.environ["MINE"] = "1"
            assert os.getenv("MINE") == "1" and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
            assert os.path.expanduser("~") and time.tzname and locale.getlocale() and os.getcwd() and sysconfig.get_path("stdlib")
            return len(os.sched_getaffinity(0)) >= 1 and sys.getrecursionlimit() == 5000
    """,
    "who the user is": """
        import getpass, platform, socket
        from pathlib import Path

        def answer():
            assert socket.gethostname() and platform.node()
            return isinstance(getpass.getuser(), str) and isinstance(Path.home(), Path)
    """,
}

PLAIN = {
    "caches and other decorators": """
        import contextlib, functools, itertools, operator

        @functools.lru_cache(maxsize=None)
        def fibonacci(n):
            return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)

        class Layer:
            @functools.cached_property
            def size(self):
                return 5

            @functools.singledispatchmethod
            def forward(self, x):
                return "any"

            @forward.register
            def _(self, x: int):
                return "int"

        @contextlib.contextmanager
        def doubled(n):
            yield 2 * n

        def answer():
            with doubled(3) as n, contextlib.suppress(KeyError), contextlib.ExitStack() as stack:
                stack.callback(list)
                {}[1]
            assert functools.reduce(operator.add, itertools.accumulate(range(4))) == 10
            return fibonacci(50) == 12586269025 and Layer().size == 5 and Layer().forward(1) == "int" and n == 6
    """,
    "printed words": """
        import contextlib, io, pprint, sys

        def answer():
            print("shape", (3, 4), flush=True)
            sys.stdout.write("x\\n")
            sys.stdout.flush()
            sys.stdout.buffer.write(b"x")
            sys.__stderr__.write("x")
            sys.stderr.flush()
            assert sys.stdout.isatty() is False and sys.stdout.encoding and sys.stdout.fileno() == 1
            with contextlib.redirect_stdout(io.StringIO()) as words:
                print("here")
            pprint.pprint({"a": [1] * 50})
            return words.getvalue() == "here\\n"
    """,
    "copies and pickles of own objects": """
        import copy, io, json, marshal, pickle, shelve
        from dataclasses import asdict, dataclass, field
        from typing import NamedTuple
        import numpy as np

        @dataclass
        class Layer:
            weights: np.ndarray = field(default_factory=lambda: np.ones(3))

        class Pair(NamedTuple):
            a: int

        def answer():
            layer = pickle.loads(pickle.dumps(Layer(), protocol=5))
            stream = io.BytesIO()
            np.savez(stream, **asdict(layer))
            stream.seek(0)
            assert np.load(stream)["weights"].sum() == 3 and copy.deepcopy(layer).weights is not layer.weights
            assert pickle.loads(pickle.dumps(Pair(1))) == Pair(1) and json.loads(json.dumps(Pair(1))) == [1]
            return marshal.loads(marshal.dumps((1, "a"))) == (1, "a")
    """,
    "digests and numbers by chance": """
        import hashlib, hmac, random, secrets, statistics, uuid, zlib
        import numpy as np

        def answer():
            assert hashlib.sha256(np.ones(3).tobytes()).hexdigest() and hashlib.md5(b"x").digest() and zlib.crc32(b"x")
            assert hmac.new(b"k", b"m", "sha256").digest() and uuid.uuid4() != uuid.uuid4() and uuid.uuid1() and secrets.token_hex(4)
            assert random.Random(0).sample(range(9), 2) and random.SystemRandom().random() < 1
            return statistics.mean([1, 2, 3]) == 2 and np.random.default_rng().random() < 1
    """,
    "classes of every kind": """
        import abc, enum, gc, types, typing, weakref
        from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple

        class Base(abc.ABC):
            __slots__ = ()

            @abc.abstractmethod
            def forward(self): ...

        class Layer(Base):
            __slots__ = ("cache", "__weakref__")

            def forward(self):
                return 1

        class Mode(enum.StrEnum):
            TRAIN = enum.auto()

        class Kind(typing.Protocol):
            x: int

        T = typing.TypeVar("T")

        class Box(typing.Generic[T]):
            pass

        class Meta(type):
            pass

        def answer():
            layer = Layer()
            seen = weakref.WeakValueDictionary(a=layer)
            del layer
            gc.collect()
            made = types.SimpleNamespace(a=1), namedtuple("P", "a b")(1, 2), Meta("M", (), {}), Box[int]()
            assert Counter("aab")["a"] == 2 and deque(maxlen=2).maxlen == 2 and defaultdict(list)[1] == []
            return "a" not in seen and Mode.TRAIN == "train" and len(made) == 4 and ChainMap({}, OrderedDict(a=1))["a"] == 1
    """,
    "names that notebooks have": """
        def answer():
            help(len)
            found = []
            for leave in (exit, quit):
                try:
                    leave(3)
                except SystemExit as error:
                    found.append(error.code)
            return found == [3, 3]
    """,
    "warnings and logs": """
        import logging, warnings
        import numpy as np

        log = logging.getLogger("layers")

        def answer():
            logging.basicConfig(level=logging.DEBUG, format="%(asctime)s %(process)d %(filename)s %(message)s")
            log.info("shape %s", (1, 2))
            log.exception("no exception")
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                np.array([1.0]) / 0
                warnings.warn("old", DeprecationWarning, stacklevel=2)
            with np.errstate(divide="ignore"):
                np.array([1.0]) / 0
            return len(caught) == 2
    """,
    "a clock that rings": """
        import signal, sys, time, threading, faulthandler, atexit

        def answer():
            atexit.register(print)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            faulthandler.is_enabled()
            start = time.perf_counter_ns()
            time.sleep(0.001)
            return time.perf_counter_ns() > start and threading.active_count() >= 1 and time.ctime() and True
    """,
    "tests of one's own": """
        import doctest, io, unittest

        def double(n):
            '''Twice.

            >>> double(2)
            4
            '''
            return 2 * n

        class Check(unittest.TestCase):
            def test_double(self):
                self.assertEqual(double(2), 4)

        def answer():
            found = unittest.TextTestRunner(io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(Check))
            doctest.run_docstring_examples(double, {"double": double})
            return found.wasSuccessful() and found.testsRun == 1
    """,
    "text and data": """
        import array, base64, binascii, calendar, datetime, difflib, html, re, sqlite3, string, struct, textwrap, unicodedata
        import configparser, argparse, shlex, zoneinfo

        def answer():
            with sqlite3.connect(":memory:") as data:
                assert data.execute("select 1 + 1").fetchone() == (2,)
            assert re.sub(r"\\d", "x", "a1") == "ax" and struct.unpack("<I", b"\\1\\0\\0\\0") == (1,)
            assert argparse.ArgumentParser().parse_args([]) is not None and base64.b64encode(b"a") == b"YQ=="
            return array.array("d", [1.0])[0] == 1 and textwrap.dedent(" a") == "a"
    """,
}

HARMLESS = FILES | WAITING | LOOKING | PLAIN

# What they do and what the error says of it. The first needs another level to be refused, the second is told at each.
_PROCESSES = "graded program has no other processes; threads work"
_NETWORK = "graded program has no network"
_FILES = "graded program has no files but those that it makes itself"
_MEMORY = "files of a graded program lie in memory"

NEEDING = {
    "multiprocessing.Pool": ("import multiprocessing as m\ndef answer():\n    m.Pool(2).map(abs, [1])", _PROCESSES),
    "multiprocessing.Process": (
        "import multiprocessing as m\ndef answer():\n    m.Process(target=print).start()",
        _PROCESSES,
    ),
    "multiprocessing.Queue": ("import multiprocessing as m\ndef answer():\n    m.Queue()", _PROCESSES),
    "multiprocessing.Value": ("import multiprocessing as m\ndef answer():\n    m.Value('i', 0)", _PROCESSES),
    "SharedMemory": (
        "from multiprocessing.shared_memory import SharedMemory as S\ndef answer():\n    S(create=True, size=9)",
        _PROCESSES,
    ),
    "ProcessPoolExecutor": (
        "from concurrent.futures import ProcessPoolExecutor as P\ndef answer():\n    P(2).submit(abs, 1).result()",
        _PROCESSES,
    ),
    "subprocess.run": ("import subprocess\ndef answer():\n    subprocess.run(['ls'])", _PROCESSES),
    "os.fork": ("import os\ndef answer():\n    os.fork()", _PROCESSES),
    "os.popen": ("import os\ndef answer():\n    os.popen('ls')", _PROCESSES),
    "os.kill": ("import os\ndef answer():\n    os.kill(os.getppid(), 0)", _PROCESSES),
    "a program by asyncio": (
        "import asyncio\ndef answer():\n    asyncio.run(asyncio.create_subprocess_exec('ls'))",
        _PROCESSES,
    ),
    "a socket": ("import socket\ndef answer():\n    socket.create_connection(('127.0.0.1', 9))", _NETWORK),
    "a datagram": ("import socket\ndef answer():\n    socket.socket(type=socket.SOCK_DGRAM)", _NETWORK),
    "a pair of datagrams": ("import socket\ndef answer():\n    socket.socketpair(type=socket.SOCK_DGRAM)", _NETWORK),
    "a page": ("import urllib.request as r\ndef answer():\n    r.urlopen('http://127.0.0.1:9')", _NETWORK),
    "a page by its name": (
        "import urllib.request as r\ndef answer():\n    r.urlopen('http://example.invalid')",
        _NETWORK,
    ),
    "a connection by asyncio": (
        "import asyncio\ndef answer():\n    asyncio.run(asyncio.open_connection('127.0.0.1', 9))",
        _NETWORK,
    ),
    "a file elsewhere": ("def answer():\n    open('/etc/passwd')", _FILES),
    "a new file elsewhere": ("def answer():\n    open('/etc/new', 'w')", _FILES),
    "a folder elsewhere": ("import os\ndef answer():\n    os.listdir('/')", _FILES),
    "a path elsewhere": ("from pathlib import Path\ndef answer():\n    Path('/etc/new').touch()", _FILES),
}
# At every level.
WANTING = {
    "a file beside the notebook": ("def answer():\n    open('data.csv')", _FILES),
    "an array beside the notebook": ("import numpy as np\ndef answer():\n    np.load('data.npy')", _FILES),
    "a table beside the notebook": (
        "import numpy as np\ndef answer():\n    np.loadtxt('data.csv')",
        "data.csv not found",
    ),
    "a question": ("def answer():\n    input('How many? ')", "nobody answers a graded program"),
    "a memory map": ("import numpy as np\ndef answer():\n    np.memmap('x', mode='w+', shape=3)", _MEMORY),
    "an array without a head": ("import numpy as np\ndef answer():\n    np.ones(3).tofile('x')", _MEMORY),
    "a link": ("import os\ndef answer():\n    os.symlink('/etc/passwd', 'link')", "PermissionError"),
    "too much": ("def answer():\n    open('x', 'wb').write(bytes(17 << 20))", "keep 16 MiB in 256 files"),
    "too many": ("def answer():\n    for n in range(10**6): open(str(n), 'w').close()", "keep 16 MiB in 256 files"),
}
