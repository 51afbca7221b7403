"""Unpacking one archive: hostile names, links, and what claims to be smaller than it is."""

from __future__ import annotations

import stat
import tarfile
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive_kit import MIB, make_tar, make_zip, tar_member, zip_bytes
from cnn_assignment.core.errors import TooLargeError
from cnn_assignment.nbgrader_course.collecting.archives import unpack
from cnn_kit import tree


def unpacked(
    archive: Path, tmp_path: Path, most: int = MIB, most_files: int = 100
) -> tuple[dict[str, bytes], list[str]]:
    target = tmp_path / "unpacked"
    target.mkdir()
    warnings = unpack(archive, target, most, most_files)
    assert not [path for path in target.rglob("*") if path.is_symlink()]
    return tree(target), warnings


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


def test_of_one_name_the_last_member_counts_and_the_others_are_told(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {"cnn.py": b"the first one", "xnn.py": b"3"})
    archive.write_bytes(archive.read_bytes().replace(b"xnn.py", b"cnn.py"))
    target = tmp_path / "class"
    target.mkdir()
    warnings = unpack(archive, target, MIB, 100, may_be_a_class=True)
    assert tree(target) == {"cnn.py": b"3"}
    assert warnings == ["left out a member that is there once more, further down: 'cnn.py'"]


def test_of_a_class_everybody_who_loses_something_is_named(tmp_path):
    archive = make_zip(tmp_path / "a.zip", {f"s{number}/../cnn.py": b"" for number in range(60)})
    target = tmp_path / "class"
    target.mkdir()
    assert len(unpack(archive, target, MIB, 100, may_be_a_class=True)) == 60
    assert unpack(archive, target, MIB, 100)[20:] == ["left out 40 more members"]


def test_files_keep_the_time_of_their_member(tmp_path):
    target = tmp_path / "out"
    target.mkdir()
    member = zipfile.ZipInfo("cnn.py", (2026, 1, 2, 3, 4, 6))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, b"1")
        archive.writestr(zipfile.ZipInfo("no-time.py", (1980, 0, 0, 0, 0, 0)), b"1")
    unpack(tmp_path / "a.zip", target, MIB, 9)
    assert (target / "cnn.py").stat().st_mtime == datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC).timestamp()
    assert (target / "no-time.py").stat().st_mtime == 0


def test_the_directory_of_a_zip_is_counted_before_it_is_read(tmp_path):
    path = tmp_path / "a.zip"
    path.write_bytes(b"PK\x01\x02" * 200_001 + zip_bytes({"cnn.py": b"1"}))
    with pytest.raises(TooLargeError, match="more than 200000 members"):
        unpacked(path, tmp_path)
