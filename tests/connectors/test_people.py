"""People out of files: traits as of their time, and consent that never outweighs a no."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from duyen.connectors.guess import guess_mapping
from duyen.connectors.people import People
from duyen.connectors.report import Report
from duyen.connectors.tables import open_table
from duyen.model.event import Collected, Rejected
from duyen.model.times import Millis, parse_time

NOW = parse_time("2026-11-22")
SAVED = parse_time("2026-11-01")


def convert(
    path: Path, text: str, saved: Millis = SAVED, **told: Any
) -> tuple[list[Collected], list[Rejected], Report]:
    path.write_text(text, encoding="utf-8")
    os.utime(path, (saved / 1000, saved / 1000))
    table = open_table(path)
    mapping = guess_mapping(
        table.columns, table.sample(), kind="people", source="crm", **told
    ).mapping
    conversion = People(table, mapping, now=NOW, timezone="Asia/Ho_Chi_Minh")
    entries = [one.entry for one in conversion]
    events = [one for one in entries if isinstance(one, Collected)]
    return events, [one for one in entries if isinstance(one, Rejected)], conversion.report


def traits(event: Collected) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(bytes(event.traits))
    return told


def said(event: Collected) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(bytes(event.properties))
    return told


CRM = """Mã KH;Họ;Tên;Email;SĐT;Ngày sinh;Nhận email;Ngày tạo;Loại da;Điểm;Mã thẻ;VIP
KH1;Nguyễn;An;AN@x.vn;0901 234 567;13/03/1990;Có;01/02/2024;dầu;120;007;có
KH2;Trần;Bình;;84912345678;;Không;15/05/2024;;7,5;008;không
"""


def test_a_vietnamese_list_of_customers_is_read_without_a_word(tmp_path: Path) -> None:
    events, _, report = convert(tmp_path / "khach.csv", CRM)
    people = [e for e in events if e.type == "identify"]
    assert [e.user_id for e in people] == ["KH1", "KH2"]
    assert traits(people[0]) == {
        "email": "an@x.vn", "phone": "0901234567", "first_name": "An", "last_name": "Nguyễn",
        "birthday": "1990-03-13", "created_at": "2024-01-31T17:00:00.000Z",
        "loai_da": "dầu", "diem": 120, "ma_the": "007", "vip": True,
    }  # fmt: skip
    assert people[0].time == SAVED
    assert (report.customers, report.accepted, report.rejected) == (2, 2, 0)


def test_a_yes_is_as_old_as_the_person_and_a_no_as_new_as_the_file(tmp_path: Path) -> None:
    """What somebody said here since they were listed there stays, unless the list says no."""
    events, _, _ = convert(tmp_path / "khach.csv", CRM)
    yes, no = (e for e in events if e.name == "Consent Updated")
    assert (said(yes)["state"], yes.time) == ("granted", parse_time("2024-02-01T00:00:00+07:00"))
    assert said(yes)["proof"] == "import crm, row 1; when it was said is not known"
    assert (said(no)["state"], no.time) == ("denied", SAVED)


def test_a_yes_without_any_time_is_before_everything(tmp_path: Path) -> None:
    events, _, _ = convert(tmp_path / "l.csv", "email,newsletter\na@x.vn,yes\n")
    assert [(e.name, e.time) for e in events[1:]] == [("Consent Updated", 0)]


def test_an_answer_that_is_neither_counts_as_none(tmp_path: Path) -> None:
    text = "email,newsletter\na@x.vn,yes\nb@x.vn,maybe\nc@x.vn,no\nd@x.vn,\ne@x.vn,no\n"
    events, bad, report = convert(tmp_path / "l.csv", text)
    assert [said(e)["state"] for e in events if e.type == "track"] == [
        "granted",
        "denied",
        "denied",
    ]
    assert (len(bad), sum(report.notes.values())) == (0, 1)


def test_the_same_file_again_is_the_same_and_a_newer_one_is_newer(tmp_path: Path) -> None:
    text = "id,email,tier\n1,a@x.vn,gold\n2,b@x.vn,silver\n"
    first, _, _ = convert(tmp_path / "a.csv", text)
    again, _, _ = convert(tmp_path / "copy.csv", text)
    assert [e.id for e in first] == [e.id for e in again]
    back, _, _ = convert(tmp_path / "a.csv", text, saved=SAVED + 1_000)
    assert not {e.id for e in back} & {e.id for e in first}
    assert all(e.time == SAVED + 1_000 for e in back)


def test_rows_with_a_time_of_change_are_told_once(tmp_path: Path) -> None:
    old = "id,tier,updated at\n1,gold,2026-01-01\n2,silver,2026-01-02\n"
    new = "id,tier,updated at\n2,silver,2026-01-02\n1,bronze,2026-03-01\n"
    first, _, _ = convert(tmp_path / "a.csv", old)
    later, _, _ = convert(tmp_path / "a.csv", new, saved=SAVED + 1_000)
    assert first[1].id == later[0].id
    assert later[1].time == parse_time("2026-03-01T00:00:00+07:00")


def test_a_row_that_names_nobody_or_the_future_is_refused(tmp_path: Path) -> None:
    text = "id,name,updated at\n,An,2026-01-01\n2,Bình,2027-01-01\n3,Chi,soon\n4,Dũng,2026-01-01\n"
    events, bad, _ = convert(tmp_path / "a.csv", text)
    assert [e.user_id for e in events] == ["4"]
    assert [one.reasons[0].split(";")[0] for one in bad] == [
        "nobody is named",
        "the time lies in the future",
        "the time “soon” cannot be read",
    ]
