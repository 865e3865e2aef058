"""Lines of access logs in the common and combined formats, with or without the name of the host before them."""

from __future__ import annotations

import re

COLUMNS = ("address", "user", "time", "method", "path", "status", "bytes", "referrer", "agent")

_LINE = re.compile(
    r"(?:[\w.:-]+ )?(?P<address>[0-9A-Fa-f.:]+|[\w.-]+) \S+ (?P<user>\S+) \[(?P<time>[^\]]{20,30})\] "
    r'"(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\d{3}) (?P<bytes>\d+|-)'
    r'(?: "(?P<referrer>(?:[^"\\]|\\.)*)" "(?P<agent>(?:[^"\\]|\\.)*)".*)?'
)
_REQUEST = re.compile(r"(?P<method>[A-Z]{3,10}) (?P<path>\S+)(?: HTTP/[\d.]+)?")
_TIME = re.compile(r"(\d{2})/(\w{3})/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{4})")


def looks_so(head: str) -> bool:
    """Whether these are the first lines of an access log; the last of them may be cut off."""
    lines = [line for line in head.splitlines()[:20] if line.strip()]
    whole = lines[:-1] if len(lines) > 1 else lines
    return bool(whole) and sum(read(line) is not None for line in whole) * 2 > len(whole)


def read(line: str) -> list[str | None] | None:
    """The cells of a line, in the order of COLUMNS; None where it is no such line."""
    found = _LINE.fullmatch(line)
    request = found and _REQUEST.fullmatch(found["request"])
    when = found and _TIME.fullmatch(found["time"])
    if not found or not when:
        return None
    time = f"{when[1]} {when[2]} {when[3]} {when[4]} {when[5]}"
    # What is no request of HTTP (a scan for open ports) has neither method nor path.
    method, path = (
        (request["method"], request["path"]) if request else ("-", found["request"] or "-")
    )
    cells = [found["address"], found["user"], time, method, path, found["status"], found["bytes"]]
    cells += [found["referrer"], found["agent"]]
    return [None if cell in (None, "", "-") else cell for cell in cells]
