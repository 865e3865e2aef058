"""The `duyen` command on a folder without a server: every command does its own work and says what it did."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import typer.main
from typer.testing import CliRunner

from duyen import cli
from duyen.model.errors import DuyenError
from duyen.model.log import Lane
from duyen.runtime.house import House
from duyen.runtime.settings import load
from tests.conftest import find_free_port

runner = CliRunner()


class Folder:
    """A data folder made by `duyen init`, and commands given on it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *words: str) -> str:
        """What a command says; what goes wrong on purpose is raised."""
        done = runner.invoke(cli.app, [*words, "--data", str(self.path)], catch_exceptions=True)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    def ask(self, *words: str) -> dict[str, Any]:
        """The one JSON object on a command's last line."""
        lines = self.run(*words, "--json").strip().splitlines()
        found: dict[str, Any] = json.loads(lines[-1])
        return found

    def house(self) -> House:
        """The folder, opened."""
        return House(load(str(self.path), {}))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A fresh folder."""
    for name in ("DUYEN_DATA", "DUYEN_PORT", "DUYEN_CLOCK"):
        monkeypatch.delenv(name, raising=False)
    made = runner.invoke(cli.app, ["init", str(tmp_path / "shop"), "--json"])
    assert made.exit_code == 0, made.output
    return Folder(tmp_path / "shop")


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its path."""

    def below(group: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            if getattr(command, "commands", None):
                yield from below(command, (*path, name))
            else:
                yield " ".join((*path, name)), command

    yield from below(typer.main.get_command(cli.app), ())


COMMANDS = dict(commands())
CONTRACT = """init; serve; door; engine; sender; scheduler; apply; diff; export; import orders; import products
segment list; segment show; segment members; segment preview; journey list; journey show; journey run
recommend train; recommend for; decide; report lift; report messages; report overview; simulate; sql
lake flush; lake compact; lake info; rebuild; rejected list; rejected replay; keys create; admin create; pause; resume
doctor; bench; admin list; admin remove"""


def test_every_command_of_the_contract_is_there_with_help() -> None:
    assert set(CONTRACT.replace("\n", "; ").split("; ")) <= set(COMMANDS)
    for name, command in COMMANDS.items():
        assert command.help, name
        for part in command.params:
            assert part.help or "--help" in part.opts, f"{name} {part.name}"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_help_of_every_command(name: str) -> None:
    done = runner.invoke(cli.app, [*name.split(), "--help"])
    assert done.exit_code == 0
    assert "Usage" in done.output


def test_init_makes_a_folder_and_leaves_an_old_one_alone(folder: Folder) -> None:
    assert (folder.path / "secret.key").stat().st_mode & 0o077 == 0
    settings = folder.path / "duyen.toml"
    settings.write_text("port = 8123\n")
    again = runner.invoke(cli.app, ["init", str(folder.path), "--json"])
    assert json.loads(again.output.strip().splitlines()[-1])["written"] == []
    assert settings.read_text() == "port = 8123\n"


def test_the_starter_program_is_whole(folder: Folder) -> None:
    first = folder.ask("apply", str(folder.path))
    assert first["applied"] is True
    assert "journey/win-back" in first["changed"]
    assert folder.ask("apply", str(folder.path))["changed"] == []
    assert folder.run("diff", str(folder.path)).strip() == "No difference."
    assert folder.ask("journey", "list")["journeys"] == [
        {"id": "win-back", "name": "Come back", "live": False}
    ]
    assert "within: 90d" in folder.run("segment", "show", "loyal-but-quiet")


def test_what_is_exported_can_be_applied_elsewhere(folder: Folder, tmp_path: Path) -> None:
    folder.run("apply", str(folder.path))
    catalogue = folder.path / "catalog"
    catalogue.mkdir()
    (catalogue / "a.jsonl").write_text('{"id": "p1", "name": "Áo dài", "price": "1250000"}\n\n')
    assert folder.ask("apply", str(folder.path))["items"] == 1
    copy = tmp_path / "copy"
    told = folder.ask("export", str(copy))
    assert (told["items"], told["definitions"]) == (1, 6)
    assert folder.ask("diff", str(copy)) == {"changed": [], "items": 0}
    runner.invoke(cli.app, ["init", str(tmp_path / "other")])
    other = Folder(tmp_path / "other")
    assert len(other.ask("apply", str(copy))["changed"]) == 6
    assert other.ask("diff", str(copy)) == {"changed": [], "items": 0}


def test_a_changed_file_is_shown_then_sent(folder: Folder) -> None:
    folder.run("apply", str(folder.path))
    path = folder.path / "program" / "segments" / "loyal-but-quiet.yaml"
    path.write_text(path.read_text().replace("within: 90d", "within: 60d"))
    difference = folder.run("diff", str(folder.path))
    assert "-    within: 90d" in difference
    assert "+    within: 60d" in difference
    assert folder.ask("apply", str(folder.path))["changed"] == ["segment/loyal-but-quiet"]


def test_prune_deletes_what_is_not_in_the_folder(folder: Folder) -> None:
    folder.run("apply", str(folder.path))
    (folder.path / "program" / "offers" / "welcome-back.yaml").unlink()
    assert folder.ask("apply", str(folder.path))["changed"] == []
    assert folder.ask("apply", str(folder.path), "--prune")["changed"] == ["offer/welcome-back"]


@pytest.mark.parametrize(
    ("file", "text", "words"),
    [
        ("segments/bad.yaml", "rule: {did: X, within: soon}", "bad"),
        ("segments/bad.yaml", "rule: [", "bad.yaml"),
        ("segments/bad.yaml", "just words", "bad.yaml"),
        (
            "messages/bad.yaml",
            "subject: x\nbody: '<mjml><mj-body>{% if %}</mj-body></mjml>'",
            "bad",
        ),
        ("journeys/bad.yaml", "entry: {segment: nowhere}\nsteps: [exit]", "nowhere"),
    ],
)
def test_a_mistake_in_a_file_is_named_and_nothing_is_sent(
    folder: Folder, file: str, text: str, words: str
) -> None:
    (folder.path / "program" / file).write_text(text)
    with pytest.raises(DuyenError, match=words) as raised:
        folder.run("apply", str(folder.path))
    assert raised.value.status == 422
    house = folder.house()
    assert house.state.resources("segment") == []
    house.close()


def test_keys_are_shown_once_and_kept_as_digests(folder: Folder) -> None:
    made = folder.ask("keys", "create", "--kind", "write", "--origin", "https://your.shop")
    assert made["key"].startswith("wk_")
    house = folder.house()
    kept = next(body for _, id, _, body, _, _ in house.state.resources("key") if id == made["id"])
    assert kept["origins"] == ["https://your.shop"]
    assert made["key"] not in json.dumps(kept)
    house.close()
    with pytest.raises(DuyenError, match="origin"):
        folder.run("keys", "create", "--kind", "write", "--origin", "your.shop")
    with pytest.raises(DuyenError, match="secret key"):
        folder.run("keys", "create", "--kind", "secret", "--origin", "https://your.shop")


def test_a_key_is_revoked_and_an_administrator_removed(folder: Folder) -> None:
    made = folder.ask("keys", "create", "--kind", "secret", "--name", "for a test")
    listed = folder.ask("keys", "list")["keys"]
    assert [(key["id"], key["kind"], key["name"]) for key in listed] == [
        (made["id"], "secret", "for a test")
    ]
    assert folder.ask("keys", "revoke", made["id"])["applied"] is True
    assert folder.ask("keys", "list")["keys"] == []
    with pytest.raises(DuyenError, match="no key"):
        folder.run("keys", "revoke", made["id"])
    assert folder.ask("admin", "list")["admins"] == []
    folder.run("admin", "create", "b@example.test")
    folder.run("admin", "create", "a@example.test")
    who = folder.ask("admin", "list")["admins"]
    assert [row["email"] for row in who] == ["a@example.test", "b@example.test"]
    assert set(who[0]) == {"email", "changed", "by"}, "nothing of their passwords"
    folder.run("admin", "remove", "b@example.test")
    assert folder.ask("admin", "remove", "A@example.test")["applied"] is True
    with pytest.raises(DuyenError, match="no admin"):
        folder.run("admin", "remove", "a@example.test")


def test_the_identity_secret_is_what_pages_are_proved_with(folder: Folder) -> None:
    import hashlib
    import hmac

    secret = folder.ask("keys", "identity")["secret"]
    house = folder.house()
    proof = hmac.new(secret.encode(), b"u1", hashlib.sha256).hexdigest()
    assert house.secrets.identity_hash("u1") == proof
    house.close()


def test_an_administrators_password_is_made_or_given(folder: Folder) -> None:
    made = folder.ask("admin", "create", "An@Example.test")
    assert made["email"] == "an@example.test"
    assert len(made["password"]) >= 16
    assert (
        folder.ask("admin", "create", "b@example.test", "--password", "long enough 1")["password"]
        is None
    )
    with pytest.raises(DuyenError, match="10 characters"):
        folder.run("admin", "create", "c@example.test", "--password", "short")
    with pytest.raises(DuyenError, match="no e-mail"):
        folder.run("admin", "create", "nobody")


def bought(folder: Folder, *orders: tuple[str, str, str]) -> None:
    """Orders (user, time, item) told to the log and applied."""
    from duyen import collect
    from duyen.cli.common import tell
    from duyen.model.times import parse_time

    house = folder.house()
    calls = [
        {
            "type": "track",
            "userId": user,
            "event": "Order Completed",
            "timestamp": time,
            "messageId": f"{user}-{number}",
            "properties": {
                "order_id": f"o{number}",
                "total": "10",
                "products": [{"product_id": item, "price": "10", "quantity": 1}],
            },
        }
        for number, (user, time, item) in enumerate(orders)
    ]
    opened = collect.open_batch(json.dumps({"batch": calls}).encode())
    received = parse_time("2026-06-01")
    entries = opened.check(received=received, source="test", trusted=True, new_id=lambda: "")
    assert tell(house, Lane.LIVE, list(entries))
    house.close()


def test_segments_are_asked_as_of_another_time(folder: Folder) -> None:
    folder.run("apply", str(folder.path))
    bought(
        folder,
        ("u1", "2026-01-01T00:00:00Z", "p1"),
        ("u1", "2026-01-10T00:00:00Z", "p2"),
        ("u2", "2026-01-10T00:00:00Z", "p1"),
    )
    members = ("segment", "members", "loyal-but-quiet", "--as-of")
    assert folder.ask(*members, "2026-02-05")["count"] == 0
    found = folder.ask(*members, "2026-02-15")
    assert [row["key"] for row in found["members"]] == ["user_id:u1"]
    assert folder.ask(*members, "2026-05-15")["count"] == 0
    rule = "{did: Order Completed, at_least: 2}"
    assert folder.ask("segment", "preview", rule)["count"] == 1
    assert folder.ask("segment", "preview", rule, "--as-of", "2026-01-05")["count"] == 0
    with pytest.raises(DuyenError, match="no instant"):
        folder.run(*members, "soon")
    with pytest.raises(DuyenError, match="loyal-but-quiet"):
        folder.run("segment", "show", "no-such")


def test_companies_are_listed_and_shown(folder: Folder) -> None:
    from duyen import collect
    from duyen.cli.common import tell

    traits = {"name": "Ánh Dương", "plan": "pro"}
    calls = [
        {"type": "group", "messageId": f"g{n}", "userId": user, "groupId": id, "traits": told}
        for n, (user, id, told) in enumerate(
            [("u1", "acme", traits), ("u2", "acme", {}), ("u1", "zeta", {})]
        )
    ]
    opened = collect.open_batch(json.dumps({"batch": calls}).encode())
    house = folder.house()
    entries = opened.check(received=1, source="test", trusted=True, new_id=lambda: "")
    assert tell(house, Lane.LIVE, list(entries))
    house.close()
    assert folder.ask("group", "list") == {
        "groups": [
            {"id": "acme", "name": "Ánh Dương", "members": 2},
            {"id": "zeta", "name": "zeta", "members": 1},
        ],
        "total": 2,
    }
    assert [row["id"] for row in folder.ask("group", "list", "--query", "ÁNH")["groups"]] == [
        "acme"
    ]
    shown = folder.ask("group", "show", "acme", "--limit", "1")
    assert (shown["count"], len(shown["members"])) == (2, 1)
    assert shown["traits"] == {**traits, "id": "acme"}
    assert "plan: pro" in folder.run("group", "show", "acme")
    with pytest.raises(DuyenError, match="no group “nowhere”"):
        folder.run("group", "show", "nowhere")


def test_the_analyst_asks_in_sql(folder: Folder) -> None:
    bought(folder, ("u1", "2026-01-01T00:00:00Z", "p1"), ("u2", "2026-01-02T00:00:00Z", "p1"))
    question = "select name, count(*) as n from events group by name"
    assert folder.ask("sql", question, "--fresh")["rows"] == [{"name": "Order Completed", "n": 2}]
    assert folder.ask("lake", "flush")["events"] == 0
    assert any(table["table"] == "events" for table in folder.ask("lake", "info")["tables"])
    with pytest.raises(DuyenError):
        folder.run("sql", "drop table events")


def test_recommenders_learn_and_are_asked(folder: Folder) -> None:
    together = [
        (f"u{n}", f"2026-01-{n + 1:02d}T00:00:00Z", item) for n in range(9) for item in ("p1", "p2")
    ]
    (folder.path / "catalog").mkdir()
    lines = "".join(f'{{"id": "{id}", "name": "Item {id}"}}\n' for id in ("p1", "p2"))
    (folder.path / "catalog" / "items.jsonl").write_text(lines)
    folder.run("apply", str(folder.path))
    bought(folder, *together, ("asker", "2026-01-20T00:00:00Z", "p1"))
    assert set(folder.ask("recommend", "train")["trained"]) >= {"popular", "bought_together"}
    found = folder.ask("recommend", "for", "user_id:asker", "--recommender", "popular")
    assert [item["id"] for item in found["items"]] == ["p2"]
    with pytest.raises(DuyenError, match="Nobody"):
        folder.run("recommend", "for", "user_id:nobody")


def test_a_decision_is_in_the_log_before_it_is_shown(folder: Folder) -> None:
    folder.run("apply", str(folder.path))
    told = folder.ask("decide", "user_id:u9", "--placement", "home-hero")["decisions"][0]
    house = folder.house()
    kept = house.state.decision(told["id"])
    house.close()
    assert kept is not None
    assert kept.propensity == told["propensity"]
    with pytest.raises(DuyenError, match="home-hero"):
        folder.run("decide", "user_id:u9", "--placement", "nowhere")


def test_the_pause_switch_outlives_an_apply(folder: Folder) -> None:
    folder.run("apply", str(folder.path))
    assert folder.ask("pause") == {"paused": True, "applied": True}
    folder.run("apply", str(folder.path))
    assert folder.ask("report", "overview")["paused"] is True
    assert folder.ask("resume") == {"paused": False, "applied": True}
    assert folder.ask("report", "overview")["paused"] is False


def test_reports_of_an_empty_house(folder: Folder) -> None:
    assert folder.ask("report", "lift")["conversion"] is None
    assert folder.ask("report", "messages")["data"] == []
    assert folder.ask("report", "journeys")["data"] == []
    assert folder.ask("report", "decisions")["data"] == []
    assert folder.ask("rejected", "list") == {"rejected": []}


def test_the_doctor_looks_at_everything_and_sends_nothing(folder: Folder) -> None:
    with (folder.path / "duyen.toml").open("a") as file:
        file.write(
            f'\nport = {find_free_port()}\nsmtp_host = "127.0.0.1"\nsmtp_port = {find_free_port()}\n'
        )
    text = (folder.path / "duyen.toml").read_text().replace("port = 8000\n", "", 1)
    (folder.path / "duyen.toml").write_text(text)
    done = runner.invoke(cli.app, ["doctor", "--data", str(folder.path), "--json"])
    findings = {f["check"]: f for f in json.loads(done.output.strip().splitlines()[-1])["findings"]}
    assert findings["mail"]["verdict"] == "problem"
    assert "cannot be reached" in findings["mail"]["words"]
    assert findings["engine"]["verdict"] == "note"
    assert findings["secret"]["verdict"] == "ok"
    assert done.exit_code == 1


def test_each_machine_runs_as_many_engines_as_it_was_told(tmp_path: Path) -> None:
    """They share a database; files have one engine."""
    from duyen.cli.serve import _roles
    from duyen.model.errors import InvalidInput

    url = "postgresql:///shop"
    several = _roles(load(str(tmp_path), {}, engines=3, store_url=url))
    assert [name for name in several if name.startswith("engine")] == [
        "engine 1",
        "engine 2",
        "engine 3",
    ]
    assert several["engine 3"] == ["engine"]
    assert "engine" in _roles(load(str(tmp_path), {}, store_url=url))
    with pytest.raises(InvalidInput, match="store_url") as error:
        _roles(load(str(tmp_path), {}, engines=2))
    assert error.value.code == "engines.files"


def test_the_doctor_looks_where_the_running_server_said_that_it_answers(folder: Folder) -> None:
    import fcntl

    from duyen.cli.serve import _alone
    from duyen.runtime.doctor import _served
    from duyen.runtime.settings import load

    own = load(str(folder.path), {})
    with _alone(load(str(folder.path), {}, host="0.0.0.0", port=9_321)) as held:
        assert _served(own) == ("0.0.0.0", 9_321)
        with pytest.raises(DuyenError, match="Another"):
            _alone(own)
        assert _served(own) == ("0.0.0.0", 9_321)  # who knocks in vain wipes nothing out
        fcntl.flock(held, fcntl.LOCK_UN)
    assert _served(own) == (own.host, own.port)


def test_a_journey_run_by_hand_says_how_many_entered(folder: Folder) -> None:
    path = folder.path / "program" / "journeys" / "letter.yaml"
    path.write_text(
        'entry: {schedule: {at: "2020-01-01T09:00:00Z", segment: everybody}}\n'
        "reentry: always\nsteps: [{wait: 1d}]\n"
    )
    rule = folder.path / "program" / "segments" / "everybody.yaml"
    rule.write_text("rule: {any: [{did: Order Completed}, {not: {did: Order Completed}}]}\n")
    folder.run("apply", str(folder.path))
    people = folder.ask("segment", "preview", "{not: {did: Nothing at all}}")["count"]
    ran = folder.ask("journey", "run", "letter")
    assert ran["entered"] == people
    assert ran["applied"]


def test_the_doctor_reads_the_senders_records() -> None:
    from duyen.runtime.doctor import _domain

    records = {"shop.vn": ["v=spf1 include:mail.vn -all"], "_dmarc.shop.vn": []}
    found = {f.check: f.verdict for f in _domain("shop.vn", records.get)}
    assert found == {"SPF": "ok", "DMARC": "problem", "DKIM": "note"}
    unresolved = {f.check: (f.verdict, f.words) for f in _domain("shop.vn", lambda name: None)}
    assert unresolved["SPF"] == ("note", "could not be resolved here (shop.vn)")
    assert [f.verdict for f in _domain("example.test", records.get)] == ["note"]


def test_a_rebuild_arrives_at_the_same_people(folder: Folder) -> None:
    folder.run("apply", str(folder.path))
    bought(folder, *((f"u{n}", f"2026-01-{n + 1:02d}T00:00:00Z", "p1") for n in range(9)))
    told = folder.ask("rebuild")
    assert (told["people"], told["same"], told["different"]) == (9, 9, [])


def test_only_a_live_scheduled_journey_is_run_by_hand(folder: Folder) -> None:
    folder.run("apply", str(folder.path))
    with pytest.raises(DuyenError, match="schedule"):
        folder.run("journey", "run", "win-back")


def process(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A command as a terminal gives it."""
    import os

    environment = {k: v for k, v in os.environ.items() if not k.startswith("DUYEN_")} | more
    return subprocess.run(
        [sys.executable, "-m", "duyen", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
    )


def test_errors_are_one_sentence_on_standard_error(folder: Folder, tmp_path: Path) -> None:
    missing = process("segment", "list", "--data", str(tmp_path / "nowhere"))
    assert (missing.returncode, missing.stdout) == (1, "")
    assert "duyen init" in missing.stderr
    assert len(missing.stderr.strip().splitlines()) == 1
    unusable = process("segment", "list", "--data", str(folder.path), DUYEN_PORT="many")
    assert unusable.returncode == 2
    assert "Traceback" not in unusable.stderr
    (folder.path / "duyen.toml").write_text("port = ")
    assert "duyen.toml" in process("doctor", "--data", str(folder.path)).stderr


def test_the_present_folder_is_the_data_where_it_holds_settings(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.path)
    done = runner.invoke(cli.app, ["segment", "list", "--json"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "duyen.cli",
            ("numpy", "fastapi", "duckdb", "pyarrow", "deltalake", "rich.console", "httpx"),
        ),
        ("duyen.runtime.engine", ("fastapi", "duckdb", "pyarrow", "deltalake", "pydantic")),
        ("duyen.runtime.sender", ("fastapi", "duckdb", "pyarrow", "deltalake", "pydantic")),
        ("duyen.runtime.scheduler", ("fastapi", "duckdb", "pyarrow", "deltalake", "pydantic")),
        ("duyen.runtime.supervisor", ("numpy", "fastapi", "duckdb", "sqlite3")),
        ("duyen.api.app", ("fastapi", "duckdb", "pyarrow", "deltalake", "pydantic")),
    ],
)
def test_each_process_stays_small(module: str, absent: tuple[str, ...]) -> None:
    look = f"import {module}, sys; print(' '.join(sorted(set(sys.modules) & {set(absent)!r})))"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
