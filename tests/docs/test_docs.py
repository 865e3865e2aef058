"""Docs fail the build: the reference pages are current, name everything, and their links lead somewhere."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest
import typer
from fastapi import FastAPI
from msgspec import Meta

from docs import generate
from tests.conftest import ROOT

PROSE = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
VARIABLE = re.compile(r"\bDUYEN_[A-Z][A-Z_]*[A-Z]\b")


def test_the_reference_pages_are_current() -> None:
    stale = [
        name
        for name, text in generate.pages().items()
        if not (generate.REFERENCE / name).is_file()
        or (generate.REFERENCE / name).read_text(encoding="utf-8") != text
    ]
    assert stale == [], "run `make docs` and commit docs/reference"


def test_no_page_describes_what_is_gone() -> None:
    kept = {path.name for path in generate.REFERENCE.iterdir()}
    assert kept == set(generate.pages())


def test_the_index_leads_to_every_reference_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    unlinked = [name for name in generate.pages() if name.endswith(".md") and name not in index]
    assert unlinked == [], "add a row to docs/index.md"


def test_every_variable_of_the_code_is_in_the_docs() -> None:
    told = "\n".join(path.read_text(encoding="utf-8") for path in PROSE)
    untold = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in generate.PACKAGE.rglob("*.py")
        for name in VARIABLE.findall(path.read_text(encoding="utf-8"))
        if name not in told
    }
    assert untold == set()


@pytest.mark.parametrize("page", PROSE, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


class _Mail(msgspec.Struct):
    host: Annotated[str, Meta(description="Where mail is handed over.")] = ""
    tls: Annotated[Literal["none", "start"], Meta(description="How | the line is closed.")] = "none"


class _Settings(msgspec.Struct):
    base_url: Annotated[str, Meta(description="Where readers reach the server.")]
    workers: Annotated[int, Meta(description="How many doors.", ge=1)] = 2
    only_to: Annotated[list[str] | None, Meta(description="The send-only-to list.")] = None
    mail: _Mail = msgspec.field(default_factory=_Mail)


def test_a_setting_is_told_with_key_variable_kind_and_default() -> None:
    rows = generate.settings_page(_Settings).splitlines()
    assert (
        "| `base_url` | `DUYEN_BASE_URL` | text | must be set | Where readers reach the server. |"
    ) in rows
    assert "| `workers` | `DUYEN_WORKERS` | whole number | `2` | How many doors. |" in rows
    assert (
        "| `only_to` | `DUYEN_ONLY_TO` | list of text or nothing | empty | The send-only-to list. |"
    ) in rows
    assert (
        '| `mail.tls` | `DUYEN_MAIL_TLS` | `none`, `start` | `"none"` | How \\| the line is closed. |'
    ) in rows


def test_a_setting_without_words_stops_the_writing() -> None:
    silent = msgspec.defstruct("silent", [("port", int, 1)])
    with pytest.raises(generate.Undocumented, match="port"):
        generate.settings_page(silent)


def _app(help_: str | None) -> Any:
    app = typer.Typer(help="The whole.")
    below = typer.Typer(help="Keys.")
    app.add_typer(below, name="keys")

    @below.command("create", help=help_)
    def create(
        kind: Annotated[str, typer.Argument(help="write or secret.")],
        json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
        limit: Annotated[int, typer.Option(help="At most | so many.")] = 5,
    ) -> None:
        del kind, json, limit

    @app.command("hidden", hidden=True)
    def hidden() -> None: ...

    return typer.main.get_command(app)


def test_a_command_is_told_with_its_arguments_and_options() -> None:
    page = generate.commands_page(_app("Make a key.\n\nMore."))
    assert "## duyen keys create\n\nMake a key.\n" in page
    assert "| `KIND` | must be given | write or secret. |" in page
    assert "| `--json` |  | One JSON object. |" in page
    assert "| `--limit` | `5` | At most \\| so many. |" in page
    assert "hidden" not in page


def test_a_command_without_help_stops_the_writing() -> None:
    with pytest.raises(generate.Undocumented, match="duyen keys create"):
        generate.commands_page(_app(None))


def _openapi(words: str) -> dict[str, Any]:
    app = FastAPI()

    @app.put("/v1/things/{id}", summary=words, description=words)
    def put_thing(id: str, body: dict[str, str], most: int | None = None) -> list[str]:
        return [id, *body, str(most)]

    return app.openapi()


def test_a_call_is_told_with_what_it_takes_and_answers() -> None:
    page = generate.api_page(_openapi("Keep a thing."))
    assert "## PUT /v1/things/{id}\n\nKeep a thing.\n" in page
    assert "| `id` | path | string |  |" in page
    assert "| `most` | query | integer or nothing |  |" in page
    assert "| | body | object | |" in page
    assert "Answers: 200 list of string; 422 `HTTPValidationError`." in page


def test_a_call_without_words_stops_the_writing() -> None:
    described = _openapi("x")
    for word in ("summary", "description"):
        del described["paths"]["/v1/things/{id}"]["put"][word]
    with pytest.raises(generate.Undocumented, match="PUT /v1/things"):
        generate.api_page(described)


def test_error_codes_are_found_with_status_and_sentence(tmp_path: Path) -> None:
    errors = (generate.PACKAGE / "model" / "errors.py").read_text(encoding="utf-8")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "errors.py").write_text(errors)
    (tmp_path / "door.py").write_text(
        "def f(name, errors):\n"
        "    raise InvalidRule('segment.unknown_trait', f'No trait {name}.', at='rule')\n"
        "    raise errors.NotAllowed('key.browser', 'Ask a ' + 'server.', status=403)\n"
        "    raise ValueError('not', 'ours')\n"
    )
    assert sorted(generate.error_codes(tmp_path)) == [
        ("key.browser", "403", "Ask a server."),
        ("segment.unknown_trait", "422", "No trait …."),
    ]
