"""`nbgrader zip_collect`: the plug-in, and the real command on downloads of every platform."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from nbgrader.apps import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExtractorPlugin
from traitlets.config import Config

from archive_kit import make_zip, zip_bytes
from cnn_assignment.nbgrader_course.collecting.zip_collecting import (
    NOT_ALL_COLLECTED,
    UploadCollector,
    configure_collecting,
)
from cnn_kit import NAME, run, tree
from cycle_kit import cells_of, database_url, grades_of, open_school, reports_of

EXTRACTED = "downloaded/cnn/extracted"


@pytest.fixture
def told(caplog):
    """What was logged, as one text."""
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def found(root: Path, **settings) -> dict[str, dict[str, str]]:
    """What the collector says about each file that was written, of those that it takes."""
    app = ZipCollectApp()
    app.coursedir = CourseDirectory(root=str(root), assignment_id="cnn")
    configure_collecting(app.config)
    app.config.FileNameCollectorPlugin.update(settings)
    plugin = UploadCollector(parent=app)
    plugin.log = logging.getLogger("collect")
    extracted = root / EXTRACTED
    answers = {path: plugin.collect(str(path)) for path in sorted(extracted.rglob("*")) if path.is_file()}
    return {path.relative_to(extracted).as_posix(): answer for path, answer in answers.items() if answer is not None}


def write(root: Path, *names: str) -> None:
    for name in names:
        path = root / EXTRACTED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def test_a_pattern_that_finds_an_impossible_name_collects_nothing_for_it(tmp_path, told):
    write(tmp_path, "2026 -rf cnn.ipynb", "2026 <b>\x1b cnn.ipynb", "2026 ada cnn.ipynb")
    pattern = r".*/2026 (?P<student_id>.+) (?P<file_id>\w+)"
    assert set(found(tmp_path, named_regexp=pattern)) == {"2026 ada cnn.ipynb"}
    assert "'-rf' cannot be a student's name: it begins with neither" in told()
    assert "\x1b" not in told()


def test_a_pattern_that_finds_no_time_or_a_name_that_leads_elsewhere_ends_nothing(tmp_path, told):
    write(
        tmp_path,
        "x_ada_2026-01-02_cnn.py",
        "x_bob_2026-99-99_cnn.py",
        "x_cem__cnn.py",
        "x_eve_2026-01-02_/etc/cnn.py",
        "x_fay_2026-01-02_sub/cnn.py",
        "x__2026-01-02_cnn.py",
    )
    pattern = r".*/x_(?P<student_id>[a-z]+)?_(?P<timestamp>[0-9-]*)_(?P<file_id>.*)"
    answers = found(tmp_path, named_regexp=pattern)
    assert {answer["student_id"]: (answer["file_id"], answer.get("timestamp")) for answer in answers.values()} == {
        "ada": ("cnn.py", "2026-01-02"),
        "bob": ("cnn.py", None),
        "cem": ("cnn.py", ""),
        "fay": ("sub/cnn.py", "2026-01-02"),
    }
    assert "the pattern finds a name that leads elsewhere" in told()
    assert "the pattern finds only a part of what it looks for" in told()
    assert "is none, and passed over" in told()


def test_the_instructors_own_pattern_and_endings_win(tmp_path):
    write(tmp_path, "2026-ada-cnn.ipynb", "ada_cnn.ipynb", "2026-bob-cnn.txt")
    pattern = r".*/2026-(?P<student_id>\w+)-(?P<file_id>\w+)"
    assert set(found(tmp_path, named_regexp=pattern)) == {"2026-ada-cnn.ipynb"}
    assert set(found(tmp_path, named_regexp=pattern, valid_ext=[".txt"])) == {"2026-bob-cnn.txt"}


def test_configuring_keeps_what_is_set_and_twice_is_once():
    config, once = Config(), Config()
    config.FileNameCollectorPlugin.valid_ext = [".txt"]
    config.ZipCollectApp.extractor_plugin = ExtractorPlugin
    for _ in range(2):
        configure_collecting(config)
    assert config.FileNameCollectorPlugin.valid_ext == [".txt"]
    assert config.ZipCollectApp.extractor_plugin is ExtractorPlugin
    assert config.ZipCollectApp.collector_plugin is UploadCollector
    configure_collecting(once)
    before = once.copy()
    configure_collecting(once)
    assert once == before
    assert "valid_ext" not in once.FileNameCollectorPlugin


# The command


def test_what_platforms_give_is_collected_graded_and_collected_again(course_root, unmeasured, tmp_path):
    school = open_school(course_root, tmp_path / "school")
    examples, uploads = course_root / "examples/cnn", school.course / f"downloaded/{NAME}/archive"
    work = {name: (examples / name / f"{NAME}.ipynb").read_bytes() for name in ("einsum", "flipped-filter", "colab")}
    moodle = {
        "Ada Lovelace_11_assignsubmission_file_/cnn.ipynb": work["einsum"],
        "Bob_12_assignsubmission_file_/work.zip": zip_bytes({"cnn/cnn.ipynb": work["flipped-filter"]}),
        "Eve_13_assignsubmission_file_/../../../cnn.ipynb": work["einsum"],
        "Eve_13_assignsubmission_file_/cnn.zip": b"PK\x03\x04 broken",
    }
    make_zip(uploads / "Kurs-CNN-77.zip", moodle)
    make_zip(uploads / "submissions.zip", {"zuse_LATE_21_22_cnn-1.ipynb": work["colab"]})
    (uploads / "carl_cnn.py").write_bytes((examples / "im2col" / f"{NAME}.py").read_bytes())
    (uploads / "broken_cnn.zip").write_bytes(b"PK\x05\x06")
    school.instructor.run("nbgrader", "generate_assignment", NAME)

    outside = f"--CourseDirectory.root={school.course}"
    said = school.instructor.run("nbgrader", "zip_collect", NAME, outside, cwd=tmp_path, status=NOT_ALL_COLLECTED)
    expected = {
        "Ada-Lovelace_11/cnn/cnn.ipynb": work["einsum"],
        "Bob_12/cnn/cnn.ipynb": work["flipped-filter"],
        "zuse_21/cnn/cnn.ipynb": work["colab"],
        "carl/cnn/cnn.py": (uploads / "carl_cnn.py").read_bytes(),
        # What cannot be unpacked is at least seen to have been handed in.
        "Eve_13/cnn/cnn.zip": b"PK\x03\x04 broken",
        "broken/cnn/cnn.zip": b"PK\x05\x06",
    }
    submitted = school.course / "submitted"
    assert tree(submitted) == expected
    assert "has a name that leads elsewhere" in said
    told = said.partition("Not everything was collected. Left out or nobody's: 3")[2]
    assert "broken_cnn.zip: it cannot be unpacked (" in told
    assert "Traceback" not in said

    # nbgrader's own refusal, and its own way round it.
    again = school.instructor.run("nbgrader", "zip_collect", NAME, status=1)
    assert "use the --force option to clear previously existing files" in again
    school.instructor.run("nbgrader", "zip_collect", NAME, "--force", status=NOT_ALL_COLLECTED)
    assert tree(submitted) == expected

    run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", cwd=school.course)
    reports = reports_of(school.course / "reports")
    assert {student: report["score"] for student, report in reports.items()} == {
        "Ada-Lovelace_11": 100.0, "Bob_12": 81.8, "zuse_21": 100.0, "carl": 100.0, "Eve_13": 0.0, "broken": 0.0,
    }  # fmt: skip
    assert {student for student, report in reports.items() if report["status"] == "unreadable"} == {"Eve_13", "broken"}
    recorded = grades_of(database_url(school.course))
    for student, report in reports.items():
        if report["status"] == "graded":
            assert recorded[student]["cells"] == cells_of(report)


METADATA = """submission_7:
  :submitters:
  - :name: Gauss, C. F.
    :sid: g7
  - :name: No\u0308ther
    :sid: n8
"""


def test_everybody_is_graded_as_their_files_are_whatever_platform_they_come_by(course_root, unmeasured, tmp_path):
    school = open_school(course_root, tmp_path / "school")
    classes = course_root / "examples/cnn"
    right, half = ((classes / name / f"{NAME}.ipynb").read_bytes() for name in ("einsum", "flipped-filter"))
    layers = (classes / "im2col" / f"{NAME}.py").read_bytes()
    main = b"from layers import Convolution2dLayer, MaxPooling2dLayer, ConvolutionalNetwork\n"
    handed_in: dict[str, dict[str, bytes]] = {
        "Ada-Lovelace_1": {"CNN.ipynb": right},
        "Ada-Lovelace_2": {"cnn_final.ipynb": half},
        "Cem_3": {"my solution.ipynb": right},
        "Dee_4": {"solution.py": layers},
        "Eve_5": {"Assignment 3 - final.ipynb": half},
        "Fay_6": {"cnn.py": main, "layers.py": layers},
        "Gus_7": {"CNN.IPYNB": right},
        "Hal_8": {"cnn.ipynb": b""},
        "canvas_11": {"cnn.py": main, "layers.py": layers},
        "zuse_12": {"cnn.ipynb": right},
        "Gauss-C.-F_g7": {"x/cnn.py": main, "x/layers.py": layers},
        "N\u00f6ther_n8": {"x/cnn.py": main, "x/layers.py": layers},
        "octo-cat": {"src/cnn.py": layers, "README.md": b"# Homework"},
        "ada.b": {"cnn.ipynb": half},
    }
    direct = tmp_path / "direct"
    for student, files in handed_in.items():
        for name, data in files.items():
            path = direct / student / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def moodle(owner: str, files: dict[str, bytes]) -> dict[str, bytes]:
        return {f"{owner}_assignsubmission_file_/{name}": data for name, data in files.items()}

    uploads = school.course / f"downloaded/{NAME}/archive"
    kurs = {"Zoe_9_assignsubmission_file_/": b"", "__MACOSX/Zoe_9_assignsubmission_file_/._cnn.py": b""}
    for student in list(handed_in)[:8]:
        kurs |= moodle(student.replace("-", " "), handed_in[student])
    make_zip(uploads / "Kurs-CNN-77.zip", kurs)
    canvas = {
        "canvas_11_900_cnn.py": b"class Convolution2dLayer: pass\n",
        "canvas_11_902_cnn-2.py": main,
        "canvas_LATE_11_903_layers-2.zip": zip_bytes({"layers.py": layers}),
        "zuse_12_904_work.zip": zip_bytes({"inner.zip": zip_bytes({"work/cnn.ipynb": right}), "Thumbs.db": b"1"}),
    }
    make_zip(uploads / "submissions.zip", canvas)
    export = {"assignment_5_export/submission_metadata.yml": METADATA.encode()}
    export |= {f"assignment_5_export/submission_7/{name}": data for name, data in handed_in["Gauss-C.-F_g7"].items()}
    make_zip(uploads / "assignment_5_export.zip", export)
    clones = {"third-submissions/third-octo-cat/.git/config": b"", "third-submissions/third-ada.b/cnn.ipynb": half}
    clones |= {f"third-submissions/third-octo-cat/{name}": data for name, data in handed_in["octo-cat"].items()}
    make_zip(uploads / "clones.zip", clones)
    school.instructor.run("nbgrader", "generate_assignment", NAME)

    said = school.instructor.run("nbgrader", "zip_collect", NAME)
    assert "Nothing was handed in by 'Zoe_9'." in said
    students = {path.name for path in (school.course / "submitted").iterdir()}
    assert students == {*handed_in, "Zoe_9"}

    school.instructor.run("nbgrader", "autograde", NAME)
    run("cnn-assignment", "grade", NAME, direct, "--out", "direct", "--no-gradebook", cwd=school.course)
    run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", "--no-gradebook", cwd=school.course)
    expected, reports = (reports_of(school.course / folder) for folder in ("direct", "reports"))
    assert {name: report["score"] for name, report in reports.items()} == {
        "Zoe_9": 0.0, **{name: report["score"] for name, report in expected.items()}
    }  # fmt: skip
    assert expected["Fay_6"]["score"] == 100.0
    assert reports["Hal_8"]["status"] == reports["Zoe_9"]["status"] == "unreadable"
    graded = grades_of(database_url(school.course))
    for student, report in reports.items():
        if report["status"] == "graded":
            assert graded[student]["cells"] == cells_of(report)


def test_what_is_nobodys_is_listed_at_the_end_and_in_the_status(course_root, unmeasured, tmp_path):
    school = open_school(course_root, tmp_path / "school")
    said = school.instructor.run("nbgrader", "zip_collect", NAME, status=NOT_ALL_COLLECTED)
    assert "Put what the platform gave into this folder, as it is." in said
    uploads = school.course / f"downloaded/{NAME}/archive"
    make_zip(uploads / "export.zip", {"assignment_5_export/submission_7/cnn.py": b"x = 1\n"})
    make_zip(uploads / "cnn.zip", {"ada/work.py": b"x = 2\n", "stray.py": b"x = 3\n"})
    said = school.instructor.run("nbgrader", "zip_collect", NAME, status=NOT_ALL_COLLECTED)
    assert tree(school.course / "submitted") == {"ada/cnn/work.py": b"x = 2\n"}
    told = said.partition("Not everything was collected. Left out or nobody's: 2")[2]
    assert "cnn/stray.py: nothing says whose it is. Call it <student>_cnn.py" in told
    assert "export/assignment_5_export/submission_7: there is no submission_metadata.yml" in told
    school.settings('c.FileNameCollectorPlugin.named_regexp = r".*/(?P<student_id>ada)/(?P<file_id>.+)"\n')
    said = school.instructor.run("nbgrader", "zip_collect", NAME, "--force", status=NOT_ALL_COLLECTED)
    assert tree(school.course / "submitted") == {"ada/cnn/work.py": b"x = 2\n"}
    assert "stray.py: it does not match named_regexp." in said.partition("Left out or nobody's: 2")[2]
