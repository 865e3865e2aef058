"""What the mail catcher has caught, for the console and for the simulated shop's customers."""

from __future__ import annotations

import email
import email.policy
import json
from collections.abc import Callable, Collection, Sequence
from email.message import EmailMessage
from typing import Any, NamedTuple

from duyen.model.times import Millis
from duyen.model.values import fold
from duyen.stores.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY AUTOINCREMENT, received INTEGER NOT NULL, sender TEXT NOT NULL,
    recipients TEXT NOT NULL, subject TEXT NOT NULL, key TEXT NOT NULL, raw BLOB NOT NULL,
    folded TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS mail_by_key ON mail (key);
"""
MOST_MAILS = 20_000


class Caught(NamedTuple):
    """One mail in the list."""

    id: int
    received: Millis
    sender: str
    recipients: list[str]
    subject: str
    key: str
    size: int


class Content(NamedTuple):
    """One mail, read."""

    caught: Caught
    headers: list[tuple[str, str]]
    text: str
    html: str


class Mails:
    """Caught mails, the newest MOST_MAILS of them."""

    def __init__(self, db: Database, now: Callable[[], Millis] = lambda: 0) -> None:
        self._db, self._now = db, now

    def keep(self, sender: str, recipients: Sequence[str], content: bytes) -> str:
        """Keep one mail; returns its id."""
        mail = _headers_of(content)
        subject, to = str(mail.get("Subject", "")), json.dumps(list(recipients))
        key = str(mail.get("X-Duyen-Key", ""))
        with self._db.writing():
            (number,) = self._db.execute(
                "INSERT INTO mail (received, sender, recipients, subject, key, raw, folded)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (self._now(), sender, to, subject, key, content, folded(subject, to)),
            ).fetchone()
            if number % 500 == 0:
                self._db.execute("DELETE FROM mail WHERE id <= ?", (number - MOST_MAILS,))
        return str(number)

    def list(self, before: int | None = None, most: int = 50, to: str = "") -> list[Caught]:
        """The newest mails with an id below `before`, of one recipient where `to` names one."""
        rows = self._db.execute(
            "SELECT id, received, sender, recipients, subject, key, length(raw) FROM mail"
            " WHERE id < ? AND (? = '' OR instr(recipients, ?) > 0) ORDER BY id DESC LIMIT ?",
            (before if before is not None else 2**62, to, json.dumps(to), most),
        )
        return [_caught(row) for row in rows]

    def search(self, query: str, before: int | None = None, most: int = 50) -> Sequence[Caught]:
        """The newest mails whose subject or recipient has `query` (folded: case and accents do not count)."""
        rows = self._db.execute(
            "SELECT id, received, sender, recipients, subject, key, length(raw) FROM mail"
            " WHERE id < ? AND instr(folded, ?) > 0 ORDER BY id DESC LIMIT ?",
            (before if before is not None else 2**62, fold(query), most),
        )
        return [_caught(row) for row in rows]

    def of(self, key: str) -> int | None:
        """The id of a contact's mail."""
        row = self._db.execute("SELECT max(id) FROM mail WHERE key = ?", (key,)).fetchone()
        return int(row[0]) if row[0] is not None else None

    def after(self, id: int, most: int = 200) -> Sequence[Caught]:
        """Mails with an id above `id`, the oldest first."""
        rows = self._db.execute(
            "SELECT id, received, sender, recipients, subject, key, length(raw) FROM mail"
            " WHERE id > ? ORDER BY id LIMIT ?",
            (id, most),
        )
        return [_caught(row) for row in rows]

    def read(self, id: int) -> Content | None:
        """One mail with its parts."""
        row = self._db.execute(
            "SELECT id, received, sender, recipients, subject, key, length(raw), raw FROM mail WHERE id = ?",
            (id,),
        ).fetchone()
        if row is None:
            return None
        mail = email.message_from_bytes(row[7], policy=email.policy.default)
        headers = [(name, str(value)) for name, value in mail.items()]
        return Content(_caught(row[:7]), headers, _part(mail, "plain"), _part(mail, "html"))

    def raw(self, id: int) -> bytes | None:
        """One mail as it came."""
        row = self._db.execute("SELECT raw FROM mail WHERE id = ?", (id,)).fetchone()
        return bytes(row[0]) if row else None

    def erase(self, keys: Sequence[str], addresses: Collection[str]) -> int:
        """Forget the mails of these contacts, and all that went to these addresses; returns how many there were."""
        found = {id for (id,) in self._db.among("SELECT id FROM mail WHERE key IN ({})", keys)}
        wanted = {address.casefold() for address in addresses}
        for id, recipients in self._db.execute("SELECT id, recipients FROM mail") if wanted else ():
            if not wanted.isdisjoint(one.casefold() for one in json.loads(recipients)):
                found.add(id)
        with self._db.writing():
            self._db.executemany("DELETE FROM mail WHERE id = ?", [(id,) for id in sorted(found)])
        return len(found)

    def count(self) -> int:
        """How many mails are kept."""
        return int(self._db.execute("SELECT count(*) FROM mail").fetchone()[0])

    def close(self) -> None:
        """Close the connection."""
        self._db.close()


def folded(subject: str, recipients: str) -> str:
    """The text that a mail is found by."""
    return fold(f"{subject} {recipients}")


def _caught(row: Any) -> Caught:
    return Caught(row[0], row[1], row[2], json.loads(row[3]), row[4], row[5], row[6])


def _headers_of(content: bytes) -> EmailMessage:
    head = content.replace(b"\r\n", b"\n").split(b"\n\n", 1)[0] + b"\n\n"
    return email.message_from_bytes(head, policy=email.policy.default)


def _part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    return str(body.get_content()) if body is not None else ""
