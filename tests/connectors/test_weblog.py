"""Access logs: pages in visits, whatever else a server wrote down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from duyen.connectors.guess import guess_mapping
from duyen.connectors.report import Report
from duyen.connectors.requests import read
from duyen.connectors.tables import open_table
from duyen.connectors.weblog import Visits
from duyen.model.event import Collected
from duyen.model.times import parse_time

NOW = parse_time("2026-11-22")
AGENT = '"-" "Mozilla/5.0 (X11)"'


def line(
    minute: int,
    path: str = "/",
    more: str = AGENT,
    ip: str = "203.0.113.7",
    status: int = 200,
    method: str = "GET",
) -> str:
    stamp = f"01/May/2026:10:{minute:02}:00 +0700"
    return f'{ip} - - [{stamp}] "{method} {path} HTTP/1.1" {status} 812 {more}\n'


def convert(path: Path, text: str, secret: bytes = b"k") -> tuple[list[Collected], Report]:
    path.write_text(text, encoding="utf-8")
    table = open_table(path)
    guessed = guess_mapping(table.columns, table.sample(), kind="log", source="web")
    assert not guessed.questions
    conversion = Visits(table, guessed.mapping, now=NOW)
    conversion.secret = secret
    return [e for one in conversion if isinstance(e := one.entry, Collected)], conversion.report


def test_pages_become_visits(tmp_path: Path) -> None:
    text = line(0) + line(1, "/giay?size=38", '"https://x.vn/a" "Mozilla/5.0 (X11)"') + line(40)
    text += line(41, ip="203.0.113.8") + line(42, more='"-" "curl/8"')
    events, report = convert(tmp_path / "access.log", text)
    sessions = [json.loads(bytes(e.properties))["session_id"] for e in events]
    assert sessions[0] == sessions[1] != sessions[2]
    assert len({e.anonymous_id for e in events}) == 3
    assert json.loads(bytes(events[1].properties)) | {"session_id": ""} == {
        "path": "/giay", "search": "?size=38", "referrer": "https://x.vn/a", "session_id": "",
    }  # fmt: skip
    assert events[0].time == parse_time("2026-05-01T10:00:00+07:00")
    assert (report.customers, report.notes["visits"]) == (3, 4)


def test_addresses_are_not_kept_and_visitors_are_known_by_the_key(tmp_path: Path) -> None:
    one, _ = convert(tmp_path / "access.log", line(0), b"a")
    other, _ = convert(tmp_path / "access.log", line(0), b"b")
    assert one[0].anonymous_id != other[0].anonymous_id
    assert "203.0.113" not in repr(one[0])


def test_what_is_no_page_is_left_out_and_counted(tmp_path: Path) -> None:
    text = line(0) + line(1, "/a.css?v=2") + line(1, "/b.PNG") + line(2, status=404)
    text += line(3, method="POST") + line(4, status=304) + 'cut off "Mozi\n'
    events, report = convert(tmp_path / "access.log", text)
    assert (len(events), report.dropped, report.rejected, report.rows) == (2, 4, 1, 7)
    assert report.rows == report.accepted + report.rejected + report.dropped


@pytest.mark.parametrize(
    "text",
    [
        '1.2.3.4 - an [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5',
        'shop.vn:443 2001:db8::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/2.0" 200 - "-" "a \\"b\\" c"',
        '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "\\x16\\x03" 400 5 "-" "-"',
        '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "b" "extra" 0.003',
    ],
)
def test_lines_of_many_servers_are_read(text: str) -> None:
    assert read(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        '1.2.3.4 - - [now] "GET /" 200 5',
        '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / 200',
    ],
)
def test_what_is_no_line_is_none(text: str) -> None:
    assert read(text) is None


def test_hostile_lines_take_no_time() -> None:
    for hostile in (
        '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "' + "\\" * 200_000,
        "a" * 500_000,
        "1 " * 200_000,
    ):
        assert read(hostile) is None
