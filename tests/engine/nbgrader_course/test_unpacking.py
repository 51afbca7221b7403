"""Unpacking all that a platform gave: one archive costs only itself, and limits are shared."""

from __future__ import annotations

import gzip
import io
import logging
import os
import subprocess
import tarfile
import zipfile

import pytest

from archive_kit import MIB, make_tar, make_zip, tar_member, unpack_download, zip_bytes


@pytest.fixture
def told(caplog):
    """What was logged, as one text."""
    caplog.set_level(logging.INFO)
    return lambda: "\n".join(record.getMessage() for record in caplog.records)


BROKEN = ("locked", "cut", "page", "nothing")


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
    broken = {f"{name}_cnn.zip": (archive / f"{name}_cnn.zip").read_bytes() for name in BROKEN}
    assert unpack_download(tmp_path) == {
        "ada_cnn/cnn.ipynb": b"ada", "bob_cnn.ipynb": b"bob", "clash_cnn/a": b"", **broken
    }  # fmt: skip
    for name in BROKEN:
        assert f"{archive / name}_cnn.zip" in told()
        assert not (tmp_path / "extracted" / f"{name}_cnn").exists()
    assert "Left out, because it cannot be unpacked (" in told()
    assert "is encrypted" in told()
    assert f"Left out, because it is not a file: {archive / 'link_cnn.ipynb'}" in told()
    assert f"Left out, because it is not a file: {archive / 'pipe_cnn.ipynb'}" in told()


def test_a_class_of_zipped_folders_is_unpacked_and_no_deeper(tmp_path, told):
    deepest = zip_bytes({"cnn.ipynb": b"deep"})
    deep = zip_bytes({"cnn/cnn.ipynb": b"ada", "deeper.zip": deepest})
    make_zip(tmp_path / "archive/week 3/class.zip", {"ada.zip": deep, "ada.ZIP": zip_bytes({"x.py": b"again"})})
    assert unpack_download(tmp_path, max_depth=2) == {
        "week 3/class/ada/x.py": b"again",
        "week 3/class/ada (2)/cnn/cnn.ipynb": b"ada",
        "week 3/class/ada (2)/deeper.zip": deepest,
    }
    assert "Left out, because it is an archive in too many others" in told()


def test_archives_in_a_students_archive_are_unpacked(tmp_path):
    inner = zip_bytes({"again.tar.zip": zip_bytes({"cnn.py": b"ada"})})
    make_zip(tmp_path / "archive/class.zip", {"ada.zip": inner})
    assert unpack_download(tmp_path) == {"class/ada/again.tar/cnn.py": b"ada"}


def test_a_compressed_file_that_is_no_archive_stays_what_it_is(tmp_path, told):
    digits = gzip.compress(b"digits", mtime=0)
    make_zip(tmp_path / "archive/ada_cnn.zip", {"cnn.py": b"1", "train-images.gz": digits})
    assert unpack_download(tmp_path) == {"ada_cnn/cnn.py": b"1", "ada_cnn/train-images.gz": digits}
    assert "Left out" not in told()


def test_litter_beside_archives_is_no_upload(tmp_path, told):
    archive = tmp_path / "archive"
    for name in ("ada/.git/config", "ada/.ipynb_checkpoints/cnn.ipynb", "__MACOSX/ada.py", "Thumbs.db", "ada/cnn.py"):
        (archive / name).parent.mkdir(parents=True, exist_ok=True)
        (archive / name).write_bytes(b"1")
    assert unpack_download(tmp_path) == {"ada/cnn.py": b"1"}
    assert "Left out" not in told()


def test_whoever_handed_in_nothing_but_litter_is_still_there(tmp_path):
    litter = {
        "class/ada/.ipynb_checkpoints/cnn.ipynb": b"1",
        "class/bob/.git/objects/1": b"1",
        "__MACOSX/eve/x.py": b"1",
    }
    make_zip(tmp_path / "archive/all.zip", litter)
    for name in ("cem/.DS_Store", "dee/.git/HEAD"):
        (tmp_path / "archive" / name).parent.mkdir(parents=True)
        (tmp_path / "archive" / name).write_bytes(b"1")
    assert unpack_download(tmp_path) == {}
    found = {path.relative_to(tmp_path / "extracted").as_posix() for path in (tmp_path / "extracted").rglob("*")}
    assert found == {
        "all",
        "all/class",
        "all/class/ada",
        "all/class/bob",
        "all/class/bob/.git",
        "cem",
        "dee",
        "dee/.git",
    }


def test_folders_without_files_are_kept(tmp_path):
    make_zip(
        tmp_path / "archive/class.zip", {"zoe_1_assignsubmission_file_/": b"", "ada_2_assignsubmission_file_/a": b"1"}
    )
    (tmp_path / "archive/eve").mkdir()
    unpack_download(tmp_path)
    assert (tmp_path / "extracted/class/zoe_1_assignsubmission_file_").is_dir()
    assert (tmp_path / "extracted/eve").is_dir()


def test_a_bomb_in_a_class_costs_its_own_student(tmp_path, told):
    bomb = zip_bytes({"cnn.ipynb": bytes(3 * MIB)})
    make_zip(tmp_path / "archive/class.zip", {"eve.zip": bomb, "ada.zip": zip_bytes({"cnn.ipynb": b"ada"})})
    assert unpack_download(tmp_path, max_inner_mib=2) == {"class/ada/cnn.ipynb": b"ada", "class/eve.zip": bomb}
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
    files = unpack_download(tmp_path)
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
    files = unpack_download(tmp_path, max_total_mib=100)
    assert files["class/ada/cnn.py"] == b"1"
    assert files["zoe_cnn/cnn.py"] == b"2"
    assert sum(map(len, files.values())) <= 100 * MIB
    assert "Left out, because it cannot be unpacked (more than" in told()


def test_what_is_small_becomes_nothing_large(tmp_path):
    bomb = zip_bytes({f"{i}.zip": zip_bytes({"cnn.ipynb": bytes(30 * MIB)}) for i in range(6)})
    make_zip(tmp_path / "archive/eve_cnn.zip", {"a.zip": bomb, "b.zip": bomb})
    assert len(zip_bytes({"a": bomb})) < MIB
    files = unpack_download(tmp_path, max_depth=3)
    assert sum(map(len, files.values())) <= 100 * MIB + 100 * (tmp_path / "archive/eve_cnn.zip").stat().st_size


def test_of_a_class_only_what_is_largest_is_left_out(tmp_path, told):
    make_zip(tmp_path / "archive/class.zip", {"eve_cnn.py": bytes(5 * MIB), "ada_cnn.py": b"1", "zoe_cnn.py": b"2"})
    assert unpack_download(tmp_path, max_archive_mib=2) == {"class/ada_cnn.py": b"1", "class/zoe_cnn.py": b"2"}
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
    assert unpack_download(tmp_path) == {f"class/{name}": content for name, content in kept.items()}
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
    kept = {f"{name}_cnn.tar": data for name, data in sizes.items()}
    assert unpack_download(tmp_path) == {"ada_cnn/cnn.py": b"1", **kept}
    assert f"(it holds files with holes): {archive / 'holes_cnn.tar'}" in told()
    for name in ("digits", "words"):
        assert f"(a header with more than 16 KiB): {archive / name}_cnn.tar" in told()


def test_all_archives_of_an_upload_share_the_time(tmp_path, told):
    for name in ("a", "b"):
        make_zip(tmp_path / f"archive/{name}_cnn.zip", {"cnn.py": b"1"})
    assert set(unpack_download(tmp_path, max_total_seconds=0)) == {"a_cnn.zip", "b_cnn.zip"}
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
    assert unpack_download(tmp_path, max_files=200)["ada_cnn/cnn.py"] == b"1"
    assert "many_cnn.tar" in told()
    assert f"more than 200 members): {archive / 'folders_cnn.tar'}" in told()
