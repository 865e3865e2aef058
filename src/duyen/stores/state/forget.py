"""Taking people out of every table that is kept by person, as if they had never been.

What is counted over everybody (sums, activity) stays: it names nobody.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from duyen.stores.state import documents, records, vetoes

Name = tuple[str, str]
_BY_PERSON = ("aside", "decisions", "facts", "forgotten", "outbox")


class Forget(documents.Documents, records.Records, vetoes.Vetoes):
    """Erasing people; inside `writing()`. Who is who, `runtime.forget` takes apart before."""

    def led_to(self, persons: Collection[str]) -> list[str]:
        """Ids of those who were merged into these people."""
        query = "SELECT old FROM redirects WHERE new IN ({})"
        return sorted(old for (old,) in self._db.among(query, sorted(persons)))

    def contacts_of(self, persons: Collection[str]) -> list[str]:
        """The keys of all contacts of these people."""
        query = "SELECT key FROM outbox WHERE person IN ({})"
        return sorted(key for (key,) in self._db.among(query, sorted(persons)))

    def erase(self, persons: Collection[str]) -> dict[str, int]:
        """Take everything that is kept by person away; returns how many rows of what went."""
        gone = sorted(persons)
        count = {"documents": self._count("heads", gone), "chunks": self._count("chunks", gone)}
        count |= {table: self._count(table, gone) for table in _BY_PERSON}
        self.keep_first_facts(gone)
        self.remove_heads(gone)
        for table in _BY_PERSON:
            self._drop(table, "person", gone)
        for column in ("old", "new"):
            self._drop("redirects", column, gone)
        return count

    def drop_notes(self, persons: Iterable[str], evidence: Iterable[str]) -> None:
        """Forget that these changed hands."""
        notes = [("person", id) for id in persons] + [("evidence", key) for key in evidence]
        query = "DELETE FROM regrouped WHERE kind = ? AND key = ?"
        self._db.executemany(query, sorted(notes))

    def drop_vetoes(self, names: Iterable[Name]) -> None:
        """Forget every pair in which one of these stands."""
        wanted = sorted(names)
        for table in ("vetoes", "vetoes_told"):
            for side in ("", "other_"):
                query = f"DELETE FROM {table} WHERE {side}namespace = ? AND {side}value = ?"  # noqa: S608
                self._db.executemany(query, wanted)

    def scrub_words(self, begin: bool) -> bool:
        """Get rid, a little at a time, of words of people who were taken out; True once done."""
        return self._db.words.scrub(begin)

    def _count(self, table: str, persons: Sequence[str]) -> int:
        query = f"SELECT count(*) FROM {table} WHERE person IN ({{}})"  # noqa: S608 - our own words
        return sum(int(n) for (n,) in self._db.among(query, persons))

    def _drop(self, table: str, column: str, keys: Sequence[str]) -> None:
        query = f"DELETE FROM {table} WHERE {column} = ?"  # noqa: S608 - our own words
        self._db.executemany(query, [(key,) for key in keys])
