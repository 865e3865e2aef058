"""Forms: what is asked of whom, and what an answer means."""

from duyen.forms.answers import Answers, read
from duyen.forms.ask import asked
from duyen.forms.check import check

__all__ = ["Answers", "asked", "check", "read"]
