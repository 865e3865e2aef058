"""A file is uploaded, looked at, imported by a process of its own, ended, and taken up again after a kill."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from duyen.model.errors import Conflict
from duyen.model.times import DAY
from duyen.runtime.uploads import Uploads
from tests.api.server import EMAIL, PASSWORD, Server, problem, running, until
from tests.conftest import find_free_port

PEOPLE = "Mã KH,Email,Họ tên,Hạng\n" + "".join(
    f"kh-{n},{'khong phai' if n == 3 else f'khach{n}@example.test'},Khách {n},vàng\n"
    for n in range(1, 9)
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Door and engine, with room for small files only."""
    folder = tmp_path_factory.mktemp("imports")
    with running(folder, find_free_port(), "engine", "door", import_mb=1) as found:
        yield found


@pytest.fixture(scope="module")
def owner(server: Server) -> Iterator[httpx.Client]:
    with server.owner() as client:
        yield client


def upload(owner: httpx.Client, content: str | bytes, name: str = "people.csv") -> dict[str, Any]:
    answer = owner.post("/v1/imports", content=content, params={"name": name})
    assert answer.status_code == 200, answer.text
    made: dict[str, Any] = answer.json()
    assert made["state"] == "uploaded"
    return made


def look(owner: httpx.Client, id: str, **said: Any) -> dict[str, Any]:
    answer = owner.post(f"/v1/imports/{id}/preview", json=said)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def start(owner: httpx.Client, id: str, mapping: dict[str, Any]) -> None:
    answer = owner.post(f"/v1/imports/{id}/start", json={"mapping": mapping})
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "waiting"


def importer(server: Server) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "duyen", "import", "uploaded"]
    return subprocess.Popen(command, env=server.environment, stdout=subprocess.DEVNULL)


def imported(server: Server, owner: httpx.Client, id: str) -> dict[str, Any]:
    """What came of an import, once the engine has come to it."""
    assert importer(server).wait(120) == 0

    def done() -> dict[str, Any] | None:
        found: dict[str, Any] = owner.get(f"/v1/imports/{id}").json()
        return found if found["applied"] or found["state"] != "done" else None

    found = until(done)
    assert found is not None
    return found


def files(server: Server, id: str) -> list[Path]:
    return list((server.folder / "imports" / id / "files").glob("*"))


def test_a_list_of_customers_comes_in(server: Server, owner: httpx.Client) -> None:
    id = upload(owner, PEOPLE, "Khách hàng 2026.csv")["id"]
    seen = look(owner, id)
    assert (seen["kind"], seen["format"], seen["files"]) == ("people", "csv", 1)
    assert seen["columns"] == ["Mã KH", "Email", "Họ tên", "Hạng"]
    assert seen["rows"][0] == ["kh-1", "khach1@example.test", "Khách 1", "vàng"]
    assert seen["mapping"]["columns"]["email"] == "Email"
    assert (seen["missing"], seen["problem"]) == ([], None)
    trial = seen["trial"]
    assert (trial["whole"], trial["rows"], trial["people"]) == (True, 8, 8)
    assert owner.get("/v1/profiles/user_id:kh-1").status_code == 404, "a look imports nothing"
    start(owner, id, seen["mapping"])
    assert owner.get(f"/v1/imports/{id}").json()["state"] == "waiting"
    found = imported(server, owner, id)
    assert (found["state"], found["part"]) == ("done", 1.0)
    assert (found["rows"], found["accepted"] + found["rejected"]) == (8, 8)
    assert (found["accepted"], found["rejected"]) == (trial["accepted"], trial["rejected"])
    assert found["report"]["events"] == trial["events"]
    assert str(server.folder) not in json.dumps(found)
    person = owner.get("/v1/profiles/user_id:kh-1").json()
    assert {t["name"]: t["value"] for t in person["traits"]}["email"] == "khach1@example.test"
    assert files(server, id) == [], "the file is kept only as long as it is of use"
    problem(owner.post(f"/v1/imports/{id}/start", json={"mapping": seen["mapping"]}), 409)
    listed = owner.get("/v1/imports").json()["data"]
    assert id in [row["id"] for row in listed]


def test_a_mapping_can_be_changed(server: Server, owner: httpx.Client) -> None:
    table = (
        "so;khi nao;cai gi;tien\na1;2026-03-01;xem;10\na2;2026-03-02;mua;khong\n;2026-03-03;;1\n"
    )
    id = upload(owner, table, "log.csv")["id"]
    seen = look(owner, id, kind="events")
    assert seen["problem"] or seen["missing"]
    columns = {"customer_id": "so", "time": "khi nao", "event": "cai gi"}
    seen = look(owner, id, kind="events", columns=columns, dates="ymd", source="quay")
    assert (seen["missing"], seen["problem"]) == ([], None)
    assert seen["mapping"]["source"] == "quay"
    again = look(owner, id, mapping=seen["mapping"])
    assert (again["mapping"], again["trial"]) == (seen["mapping"], seen["trial"])
    problem(owner.post(f"/v1/imports/{id}/preview", json={"columns": {"nothing": "so"}}), 400)
    wrong = {**seen["mapping"], "columns": {"time": "gone"}}
    problem(owner.post(f"/v1/imports/{id}/start", json={"mapping": wrong}), 422, "mapping.invalid")
    problem(owner.post(f"/v1/imports/{id}/start", json={"mapping": {"kind": "x"}}), 422)
    start(owner, id, seen["mapping"])
    found = imported(server, owner, id)
    assert (found["rows"], found["rejected"]) == (3, 1)
    answer = owner.get(f"/v1/imports/{id}/rejects")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["row"] for row in rows] == ["3"]
    assert rows[0]["reasons"]


def test_a_zip_of_tables_is_one_table(server: Server, owner: httpx.Client) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__MACOSX/._a.csv", "junk")
        archive.writestr("../../a.csv", "user id,email\nz1,z1@example.test\n,\n")
        archive.writestr("deep/b.csv", "user id,email\nz2,z2@example.test\n,\n")
    id = upload(owner, packed.getvalue(), "crm.zip")["id"]
    assert all(path.parent.name == "files" for path in files(server, id))
    seen = look(owner, id, kind="people")
    assert seen["files"] == 2
    start(owner, id, seen["mapping"])
    found = imported(server, owner, id)
    assert (found["rows"], found["accepted"], found["rejected"]) == (4, 2, 2)
    told = owner.get(f"/v1/imports/{id}/rejects").text
    assert told.count("row,line,reasons,content") == 1
    assert len(list(csv.reader(io.StringIO(told)))) == 3
    assert owner.get("/v1/profiles/user_id:z2").status_code == 200


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "empty.csv"),
        (b"PK\x03\x04 and nothing behind it", "torn.zip"),
        (b"\xd0\xcf\x11\xe0 old", "old.xls"),
        (b"PAR1 no", "torn.parquet"),
        (b"\x1f\x8b\x08 no", "torn.csv.gz"),
    ],
)
def test_what_cannot_be_read_leaves_nothing(
    server: Server, owner: httpx.Client, content: bytes, name: str
) -> None:
    before = {path.name for path in (server.folder / "imports").glob("*")}
    problem(owner.post("/v1/imports", content=content, params={"name": name}), 400)
    assert {path.name for path in (server.folder / "imports").glob("*")} <= before | {".lock"}


def test_nothing_larger_than_the_limit_comes_in(server: Server, owner: httpx.Client) -> None:
    large = b"a,b\n" + b"1,2\n" * 250_000
    assert len(large) > 1_000_000
    with suppress(httpx.TransportError):
        problem(owner.post("/v1/imports", content=large), 413, "import.too_large")

    def unsaid() -> Iterator[bytes]:
        for _ in range(30):
            yield b"1,2\n" * 10_000

    before = set((server.folder / "imports").glob("*"))
    with suppress(httpx.TransportError):  # who does not stop sending may miss the answer
        problem(owner.post("/v1/imports", content=unsaid()), 413, "import.too_large")
    until(lambda: set((server.folder / "imports").glob("*")) == before)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.csv", large)
    assert len(packed.getvalue()) < 100_000
    problem(owner.post("/v1/imports", content=packed.getvalue()), 413, "import.too_large")


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "/etc/passwd", "..", "a\x00b.csv", ".hidden", "x" * 400]
)
def test_a_name_leads_nowhere_else(server: Server, owner: httpx.Client, name: str) -> None:
    id = upload(owner, PEOPLE, name)["id"]
    (path,) = files(server, id)
    assert path.resolve().parent == (server.folder / "imports" / id / "files").resolve()
    assert owner.delete(f"/v1/imports/{id}").status_code == 200
    problem(owner.get(f"/v1/imports/{id}"), 404, "import.unknown")
    for other in ("..", "%2e%2e%2f", id + "x", ".lock"):
        assert owner.get(f"/v1/imports/{other}").status_code in (404, 405)


def test_only_who_administers_may(server: Server) -> None:
    with server.client() as anybody:
        for call in (
            anybody.build_request("POST", "/v1/imports", content=PEOPLE),
            anybody.build_request("GET", "/v1/imports"),
            anybody.build_request("GET", "/v1/imports/x/rejects"),
            anybody.build_request("POST", "/v1/imports/x/start", json={"mapping": {}}),
        ):
            problem(anybody.send(call), 401)
        signed_in = anybody.post("/v1/login", json={"email": EMAIL, "password": PASSWORD})
        assert signed_in.status_code == 200
        forged = anybody.post("/v1/imports", content=PEOPLE)
        problem(forged, 403, "session.header")
        mine = anybody.post("/v1/imports", content=PEOPLE, headers={"x-duyen": "1"})
        assert mine.status_code == 200, mine.text
        assert mine.json()["author"] == EMAIL


def rows(count: int, who: str) -> str:
    return "event,time,user id\n" + "".join(
        f"Seen,2026-03-01T10:00:{n % 60:02d}Z,{who}{n}\n" for n in range(count)
    )


def test_what_is_cancelled_goes_no_further(server: Server, owner: httpx.Client) -> None:
    id = upload(owner, rows(20_000, "c"), "seen.csv")["id"]
    start(owner, id, look(owner, id, kind="events")["mapping"])
    problem(owner.delete(f"/v1/imports/{id}"), 409, "import.running")
    with Uploads(server.folder).changing(id) as note:
        note.state = "running"
    assert owner.post(f"/v1/imports/{id}/cancel").json()["cancelling"]
    found = imported(server, owner, id)
    assert (found["state"], found["cancelling"], files(server, id)) == ("cancelled", False, [])
    waiting = upload(owner, PEOPLE)["id"]
    start(owner, waiting, look(owner, waiting)["mapping"])
    assert owner.post(f"/v1/imports/{waiting}/cancel").json()["state"] == "cancelled"
    assert imported(server, owner, waiting)["state"] == "cancelled"


def test_an_import_that_is_killed_goes_on_where_it_was(server: Server, owner: httpx.Client) -> None:
    count = 25_000
    id = upload(owner, rows(count, "k"), "seen.csv")["id"]
    start(owner, id, look(owner, id, kind="events")["mapping"])
    worker = importer(server)
    until(lambda: owner.get(f"/v1/imports/{id}").json()["part"] > 0 or worker.poll() is not None)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    killed = owner.get(f"/v1/imports/{id}").json()
    if killed["state"] != "done":
        assert killed["state"] == "running"
        assert files(server, id)
    found = imported(server, owner, id)
    assert (found["state"], found["rows"], found["accepted"]) == ("done", count, count)
    events = owner.get("/v1/profiles/user_id:k0/events").json()["data"]
    assert len(events) == 1
    assert owner.get(f"/v1/profiles/user_id:k{count - 1}").status_code == 200


def test_the_scheduler_imports_by_itself(server: Server, owner: httpx.Client) -> None:
    id = upload(owner, "user id,email\ns1,s1@example.test\n")["id"]
    start(owner, id, look(owner, id, kind="people")["mapping"])
    server.start("scheduler", stdout=subprocess.DEVNULL)
    try:
        found = until(lambda: owner.get(f"/v1/imports/{id}").json()["state"] == "done")
    finally:
        server.stop("scheduler")
    assert found


def test_what_fails_says_why_and_may_be_mended(server: Server, owner: httpx.Client) -> None:
    id = upload(owner, rows(1_500, "f").replace("2026-03-01T", "bad"), "seen.csv")["id"]
    mapping = look(owner, id, kind="events")["mapping"]
    start(
        owner,
        id,
        mapping | {"columns": {"event": "event", "time": "time", "customer_id": "user id"}},
    )
    found = imported(server, owner, id)
    assert found["state"] == "failed"
    assert found["error"]["code"] == "import.nothing_fits"
    assert str(server.folder) not in found["error"]["message"]
    assert files(server, id)
    assert owner.post(f"/v1/imports/{id}/cancel").json()["state"] == "cancelled"
    assert files(server, id) == []


def test_files_that_nobody_starts_are_taken_away(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path)
    now = int(time.time() * 1000)
    old, fresh = (uploads.put(uploads.new("a.csv", "t", at)) for at in (now - 2 * DAY, now))
    torn = uploads.new("b.csv", "t", now - 2 * DAY)
    os.utime(tmp_path / "imports" / torn.id, (0, 0))
    uploads.tidy(now)
    assert [upload.id for upload in uploads.all()] == [fresh.id]
    assert not uploads.files(torn.id).exists()
    assert not uploads.files(old.id).exists()
    uploads.drop_files(fresh.id)
    with pytest.raises(Conflict):
        uploads.start(fresh.id, None, now)  # type: ignore[arg-type]
