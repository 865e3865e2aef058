"""Decide: who may be shown what, how probable each choice is, the draw, and what became of it."""

from duyen.decide.cells import CELL_ASSIGNED, arm, assign, cell
from duyen.decide.choose import choose, fallback, tastes
from duyen.decide.context import NOTHING, Context, read_context
from duyen.decide.eligibility import (
    Scored,
    View,
    check,
    counter_name,
    denied,
    item_problem,
    prepare,
)
from duyen.decide.outcome import arm_of, bound, decided, outcome, seen_before
from duyen.decide.policy import Arms, Policy, Weighed, policy, registered
from duyen.decide.rulebook import Rulebook, Truths

__all__ = [
    "CELL_ASSIGNED",
    "NOTHING",
    "Arms",
    "Context",
    "Policy",
    "Rulebook",
    "Scored",
    "Truths",
    "View",
    "Weighed",
    "arm",
    "arm_of",
    "assign",
    "bound",
    "cell",
    "check",
    "choose",
    "counter_name",
    "decided",
    "denied",
    "fallback",
    "item_problem",
    "outcome",
    "policy",
    "prepare",
    "read_context",
    "registered",
    "seen_before",
    "tastes",
]
