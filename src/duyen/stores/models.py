"""Snapshots of models in files: published whole or not at all, found by their newest pointer.

    <folder>/<name>/<version>/   what the model wrote; never changed afterwards
    <folder>/<name>/current      the version in use, replaced in one step

A reader that holds an older version keeps it: its files stay until `keep` newer ones exist.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from duyen.model.errors import InvalidInput

CURRENT = "current"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


class Models:
    """The folder of all models of one workspace."""

    def __init__(self, folder: Path, keep: int = 3) -> None:
        self.folder, self._keep = folder, keep

    def publish(self, name: str, write: Callable[[Path], None]) -> Path:
        """Let `write` fill an empty folder, then make it the version in use: its folder, on the disk."""
        home = self._home(name)
        home.mkdir(parents=True, exist_ok=True)
        draft = home / f".draft-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            write(draft)
            _sync_tree(draft)
            published = self._name(home, draft)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        _sync(home)
        _replace(home / CURRENT, f"{published.name}\n")
        self._forget(home, int(published.name))
        return published

    def current(self, name: str) -> Path | None:
        """The folder of the version in use (its name is the number), or None before the first one."""
        home = self._home(name)
        try:
            version = int((home / CURRENT).read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        return home / str(version)

    def _home(self, name: str) -> Path:
        """The folder of one model."""
        if not _NAME.fullmatch(name):
            raise InvalidInput("model.bad_name", f"“{name}” cannot be the name of a model.")
        return self.folder / name

    @staticmethod
    def _name(home: Path, draft: Path) -> Path:
        """Give a finished draft the next free version."""
        version = 1 + max(
            (int(path.name) for path in home.iterdir() if path.name.isdigit()), default=0
        )
        while True:
            try:
                draft.rename(home / str(version))
            except OSError:
                if not (home / str(version)).exists():
                    raise
                version += 1
            else:
                return home / str(version)

    def _forget(self, home: Path, newest: int) -> None:
        """Remove versions that `keep` newer ones have followed."""
        for path in home.iterdir():
            if path.name.isdigit() and int(path.name) <= newest - self._keep:
                shutil.rmtree(path, ignore_errors=True)


def _replace(path: Path, text: str) -> None:
    """Write a small file in one step, on the disk when this returns."""
    draft = path.with_name(f".{path.name}-{os.getpid()}")
    with draft.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    _sync(path.parent)


def _sync_tree(folder: Path) -> None:
    """Put every file and folder of a tree on the disk."""
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def _sync(path: Path) -> None:
    """Put one file or folder on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
