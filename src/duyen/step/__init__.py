"""The pure step: everything that happens to a customer goes through here."""

from duyen.step.plan import Plan
from duyen.step.step import Moves, Work, step, step_batch, touches

__all__ = ["Moves", "Plan", "Work", "step", "step_batch", "touches"]
