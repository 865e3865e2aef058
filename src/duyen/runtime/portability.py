"""Everything that is kept of one person as one file to hand to them: a ZIP with JSON and, for spreadsheets, CSV.

It is written as it is read, so that a long history does not lie in memory twice. What stands in a cell and would be
taken for a formula is put behind an apostrophe; the JSON has every value as it is.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

import msgspec

from duyen.connectors.report import safe_cell
from duyen.model.consent import told
from duyen.model.event import Event
from duyen.model.group import group_name
from duyen.model.program import Program
from duyen.model.times import Millis, format_time
from duyen.stores.rows import Head
from duyen.stores.state import State

ROWS = 200
Row = dict[str, Any]
README = """\
DỮ LIỆU CÁ NHÂN CỦA BẠN
{company} gửi bạn toàn bộ dữ liệu đang lưu về bạn, lập lúc {made} (giờ UTC).

  data.json          tất cả, để máy đọc (JSON, UTF-8)
  identifiers.csv    những gì dùng để nhận ra bạn: địa chỉ thư, số điện thoại, mã khách hàng…
  profile.csv        thông tin về bạn, và thông tin ấy đến từ đâu, lúc nào
  consents.csv       những điều bạn đã đồng ý hoặc từ chối, kèm bằng chứng
  groups.csv         các công ty và nhóm mà bạn thuộc về
  segments.csv       các phân khúc mà bạn đang thuộc về
  events.csv         những gì bạn đã làm
  messages.csv       thư đã gửi hoặc đang chờ gửi cho bạn
  decisions.csv      những gì đã được chọn để hiển thị cho bạn, và vì sao

Bạn có quyền yêu cầu sửa, xóa, hạn chế xử lý, rút lại sự đồng ý, và chuyển dữ liệu này cho bên khác
(Luật Bảo vệ dữ liệu cá nhân số 91/2025/QH15; GDPR điều 15 đến 21).

YOUR PERSONAL DATA
{company} hands you everything that is kept about you, as of {made} (UTC).

  data.json          everything, for machines (JSON, UTF-8)
  identifiers.csv    what you are known by: addresses, phone numbers, customer numbers…
  profile.csv        what is known about you, where it came from, and when
  consents.csv       what you agreed to or refused, with its proof
  groups.csv         the companies and other groups you belong to
  segments.csv       the segments you are in
  events.csv         what you did
  messages.csv       mails that were sent to you, or wait
  decisions.csv      what was chosen to be shown to you, and why

You may ask to have it corrected or erased, to restrict how it is used, to withdraw your consent, and to take
this file to somebody else (Vietnam's Law 91/2025/QH15 on personal data protection; GDPR articles 15 to 21).
"""
COLUMNS: Mapping[str, Sequence[str]] = {
    "identifiers": ("namespace", "value", "since"),
    "profile": ("name", "value", "time", "source"),
    "consents": (
        "brand",
        "purpose",
        "channel",
        "state",
        "time",
        "proof",
        "where",
        "text",
        "source",
        "event",
    ),
    "groups": ("id", "name", "since"),
    "segments": ("id", "name", "since"),
    "events": (
        *("time", "name", "type", "source", "id", "received"),
        *("identifiers", "properties", "traits", "context"),
    ),
    "messages": (
        *("created", "message", "channel", "address", "purpose", "brand"),
        *("state", "reason", "updated", "why", "inputs"),
    ),
    "decisions": (
        *("time", "placement", "chosen", "items", "reason", "propensity", "arm", "policy"),
        *("id", "candidates", "features", "content"),
    ),
}
"""Files and their columns; the same names stand in the JSON."""
_json = msgspec.json.Encoder().encode


def hand_over(
    file: IO[bytes],
    head: Head,
    state: State,
    program: Program,
    computed: Mapping[str, Any],
    now: Millis,
) -> None:
    """Write all that is kept of a person into a ZIP. `computed`: their computed traits as of now."""
    found: dict[str, Iterable[Row]] = {
        "identifiers": _identifiers(head),
        "profile": _profile(head, computed, now),
        "consents": consents(head),
        "groups": _groups(head),
        "segments": _segments(head, program),
        "events": _events(head, state),
        "messages": _messages(head, state),
        "decisions": _decisions(head, state),
    }
    made = format_time(now)
    when = _zip_time(made)
    company = program.settings.name
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        readme = README.format(company=company, made=made)
        archive.writestr(_entry("README.txt", when), readme.encode("utf-8-sig"))
        parts: dict[str, list[Row]] = {}
        for name, rows in found.items():
            parts[name] = list(rows)
            with archive.open(_entry(f"{name}.csv", when), "w") as out:
                _write_csv(out, COLUMNS[name], parts[name])
        with archive.open(_entry("data.json", when), "w") as out:
            about = {"person": head.person.id, "made": made, "company": company}
            out.write(_json(about)[:-1])
            for name, listed in parts.items():
                out.write(b',\n"' + name.encode() + b'": [')
                for number, row in enumerate(listed):
                    out.write((b",\n " if number else b"\n ") + _json(row))
                out.write(b"\n]")
            out.write(b"}\n")


def _entry(name: str, when: tuple[int, int, int, int, int, int]) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, when)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _zip_time(made: str) -> tuple[int, int, int, int, int, int]:
    """A moment as ZIP files say it; they know no year before 1980."""
    year, month, day = (int(part) for part in made[:10].split("-"))
    hour, minute, second = (int(part) for part in made[11:19].split(":"))
    return max(year, 1980), month, day, hour, minute, second


def _write_csv(out: IO[bytes], columns: Sequence[str], rows: Iterable[Row]) -> None:
    text = io.TextIOWrapper(out, "utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    text.detach()


def _cell(value: Any) -> str:
    """A value as text: what has parts is JSON."""
    if value is None:
        return ""
    return safe_cell(value) if isinstance(value, str) else _json(value).decode()


def _identifiers(head: Head) -> Iterator[Row]:
    for namespace, values in sorted(head.person.identifiers.items()):
        for value, since in sorted(values.items()):
            yield {"namespace": namespace, "value": value, "since": format_time(since)}


def _profile(head: Head, computed: Mapping[str, Any], now: Millis) -> Iterator[Row]:
    for name, trait in sorted(head.person.traits.items()):
        row = {"name": name, "value": trait.value, "time": format_time(trait.time)}
        yield {**row, "source": trait.source, "event": trait.id}
    for name, value in sorted(computed.items()):
        yield {"name": name, "value": value, "time": format_time(now), "source": "computed"}


def consents(head: Head) -> Iterator[Row]:
    """What a person said, with its proof; the newest first."""
    said = sorted(told(head.person.consent), key=lambda pair: (-pair[1].time, pair[0]))
    for key, one in said:
        brand, purpose, channel = key.split("/", 2)
        row: Row = {"brand": brand, "purpose": purpose, "channel": channel, "state": one.state}
        row |= {"time": format_time(one.time), "proof": one.proof, "where": one.where}
        yield row | {"text": one.text, "source": one.source, "event": one.id}


def _groups(head: Head) -> Iterator[Row]:
    """Which, not what is known of them: that is the company's."""
    for id, since in sorted(head.person.groups.items()):
        name = group_name(id, head.person.group_traits.get(id, {}))
        yield {"id": id, "name": name, "since": format_time(since)}


def _segments(head: Head, program: Program) -> Iterator[Row]:
    for id, since in sorted(head.standing.items()):
        known = program.segments.get(id)
        yield {"id": id, "name": known.name if known else id, "since": format_time(since)}


def _events(head: Head, state: State) -> Iterator[Row]:
    older = state.chunks(head.person.id) if head.person.chunks else []
    once: dict[str, Event] = {event.id: event for event in [*older, *head.person.recent]}
    for event in sorted(once.values(), key=lambda event: event.order):
        yield {
            "id": event.id,
            "name": event.name,
            "type": event.type,
            "time": format_time(event.time),
            "received": format_time(event.received),
            "source": event.source,
            "identifiers": [":".join(name) for name in event.identifiers],
            "properties": event.properties,
            "traits": event.traits,
            "context": event.context,
        }


def _messages(head: Head, state: State) -> Iterator[Row]:
    """What was sent or waits, and what was not sent, and why."""
    known = set()
    for enqueue, fate, reason, updated in state.outbox_by(head.person.id):
        known.add(enqueue.key)
        yield {
            "created": format_time(enqueue.created),
            "message": enqueue.message,
            "channel": enqueue.channel,
            "address": enqueue.address,
            "purpose": enqueue.purpose,
            "brand": enqueue.brand,
            "state": fate,
            "reason": reason,
            "updated": format_time(updated),
            "why": enqueue.origin,
            "inputs": enqueue.inputs,
        }
    for line in head.person.ledger:
        if line.key not in known:
            yield {
                "created": format_time(line.time),
                "message": line.message,
                "channel": line.channel,
                "purpose": line.purpose,
                "brand": line.brand,
                "state": line.state,
                "reason": line.reason,
                "why": line.origin,
            }


def _decisions(head: Head, state: State) -> Iterator[Row]:
    before: tuple[Millis, str] | None = None
    while some := state.decisions_before(head.person.id, before, ROWS):
        for one in some:
            row: Row = msgspec.to_builtins(one)
            yield row | {"time": format_time(one.time)}
        before = (some[-1].time, some[-1].id)
