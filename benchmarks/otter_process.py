"""`otter run` in a process that has imported Otter-Grader before. It runs in the environment of otter.py.

Its arguments are the autograder and a folder for results; for each path on its standard input it answers with the seconds
that the submission took and what each question earned, as one line of JSON.
"""

import io
import json
import sys
import time
from contextlib import redirect_stderr, redirect_stdout

from otter.run import main as otter_run


def main() -> None:
    autograder, folder = sys.argv[1:]
    for line in sys.stdin:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            start = time.perf_counter()
            results = otter_run(line.strip(), autograder=autograder, output_dir=folder, no_logo=True)
            seconds = time.perf_counter() - start
        scores = {name: float(file.score) for name, file in results.results.items()}
        print(json.dumps({"seconds": seconds, "scores": scores}), flush=True)


if __name__ == "__main__":
    main()
