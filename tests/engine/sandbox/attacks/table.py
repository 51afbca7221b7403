"""Try every attack at every level, as every user, and print the table. ``--counts`` prints the last lines only."""

from __future__ import annotations

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[3] / "kits")]

from attacks.battery import Attack, Run, list_attacks
from attacks.users import run_all


def make_rows(run: Run) -> list[str]:
    """One line an attack: its number of letters is what the terminal needs."""
    attacks = list_attacks()
    width = max(len(attack.name) for attack in attacks)
    lines = [f"\nAs {run.user}" + (f". {run.problem}" if run.problem else "")]
    lines.append(f"{'attack':{width}}  " + "  ".join(f"{column:10}" for column in run.columns) + "  what it tries")
    for attack in attacks:
        cells = "  ".join(f"{_cell(run, attack, column):10}" for column in run.columns)
        lines.append(f"{attack.name:{width}}  {cells}  {attack.title}")
    return lines


def _cell(run: Run, attack: Attack, column: str) -> str:
    seen = run.succeeded[attack.name].get(column)
    return "" if seen is None else "SUCCEEDS" if seen else "fails"


def make_counts(run: Run) -> list[str]:
    """How many attacks were tried, and how many succeeded, in each column."""
    lines = [f"\nAs {run.user}: attacks that succeed, of those tried"]
    for column in run.columns:
        seen = [cells[column] for cells in run.succeeded.values() if column in cells]
        lines.append(f"{column:10}  {sum(seen):3} of {len(seen):3}")
    lines.append(f"shown to succeed where nothing stops them: {len(shown(run))} of {len(list_attacks())}")
    return lines


def shown(run: Run) -> list[str]:
    """The attacks whose control succeeded, so that their failure elsewhere means something."""
    return [attack.name for attack in list_attacks() if run.succeeded[attack.name].get(attack.control)]


def main() -> None:
    """Print it."""
    runs = run_all(full=True)
    for run in runs:
        for line in (*([] if "--counts" in sys.argv else make_rows(run)), *make_counts(run)):
            print(line)  # noqa: T201 - this is what it is for
    if os.geteuid() != 0:
        print("\nNot tried as root: run this as root for that.")  # noqa: T201


if __name__ == "__main__":
    main()
