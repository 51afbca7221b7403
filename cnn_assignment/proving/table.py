"""A proof on a terminal: its findings, the gate task by task, and every survivor by name."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from cnn_assignment.proving.proof import Proof
from cnn_assignment.proving.results import TaskRow
from cnn_assignment.reporting.terminal import PLAIN, console


def print_proof(proof: Proof) -> None:
    """What was found, the gate task by task, and every survivor by name."""
    table = Table("", "claim", "must be", "is", **PLAIN)
    for finding in proof.findings:
        mark = "[yellow]see[/]" if finding.is_advice else "[green]ok[/]" if finding.holds else "[red]NO[/]"
        table.add_row(mark, escape(finding.claim), finding.expected, escape(finding.found))
    terminal = console()
    terminal.print(table)
    if any(row.mutants[0] for row in proof.table):
        terminal.print(_gate_table(proof.table))
    for survivor in proof.survivors:
        terminal.print(f"[red]NO[/] {escape(survivor)}", soft_wrap=True)


def _gate_table(rows: Sequence[TaskRow]) -> Table:
    """What the hidden tests of each task told from a right answer, of how many."""
    table = Table("task", "misconceptions", "told in full", "mutants", "equivalent", "degenerate", **PLAIN)
    for column in table.columns[1:]:
        column.justify = "right"
    for row in rows:
        pairs = [
            _of(row.misconceptions),
            str(row.explained),
            _of(row.mutants),
            str(row.equivalent),
            _of(row.degenerate),
        ]
        table.add_row(row.task, *pairs)
    return table


def _of(pair: tuple[int, int]) -> str:
    count, good = pair
    return f"{good} of {count}" if good == count else f"[red]{good} of {count}[/]"
