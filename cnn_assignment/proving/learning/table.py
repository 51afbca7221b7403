"""The figure of explanations by mutants on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from cnn_assignment.proving.learning.figure import HeldBack
from cnn_assignment.reporting.terminal import PLAIN, console


def print_held_back(found: Sequence[HeldBack], mistaken: Sequence[HeldBack], tasks: Sequence[str]) -> None:
    """Of each task, how many misconceptions mutants explain at the right place, leave alone, and place wrongly.

    mistaken: other answers that are taken for a mutant, to be named below the table with those at a wrong place.
    """
    table = Table("task", "misconceptions", "right place", "nothing told", "wrong place", **PLAIN)
    for column in table.columns[1:]:
        column.justify = "right"
    for task in (*tasks, ""):
        own = [entry for entry in found if task in ("", entry.task)]
        right, silent = sum(entry.is_right for entry in own), sum(not entry.told for entry in own)
        share = f"{right} ({right / len(own):.0%})" if own else "0"
        table.add_row(task or "all", str(len(own)), share, str(silent), str(len(own) - right - silent))
    terminal = console()
    terminal.print(table)
    for entry in (*found, *mistaken):
        if entry.told and not entry.is_right:
            terminal.print(f"[red]NO[/] {escape(f'{entry.task}: {entry.id}: {entry.told}')}", soft_wrap=True)
