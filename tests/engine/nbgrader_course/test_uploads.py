"""Whose the files of a download are, and where they go: platforms' layouts, plain names, and what is in doubt."""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnn_assignment.core.names import why_not_a_student
from cnn_assignment.nbgrader_course.collecting.gradescope import read_submitters
from cnn_assignment.nbgrader_course.collecting.placing import Placement, place
from cnn_assignment.nbgrader_course.collecting.uploads import find_uploads

MOODLE = "Kurs/{}_assignsubmission_file_/{}"
WORK = "class Convolution2dLayer:\n    pass\n"


def write(root: Path, *names: str, **texts: str) -> None:
    """Write files, each with its own name as its text unless another one is given."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts.get("text", name), encoding="utf-8")


def placed(root: Path, assignment: str = "cnn") -> Placement:
    return place(find_uploads(root, assignment), assignment)


def collected(root: Path, assignment: str = "cnn") -> dict[str, dict[str, str]]:
    """For each student the files of the student's folder, with where they come from."""
    found: dict[str, dict[str, str]] = {}
    for file in placed(root, assignment).files:
        theirs = found.setdefault(file.student, {})
        assert str(file.name) not in theirs
        theirs[str(file.name)] = file.source.relative_to(root).as_posix()
    return found


def refused(root: Path) -> dict[str, str]:
    """What is nobody's, and why, with the remedy."""
    return {each.path.relative_to(root).as_posix(): f"{each.why}. {each.remedy}" for each in placed(root).nobodys}


def students_of(path: str, assignment: str = "cnn") -> list[str]:
    with tempfile.TemporaryDirectory() as root:
        write(Path(root), path)
        return list(collected(Path(root), assignment))


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("ada_cnn.ipynb", "ada"),
        ("ada_lovelace_cnn.py", "ada_lovelace"),
        ("ada_cnn (1).ipynb", "ada"),
        ("Ada_CNN.IPYNB", "Ada"),
        ("ada_cnn.zip", "ada"),
        ("ada_cnn.tar.gz", "ada"),
        ("ada/cnn.ipynb", "ada"),
        ("ada/cnn/cnn.ipynb", "ada"),
        ("ada_cnn/cnn.py", "ada"),
        ("ada_cnn/cnn/cnn.ipynb", "ada"),
        ("cnn/ada/cnn.ipynb", "ada"),
        ("cnn/ada_cnn.ipynb", "ada"),
        ("ada/bob_cnn.ipynb", "ada"),
        ("ada/my solution.ipynb", "ada"),
        ("Ada Lovelace_123_assignsubmission_file_/cnn.ipynb", "Ada-Lovelace_123"),
        ("Ada Lovelace_123_assignsubmission_file/cnn.ipynb", "Ada-Lovelace_123"),
        ("Ada Lovelace_123_assignsubmission_file_cnn.ipynb", "Ada-Lovelace_123"),
        ("Kurs-CNN-77/Ada Lovelace_123_assignsubmission_file_/work/cnn.py", "Ada-Lovelace_123"),
        ("Kurs/Ada_Maria 2_123_assignsubmission_file_/report.pdf", "Ada_Maria-2_123"),
        ("Kurs/Se\u00e1n O'Brien-Smith Jr._7_assignsubmission_file_/x.py", "Se\u00e1n-O-Brien-Smith-Jr_7"),
        ("Kurs/Teilnehmer_in 12_345_assignsubmission_file_/x.py", "Teilnehmer_in-12_345"),
        ("Kurs/Ada Lovelace_assignsubmission_file_/x.py", "Ada-Lovelace"),
        ("Kurs/Ada_1_assignsubmission_onlinetext_/onlinetext.html", "Ada_1"),
        ("Kurs/Mallory_9_assignsubmission_file_/Bob_1_assignsubmission_file_/cnn.py", "Mallory_9"),
        ("Kurs/Mallory_9_assignsubmission_file_/bobby_12_34_cnn.ipynb", "Mallory_9"),
        ("Kurs/Mallory_9_assignsubmission_file_/submission_1/submission_metadata.yml", "Mallory_9"),
        ("\u00c9milie du Ch\u00e2telet_4_assignsubmission_file_/cnn.ipynb", "\u00c9milie-du-Ch\u00e2telet_4"),
        ("lovelaceada_123_4567_cnn.ipynb", "lovelaceada_123"),
        ("lovelaceada_LATE_123_4567_Assignment 3 - final.ipynb", "lovelaceada_123"),
        ("van_dergraaf_123_4567_work.py", "van_dergraaf_123"),
        ("submissions/lovelaceada_123_4567_cnn-2.ipynb", "lovelaceada_123"),
        ("submissions/lovelaceada_123_4567_cnn/cnn.ipynb", "lovelaceada_123"),
        ("submissions/lovelaceada_123_4567_my work/bob_cnn.py", "lovelaceada_123"),
        ("download/submissions/lovelaceada_123_4567_x.py", "lovelaceada_123"),
        ("cnn-submissions/cnn-ada-l/cnn.py", "ada-l"),
        ("cnn-ada/solution.py", "ada"),
        ("cnn.ipynb", None),
        ("cnn/cnn.ipynb", None),
        ("_cnn.ipynb", None),
        ("solution.py", None),
        ("---_cnn.py", None),
    ],
)
def test_whose_work_a_file_is(path, student):
    assert students_of(path) == ([] if student is None else [student])


def test_names_of_assignments_may_hold_anything_that_a_folder_may():
    assert students_of("ada_week_2 (cnn).ipynb", "week_2 (cnn)") == ["ada"]
    assert students_of("ada_week-2.ipynb", "week-2") == ["ada"]
    assert students_of("lovelaceada_1_2_week_2.py", "week_2") == ["lovelaceada_1"]
    assert students_of("week-2-ada/x.py", "week-2") == ["ada"]


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4), st.sampled_from(["cnn.ipynb", "x_cnn.py"]))
def test_a_student_is_always_one_plain_folder(parts, name):
    folders = [re.sub(r"[/\0\ud800-\udfff]", "", part) for part in parts]
    for student in students_of("/".join([*(part for part in folders if part.strip(".")), name])):
        assert why_not_a_student(student) is None
        assert not set(student) & set("/\\*?[]+ \0\n")


def test_everything_of_a_student_is_collected_whatever_it_is_called(tmp_path):
    files = {
        "Ada_1": ["CNN.ipynb"],
        "Bob_2": ["cnn_final.ipynb"],
        "Cem_3": ["my solution.ipynb"],
        "Dee_4": ["solution.py"],
        "Eve_5": ["Assignment 3 - final.ipynb"],
        "Fay_6": ["cnn.py", "layers.py", "package/__init__.py", "package/pooling.py", "weights.npz"],
        "Gus_7": ["cnn.py", "CNN.PY", "sub/cnn.py", "report.pdf"],
        "Hal_8": ["work.rar"],
    }
    write(tmp_path, *(MOODLE.format(student, name) for student, names in files.items() for name in names))
    assert {student: sorted(names) for student, names in collected(tmp_path).items()} == {
        student: sorted(names) for student, names in files.items()
    }
    assert refused(tmp_path) == {}


def test_two_people_of_one_name_stay_two(tmp_path):
    write(tmp_path, *(MOODLE.format(f"Ada Lovelace_{number}", "cnn.py") for number in (1, 2)))
    assert collected(tmp_path) == {
        f"Ada-Lovelace_{number}": {"cnn.py": MOODLE.format(f"Ada Lovelace_{number}", "cnn.py")} for number in (1, 2)
    }


def test_people_whose_names_become_alike_stay_apart(tmp_path):
    names = ["a,b", "a;b", "Ada Lovelace", "Ada-Lovelace", "x" * 150 + "1", "x" * 150 + "2", "<b>", "-rf", "\x1b[2J"]
    names += ["Jos\u00e9", unicodedata.normalize("NFD", "Jos\u00e9")]
    write(tmp_path, *(f"{name}/cnn.ipynb" for name in names))
    students = set(collected(tmp_path))
    assert len(students) == len(names)
    assert {"Ada-Lovelace", "Jos\u00e9"} < students
    assert [student for student in students if why_not_a_student(student) is not None] == []


def test_one_name_in_two_ways_of_writing_is_one_person_where_a_number_says_so(tmp_path):
    for name in ("Jos\u00e9", "Jose\u0301"):
        write(tmp_path, f"Kurs/{name}_1_assignsubmission_file_/{len(name)}.py")
    assert {student: sorted(files) for student, files in collected(tmp_path).items()} == {
        "Jos\u00e9_1": ["4.py", "5.py"]
    }


# Canvas


def test_of_canvas_the_later_upload_wins_under_its_own_name(tmp_path):
    write(
        tmp_path, "s/ada_1_20_cnn.py", "s/ada_1_30_cnn-1.py", "s/ada_LATE_1_90_cnn-10.py", "s/ada_1_40_cnn-2.py",
        "s/ada_1_31_layers-1.py", "s/bob_2_22_cnn-2.py", "s/bob_2_21_cnn-1.py", "s/cem_3_7_x.py", "s/cem_3_8_x.py",
    )  # fmt: skip
    assert collected(tmp_path) == {
        "ada_1": {"cnn.py": "s/ada_LATE_1_90_cnn-10.py", "layers.py": "s/ada_1_31_layers-1.py"},
        "bob_2": {"cnn.py": "s/bob_2_22_cnn-2.py"},
        "cem_3": {"x.py": "s/cem_3_8_x.py"},
    }
    assert sorted(path.name for _, path in placed(tmp_path).earlier) == [
        "ada_1_20_cnn.py", "ada_1_30_cnn-1.py", "ada_1_40_cnn-2.py", "bob_2_21_cnn-1.py", "cem_3_7_x.py",
    ]  # fmt: skip


def test_of_canvas_two_files_that_may_be_two_are_both_kept(tmp_path):
    write(tmp_path, "s/ada_1_20_part-1.ipynb", "s/ada_1_21_part-2.ipynb")
    assert collected(tmp_path) == {
        "ada_1": {"part.ipynb": "s/ada_1_21_part-2.ipynb", "earlier uploads/part-1.ipynb": "s/ada_1_20_part-1.ipynb"}
    }
    assert refused(tmp_path) == {}


def test_archives_and_files_of_one_canvas_student_lie_together(tmp_path):
    write(tmp_path, "s/ada_1_20_helpers-1/helpers/layers.py", "s/ada_1_21_cnn.ipynb")
    assert set(collected(tmp_path)["ada_1"]) == {"cnn.ipynb", "helpers/layers.py"}


def test_what_was_in_an_archive_lies_beside_it_where_there_is_room(tmp_path):
    names = ("cnn.py", "helpers/layers.py", "a/x/one.py", "b/x/two.py", "folder/y.py", "old/cnn.py", "helpers/in/z.py")
    write(tmp_path, *(MOODLE.format("Ada_1", name) for name in names))
    top = tmp_path / MOODLE.format("Ada_1", "")
    archives = {top / name for name in ("helpers", "a", "b", "old", "helpers/in")}
    files = place(find_uploads(tmp_path, "cnn"), "cnn", unpacked=archives).files
    assert {str(file.name) for file in files} == {
        "cnn.py", "layers.py", "a/x/one.py", "b/x/two.py", "folder/y.py", "old/cnn.py", "z.py"
    }  # fmt: skip


# Gradescope

METADATA = """---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '00123'
    :email: ada@example.com
  :created_at: 2026-01-02 03:04:05.000000000 Z
  :results: !ruby/hash:ActiveSupport::HashWithIndifferentAccess
    score: 1.0
submission_102:
  :submitters:
  - :name: Ada Lovelace
    :sid:
    :email: other@example.com
  - :name: Bob
    :sid: 9
submission_103:
  :submitters:
  - :name: Ada Lovelace
    :sid: '00123'
submission_104:
  :submitters:
  - :name: Zoe
submission_106:
  :submitters:
  - :name: Zoe
"""


def test_gradescopes_export_says_whose_each_folder_is(tmp_path):
    top = "assignment_7_export"
    write(tmp_path, f"{top}/submission_metadata.yml", text=METADATA)
    write(tmp_path, *(f"{top}/submission_{number}/cnn.py" for number in (101, 102, 103, 104, 105, 106)))
    assert collected(tmp_path) == {
        "Ada-Lovelace_00123": {"cnn.py": f"{top}/submission_103/cnn.py"},
        "Ada-Lovelace_other@example.com": {"cnn.py": f"{top}/submission_102/cnn.py"},
        "Bob_9": {"cnn.py": f"{top}/submission_102/cnn.py"},
        "Zoe_104": {"cnn.py": f"{top}/submission_104/cnn.py"},
        "Zoe_106": {"cnn.py": f"{top}/submission_106/cnn.py"},
    }
    assert list(refused(tmp_path)) == [f"{top}/submission_105"]
    assert [path.name for _, path in placed(tmp_path).earlier] == ["submission_101"]


@pytest.mark.parametrize(
    ("text", "people"),
    [
        (
            'submission_1:\n  :submitters:\n  - :name: "N\\xF6ther, \\"E\\""\n    :sid: \'1\'\n',
            [('N\u00f6ther, "E"', "1")],
        ),
        ("submission_1:\n  ':submitters':\n    - ':email': a@b.c\n      ':name': 'O''Neil' \n", [("O'Neil", "a@b.c")]),
        (
            "submission_1:\n  submitters:\n  - name: A # x\n    sid: ~\n  - name: B\n    sid: 2\n",
            [("A", ""), ("B", "2")],
        ),
        # What a test or a student has printed is further in.
        (
            "submission_1:\n  :submitters:\n  - :name: A\n  :output: |\n    x\n    :submitters:\n    - :name: Eve\n",
            [("A", "")],
        ),
        ("submission_1:\n  :submitters:\n  - :name: |\n      A\n", [("A", "")]),
        ("submission_1:\n  :submitters:\n  - &a\n    :name: A\n", [("A", "")]),
        ("{submission_1: {':submitters': [{':name': A, ':sid': 007}]}}", [("A", "007")]),
        ("submission_1:\n  :submitters:\n  - :name: 'A\n", None),
        ("submission_1:\n  :submitters:\n  - :name: A\n  :submitters:\n  - :name: B\n", None),
        ("submission_1:\n  :submitters:\n  - :name: A\nsubmission_1:\n  :submitters:\n  - :name: B\n", None),
    ],
)
def test_submitters_are_read_as_they_are_written_or_not_at_all(tmp_path, text, people):
    (tmp_path / "submission_metadata.yml").write_text(text, encoding="utf-8")
    assert read_submitters(tmp_path) == ({} if people is None else {"submission_1": people})


@pytest.mark.parametrize(
    "text", [None, "", "- 1", "{", "submission_1: 5", "a: &a [*a]", "submission_1: {:submitters: [1]}"]
)
@pytest.mark.parametrize("top", ["", "assignment_7_export/"])
def test_an_export_that_does_not_say_whose_it_is_is_refused_as_a_whole(tmp_path, text, top):
    write(tmp_path, f"{top}submission_1/cnn.py", f"{top}submission_2/cnn.py")
    if text is not None:
        write(tmp_path, f"{top}submission_metadata.yml", text=text)
    assert collected(tmp_path) == {}
    assert set(refused(tmp_path)) == {f"{top}submission_1", f"{top}submission_2"}
    assert "Put Gradescope's export there as it was downloaded" in refused(tmp_path)[f"{top}submission_1"]


# Blackboard


def test_of_blackboard_the_last_attempt_counts(tmp_path):
    names = [f"HW 3_ada1_attempt_2026-05-0{day}-12-30-00" for day in (1, 2)]
    write(tmp_path, *(f"b/{name}{end}" for name in names for end in (".txt", "_cnn.py", "_layers.py")))
    assert {student: sorted(files) for student, files in collected(tmp_path).items()} == {
        "ada1": [f"{names[1]}.txt", "cnn.py", "layers.py"]
    }
    assert refused(tmp_path) == {}


# GitHub Classroom


@pytest.mark.parametrize("top", ["", "hw3-cnn-submissions/", "cnn/"])
def test_repositories_are_called_by_their_owners(tmp_path, top):
    users = ["ada", "ada-2", "b_o.b"]
    write(tmp_path, *(f"{top}hw3-cnn-{user}/{name}" for user in users for name in ("cnn.py", "layers.py", "README.md")))
    assert {student: sorted(files) for student, files in collected(tmp_path).items()} == {
        user: ["README.md", "cnn.py", "layers.py"] for user in users
    }


def test_clones_under_any_name_are_found(tmp_path):
    write(tmp_path, *(f"third-week-submissions/third-week-{user}/main.py" for user in ("ada", "bob")), "eve/x.py")
    assert set(collected(tmp_path)) == {"ada", "bob", "eve"}


@pytest.mark.parametrize("prefix", ["assignment-3-", "hw3-", "CNN-project-", "2026-Lab2-filters-week-4-"])
def test_a_prefix_that_is_no_name_is_not_anybodys(tmp_path, prefix):
    write(tmp_path, f"{prefix}ada-l/x.py", f"{prefix}ada-b/x.py")
    assert set(collected(tmp_path)) == {"ada-l", "ada-b"}


def test_clones_are_known_by_their_history_whatever_they_are_called(tmp_path):
    for user in ("ada", "bob-b"):
        write(tmp_path, f"repos/image-filters-{user}/x.py", f"repos/image-filters-{user}/.git/HEAD")
    write(tmp_path, "zoe/x.py")
    assert {student: list(files) for student, files in collected(tmp_path).items()} == {
        student: ["x.py"] for student in ("ada", "bob-b", "zoe")
    }


def test_people_who_begin_alike_are_no_repositories(tmp_path):
    write(tmp_path, "ada-lovelace/x.py", "ada-byron/x.py")
    assert set(collected(tmp_path)) == {"ada-lovelace", "ada-byron"}


# Plain names


@pytest.mark.parametrize(
    "names",
    [
        ["ada/cnn.ipynb", "bob/cnn.ipynb"],
        ["ada/solution.ipynb", "bob/main.py"],
        ["ada_cnn.ipynb", "bob_cnn.ipynb"],
        ["ada.py", "bob.py"],
        ["download/ada/x.py", "download/bob/x.py"],
        ["run_all.py", "ada/cnn.py", "bob/cnn.py"],
    ],
)
def test_a_folder_that_may_be_several_peoples_is_refused_as_a_whole_beside_others(tmp_path, names):
    write(tmp_path, *(f"class/{name}" for name in names), text=WORK)
    write(tmp_path, "zoe/cnn (1).ipynb")
    assert set(collected(tmp_path)) == {"zoe"}
    assert set(refused(tmp_path)) == {"class"}
    assert "call it or its archive cnn; if it is one student's, call it <student>_cnn." in refused(tmp_path)["class"]


def test_modules_that_share_methods_are_one_project(tmp_path):
    for name in ("conv", "pool"):
        text = f"class {name.title()}:\n    def forward(self):\n        pass\n\ndef main():\n    pass\n"
        write(tmp_path, f"ada/{name}.py", text=text)
    write(tmp_path, "bob/x.py")
    assert sorted(collected(tmp_path)["ada"]) == ["conv.py", "pool.py"]


@pytest.mark.parametrize("text", [WORK, '"source": [\n  "class A:",', r'{"source":"x\nclass A:\n pass"}'])
def test_the_same_classes_twice_are_two_peoples(tmp_path, text):
    write(tmp_path, "class/ada.ipynb", "class/bob.ipynb", text=text)
    write(tmp_path, "zoe/x.py")
    assert set(collected(tmp_path)) == {"zoe"}


@pytest.mark.parametrize("top", ["class", "cnn", "cnn (2)"])
@pytest.mark.parametrize("names", [["ada/x.ipynb", "bob/x.ipynb"], ["ada_cnn.ipynb", "bob_cnn.ipynb"]])
def test_what_is_alone_or_called_like_the_assignment_is_a_class(tmp_path, top, names):
    write(tmp_path, *(f"{top}/{name}" for name in names))
    if top != "class":
        write(tmp_path, "zoe/x.py")
    assert set(collected(tmp_path)) - {"zoe"} == {"ada", "bob"}


@pytest.mark.parametrize(
    "names",
    [
        ["cnn.ipynb", "old_cnn.ipynb", "old/cnn.ipynb"],
        ["notebooks/cnn.ipynb", "src/layers.py"],
        ["main.ipynb", "layers/__init__.py", "pooling.py", "experiments/try.py"],
        ["test_cnn.py", "cnn/cnn.py", "helpers/x.py"],
    ],
)
def test_a_folder_of_one_project_is_one_students(tmp_path, names):
    write(tmp_path, *(f"ada/{name}" for name in names), *(f"ada_cnn/extra/{name}" for name in ("1/x.py", "2/x.py")))
    write(tmp_path, "bob/cnn.py")
    assert set(collected(tmp_path)) == {"ada", "bob"}
    assert refused(tmp_path) == {}


@pytest.mark.parametrize("top", ["cs_2026_1_submissions", "moodle_cnn", "download/cs_2026_1_submissions"])
@pytest.mark.parametrize("name", ["{}_1_assignsubmission_file_/cnn.py", "{}_1_2_cnn.py", "{}/cnn.py"])
def test_a_class_whose_archive_is_called_like_a_students_upload_is_a_class(tmp_path, top, name):
    write(tmp_path, *(f"{top}/{name.format(who)}" for who in ("ada", "bob")))
    students = {student.removesuffix("_1") for student in collected(tmp_path)}
    if name == "{}/cnn.py" and "_1_" in top:
        assert students == set()
        assert "If it holds several students, call it or its archive cnn" in refused(tmp_path)[top]
    else:
        assert students == {"ada", "bob"}


def test_a_student_takes_nobodys_place_by_names_in_an_archive(tmp_path):
    write(tmp_path, "s/bob_1_2_cnn.py", "s/eve_3_4_x/bob_1_9_cnn.py", "mallory_cnn/bob_1_9_cnn.py")
    assert collected(tmp_path) == {
        "bob_1": {"cnn.py": "s/bob_1_2_cnn.py"}, "eve_3": {"bob_1_9_cnn.py": "s/eve_3_4_x/bob_1_9_cnn.py"}
    }  # fmt: skip
    assert "it is called like one student's" in refused(tmp_path)["mallory_cnn"]


def test_what_is_nobodys_is_told_with_a_remedy(tmp_path):
    write(
        tmp_path, "my solution.ipynb", "cnn/layers.py", "cnn/ada/x.py", MOODLE.format("Ada_1", "cnn.py"), "Kurs/a.pdf"
    )
    assert refused(tmp_path) == {
        name: f"nothing says whose it is. Call it <student>_cnn{Path(name).suffix}, or put it into a folder that has the "
        "student's name."
        for name in ("my solution.ipynb", "cnn/layers.py", "Kurs/a.pdf")
    }


# Places


def test_the_later_of_two_downloads_counts_as_a_whole(tmp_path):
    write(tmp_path, *(f"Kurs-{n}/{who}_1_assignsubmission_file_/{n}.py" for n in (2, 10) for who in ("Ada", "Bob")))
    for path in tmp_path.rglob("*.py"):
        os.utime(path, (1000, 1000))
    os.utime(tmp_path / "Kurs-2/Bob_1_assignsubmission_file_/2.py", (2000, 2000))
    assert {student: list(files) for student, files in collected(tmp_path).items()} == {
        "Ada_1": ["10.py"],
        "Bob_1": ["2.py"],
    }
    assert len(placed(tmp_path).earlier) == 2


def test_no_file_takes_the_place_of_another_one(tmp_path):
    write(
        tmp_path, "ada/cnn.py", "ada_cnn.py", "ada/x/y.py", MOODLE.format("Bob_1", "a"), MOODLE.format("Bob_1", "b/c.py"),
        "Kurs/Bob_1_assignsubmission_onlinetext_/a/x.py", "Kurs/Bob_1_assignsubmission_onlinetext_/b",
    )  # fmt: skip
    files = collected(tmp_path)
    assert set(files["ada"]) == {"cnn.py", "upload 2/cnn.py", "x/y.py"}
    assert set(files["Bob_1"]) == {"a", "b/c.py", "upload 2/a/x.py", "upload 2/b"}


def test_folders_that_only_wrap_others_are_taken_off(tmp_path):
    write(tmp_path, *(MOODLE.format("Ada_1", f"work/work/cnn/cnn/{name}") for name in ("cnn.py", "sub/layers.py")))
    write(tmp_path, MOODLE.format("Bob_2", "a/x.py"), MOODLE.format("Bob_2", "b/c/d/y.py"))
    write(tmp_path, MOODLE.format("Cem_3", "x/mlp/mlp.ipynb"), MOODLE.format("Dee_4", "y/net/__init__.py"))
    files = collected(tmp_path)
    assert set(files["Ada_1"]) == {"cnn.py", "sub/layers.py"}
    assert set(files["Bob_2"]) == {"a/x.py", "b/c/d/y.py"}
    assert set(files["Cem_3"]) == {"mlp/mlp.ipynb"}
    assert set(files["Dee_4"]) == {"net/__init__.py"}


def test_a_student_says_no_time_of_a_submission(tmp_path):
    names = ("cnn.py", "timestamp.txt", "submission_secret.txt", "cnn/timestamp.txt")
    write(tmp_path, *(MOODLE.format("Ada_1", name) for name in names))
    write(tmp_path, *(MOODLE.format("Bob_2", f"wrapped/{name}") for name in names[:2]))
    files = collected(tmp_path)
    assert set(files["Ada_1"]) == {"cnn.py", "cnn/timestamp.txt"}
    assert set(files["Bob_2"]) == {"cnn.py"}
    assert len(placed(tmp_path).passed_over) == 3


def test_a_path_that_is_too_long_costs_one_file(tmp_path):
    write(tmp_path, MOODLE.format("Ada_1", "/".join(["d" * 240] * 9) + "/x.py"), MOODLE.format("Ada_1", "cnn.py"))
    assert set(collected(tmp_path)["Ada_1"]) == {"cnn.py"}
    assert "its path is too long" in next(iter(refused(tmp_path).values()))


def test_people_who_handed_in_nothing_are_known(tmp_path):
    (tmp_path / MOODLE.format("Zoe_1", "")).mkdir(parents=True)
    write(tmp_path, MOODLE.format("Ada_2", "cnn.py"))
    assert placed(tmp_path).students == ["Ada_2", "Zoe_1"]


# Parts of paths, of which any may lie in any other.
PARTS = st.sampled_from(
    [
        "ada",
        "Ada",
        "ada_cnn",
        "bob_cnn.py",
        "cnn",
        "CNN.ipynb",
        "cnn.py",
        "cnn (1).py",
        "layers.py",
        "a.pdf",
        "class",
        "timestamp.txt",
        "cnn-submissions",
        "cnn-ada",
        "hw-1-ada",
        "Ada L_1_assignsubmission_file_",
        "Ada L_1_assignsubmission_file_cnn.py",
        "Bob_2_assignsubmission_onlinetext_",
        "ada_1_2_cnn.py",
        "ada_1_3_cnn-2.py",
        "ada_LATE_1_4_work",
        "submission_1",
        "submission_2",
        "submission_metadata.yml",
        "work",
        "---_cnn",
    ]
)


@given(st.lists(st.lists(PARTS, min_size=1, max_size=4), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_no_file_is_lost_without_a_word(paths, random):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for parts in paths:
            path = root.joinpath(*parts)
            if not path.exists() and not any(parent.is_file() for parent in path.parents):
                write(root, path.relative_to(root).as_posix(), text=METADATA if path.name.endswith("yml") else WORK)
        files = {path for path in root.rglob("*") if path.is_file()}
        archives = {path for path in root.rglob("*") if path.is_dir() and random.random() < 0.3}
        placement = place(find_uploads(root, "cnn"), "cnn", unpacked=archives)
        told = (
            [each.path for each in placement.nobodys] + [path for _, path in placement.earlier] + placement.passed_over
        )
        taken = {file.source for file in placement.files}
        lost = {path for path in files - taken if not any(path == each or each in path.parents for each in told)}
        assert {path.name for path in lost} <= {"submission_metadata.yml"}
        places = [(file.student, file.name) for file in placement.files]
        assert len(set(places)) == len(places)
        assert not {(student, parent) for student, name in places for parent in name.parents} & set(places)
