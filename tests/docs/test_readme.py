"""The first pages a newcomer reads are followed to the letter, on a real server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer.main

from duyen import cli
from tests.api.server import until
from tests.conftest import ROOT, find_free_port

ENGLISH, VIETNAMESE = ROOT / "README.md", ROOT / "README.vi.md"
START = ROOT / "docs" / "start.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
pytestmark = pytest.mark.timeout(900)
"""Some thirty commands are started one after the other, on a machine that may be busy."""
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")

# A machine need not have curl; this understands what the pages use of it, and nothing else.
CURL = """#!{python}
import sys
import httpx

words, how, headers, target = sys.argv[1:], {{}}, {{}}, ""
method = None
while words:
    word = words.pop(0)
    if word == "-s":
        continue
    elif word == "-u":
        name, _, password = words.pop(0).partition(":")
        how["auth"] = (name, password)
    elif word == "-H":
        name, _, value = words.pop(0).partition(":")
        headers[name] = value.strip()
    elif word == "-X":
        method = words.pop(0)
    elif word == "-d":
        how["content"] = words.pop(0).encode()
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
    elif word.startswith("http"):
        target = word
    else:
        sys.exit("curl: not understood: " + word)
answer = httpx.request(
    method or ("POST" if "content" in how else "GET"), target, headers=headers, timeout=60, **how
)
print(answer.status_code, answer.text)
"""


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [
        text for kind, text in FENCE.findall(page.read_text(encoding="utf-8")) if kind == language
    ]


class Newcomer:
    """A shell in an empty folder, where the commands of a page are typed as they stand."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, find_free_port()
        self.shop = folder / "my-shop"
        programs = folder / "bin"
        programs.mkdir()
        for name, text in {
            "curl": CURL.format(python=sys.executable),
            "duyen": f'#!/bin/sh\nexec "{sys.executable}" -m duyen "$@"\n',
        }.items():
            (programs / name).write_text(text, encoding="utf-8")
            (programs / name).chmod(0o755)
        kept = {k: v for k, v in os.environ.items() if not k.startswith("DUYEN_")}
        self.environment = {
            **kept,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "DUYEN_PORT": str(self.port),
            "DUYEN_LAKE_EVERY": "1",
        }

    def type(self, text: str) -> str:
        """Give a block of commands to the shell; each must do its work."""
        here = text.replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
        done = subprocess.run(
            ["sh", "-e", "-c", here],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def calls(self, text: str) -> list[Any]:
        """The answers of a block of curl lines, none of which is an error."""
        found = []
        for line in self.type(text).splitlines():
            status, _, body = line.partition(" ")
            assert status == "200", line
            found.append(json.loads(body))
        return found

    def key(self, kind: str) -> str:
        """A fresh key."""
        words = f"duyen keys create --kind {kind} --data my-shop --json"
        key: str = json.loads(self.type(words).splitlines()[-1])["key"]
        return key

    def edit(self, name: str, before: str, after: str) -> None:
        """Change a file of the program, as a marketer would."""
        path = self.shop / "program" / name
        text = path.read_text(encoding="utf-8")
        assert before in text, f"{name} has no {before}"
        path.write_text(text.replace(before, after), encoding="utf-8")


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    """Somebody who has followed docs/start.md up to the running server."""
    one = Newcomer(tmp_path_factory.mktemp("newcomer"))
    begin, apply, access, serve, *_ = blocks(START, "sh")
    assert "duyen init" in begin
    one.type(begin)
    # The page is right at night too, when the mail would come in the morning.
    one.edit("settings.yaml", 'quiet_from: "21:00"', 'quiet_from: "00:00"')
    one.edit("settings.yaml", 'quiet_to: "08:00"', 'quiet_to: "00:00"')
    one.type(apply)
    one.type(access)
    one.environment |= {"WRITE": one.key("write"), "SECRET": one.key("secret")}
    assert serve.strip() == "duyen serve --data my-shop"
    server = subprocess.Popen(
        serve.split(), executable=one.folder / "bin" / "duyen", cwd=one.folder, env=one.environment
    )
    try:
        until(lambda: _ready(one.port, server))
        yield one
    finally:
        server.terminate()
        server.wait(60)


def _ready(port: int, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, f"serve ended with code {server.returncode}"
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=30).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def owner(newcomer: Newcomer) -> Iterator[httpx.Client]:
    """A caller with the secret key."""
    headers = {"authorization": f"Bearer {newcomer.environment['SECRET']}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{newcomer.port}/v1", headers=headers) as client:
        client.timeout = httpx.Timeout(60)
        yield client


def export(path: Path) -> None:
    """The export of the page, with the dates that it would have today."""
    (sample,) = blocks(START, "csv")
    today = datetime.now().astimezone()
    for number, day in enumerate(sorted(set(re.findall(r"\d\d/09/2026", sample)))):
        moved = today - timedelta(days=75 - 10 * number)
        sample = sample.replace(day, f"{moved:%d/%m/%Y}")
    path.write_text(sample, encoding="utf-8")


@pytest.mark.xdist_group("newcomer")
def test_the_api_in_ten_lines(newcomer: Newcomer, owner: httpx.Client) -> None:
    (lines,) = [text for text in blocks(ENGLISH, "sh") if "curl" in text]
    assert len(lines.splitlines()) == 10
    told, asked = lines.split("curl -s -H", 1)
    answers = newcomer.calls(told)
    assert [answer["accepted"] for answer in answers] == [1, 1, 1]
    until(lambda: owner.get("/profiles/user_id:an/consent").json().get("data"))
    until(lambda: len(owner.get("/profiles/user_id:an/events").json()["data"]) == 3)
    setting = told.splitlines()[0]
    segment, members, person, decided, decisions, lift = newcomer.calls(
        f"{setting}\ncurl -s -H{asked}"
    )
    assert segment["definition"]["rule"] == {"did": "Order Completed", "within": "90d"}
    assert "user_id:an" in [member["key"] for member in members["data"]]
    assert person["name"] == "An"
    assert person["consent"][0]["proof"] == "newsletter form"
    (decision,) = decided["decisions"]
    assert (decision["fill"], decision["offer"]) == ("offers", "welcome-back")
    assert decisions["data"][0]["id"] == decision["id"]
    assert lift["treated"]["people"] >= 1


@pytest.mark.xdist_group("newcomer")
def test_from_nothing_to_the_first_mail(newcomer: Newcomer, owner: httpx.Client) -> None:
    rest = blocks(START, "sh")[4:]
    orders, people, learn, consent, go, pages, effect = rest
    export(newcomer.folder / "orders.csv")
    assert "4 rows: 4 accepted, 0 rejected." in newcomer.type(orders)
    found = newcomer.type(people)
    assert "user_id:KH01" in found.split("of", 1)[0]
    assert "2 of" in found or "3 of" in found
    assert "CF-1" in newcomer.type(learn)
    assert newcomer.calls(consent)[0]["success"] is True
    until(lambda: owner.get("/profiles/user_id:KH01/consent").json()["data"])
    newcomer.edit("journeys/win-back.yaml", "live: false", "live: true")
    assert "put  journey win-back" in newcomer.type(go)
    (mail,) = until(lambda: owner.get("/mail").json()["data"], patience=300)
    assert mail["to"] == "tuyet@example.test"
    text = owner.get(f"/mail/{mail['id']}").json()["text"]
    assert "Cà phê Buôn Ma Thuột" in text
    assert "120.000 ₫" in text
    assert "Ấm" not in text, "what was bought is not recommended"
    assert "Ngừng nhận thư" in text
    assert "wk_" in newcomer.type(pages)
    said = until(lambda: _told(newcomer.type(effect)), patience=300)
    assert "not yet" in said


def _told(said: str) -> str:
    """What the reports said, once the lake has followed the log."""
    return said if "Order Completed" in said else ""


@pytest.mark.xdist_group("newcomer")
def test_a_second_server_of_the_same_folder_says_so_and_ends(newcomer: Newcomer) -> None:
    done = subprocess.run(
        ["duyen", "serve", "--data", "my-shop", "--port", str(find_free_port())],
        executable=newcomer.folder / "bin" / "duyen",
        cwd=newcomer.folder,
        env=newcomer.environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "Another `duyen serve` works on “my-shop” already; "
        "end it first, or name another folder with --data.\n"
    )


def _outline(page: Path) -> list[int]:
    """The levels of a page's headings, outside of code."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    return [len(marks) for marks in re.findall(r"^(#+) ", prose, re.MULTILINE)]


def _commands(page: Path) -> list[str]:
    """The lines a reader types, without their comments."""
    indented = re.findall(r"^    (\S.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    lines = [*indented, *"".join(blocks(page, "sh")).splitlines()]
    return [re.sub(r"\s+# .*", "", line) for line in lines]


def test_both_readmes_say_the_same_things_in_the_same_order() -> None:
    assert _outline(ENGLISH) == _outline(VIETNAMESE)
    assert _commands(ENGLISH) == _commands(VIETNAMESE)
    targets = [
        re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8").replace(".vi.", "."))[1:]
        for page in (ENGLISH, VIETNAMESE)
    ]
    assert targets[0] == targets[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_that_is_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    spans = [*CODE.findall(FENCE.sub("", text)), *_commands(page)]
    goals = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    root = typer.main.get_command(cli.app)
    for span in spans:
        words = span.split()
        if words[:1] == ["make"]:
            assert {word for word in words[1:] if re.fullmatch(r"[a-z-]+", word)} <= goals, span
        if words[:1] == ["duyen"]:
            _exists(root, words[1:], span)


def _exists(command: Any, words: list[str], span: str) -> None:
    """Walk down the words of a line: commands first, then options that the last command has."""
    while below := getattr(command, "commands", None):
        if not words or words[0].startswith("-"):
            break
        assert words[0] in below, span
        command, words = below[words[0]], words[1:]
    known = {name for part in command.params for name in part.opts} | {"--help"}
    assert {word for word in words if re.match(r"--?[a-z]", word)} <= known, span


def test_the_index_leads_to_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    unlinked = [
        str(path.relative_to(ROOT / "docs"))
        for path in (ROOT / "docs").rglob("*.md")
        if path.name != "index.md" and f"({path.relative_to(ROOT / 'docs')})" not in index
    ]
    assert unlinked == [], "add a row to docs/index.md"
