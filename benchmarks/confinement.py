"""What confinement adds to a forked worker: spawn, load a module, twenty calls with small arrays, end.

Both sides run in turn in one process, so that the machine's moods hit them alike; the result is the median of the
pairwise ratios to level 1, which is the same fork under limits but not confined.
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from cnn_assignment.sandbox import wire
from cnn_assignment.sandbox.client.host import Sandbox
from cnn_assignment.sandbox.client.protocol import Request, TimeLimits
from cnn_assignment.sandbox.limits import WorkerLimits

ROUNDS = 200
CALLS = 20
MODULE = """
import numpy as np

class Layer:
    def forward(self, x):
        return {"x": x, "out": x @ x.T}
"""
ORDER = {
    "provided": {},
    "modules": [],
    "seed": 0,
    "module": "layer",
    "chunks": [["layer.py", MODULE, None]],
    "stand_ins": [],
}
LIMITS = TimeLimits(cpu_s=5.0, wall_s=60.0)


def run_submission(sandbox: Sandbox, x: np.ndarray) -> float:
    """Seconds that one submission takes."""
    start = time.perf_counter()
    worker = sandbox.spawn(WorkerLimits())
    worker.load(ORDER, LIMITS)
    operations = (
        ("get", 1, wire.Handle(0), "Layer"),
        ("call", 2, wire.Handle(1), (), {}),
        ("get", 3, wire.Handle(2), "forward"),
        ("call", 4, wire.Handle(3), (x,), {}),
    )
    for _ in range(CALLS):
        worker.request(Request(operations, want=4), LIMITS)
    worker.kill()
    return time.perf_counter() - start


def main() -> None:
    """Print the milliseconds and the ratios."""
    x = np.random.default_rng(0).normal(size=(4, 8))
    with Sandbox(1) as limited, Sandbox(2) as confined, Sandbox(3) as namespaced:
        sandboxes = {limited.level: limited, confined.level: confined, namespaced.level: namespaced}
        times: dict[int, list[float]] = {level: [] for level in sandboxes}
        for round_number in range(ROUNDS + 10):
            for level, sandbox in sandboxes.items():
                seconds = run_submission(sandbox, x)
                if round_number >= 10:  # the first ones warm up
                    times[level].append(seconds)
    for level, seconds in times.items():
        ratios = [mine / base for mine, base in zip(seconds, times[1], strict=True)]
        print(f"level {level}: {1000 * statistics.median(seconds):6.1f} ms, ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
