"""Regular expressions that cannot hang: matched in one pass over the value, with a set of places instead of a search.

An expression becomes a graph of places (Thompson, "Regular Expression Search Algorithm", 1968). A value is read once;
after each character stands the set of places that some reading leads to. So the work is at most characters times
places, whatever the expression and the value are. Sets that were met before are remembered (a lazy automaton).

What one character may be (a letter, `[…]`, `\\d`, `.`) is asked of Python's `re`, one character at a time, so it means
what it means there. What needs a memory of what was matched (back references, looking ahead or behind, possessive
repetition) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

MAX_PLACES = 2_000
"""Places of one graph; counted repetition multiplies them."""
MAX_DEPTH = 50
"""Groups within groups."""
_REMEMBERED = 20_000
_FLAGS = {"i": re.IGNORECASE, "a": re.ASCII, "s": re.DOTALL, "u": re.UNICODE}
_COUNT = re.compile(r"\{(\d*)(?:(,)(\d*))?\}")
_NAMED = re.compile(r"\?P<[^\W\d]\w*>")
_SWITCHED = re.compile(r"\(\?([aisu]+)\)")
_ESCAPES = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|0[0-7]{0,2}|[^\n])")
_CLASS = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)

_Fits = Callable[[str], bool]
_START, _WORD, _OTHER, _END = range(4)
"""What lies on one side of a place between characters."""
_Set = frozenset[int]


class Unreadable(ValueError):
    """The expression is none, or asks for what is refused; the message is the end of a sentence."""


class Expression:
    """One expression; `fullmatch` says whether a value matches as a whole, without case."""

    def __init__(self, text: str) -> None:
        graph = _Graph(text)
        self._places, self._final = graph.places, graph.final
        self._first = frozenset({graph.first})
        self._known: dict[tuple[_Set, int, str], _Set] = {}

    def fullmatch(self, value: str) -> bool:
        """Whether the whole value matches."""
        here, before = self._first, _START
        for character in value:
            found = self._known.get((here, before, character))
            if found is None:
                found = self._step(here, before, character)
            if not found:
                return False
            here, before = found, _kind(character)
        return self._final in self._open(here, before, _END)

    def _step(self, here: _Set, before: int, character: str) -> _Set:
        """Where one more character leads."""
        found = frozenset(
            following
            for place in self._open(here, before, _kind(character))
            for fits, following in self._places[place].reads
            if fits(character)
        )
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        self._known[here, before, character] = found
        return found

    def _open(self, here: _Set, before: int, after: int) -> set[int]:
        """All places that are reached without reading anything, given what lies on both sides."""
        found, waiting = set(here), list(here)
        while waiting:
            for holds, following in self._places[waiting.pop()].jumps:
                if following not in found and (holds is None or holds(before, after)):
                    found.add(following)
                    waiting.append(following)
        return found


_Holds = Callable[[int, int], bool]


class _Place:
    """Where a reading may stand: what reads a character from here, and what leads on without one."""

    __slots__ = ("jumps", "reads")

    def __init__(self) -> None:
        self.reads: list[tuple[_Fits, int]] = []
        self.jumps: list[tuple[_Holds | None, int]] = []


_Part = Callable[[int], int]
"""Adds itself to the graph behind a place; returns the place behind itself."""


class _Graph:
    """Reads an expression into places."""

    def __init__(self, text: str) -> None:
        self.places: list[_Place] = []
        self._text, self._at, self._depth = text, 0, 0
        self._flags: int = re.IGNORECASE
        self._atoms: dict[str, _Fits] = {}
        if switched := _SWITCHED.match(text):
            for letter in switched[1]:
                self._flags |= _FLAGS[letter]
            self._at = switched.end()
            self._atom(".")  # flags that contradict each other are no expression
        whole = self._alternatives()
        if self._at < len(text):
            _refuse("is no regular expression: a bracket is closed that was not opened")
        self.first = self._place()
        self.final = whole(self.first)

    # -- reading

    def _alternatives(self) -> _Part:
        options = [self._sequence()]
        while self._next("|"):
            options.append(self._sequence())
        return options[0] if len(options) == 1 else lambda start: self._either(start, options)

    def _sequence(self) -> _Part:
        parts: list[_Part] = []
        while self._at < len(self._text) and self._text[self._at] not in "|)":
            part = self._one()
            least, most = self._repetition()
            if (least, most) != (1, 1):
                parts.append(lambda start, p=part, n=least, m=most: self._repeat(start, p, n, m))  # type: ignore[misc]
            else:
                parts.append(part)
        return lambda start: self._row(start, parts)

    def _one(self) -> _Part:
        """A character, a class, an anchor or a group."""
        text, at = self._text, self._at
        character = text[at]
        if character == "(":
            return self._group()
        if character in "*+?" or _counts(text, at):
            _refuse("is no regular expression: there is nothing to repeat")
        if character in "^$":
            self._at += 1
            return self._anchor(_at_start if character == "^" else _at_end)
        if character == "\\":
            return self._escape()
        if character == "[":
            found = _CLASS.match(text, at)
            if found is None:
                _refuse("is no regular expression: a [ is not closed")
            return self._read(found[0])
        return self._read(character if character == "." else re.escape(character), len(character))

    def _group(self) -> _Part:
        self._at += 1
        if self._next("?"):
            self._at -= 1
            named = _NAMED.match(self._text, self._at)
            if named is not None:
                self._at = named.end()
            elif self._text.startswith("?:", self._at):
                self._at += 2
            else:
                _refuse(
                    "has a group that is neither (…) nor (?:…); looking ahead or behind is not taken"
                )
        self._depth += 1
        if self._depth > MAX_DEPTH:
            _refuse(f"has more than {MAX_DEPTH} groups within one another")
        inner = self._alternatives()
        if not self._next(")"):
            _refuse("is no regular expression: a ( is not closed")
        self._depth -= 1
        return inner

    def _escape(self) -> _Part:
        found = _ESCAPES.match(self._text, self._at)
        if found is None:
            _refuse("is no regular expression: it ends with a \\")
        letter = found[0][1]
        if letter in "123456789":
            _refuse("refers back to what was matched, which is not taken")
        if letter in _ANCHORS:
            self._at = found.end()
            return self._anchor(_ANCHORS[letter])
        return self._read(found[0])

    def _repetition(self) -> tuple[int, int | None]:
        """How often what was just read comes: (least, most), None for any number."""
        text, at = self._text, self._at
        counted = _COUNT.match(text, at)
        if counted is not None and (counted[1] or counted[2]):
            least = int(counted[1] or 0)
            most: int | None = least
            if counted[2]:
                most = int(counted[3]) if counted[3] else None
            if most is not None and most < least:
                _refuse("is no regular expression: a repetition has its least above its most")
            if max(least, most or 0) > MAX_PLACES:
                _refuse(_LARGE)
            self._at = counted.end()
        elif at < len(text) and text[at] in "*+?":
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[text[at]]
            self._at += 1
        else:
            return 1, 1
        self._next("?")  # a lazy repetition matches the same whole values
        if self._at < len(text) and (text[self._at] in "*+?" or _counts(text, self._at)):
            _refuse("repeats a repetition; put a group around the inner one")
        return least, most

    def _next(self, character: str) -> bool:
        if self._text.startswith(character, self._at):
            self._at += 1
            return True
        return False

    def _read(self, atom: str, length: int | None = None) -> _Part:
        """One character that fits; `length` where the atom is written otherwise than it stands in the text."""
        self._at += len(atom) if length is None else length
        fits = self._atom(atom)

        def add(start: int) -> int:
            end = self._place()
            self.places[start].reads.append((fits, end))
            return end

        return add

    def _atom(self, atom: str) -> _Fits:
        if atom not in self._atoms:
            try:
                whole = re.compile(atom, self._flags).fullmatch
            except (re.error, ValueError, OverflowError) as error:
                raise Unreadable(f"is no regular expression: {error}") from None
            self._atoms[atom] = lambda character: whole(character) is not None
        return self._atoms[atom]

    def _anchor(self, holds: _Holds) -> _Part:
        def add(start: int) -> int:
            end = self._place()
            self.places[start].jumps.append((holds, end))
            return end

        return add

    # -- building

    def _place(self) -> int:
        if len(self.places) >= MAX_PLACES:
            _refuse(_LARGE)
        self.places.append(_Place())
        return len(self.places) - 1

    def _row(self, start: int, parts: list[_Part]) -> int:
        for part in parts:
            start = part(start)
        return start

    def _either(self, start: int, options: list[_Part]) -> int:
        end = self._place()
        for option in options:
            self._jump(option(self._behind(start)), end)
        return end

    def _repeat(self, start: int, part: _Part, least: int, most: int | None) -> int:
        for _ in range(least):
            start = part(
                self._behind(start)
            )  # a place each, so that what reads nothing is bounded too
        if most is None:
            inner = self._behind(start)
            self._jump(part(inner), inner)
            return inner
        end = self._place()
        for _ in range(most - least):
            self._jump(start, end)
            start = part(self._behind(start))
        self._jump(start, end)
        return end

    def _behind(self, start: int) -> int:
        end = self._place()
        self._jump(start, end)
        return end

    def _jump(self, start: int, end: int) -> None:
        self.places[start].jumps.append((None, end))


_LARGE = f"is too large; a counted repetition counts as often as it may repeat, up to {MAX_PLACES:,} in all"


def _kind(character: str) -> int:
    return _WORD if character.isalnum() or character == "_" else _OTHER


def _counts(text: str, at: int) -> bool:
    found = _COUNT.match(text, at)
    return found is not None and bool(found[1] or found[2])


def _at_start(before: int, after: int) -> bool:
    return before == _START


def _at_end(before: int, after: int) -> bool:
    return after == _END


def _at_edge(before: int, after: int) -> bool:
    return (before == _WORD) is not (after == _WORD)


_ANCHORS: dict[str, _Holds] = {
    "A": _at_start,
    "Z": _at_end,
    "b": _at_edge,
    "B": lambda before, after: not _at_edge(before, after),
}


def _refuse(reason: str) -> NoReturn:
    raise Unreadable(reason)
