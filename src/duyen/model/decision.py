"""Decisions: what was chosen for whom, from what, with which probability, and why."""

from __future__ import annotations

from typing import Any

import msgspec

from duyen.model.times import Millis


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """One arm as seen by the policy: its score, probability of being chosen, or why it was left out."""

    arm: str
    score: float = 0.0
    propensity: float = 0.0
    excluded: str = ""


class Decision(msgspec.Struct, frozen=True, tag_field="kind", tag="decision", omit_defaults=True):
    """One answer at one placement, durable before it is given (law 5).

    `chosen` is an offer id, or for fill=items the item ids joined in `items`; empty for the fallback.
    `propensity` is the probability with which exactly this choice was drawn; 1.0 for deterministic ones.
    `candidates` lists the considered arms (the excluded ones with reasons). `reason` is a stable code:
    chosen | hold_out | no_candidates | consent | stale_log.
    """

    id: str
    time: Millis
    person: str
    identifier: tuple[str, str]
    placement: str
    chosen: str
    items: tuple[str, ...]
    propensity: float
    arm: str
    """Arm of the global experiment: treated | held_out."""
    policy: str
    policy_version: str
    program_version: int
    reason: str
    candidates: tuple[Candidate, ...]
    features: dict[str, Any]
    content: dict[str, str] = {}
    explanation: tuple[str, ...] = ()
    trusted: bool = False
    source: str = ""
