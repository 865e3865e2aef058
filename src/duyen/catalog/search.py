"""Finding items by the beginnings of their words, with and without Vietnamese marks.

Every word of a question must begin some word of the item: `ca phe sua` finds “Cà phê sữa đá”. Items whose name begins
with the question come first, then those where more words match whole, then by name.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable

from duyen.catalog.items import search_text
from duyen.model.catalogue import Item
from duyen.model.values import fold

MAX_WORDS = 8
_WORD = re.compile(r"\w+")


class Index:
    """The words of a catalogue in memory, sorted; built anew when the catalogue changes."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._items = {item.id: item for item in items}
        by_word: dict[str, set[str]] = {}
        for item in self._items.values():
            for word in words(search_text(item)):
                by_word.setdefault(word, set()).add(item.id)
        self._words = sorted(by_word)
        self._ids = [by_word[word] for word in self._words]

    def __len__(self) -> int:
        return len(self._items)

    def find(self, question: str, limit: int = 20, *, sellable: bool = False) -> list[Item]:
        """The best items for a question; an empty question finds all, by name."""
        asked = words(fold(question))[:MAX_WORDS]
        whole = fold(question).strip()
        found = self._matching(asked) if asked or not whole else ()
        items = [self._items[id] for id in found]
        kept = [item for item in items if item.sellable or not sellable]
        return sorted(kept, key=lambda item: _rank(item, whole, asked))[: max(limit, 0)]

    def _matching(self, asked: list[str]) -> Iterable[str]:
        """Ids of items in which every word begins some word."""
        if not asked:
            return self._items
        return set.intersection(*(self._beginning(word) for word in asked))

    def _beginning(self, prefix: str) -> set[str]:
        """Ids of items with a word that begins so."""
        place = bisect_left(self._words, prefix)
        found: set[str] = set()
        while place < len(self._words) and self._words[place].startswith(prefix):
            found |= self._ids[place]
            place += 1
        return found


def words(folded: str) -> list[str]:
    """The words of folded text, each once, in order."""
    return list(dict.fromkeys(_WORD.findall(folded)))


def _rank(item: Item, whole: str, asked: list[str]) -> tuple[bool, bool, int, str, str]:
    """What comes first: its id itself, its name's beginning, more whole words, then the name."""
    name = fold(item.name)
    own = set(words(search_text(item)))
    return (
        fold(item.id) != whole,
        not (whole and name.startswith(whole)),
        -sum(word in own for word in asked),
        name,
        item.id,
    )
