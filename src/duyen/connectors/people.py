"""Files of people: each row says who somebody is, and what they have agreed to.

The traits of a row are as of its `time` (when it was last changed), or of the file where no column says it: what is
known from later stays. Ids are made of what a row says as of that time (see `lasting`): importing the same file again
adds nothing, and a newer export of the same list brings what has changed.

A yes to messages is a **grant as of `consent_time`**, else as of `created_at`, else as of before everything: an export
does not know what the person has said here since, so a yes without a time never outweighs a no. A no is as of the row.
"""

from __future__ import annotations

from typing import Any

import msgspec

from duyen.connectors.cells import read_time, read_yes_no
from duyen.connectors.report import count
from duyen.connectors.rows import Memo, encode, said, unread
from duyen.connectors.values import reader_of
from duyen.connectors.whose import Who, Whose
from duyen.model.event import CONSENT_UPDATED, Collected
from duyen.model.times import Millis, format_time

_NAMED = ("name", "first_name", "last_name", "gender", "city", "country")
_CHANNELS = {"accepts_email": "email", "accepts_sms": "sms"}
_BEFORE_EVERYTHING: Millis = 0


class People(Whose):
    """Turns a table of people into log entries."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._as_of = min(self.table.changed(), self.now)
        dates = self.mapping.dates
        self._times = Memo(lambda cell: read_time(cell, dates, self.zone))
        self._dates = Memo(reader_of("date", self.mapping.decimal, dates, self.zone))

    def _row(self, position: int, who: Who, cells: dict[str, Any]) -> list[Collected] | list[str]:
        time = self._time("time", cells)
        told = self._cell("time", cells)
        if told is not None and time is None:
            return [unread("time", told)]
        if time is not None and time > self.now:
            return ["the time lies in the future; look at the time zone and the date order"]
        created, stated = self._past("created_at", cells), self._past("consent_time", cells)
        at = self._as_of if time is None else time
        id = self.lasting.id(said((at, *cells.values())))
        found = [self._told(id, who, at, traits=self._traits(who, cells, created))]
        for field, channel in _CHANNELS.items():
            cell = self._cell(field, cells)
            if cell is None:
                continue
            agreed = read_yes_no(cell)
            if agreed is None:
                count(
                    self.report.notes,
                    f"answers to {field} that are neither yes nor no, and count as none",
                )
                continue
            when = (
                self._first_known(stated, created) if agreed else (at if stated is None else stated)
            )
            proof = f"import {self.mapping.source}, row {position + 1}"
            statement = {
                "purpose": "marketing",
                "channel": channel,
                "state": "granted" if agreed else "denied",
                "proof": proof if stated is not None else f"{proof}; when it was said is not known",
            }
            found.append(self._told(f"{id}:{channel}", who, when, statement))
        return found

    @staticmethod
    def _first_known(stated: Millis | None, created: Millis | None) -> Millis:
        if stated is not None:
            return stated
        return created if created is not None else _BEFORE_EVERYTHING

    def _cell(self, field: str, cells: dict[str, Any]) -> Any:
        column = self.mapping.columns.get(field)
        return cells[column] if column else None

    def _time(self, field: str, cells: dict[str, Any]) -> Millis | None:
        cell = self._cell(field, cells)
        return None if cell is None else self._times[cell]

    def _past(self, field: str, cells: dict[str, Any]) -> Millis | None:
        """A time that is known and over; what cannot be one is left out and counted."""
        time = self._time(field, cells)
        if time is not None and time <= self.now:
            return time
        if self._cell(field, cells) is not None:
            count(self.report.notes, f"cells of {field} that are no time of the past")
        return None

    def _traits(self, who: Who, cells: dict[str, Any], created: Millis | None) -> dict[str, Any]:
        traits: dict[str, Any] = {"email": who.email, "phone": who.phone}
        for field in _NAMED:
            cell = self._cell(field, cells)
            traits[field] = "" if cell is None else str(cell)
        birthday = self._cell("birthday", cells)
        if birthday is not None:
            traits["birthday"] = self._dates[birthday] or str(birthday)
            if not self._dates[birthday]:
                count(self.report.notes, "birthdays that are no date")
        if created is not None:
            traits["created_at"] = format_time(created)
        return {name: value for name, value in traits.items() if value} | self.more(cells)

    def _told(
        self,
        id: str,
        who: Who,
        time: Millis,
        statement: dict[str, Any] | None = None,
        traits: dict[str, Any] | None = None,
    ) -> Collected:
        event = Collected(
            id=id,
            type="identify" if statement is None else "track",
            time=time,
            received=self.now,
            source=self.mapping.source,
            trusted=True,
            name="" if statement is None else CONSENT_UPDATED,
            imported=True,
            **who.fields(),
        )
        parts = {"properties": statement, "traits": traits}
        raw = {part: msgspec.Raw(encode(value)) for part, value in parts.items() if value}
        return msgspec.structs.replace(event, **raw)
