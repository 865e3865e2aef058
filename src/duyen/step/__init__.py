"""The pure step: everything that happens to a customer goes through here."""

from duyen.step.plan import Plan
from duyen.step.step import Moves, Work, needs_history, step, step_batch

__all__ = ["Moves", "Plan", "Work", "needs_history", "step", "step_batch"]
