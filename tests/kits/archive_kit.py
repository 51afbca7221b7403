"""Archives as platforms and students make them, and what unpacking makes of them."""

from __future__ import annotations

import io
import logging
import stat
import tarfile
import zipfile
from pathlib import Path

from traitlets.config import Config

from cnn_assignment.nbgrader_course.collecting.unpacking import CarefulUnpacker
from cnn_assignment.nbgrader_course.collecting.zip_collecting import configure_collecting
from cnn_kit import tree

MIB = 2**20


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


def unpack_download(folder: Path, **settings) -> dict[str, bytes]:
    defaults = Config()
    configure_collecting(defaults)
    plugin = CarefulUnpacker(config=Config(ExtractorPlugin=defaults.ExtractorPlugin, CarefulUnpacker=Config(settings)))
    plugin.log = logging.getLogger("unpack")
    (folder / "extracted").mkdir()
    plugin.extract(str(folder / "archive"), str(folder / "extracted"))
    return tree(folder / "extracted")
