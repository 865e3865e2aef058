"""A mistake in a message's text, with its line."""

from __future__ import annotations


class Problem(Exception):
    """One sentence about one line of one field of a message."""

    def __init__(self, message: str, line: int, field: str = "body") -> None:
        super().__init__(message)
        self.message, self.line, self.field = message, line, field

    def __str__(self) -> str:
        return f"Line {self.line} of {self.field}: {self.message}"


def line_of(text: str, position: int) -> int:
    """The line, counted from 1, of a position."""
    return text.count("\n", 0, position) + 1
