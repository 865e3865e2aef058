"""A full disk, a taken port, a second engine: one clear sentence, and nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from duyen.messages.links import Links
from duyen.runtime.secrets import Secrets
from tests.api.server import Server, problem
from tests.conftest import find_free_port

LIMIT = 600_000
LARGE = "x" * 20_000


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
def test_a_full_disk_loses_nothing_and_is_told(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", find_free_port())
    limits = (LIMIT, resource.RLIM_INFINITY)
    server.start("door", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits))
    server.start("engine")
    try:
        taken: list[str] = []
        refused: httpx.Response | None = None
        with server.client() as client, server.owner() as owner:
            placement = {"fallback": {"title": "As always"}}
            assert owner.put("/v1/placements/hero", json=placement).status_code == 200
            for number in range(200):
                call = {"userId": f"full-{number}", "event": "Wrote", "properties": {"text": LARGE}}
                answer = client.post("/v1/track", json=call, auth=(server.server_key, ""))
                if answer.status_code != 200:
                    refused = answer
                    break
                taken.append(f"full-{number}")
            assert refused is not None, "the limit was never reached"
            assert taken
            assert "free some space" in problem(refused, 503, "storage.full")["message"]
            assert refused.headers["retry-after"]

            # What needs no disk goes on; what does says so.
            assert client.get(_click(server)).headers["location"] == "https://shop.example.test/"
            decided = owner.post(
                "/v1/decide", json={"profile": "user_id:full-0", "placements": ["hero"]}
            )
            assert decided.status_code == 200
            assert decided.json()["stale"] is True
            assert decided.json()["decisions"][0]["content"] == {"title": "As always"}
            problem(owner.put("/v1/segments/new", json={"rule": {"did": "X"}}), 503, "storage.full")
            assert owner.get("/v1/segments").status_code == 200

            # Space is freed: the same process goes on.
            door = server.processes["door"].pid
            resource.prlimit(door, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            server.tell({"type": "track", "userId": "after-the-flood", "event": "Wrote"})
            for user in (*taken, "after-the-flood"):
                profile = f"/v1/profiles/user_id:{user}"
                assert owner.get(profile).status_code == 200, user
    finally:
        server.stop()


def _click(server: Server) -> str:
    """A tracked link of a mail of this server."""
    links = Links(Secrets.open(server.folder).links, server.url)
    of_mail = links.of(
        key="k",
        person="p",
        address="a@example.test",
        message="m",
        purpose="marketing",
        brand="default",
    )
    return of_mail.track("https://shop.example.test/")


def run(server: Server, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command on the server's folder."""
    command = [sys.executable, "-m", "duyen", *arguments]
    return subprocess.run(
        command, env=server.environment, capture_output=True, text=True, timeout=120, check=False
    )


def told_in_one_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """It failed with one line that says what to do."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    for word in words:
        assert word in done.stderr


@pytest.mark.parametrize("command", ["door", "serve"])
def test_a_taken_port_is_named(server: Server, command: str) -> None:
    told_in_one_sentence(run(server, command), str(server.port), "--port")


def test_a_folder_has_one_engine(server: Server) -> None:
    told_in_one_sentence(run(server, "engine"), "engine")


def test_commands_work_beside_a_running_engine(server: Server, owner: httpx.Client) -> None:
    made = run(server, "keys", "create", "--kind", "secret", "--json")
    assert made.returncode == 0, made.stderr
    key: Any = made.stdout.strip().splitlines()[0]
    id = json.loads(made.stdout.strip().splitlines()[-1])["id"]
    with server.client(authorization=f"Bearer {key}") as client:
        assert client.get("/v1/me").status_code == 200
        assert run(server, "keys", "revoke", id).returncode == 0
        problem(client.get("/v1/me"), 401, "key.unknown")


def test_a_fault_of_ours_is_told_without_its_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from duyen.api.app import App
    from duyen.stores.sqlite.state import SqliteState

    server = Server(tmp_path / "data", find_free_port())
    app = App(server.settings)

    def broken(*_: object) -> None:
        raise ValueError("a secret detail")

    monkeypatch.setattr(SqliteState, "rejected_before", broken)

    async def ask() -> httpx.Response:
        await app.start()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=server.url) as client:
            headers = {"authorization": f"Bearer {server.secret_key}"}
            return await client.get("/v1/rejected", headers=headers)

    answer = asyncio.run(ask())
    app.stop()
    error = problem(answer, 500, "server.fault")
    assert "secret detail" not in str(error)
