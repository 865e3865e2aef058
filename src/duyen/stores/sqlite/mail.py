"""Caught mails in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from duyen.model.times import Millis
from duyen.stores.mail import SCHEMA, Mails, folded
from duyen.stores.sqlite.database import SqliteDatabase


class SqliteMail(Mails):
    """Mails in a file of their own."""

    def __init__(self, path: Path, now: Callable[[], Millis] = lambda: 0) -> None:
        db = SqliteDatabase(path, SCHEMA, durable=False)
        super().__init__(db, now)
        _upgrade(db)


def _upgrade(db: SqliteDatabase) -> None:
    """Give a file of before 0.2 the folded text that mails are found by now."""
    if any(row[1] == "folded" for row in db.execute("PRAGMA table_info(mail)")):
        return
    with db.writing():
        db.execute("ALTER TABLE mail ADD COLUMN folded TEXT NOT NULL DEFAULT ''")
        rows = db.execute("SELECT subject, recipients, id FROM mail").fetchall()
        db.executemany(
            "UPDATE mail SET folded = ? WHERE id = ?",
            [(folded(subject, recipients), id) for subject, recipients, id in rows],
        )
