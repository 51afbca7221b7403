"""How long a command takes that has nothing to do: `cnn-assignment --help` and `--version` against `nbgrader --help`.

Whole processes, in turn on one core; the first round fills the caches of the file system and is not counted. The last
line is the one that users feel: the help of one against the help of the other.
"""

from __future__ import annotations

import argparse

from benchkit import ROOT, add_core_options, median_ms, median_ratio, run, stay_on_one_core

COMMANDS = (("cnn-assignment", "--help"), ("cnn-assignment", "--version"), ("nbgrader", "--help"))


def main() -> None:
    """Print the milliseconds and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=10, help="rounds (default: 10)")
    add_core_options(parser)
    options = parser.parse_args()
    stay_on_one_core(options)
    times: dict[tuple[str, str], list[float]] = {command: [] for command in COMMANDS}
    for number in range(options.n + 1):
        for command, seconds in times.items():
            taken = run(*command, cwd=ROOT)
            if number:
                seconds.append(taken)
    for command, seconds in times.items():
        print(f"{' '.join(command):26} {median_ms(seconds):7.0f} ms")
    print(f"ratio nbgrader/kit: {median_ratio(times[COMMANDS[2]], times[COMMANDS[0]]):.1f}")


if __name__ == "__main__":
    main()
