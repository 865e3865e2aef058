"""Two pages for people who call the API: its reference, and the codes of its errors."""

from __future__ import annotations

import re
from functools import cache
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.6 "Be Vietnam Pro",system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code{font-size:.9em}table{border-collapse:collapse;width:100%}
th,td{text-align:left;vertical-align:top;padding:.4rem .6rem;border-bottom:1px solid #8884}
h1{font-size:1.6rem}h2{font-size:1.1rem;margin:2rem 0 .2rem}a{color:#B5342C}
@media (prefers-color-scheme:dark){a{color:#F08A80}}
:target{background:#B5342C22}
"""


def document(title: str, body: str, language: str = "en") -> str:
    """A small page of ours."""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="/mark.svg"><style>'
        f"{STYLE}</style></head><body>{body}</body></html>"
    )


@cache
def page() -> str:
    """Every code that an error of ours may have, read from the program itself."""
    rows = "".join(
        f'<tr id="{escape(code)}"><td><code>{escape(code)}</code></td><td>{escape(words)}</td></tr>'
        for code, words in sorted(codes().items())
    )
    return document(
        "Duyên: error codes",
        "<h1>Error codes</h1><p>Every error has a stable code and one sentence with what to do.</p>"
        f"<table><tr><th>code</th><th>message</th></tr>{rows}</table>",
    )


def codes() -> dict[str, str]:
    """Code -> sentence of every error that the program makes on purpose."""
    import ast

    found: dict[str, str] = {}
    for path in sorted(Path(str(files("duyen"))).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _raises(node) and len(node.args) >= 2:
                code = _words(node.args[0])
                found.setdefault(code, _words(node.args[1]))
    return found


_CLASSES = frozenset(
    ("DuyenError", "InvalidInput", "InvalidRule", "NotAllowed", "NotFound", "Conflict")
) | {"TooLarge", "TooMany", "Unavailable"}


def _raises(node: Any) -> bool:
    return getattr(node.func, "id", getattr(node.func, "attr", "")) in _CLASSES


def _words(node: Any) -> str:
    import ast

    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part) for part in node.values)
    return "…"


@cache
def reference() -> str:
    """The calls of the API, one section each."""
    from duyen.api.openapi import describe

    described = describe()
    told = "".join(
        f"<p>{_marked(part)}</p>" for part in described["info"]["description"].split("\n\n")
    )
    first = (
        f"<h1>HTTP API</h1>{told}<p>For machines: <a href='/v1/openapi.json'>openapi.json</a>. "
        "Errors: <a href='/docs/errors'>their codes</a>.</p>"
    )
    parts = [first]
    for path, item in described["paths"].items():
        for method, call in item.items():
            parts.append(_section(method, path, call))
    return document("Duyên: HTTP API", "".join(parts))


def _section(method: str, path: str, call: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(one['name'])}</code></td><td>{escape(one['in'])}</td>"
        f"<td>{escape(one.get('description', ''))}</td></tr>"
        for one in call.get("parameters", [])
    )
    table = f"<table>{rows}</table>" if rows else ""
    example = call.get("requestBody", {}).get("content", {}).get("application/json", {})
    shown = example.get("example")
    body = f"<pre><code>{escape(msgspec.json.encode(shown).decode())}</code></pre>" if shown else ""
    summary, more = call.get("summary", ""), call.get("description", "")
    words = more if more.startswith(summary.rstrip(".")) else f"{summary} {more}"
    name = f"{method.upper()} {escape(path)}"
    return f"<h2><code>{name}</code></h2><p>{_marked(words)}</p>{table}{body}"


def _marked(text: str) -> str:
    """Text with `code` in it."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
