"""The console: its client is the one the API describes, and its own tests pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "web" / "console" / "src" / "api" / "schema.d.ts"

pytestmark = pytest.mark.skipif(
    not (ROOT / "web" / "node_modules").is_dir(),
    reason="the web packages are missing: run make web",
)


def npm(script: str, *arguments: str) -> None:
    """Run one npm script of web/ with the Node of the wheel; its words are the failure's."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "hatch_build.py"), script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-8_000:]


def test_the_client_is_generated_from_the_api(tmp_path: Path) -> None:
    from duyen.api.openapi import describe

    described, written = tmp_path / "openapi.json", tmp_path / "schema.d.ts"
    described.write_text(json.dumps(describe()), encoding="utf-8")
    npm("types", str(described), "-o", str(written))
    assert written.read_text(encoding="utf-8") == SCHEMA.read_text(encoding="utf-8"), (
        "the API changed: run make docs, which writes web/console/src/api/schema.d.ts again"
    )


def test_its_own_tests_pass() -> None:
    npm("test")
