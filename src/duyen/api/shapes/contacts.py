"""What was said to a person, or refused."""

from __future__ import annotations

from typing_extensions import TypedDict

from duyen.api.shapes.common import Arm, Json, Named


class ContactWhy(TypedDict):
    """Why a contact came about."""

    origin: str
    journey: Named | None
    run: str | None
    step: list[int] | None
    entry: Json | None
    unless: Json | None
    trigger: Json
    arm: Arm | None


class ContactRow(TypedDict):
    """One line of the contact ledger: what was said, or what the contact policy refused."""

    key: str
    time: str
    channel: str
    purpose: str
    brand: str
    message: Named
    message_version: int | None
    state: str
    reason: str
    retry_at: str | None
    opened_at: str | None
    clicked_at: str | None
    mail: str | None
    why: ContactWhy
