"""Erasing people, and the receipts of it."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class ToErase(TypedDict):
    """Profiles to erase, as `namespace:value` or `id:p_…`; at most 1,000."""

    profiles: list[str]


class Erasing(TypedDict):
    """People were taken out; log, lake and files follow, and then the receipts of these erasures."""

    applied: bool
    people: int
    erasures: list[str]


class ErasureRow(TypedDict):
    """One erasure; `done` is null while log, lake and files are still being emptied."""

    id: str
    asked: str
    author: str
    done: str | None


class Receipted(ErasureRow):
    """With its signed receipt, once there is one."""

    receipt: dict[str, Any] | None
