"""Access logs of web servers: requests become page events, in visits.

A line in the common or combined format of Apache and nginx:

    203.0.113.7 - an [17/May/2015:10:05:03 +0000] "GET /giay?size=38 HTTP/1.1" 200 812 "https://…" "Mozilla/5.0 …"

Kept are pages that were served (GET; 200, 206, 304), not their pictures, styles and scripts; the report counts what is
left out. A visitor is an address with a browser, known by a keyed hash of both: the address itself is not kept. A visit
ends when nothing came for half an hour.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

import msgspec

from duyen.connectors.cells import read_number, read_time
from duyen.connectors.fields import LOG_FIELDS
from duyen.connectors.report import Distinct, count
from duyen.connectors.rows import Conversion, Memo, Result, encode, said, unread
from duyen.connectors.tables import Batch
from duyen.model.event import Collected
from duyen.model.times import MINUTE, Millis
from duyen.model.values import MICRO

VISIT_GAP = 30 * MINUTE
_REMEMBERED = 200_000
_SERVED = (200, 206, 304)
_NO_PAGE = re.compile(
    r"\.(?:png|jpe?g|gif|svg|ico|webp|avif|bmp|css|js|mjs|map|json|xml|txt|woff2?|ttf|otf|eot|mp[34]|webm|ogg|wav|"
    r"zip|gz|tgz|bz2|xz|rar|7z|exe|dmg|apk|iso|deb|rpm)$",
    re.I,
)
_LONGEST_PATH = 1_000


class Visits(Conversion):
    """Turns an access log into page events."""

    secret = b""
    """Keys the hash that visitors are known by."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._visitors = Memo(self._visitor)
        self._times = Memo(lambda cell: read_time(cell, self.mapping.dates, self.zone))
        self._last: dict[str, tuple[Millis, Millis]] = {}
        self._people = Distinct()

    def _visitor(self, who: tuple[str, str]) -> str:
        text = "\n".join(who).encode("utf-8", "surrogatepass")
        return "log-" + blake2b(text, key=self.secret[:64], digest_size=12).hexdigest()

    def _results(self) -> Iterator[Result]:
        yield from super()._results()
        self.report.customers = len(self._people)

    def _take(self, batch: Batch) -> Iterator[Result]:
        bad = list(reversed(batch.unreadable))
        columns = [batch.columns.get(self.mapping.columns.get(field, "")) for field in LOG_FIELDS]
        empty: Sequence[Any] = [None] * len(batch.positions)
        raw_rows = zip(*batch.columns.values(), strict=True)
        rows = zip(*(column if column is not None else empty for column in columns), strict=True)
        for position, line, row, raw in zip(
            batch.positions, batch.lines, rows, raw_rows, strict=True
        ):
            while bad and bad[-1].position < position:
                yield self._unreadable(bad.pop())
            self.report.rows += 1
            found = self._request(*row)
            if isinstance(found, Collected):
                self.report.accepted += 1
                yield self._noted(found), None
            elif found:
                yield self._reject(position, line, (found,), batch, raw)
                self._check_hope()
        while bad:
            yield self._unreadable(bad.pop())

    def _request(
        self,
        address: Any,
        user: Any,
        time: Any,
        method: Any,
        path: Any,
        status: Any,
        referrer: Any,
        agent: Any,
    ) -> Collected | str:
        """The page event of a request, what is wrong with it, or "" where it is none that is kept."""
        at = self._times[time]
        code = read_number(status) if status is not None else None
        if at is None:
            return unread("time", time)
        if at > self.now:
            return "the time lies in the future; look at the time zone and the date order"
        if address is None or path is None:
            return "the address or the path is empty"
        why = self._left_out(
            str(method or "GET"), str(path), None if code is None else code // MICRO
        )
        if why:
            self.report.dropped += 1
            count(self.report.notes, why)
            return ""
        visitor = self._visitors[str(address), str(agent or "")]
        self._people.add(visitor)
        return self._page(at, visitor, str(user or ""), str(path), referrer, agent)

    @staticmethod
    def _left_out(method: str, path: str, status: int | None) -> str:
        if method.upper() != "GET":
            return "requests that are no GET"
        if status is not None and status not in _SERVED:
            return "requests that were not answered with a page (status 301, 404, ...)"
        if _NO_PAGE.search(path_of(path)):
            return "requests for pictures, styles, scripts and other files"
        return ""

    def _page(
        self,
        at: Millis,
        visitor: str,
        user: str,
        path: str,
        referrer: Any,
        agent: Any,
    ) -> Collected:
        began = self._visit(visitor, at)
        page: dict[str, Any] = {"path": path_of(path)[:_LONGEST_PATH]}
        search = path.partition("?")[2]
        if search:
            page["search"] = f"?{search}"[:_LONGEST_PATH]
        if referrer:
            page["referrer"] = str(referrer)[:_LONGEST_PATH]
        properties = {**page, "session_id": f"{visitor}-{began}"}
        context: dict[str, Any] = {"page": page}
        if agent:
            context["userAgent"] = str(agent)[:_LONGEST_PATH]
        return Collected(
            id=self.lasting.id(said((at, visitor, path, referrer))),
            type="page",
            time=at,
            received=self.now,
            source=self.mapping.source,
            trusted=True,
            user_id=user,
            anonymous_id=visitor,
            imported=True,
            properties=msgspec.Raw(encode(properties)),
            context=msgspec.Raw(encode(context)),
        )

    def _visit(self, visitor: str, at: Millis) -> Millis:
        """When the visit that this request belongs to began."""
        last, began = self._last.get(visitor, (-VISIT_GAP - 1, 0))
        if at - last > VISIT_GAP:
            began = at
            count(self.report.notes, "visits")
        self._last[visitor] = (max(last, at), began)
        if len(self._last) > _REMEMBERED:
            over = max(last for last, _ in self._last.values()) - VISIT_GAP
            self._last = {
                v: (last, began) for v, (last, began) in self._last.items() if last > over
            }
        return began


def path_of(path: str) -> str:
    """The path of a request's target, without query and host."""
    try:
        return urlsplit(path).path or "/"
    except ValueError:
        return path.partition("?")[0]
