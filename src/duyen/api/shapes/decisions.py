"""What was decided, and everything that led to it."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from duyen.api.shapes.common import Arm, Json, Named, PersonRef


class CandidateRow(TypedDict):
    """One arm as the policy saw it; `excluded` says why it was left out."""

    arm: str
    name: str
    score: float
    propensity: float
    excluded: str


class DecisionRow(TypedDict):
    """One decision with everything that led to it."""

    id: str
    time: str
    person: PersonRef
    placement: Named
    fill: Literal["offers", "items", "fallback"]
    chosen: Named | None
    items: list[Named]
    propensity: float
    arm: Arm
    policy: str
    policy_version: str
    program_version: int
    reason: str
    candidates: list[CandidateRow]
    features: Json
    content: dict[str, str]
    explanation: list[str]
    viewed: bool
    clicked: bool
    source: str
