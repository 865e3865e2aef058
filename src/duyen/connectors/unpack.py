"""A ZIP of tables: its files beside each other in a folder, with bounds on what may come out of it."""

from __future__ import annotations

import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from duyen.model.errors import InvalidInput, TooLarge

MOST_FILES = 1_000
_PART = 1 << 20
_LONGEST_NAME = 100


def is_archive(path: Path) -> bool:
    """Whether a file is a ZIP of other files: a workbook is a ZIP too, and is a table itself."""
    with path.open("rb") as file:
        if file.read(4) != b"PK\x03\x04":
            return False
    try:
        with zipfile.ZipFile(path) as archive:
            return "xl/workbook.xml" not in archive.namelist()
    except zipfile.BadZipFile:
        return False  # whoever opens it as a table says what is wrong


def unpack(path: Path, folder: Path, most: int) -> list[Path]:
    """Write the files of a ZIP into a folder, at most so many bytes; hidden ones and folders are left out.

    A file's own claim of its size is not believed: what is counted are the bytes that come out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [info for info in archive.infolist() if _counts(info)]
            if len(inside) > MOST_FILES:
                raise TooLarge("import.files", f"{path.name} holds more than {MOST_FILES:,} files.")
            left = most
            for number, info in enumerate(inside):
                target = folder / f"{number:04d}-{plain_name(PurePosixPath(info.filename).name)}"
                with archive.open(info) as source, target.open("wb") as file:
                    while part := source.read(_PART):
                        left -= len(part)
                        if left < 0:
                            raise TooLarge(
                                "import.too_large",
                                f"What {path.name} holds is larger than {most // 1_000_000:,} MB;"
                                " import it in parts, or raise import_mb.",
                            )
                        file.write(part)
                written.append(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise InvalidInput(
            "import.format", f"{path.name} cannot be unpacked ({error}); pack it again."
        ) from None
    if not written:
        raise InvalidInput("import.empty", f"{path.name} holds no files: nothing to import.")
    return written


def plain_name(name: str) -> str:
    """A name that is one file's, in whatever folder, whoever says it."""
    words = re.sub(r"[^\w.() +-]+", "_", name.replace("\\", "/").rpartition("/")[2]).lstrip(". ")
    return words[-_LONGEST_NAME:].lstrip(". ") or "file"


def _counts(info: zipfile.ZipInfo) -> bool:
    path = PurePosixPath(info.filename)
    return not info.is_dir() and not path.name.startswith(".") and "__MACOSX" not in path.parts
