"""What a report on a toy says of its tasks, in short."""

from __future__ import annotations


def told(report, task):
    """Status of a task, and the messages of its tests."""
    found = next(found for found in report.tasks if found.id == task)
    return str(found.status), [test.message for test in found.tests]


def lost(report):
    """The tasks that earned less than all."""
    return {task.id: str(task.status) for task in report.tasks if task.score < task.max_score}
