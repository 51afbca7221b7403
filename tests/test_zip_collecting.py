"""Uploads from a learning platform: hostile archives, the platforms' file names, and the real command."""

from __future__ import annotations

import io
import logging
import os
import stat
import subprocess
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.apps import ZipCollectApp
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import ExtractorPlugin
from traitlets.config import Config

from cnn_assignment.errors import TooLargeError
from cnn_assignment.gradebook.zip_collecting import (
    CarefulExtractor,
    UploadCollector,
    configure_collecting,
    recognise,
    unpack,
)
from cnn_assignment.names import why_not_a_student
from cnn_kit import NAME, run, tree
from cycle_kit import cells_of, database_url, grades_of, open_school, reports_of

MIB = 2**20
EXTRACTED = "downloaded/cnn/extracted"


def make_zip(path: Path, files: dict[str, bytes], **modes: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = modes.get(name, stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return path


def zip_bytes(files: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return memory.getvalue()


def make_tar(path: Path, *members: tarfile.TarInfo, mode: str = "w:gz", data: bytes = b"work") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as archive:
        for member in members:
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data) if member.isreg() else None)
    return path


def tar_member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member


def unpacked(
    archive: Path, tmp_path: Path, most: int = MIB, most_files: int = 100
) -> tuple[dict[str, bytes], list[str]]:
    target = tmp_path / "unpacked"
    target.mkdir()
    warnings = unpack(archive, target, most, most_files)
    assert not [path for path in target.rglob("*") if path.is_symlink()]
    return tree(target), warnings


# One archive


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_plain_files_of_a_tar_are_unpacked(tmp_path, mode):
    archive = make_tar(tmp_path / "a.tar", tar_member("d/cnn.ipynb"), tar_member("./e.py"), mode=mode)
    assert unpacked(archive, tmp_path) == ({"d/cnn.ipynb": b"work", "e.py": b"work"}, [])


def test_plain_files_of_a_zip_are_unpacked_without_litter(tmp_path):
    files = {
        "d/cnn.ipynb": b"1",
        "d\\sub\\e.py": b"2",
        "d/.ipynb_checkpoints/cnn-checkpoint.ipynb": b"3",
        "__MACOSX/d/._cnn.ipynb": b"4",
        ".DS_Store": b"5",
        "d/__pycache__/e.pyc": b"6",
        "empty/": b"",
    }
    assert unpacked(make_zip(tmp_path / "a.zip", files), tmp_path) == ({"d/cnn.ipynb": b"1", "d/sub/e.py": b"2"}, [])


@pytest.mark.parametrize(
    "name", ["../out.py", "/out.py", "a/../../out.py", "..\\out.py", "\\out.py", "C:\\out.py", "c:out.py", "a/.."]
)
def test_a_name_that_leads_elsewhere_is_left_out(tmp_path, name):
    files, warnings = unpacked(make_zip(tmp_path / "a.zip", {name: b"evil", "cnn.py": b"1"}), tmp_path)
    assert files == {"cnn.py": b"1"}
    assert len(warnings) == 1
    assert "has a name that leads elsewhere" in warnings[0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "unpacked"]


def test_links_and_devices_are_left_out(tmp_path):
    members = [
        tar_member("cnn.ipynb", tarfile.SYMTYPE, "/etc/passwd"),
        tar_member("folder", tarfile.SYMTYPE, ".."),
        tar_member("folder/cnn.py"),
        tar_member("hard", tarfile.LNKTYPE, "folder/cnn.py"),
        tar_member("pipe", tarfile.FIFOTYPE),
        tar_member("device", tarfile.CHRTYPE),
    ]
    files, warnings = unpacked(make_tar(tmp_path / "a.tar.gz", *members), tmp_path)
    assert files == {"folder/cnn.py": b"work"}
    assert [warning.split(": ")[1] for warning in warnings] == [
        "'cnn.ipynb'",
        "'folder'",
        "'hard'",
        "'pipe'",
        "'device'",
    ]
    link = make_zip(tmp_path / "b.zip", {"cnn.ipynb": b"/etc/passwd"}, **{"cnn.ipynb": stat.S_IFLNK | 0o777})
    (tmp_path / "b").mkdir()
    files, warnings = unpacked(link, tmp_path / "b")
    assert files == {}
    assert warnings == ["left out a member that is not a file: 'cnn.ipynb'"]


def test_modes_of_an_archive_are_not_taken_over(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    unpack(make_zip(tmp_path / "a.zip", {"cnn.py": b""}, **{"cnn.py": stat.S_IFREG | 0o6777}), target, MIB, 9)
    assert (target / "cnn.py").stat().st_mode & 0o7111 == 0


def bombs(folder: Path) -> dict[str, Path]:
    """Small files that hold much, and one that lies about it."""
    zeros = bytes(4 * MIB)
    lying = make_zip(folder / "lying.zip", {"cnn.py": zeros})
    data = bytearray(lying.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        place = data.index(magic) + offset
        data[place : place + 4] = (10).to_bytes(4, "little")
    lying.write_bytes(data)
    return {
        "zip": make_zip(folder / "bomb.zip", {"cnn.py": zeros}),
        "many": make_zip(folder / "many.zip", {f"{i}.py": bytes(MIB // 4) for i in range(16)}),
        "tar": make_tar(folder / "bomb.tar.gz", tar_member("cnn.py"), data=zeros),
        "large": make_tar(folder / "large.tar", tar_member("cnn.py"), mode="w", data=zeros),
        "lying": lying,
    }


@pytest.mark.parametrize("kind", ["zip", "many", "tar", "large"])
def test_bytes_are_counted_as_they_come(tmp_path, kind):
    with pytest.raises(TooLargeError, match="more than 1 MiB"):
        unpacked(bombs(tmp_path)[kind], tmp_path)
    assert sum(map(len, tree(tmp_path / "unpacked").values())) <= MIB


def test_an_archive_that_lies_about_its_size_fills_nothing(tmp_path):
    with pytest.raises(zipfile.BadZipFile, match="Bad CRC-32"):
        unpacked(bombs(tmp_path)["lying"], tmp_path)
    assert sum(map(len, tree(tmp_path / "unpacked").values())) <= MIB


def test_members_are_counted(tmp_path):
    with pytest.raises(TooLargeError, match="more than 5 members"):
        unpacked(make_zip(tmp_path / "a.zip", {f"{i}.py": b"" for i in range(6)}), tmp_path, most_files=5)


# The extractor


@pytest.fixture
def told(caplog):
    """What was logged, as one text."""
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


def extract(folder: Path, **settings) -> dict[str, bytes]:
    defaults = Config()
    configure_collecting(defaults)
    plugin = CarefulExtractor(
        config=Config(ExtractorPlugin=defaults.ExtractorPlugin, CarefulExtractor=Config(settings))
    )
    plugin.log = logging.getLogger("extract")
    (folder / "extracted").mkdir()
    plugin.extract(str(folder / "archive"), str(folder / "extracted"))
    return tree(folder / "extracted")


def test_one_broken_archive_stops_nobody_else(tmp_path, told):
    archive = tmp_path / "archive"
    good = make_zip(archive / "ada_cnn.zip", {"cnn.ipynb": b"ada"})
    encrypted = bytearray(good.read_bytes())
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[encrypted.index(magic) + offset] |= 1
    (archive / "locked_cnn.zip").write_bytes(encrypted)
    (archive / "cut_cnn.zip").write_bytes(good.read_bytes()[:40])
    (archive / "page_cnn.zip").write_bytes(b"<html>please log in</html>")
    (archive / "nothing_cnn.zip").write_bytes(b"")
    (archive / "bob_cnn.ipynb").write_bytes(b"bob")
    (archive / "clash_cnn.zip").write_bytes(zip_bytes({"a": b"", "a/b": b""}))
    (archive / "link_cnn.ipynb").symlink_to(archive / "bob_cnn.ipynb")
    os.mkfifo(archive / "pipe_cnn.ipynb")
    assert extract(tmp_path) == {"ada_cnn/cnn.ipynb": b"ada", "bob_cnn.ipynb": b"bob", "clash_cnn/a": b""}
    for name in ("locked", "cut", "page", "nothing"):
        assert f"{archive / name}_cnn.zip" in told()
        assert not (tmp_path / "extracted" / f"{name}_cnn").exists()
    assert "Left out, because it cannot be unpacked (" in told()
    assert "is encrypted" in told()
    assert f"Left out, because it is not a file: {archive / 'link_cnn.ipynb'}" in told()
    assert f"Left out, because it is not a file: {archive / 'pipe_cnn.ipynb'}" in told()


def test_a_class_of_zipped_folders_is_unpacked_and_no_deeper(tmp_path, told):
    deep = zip_bytes({"cnn/cnn.ipynb": b"ada", "deeper.zip": zip_bytes({"cnn.ipynb": b"deep"})})
    make_zip(tmp_path / "archive/week 3/class.zip", {"ada.zip": deep, "ada.ZIP": zip_bytes({"x.py": b"again"})})
    assert extract(tmp_path) == {
        "week 3/class/ada/x.py": b"again",
        "week 3/class/ada (2)/cnn/cnn.ipynb": b"ada",
    }
    assert "Left out, because it is an archive in an archive in an archive" in told()


def test_a_bomb_in_a_class_costs_its_own_student(tmp_path, told):
    bomb = zip_bytes({"cnn.ipynb": bytes(3 * MIB)})
    make_zip(tmp_path / "archive/class.zip", {"eve.zip": bomb, "ada.zip": zip_bytes({"cnn.ipynb": b"ada"})})
    assert extract(tmp_path, max_inner_mib=2) == {"class/ada/cnn.ipynb": b"ada"}
    assert "cannot be unpacked (more than 2 MiB)" in told()


DEEP = "/".join(["d"] * 980)


@pytest.fixture
def deep_folder(tmp_path):
    """A folder with 980 in each other, which are gone afterwards: pytest could not remove them."""
    top = tmp_path / "deep"
    (top / "/".join(["d"] * 50)).mkdir(parents=True)
    for _ in range(19):
        next_top = tmp_path / "next"
        below = next_top / "/".join(["d"] * 49)
        below.mkdir(parents=True)
        top.rename(below / "d")
        next_top.rename(top)
    yield top
    subprocess.run(["rm", "-rf", tmp_path / "archive", top], check=True)


def test_980_nested_folders_and_impossible_names_cost_only_themselves(tmp_path, deep_folder, told):
    archive = tmp_path / "archive"
    hostile = {
        f"{DEEP}/cnn.py": b"1",
        f"{'n' * 300}.py": b"2",
        f"{'m' * 300}/cnn.py": b"3",
        "ok/\x1b[2Jcnn.py": b"4",
        "cnn.py": b"5",
        "CNN.py": b"6",
    }
    make_zip(archive / "ada_cnn.zip", hostile)
    members = [
        tar_member(f"{DEEP}/cnn.py"),
        tar_member(f"{'n' * 300}.py"),
        tar_member("e\udcff.py"),
        tar_member("cnn.py"),
    ]
    make_tar(archive / "bob_cnn.tar.gz", *members)
    for ending in (".gz", ".xz"):  # the second folder's name would be too long
        (archive / f"{'l' * 252}{ending}").write_bytes(zip_bytes({"x.py": b"7"}))
    deep_folder.rename(archive / "d")
    files = extract(tmp_path)
    assert {name: data for name, data in files.items() if name.startswith(("ada", "bob"))} == {
        "ada_cnn/cnn.py": b"5", "ada_cnn/CNN.py": b"6", "ada_cnn/ok/\x1b[2Jcnn.py": b"4",
        "bob_cnn/cnn.py": b"work", "bob_cnn/e\udcff.py": b"work",
    }  # fmt: skip
    assert files[f"{'l' * 252}/x.py"] == b"7"
    assert "Left out, because it cannot be copied ([Errno 36] File name too long" in told()
    assert "lies in too many folders" in told()
    assert "has a name that no file can have" in told()
    assert "\x1b" not in told()
    assert "Traceback" not in told()


def test_all_archives_of_an_upload_share_what_may_be_unpacked_and_honest_ones_go_first(tmp_path, told):
    inner = zip_bytes({"cnn.ipynb": bytes(40 * MIB)})
    make_zip(
        tmp_path / "archive/class.zip",
        {f"eve{i}.zip": inner for i in range(9)} | {"ada.zip": zip_bytes({"cnn.py": b"1"})},
    )
    make_zip(tmp_path / "archive/zoe_cnn.zip", {"cnn.py": b"2"})
    files = extract(tmp_path, max_total_mib=100)
    assert files["class/ada/cnn.py"] == b"1"
    assert files["zoe_cnn/cnn.py"] == b"2"
    assert sum(map(len, files.values())) <= 100 * MIB
    assert "Left out, because it cannot be unpacked (more than" in told()


def test_what_is_small_becomes_nothing_large(tmp_path):
    bomb = zip_bytes({f"{i}.zip": zip_bytes({"cnn.ipynb": bytes(30 * MIB)}) for i in range(6)})
    make_zip(tmp_path / "archive/eve_cnn.zip", {"a.zip": bomb, "b.zip": bomb})
    assert len(zip_bytes({"a": bomb})) < MIB
    files = extract(tmp_path, max_depth=3)
    assert sum(map(len, files.values())) <= 100 * MIB + 100 * (tmp_path / "archive/eve_cnn.zip").stat().st_size


def test_of_a_class_only_what_is_largest_is_left_out(tmp_path, told):
    make_zip(tmp_path / "archive/class.zip", {"eve_cnn.py": bytes(5 * MIB), "ada_cnn.py": b"1", "zoe_cnn.py": b"2"})
    assert extract(tmp_path, max_archive_mib=2) == {"class/ada_cnn.py": b"1", "class/zoe_cnn.py": b"2"}
    assert "left out a member that would make it too large: 'eve_cnn.py'" in told()


def damaged(data: bytes, name: str, **kinds: int) -> bytes:
    """A zip of which one member's header says something else: flags=1 encrypted, method=99 unknown, rest=1 no such bytes."""
    changed = bytearray(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        start = archive.getinfo(name).header_offset
    listed = data.index(b"PK\x01\x02")
    while data[listed + 46 : listed + 46 + len(name)] != name.encode():
        listed = data.index(b"PK\x01\x02", listed + 1)
    for kind, value in kinds.items():
        for place in {"flags": (start + 6, listed + 8), "method": (start + 8, listed + 10), "rest": (listed + 16,)}[
            kind
        ]:
            changed[place] ^= value
    return bytes(changed)


def test_what_one_member_of_a_class_is_costs_its_own_student(tmp_path, told):
    def file(student: str, name: str = "cnn.py") -> str:
        return f"{student}_1_assignsubmission_file/{name}"

    hostile = {
        file("Bob"): b"1",
        file("Cem"): b"2",
        file("Dee"): b"3",
        file("Eve", f"{'/'.join(['e' * 250] * 18)}/cnn.py"): b"4",
        file("Fay", "a"): b"",
        file("Fay", "a/cnn.py"): b"5",
        file("Gus", "b/cnn.py"): b"6",
        file("Gus", "b"): b"77",
    }
    data = zip_bytes({file("Ada"): b"ada", **hostile, file("Zoe"): b"zoe"})
    data = damaged(damaged(damaged(data, file("Bob"), flags=1), file("Cem"), method=99), file("Dee"), rest=1)
    (tmp_path / "archive").mkdir()
    (tmp_path / "archive/class.zip").write_bytes(data)
    kept = {file("Ada"): b"ada", file("Fay", "a"): b"", file("Gus", "b/cnn.py"): b"6", file("Zoe"): b"zoe"}
    assert extract(tmp_path) == {f"class/{name}": content for name, content in kept.items()}
    for name in (file("Bob"), file("Cem"), file("Dee"), file("Fay", "a/cnn.py"), file("Gus", "b")):
        assert f": '{name}'" in told()
    assert told().count("left out a member that cannot be unpacked (") == 6


def pax(body: bytes, size: int = 0, data: bytes = b"") -> bytes:
    """A tar of one file with these extended headers."""
    header, member = tarfile.TarInfo("x"), tarfile.TarInfo("cnn.py")
    header.type, header.size, member.size = tarfile.XHDTYPE, len(body), size
    blocks = (header.tobuf(tarfile.USTAR_FORMAT), body, b"\0" * (-len(body) % 512), member.tobuf(), data)
    return b"".join(blocks) + bytes(1024)


def test_what_a_tar_says_of_its_members_takes_neither_hours_nor_the_memory(tmp_path, told):
    archive = tmp_path / "archive"
    make_zip(archive / "ada_cnn.zip", {"cnn.py": b"1"})
    holes = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    sizes = {"holes": pax(holes, 4 * MIB, b"900000000\n" + b"0\n" * (2 * MIB - 5)), "digits": pax(b"1" * MIB)}
    sizes["words"] = pax(b"%d comment=%s\n" % (MIB + 17, b"a" * MIB))
    for name, data in sizes.items():
        (archive / f"{name}_cnn.tar").write_bytes(data)
    assert extract(tmp_path) == {"ada_cnn/cnn.py": b"1"}
    assert f"(it holds files with holes): {archive / 'holes_cnn.tar'}" in told()
    for name in ("digits", "words"):
        assert f"(a header with more than 16 KiB): {archive / name}_cnn.tar" in told()


def test_all_archives_of_an_upload_share_the_time(tmp_path, told):
    for name in ("a", "b"):
        make_zip(tmp_path / f"archive/{name}_cnn.zip", {"cnn.py": b"1"})
    assert extract(tmp_path, max_total_seconds=0) == {}
    assert told().count("seconds of work") == 2


def test_tars_of_strange_headers_cost_only_themselves(tmp_path, told):
    archive = tmp_path / "archive"
    make_zip(archive / "ada_cnn.zip", {"cnn.py": b"1"})
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 12
    pax = header.tobuf(tarfile.USTAR_FORMAT) + b"11 path=ab\n\0".ljust(512, b"\0")
    (archive / "many_cnn.tar").write_bytes(pax * 3000)
    negative = tarfile.TarInfo("n")
    data = bytearray(negative.tobuf(tarfile.GNU_FORMAT))
    data[124:136] = b"\xff" * 10 + b"\xfe\x00"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    (archive / "negative_cnn.tar").write_bytes(bytes(data) * 3)
    make_tar(archive / "folders_cnn.tar", *[tar_member(f"d{i}", tarfile.DIRTYPE) for i in range(300)])
    assert extract(tmp_path, max_files=200)["ada_cnn/cnn.py"] == b"1"
    assert "many_cnn.tar" in told()
    assert f"more than 200 members): {archive / 'folders_cnn.tar'}" in told()


def test_the_directory_of_a_zip_is_counted_before_it_is_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x01\x02" * 200_001 + zip_bytes({"cnn.py": b"1"}))
    with pytest.raises(TooLargeError, match="more than 200000 members"):
        unpacked(path, tmp_path)


# Names


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("ada_cnn.ipynb", "ada"),
        ("ada_lovelace_cnn.py", "ada_lovelace"),
        ("ada_cnn (1).ipynb", "ada"),
        ("ada/cnn.ipynb", "ada"),
        ("ada/cnn/cnn.ipynb", "ada"),
        ("ada_cnn/cnn.py", "ada"),
        ("ada_cnn/cnn/cnn.ipynb", "ada"),
        ("cnn/ada/cnn.ipynb", "ada"),
        ("cnn/ada_cnn.ipynb", "ada"),
        ("ada/bob_cnn.ipynb", "ada"),
        ("Ada Lovelace_123_assignsubmission_file_/cnn.ipynb", "Ada-Lovelace_123"),
        ("Ada Lovelace_123_assignsubmission_file/cnn.ipynb", "Ada-Lovelace_123"),
        ("Ada Lovelace_123_assignsubmission_file_cnn.ipynb", "Ada-Lovelace_123"),
        ("Kurs-CNN-77/Ada Lovelace_123_assignsubmission_file_/work/cnn.py", "Ada-Lovelace_123"),
        ("Kurs/Mallory_9_assignsubmission_file_/Bob_1_assignsubmission_file_/cnn.py", "Mallory_9"),
        ("Kurs/Mallory_9_assignsubmission_file_/bobby_12_34_cnn.ipynb", "Mallory_9"),
        ("Émilie du Châtelet_4_assignsubmission_file_/cnn.ipynb", "Émilie-du-Châtelet_4"),
        ("lovelaceada_123_4567_cnn.ipynb", "lovelaceada_123"),
        ("lovelaceada_LATE_123_4567_cnn.ipynb", "lovelaceada_123"),
        ("submissions/lovelaceada_123_4567_cnn-2.ipynb", "lovelaceada_123"),
        ("submissions/lovelaceada_123_4567_cnn/cnn.ipynb", "lovelaceada_123"),
        ("submissions/lovelaceada_123_4567_my work/bob_cnn.py", "lovelaceada_123"),
        ("cnn.ipynb", None),
        ("cnn/cnn.ipynb", None),
        ("_cnn.ipynb", None),
        ("ada/mlp.py", None),
        ("ada/test_cnn_old.py", None),
        ("ada/cnn-checkpoint.ipynb", None),
    ],
)
def test_whose_work_a_file_is(path, student):
    assert recognise(Path(path), "cnn") == student


def test_names_of_assignments_may_hold_anything_that_a_folder_may():
    assert recognise(Path("ada_week_2 (cnn).ipynb"), "week_2 (cnn)") == "ada"
    assert recognise(Path("ada_week-2.ipynb"), "week-2") == "ada"
    assert recognise(Path("lovelaceada_1_2_week_2.py"), "week_2") == "lovelaceada_1"


@given(st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4), st.sampled_from(["cnn.ipynb", "x_cnn.py"]))
def test_a_student_is_always_one_plain_folder(parts, name):
    folders = [part for part in parts if "/" not in part and "\0" not in part and part not in (".", "..")]
    student = recognise(Path(*folders, name), "cnn")
    if student is not None:
        assert Path(student).name == student
        assert not student.startswith((".", "-"))
        assert not set(student) & set("/\\*?[]+ \0\n")


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


def test_people_whose_names_become_alike_stay_apart(tmp_path, told):
    names = ["a,b", "a;b", "Ada Lovelace", "Ada-Lovelace", "x" * 150 + "1", "x" * 150 + "2", "<b>", "-rf", "\x1b[2J"]
    write(tmp_path, *(f"{name}/cnn.ipynb" for name in names))
    students = {answer["student_id"] for answer in found(tmp_path).values()}
    assert len(students) == len(names)
    assert "Ada-Lovelace" in students
    assert [student for student in students if why_not_a_student(student) is not None] == []


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


def test_of_several_files_the_exact_name_nearest_to_the_top_is_taken(tmp_path, told):
    write(
        tmp_path, "ada/cnn.ipynb", "ada/old/cnn.ipynb", "ada/cnn (1).ipynb", "ada/cnn.py", "ada/mlp.py", "ada/note.txt"
    )
    assert found(tmp_path) == {
        "ada/cnn.ipynb": {"student_id": "ada", "file_id": "cnn.ipynb"},
        "ada/cnn.py": {"student_id": "ada", "file_id": "cnn.py"},
    }
    for name in ("ada/old/cnn.ipynb", "ada/cnn (1).ipynb"):
        first = tmp_path / EXTRACTED / "ada/cnn.ipynb"
        assert f"Left out, because {first} is there too: {tmp_path / EXTRACTED / name}" in told()


def test_where_several_files_are_equally_good_none_is_taken(tmp_path, told):
    write(tmp_path, "class/ada/cnn.ipynb", "class/bob/cnn.ipynb", "zoe/cnn (1).ipynb")
    assert set(found(tmp_path)) == {"zoe/cnn (1).ipynb"}
    assert "2 files could be the cnn.ipynb of student 'class'" in told()
    assert "has to be called cnn.zip" in told()


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
    assert once.FileNameCollectorPlugin.valid_ext == [".ipynb", ".py"]


# The command


def test_what_platforms_give_is_collected_graded_and_collected_again(course_root, unmeasured, tmp_path):
    school = open_school(course_root, tmp_path / "school")
    examples, uploads = course_root / "examples/class", school.course / f"downloaded/{NAME}/archive"
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
    said = school.instructor.run("nbgrader", "zip_collect", NAME, outside, cwd=tmp_path)
    expected = {
        "Ada-Lovelace_11/cnn/cnn.ipynb": work["einsum"],
        "Bob_12/cnn/cnn.ipynb": work["flipped-filter"],
        "zuse_21/cnn/cnn.ipynb": work["colab"],
        "carl/cnn/cnn.py": (uploads / "carl_cnn.py").read_bytes(),
    }
    submitted = school.course / "submitted"
    assert tree(submitted) == expected
    assert "has a name that leads elsewhere" in said
    assert "broken_cnn.zip" in said
    assert "Traceback" not in said

    # nbgrader's own refusal, and its own way round it.
    again = school.instructor.run("nbgrader", "zip_collect", NAME, status=1)
    assert "use the --force option to clear previously existing files" in again
    school.instructor.run("nbgrader", "zip_collect", NAME, "--force")
    assert tree(submitted) == expected

    school.instructor.run("nbgrader", "autograde", NAME)
    graded = grades_of(database_url(school.course))
    run("cnn-assignment", "grade", NAME, "submitted", "--out", "reports", cwd=school.course)
    reports = reports_of(school.course / "reports")
    assert {student: report["score"] for student, report in reports.items()} == {
        "Ada-Lovelace_11": 100.0, "Bob_12": 81.2, "zuse_21": 100.0, "carl": 100.0,
    }  # fmt: skip
    for student in ("Ada-Lovelace_11", "Bob_12", "zuse_21"):
        assert graded[student]["cells"] == cells_of(reports[student])
    recorded = grades_of(database_url(school.course))
    assert {student: row["cells"] for student, row in recorded.items()} == {
        student: cells_of(report) for student, report in reports.items()
    }
