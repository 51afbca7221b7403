"""Instructor and students with homes of their own around one real exchange, and all that they leave behind."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import sqlalchemy
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook

import warm
from cnn_kit import NAME, copy_course, tree

COURSE = "dl101"
_BACKSTOP_S = 900
"""Ends a command that hangs, and judges no speed."""


@dataclass(frozen=True)
class Person:
    """Somebody with a home, settings and a cache of their own, who works in one folder."""

    name: str
    home: Path
    folder: Path

    def run(self, *words: str | Path, cwd: Path | None = None, status: int = 0) -> str:
        """Run a program of this environment, demand its exit status, and return all that it printed."""
        done = warm.run(words, cwd=cwd or self.folder, env=self._environment(), timeout=_BACKSTOP_S)
        said = done.stdout + done.stderr
        assert done.returncode == status, f"{self.name}: {' '.join(map(str, words))}: {done.returncode}\n{said}"
        return said

    def _environment(self) -> dict[str, str]:
        own = {
            name: str(self.home / name.lower()) for name in ("JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
        }
        return {**os.environ, **own, "HOME": str(self.home), "JUPYTER_CONFIG_DIR": str(self.home / ".jupyter")}


@dataclass(frozen=True)
class School:
    """One course, one exchange folder, and everybody in it."""

    root: Path
    instructor: Person
    exchange: Path

    @property
    def course(self) -> Path:
        return self.instructor.folder

    def student(self, name: str) -> Person:
        """A student, who knows where the exchange is, and has nothing of the kit's settings."""
        home = self.root / "homes" / name
        settings = home / ".jupyter/nbgrader_config.py"
        if not settings.is_file():
            settings.parent.mkdir(parents=True)
            # nbgrader gives a cell half a minute, in which a machine that is busy or paused may do nothing.
            patience = f"c.Execute.timeout = {_BACKSTOP_S}\n"
            settings.write_text(f"c = get_config()\n{_exchange_settings(self.exchange)}{patience}", encoding="utf-8")
            (home / "work").mkdir()
        return Person(name, home, home / "work")

    def with_course(self, course: Path) -> School:
        """The same school around another copy of the course."""
        return replace(self, instructor=replace(self.instructor, folder=course))

    def settings(self, text: str) -> None:
        """Append to the course's nbgrader_config.py, behind the kit's own lines."""
        with (self.course / "nbgrader_config.py").open("a", encoding="utf-8") as file:
            file.write(text)


def open_school(course_root: Path, root: Path, *, more_settings: str = "") -> School:
    """A copy of the course with an exchange beside it."""
    exchange = root / "exchange"
    exchange.mkdir(parents=True)
    course = copy_course(course_root, root / "course")
    school = School(root, Person("instructor", root / "homes/instructor", course), exchange)
    school.instructor.home.mkdir(parents=True)
    school.settings(f"\nc = get_config()\n{_exchange_settings(exchange)}{more_settings}")
    return school


def _exchange_settings(exchange: Path) -> str:
    return f'c.CourseDirectory.course_id = "{COURSE}"\nc.Exchange.root = {str(exchange)!r}\n'


def put_in(student: Person, file: Path) -> None:
    """Put work in the place of the notebook that was fetched."""
    (student.folder / NAME / f"{NAME}.ipynb").write_bytes(file.read_bytes())


def database_url(course: Path) -> str:
    """nbgrader's own default."""
    return f"sqlite:///{course / 'gradebook.db'}"


def rows_of(url: str) -> dict[str, list[str]]:
    """Every row of every table."""
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            tables = sorted(sqlalchemy.inspect(engine).get_table_names())
            return {
                table: sorted(
                    repr(tuple(row)) for row in connection.execute(sqlalchemy.text(f'SELECT * FROM "{table}"'))
                )
                for table in tables
            }
    finally:
        engine.dispose()


def grades_of(url: str) -> dict[str, dict[str, Any]]:
    """For each student all that nbgrader's gradebook holds of the assignment, without keys that each database draws."""
    found = {}
    with Gradebook(url, COURSE) as gradebook:
        for submission in gradebook.assignment_submissions(NAME):
            (notebook,) = submission.notebooks
            found[submission.student.id] = {
                "score": submission.score,
                "max_score": submission.max_score,
                "timestamp": str(submission.timestamp),
                "cells": {grade.name: grade.auto_score for grade in notebook.grades},
                "manual": {grade.name: grade.manual_score for grade in notebook.grades},
                "extra": {grade.name: grade.extra_credit for grade in notebook.grades},
                "waiting": sorted(grade.name for grade in notebook.grades if grade.needs_manual_grade),
                "comments": {
                    comment.name: (comment.auto_comment, comment.manual_comment) for comment in notebook.comments
                },
                "penalty": notebook.late_submission_penalty,
            }
    return found


def reports_of(folder: Path) -> dict[str, dict[str, Any]]:
    """The kit's reports by student."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def cells_of(report: dict[str, Any]) -> dict[str, float]:
    """The score of each task, which is that of the cell of the same name."""
    return {task["id"]: task["score"] for task in report["tasks"]}


def words_of(page: Path) -> str:
    """The text of a feedback page, without tags and with single spaces."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    for hidden in soup(["script", "style"]):
        hidden.decompose()
    return " ".join(soup.get_text().split())


def state_of(school: School, url: str | None = None) -> dict[str, Any]:
    """All that a command of the instructor could have changed: files, exchange and database."""
    files = {name: data for name, data in tree(school.course).items() if name != "gradebook.db"}
    return {"course": files, "exchange": tree(school.exchange), "rows": rows_of(url or database_url(school.course))}
