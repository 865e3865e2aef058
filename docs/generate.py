"""Writes the reference pages from the code: `make docs`.

A page exists as soon as the code it describes does. What a page needs and does not find (a setting
without a description, a command without help, a call without a summary) stops the writing with its name.
"""

import ast
import importlib
import json
import sys
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import inspect

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "duyen"
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Written by `make docs`; change the code, not this page. -->\n\n"


class Undocumented(Exception):
    """Something a reader will meet has no words yet."""


def pages() -> dict[str, str]:
    """Every reference page, by the name of its file."""
    written = {"rooms.md": rooms_page(), "errors.md": errors_page()}
    meanings = _find("duyen.model.meaning", "MEANINGS")
    if meanings is not None:
        written["events.md"] = events_page(meanings.values())
    settings = _find("duyen.runtime.settings", "Settings")
    if settings is not None:
        written["settings.md"] = settings_page(settings)
    app = _find("duyen.cli", "app")
    if app is not None:
        typer = importlib.import_module("typer.main")
        written["commands.md"] = commands_page(typer.get_command(app))
    describe = _find("duyen.api.openapi", "describe")
    if describe is not None:
        described = describe()
        written["api.md"] = api_page(described)
        written["openapi.json"] = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    return written


def _find(module: str, name: str) -> Any:
    """A name of a module, or None as long as the module does not exist."""
    place = ROOT / "src" / Path(*module.split("."))
    if not place.with_suffix(".py").is_file() and not (place / "__init__.py").is_file():
        return None
    found = importlib.import_module(module)
    if not hasattr(found, name):
        raise Undocumented(f"{module} has no {name}, which this page is written from")
    return getattr(found, name)


# --- events --------------------------------------------------------------------------------------

AREAS = {
    "shop": "A shop",
    "mail": "Mails that another program sent",
    "app": "An app on a phone",
    "business": "Business customers",
    "video": "Video",
    "chat": "Live chat, and conversations with an assistant",
}


_EVENTS = (
    "Events of these names, in any of their spellings, are understood; any other name is yours, and rules, "
    "journeys and reports take it as it is. *Interest* is what an event tells recommendations about the products "
    "it names. *States a fact*: it counts whoever tells it, also a program that calls itself a crawler. "
    "See [Sending events](../collect.md#what-events-mean)."
)


def events_page(meanings: Iterable[Any]) -> str:
    """What each spec'd event means, by area."""
    lines = [
        "# What events mean",
        "",
        _EVENTS,
    ]
    for area, title in AREAS.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| event | what it means | interest | states a fact | was called |",
        ]
        lines.append("|---|---|---|---|---|")
        for each in meanings:
            if each.area != area:
                continue
            interest = f"{each.interest}, {each.weight:g}" if each.weight else ""
            was = ", ".join(f"`{name}`" for name in each.was)
            fact = "yes" if each.fact else ""
            lines.append(f"| `{each.name}` | {each.means} | {interest} | {fact} | {was} |")
    return "\n".join(lines) + "\n"


# --- rooms -----------------------------------------------------------------------------------------


def rooms_page() -> str:
    """The floor plan, with the rooms that stand and what each says of itself."""
    plan = tomllib.loads((ROOT / "docs" / "floor_plan.toml").read_text(encoding="utf-8"))
    lines = [
        "# The rooms",
        "",
        "From the roof down. A room imports from the floors below its own, ",
    ]
    lines[-1] += "and along these arrows on its own floor; `tests/test_floor_plan.py` enforces it."
    lines += [
        "",
        "| floor | room | what it does | also imports | imports only |",
        "|---|---|---|---|---|",
    ]
    for number, rooms in reversed(list(enumerate(plan["floors"]))):
        for room in sorted(rooms):
            words = _room_words(room)
            if words is None:
                continue
            arrows = ", ".join(plan["arrows"].get(room, []))
            only = ", ".join(plan["only"].get(room, []))
            lines.append(f"| {number} | `{room}` | {words} | {arrows} | {only} |")
    lines += [
        "",
        "These foreign modules are named in one place only, so that a part can be exchanged:",
        "",
    ]
    lines += [f"- `{module}`: {', '.join(rooms)}" for module, rooms in plan["foreign"].items()]
    never = ", ".join(f"`{name}`" for name in plan["pure"]["never"])
    lines += ["", f"Floors below {plan['pure']['floors']} are pure and never import {never}."]
    return NOTE + "\n".join(lines) + "\n"


def _room_words(room: str) -> str | None:
    """The first sentence a room says of itself, or None as long as it holds nothing."""
    folder, file = PACKAGE / room, PACKAGE / f"{room}.py"
    source = file if file.is_file() else folder / "__init__.py"
    if not source.is_file():
        if any(folder.rglob("*.py")):
            raise Undocumented(f"src/duyen/{room} has no __init__.py that says what the room does")
        return None
    words = ast.get_docstring(ast.parse(source.read_text(encoding="utf-8")))
    if not words:
        raise Undocumented(
            f"{source.relative_to(ROOT)} has no docstring that says what the room does"
        )
    return " ".join(words.split("\n\n")[0].split()).replace("|", "\\|")


# --- errors ----------------------------------------------------------------------------------------


class ErrorCode(NamedTuple):
    """One place of the code that makes an error."""

    code: str
    status: str
    message: str


def errors_page() -> str:
    """Every code the API may answer with, its status and its sentence."""
    lines = ["# Error codes", "", "Every error of the API has one shape:", ""]
    lines += [
        '    {"error": {"code": "…", "message": "…what and what to do…", "at": "…", "docs": "…"}}',
        "",
    ]
    lines += ["`at` names the place in what was sent, where there is one.", ""]
    lines += ["| code | status | message |", "|---|---|---|"]
    by_code: dict[tuple[str, str], set[str]] = {}
    for one in error_codes():
        by_code.setdefault((one.code, one.status), set()).add(one.message.replace("|", "\\|"))
    for (code, status), messages in sorted(by_code.items()):
        told = "<br>".join(sorted(messages))
        lines.append(f'| <a id="{code}"></a>`{code}` | {status} | {told} |')
    return NOTE + "\n".join(lines) + "\n"


def error_codes(package: Path = PACKAGE) -> Iterator[ErrorCode]:
    """Every call in the code that makes one of our errors."""
    statuses = _error_classes(package / "model" / "errors.py")
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if name in statuses and len(node.args) >= 2:
                status = next((k.value for k in node.keywords if k.arg == "status"), None)
                words = [_words(part) for part in node.args[:2]]
                yield ErrorCode(words[0], _words(status) if status else statuses[name], words[1])


def _error_classes(path: Path) -> dict[str, str]:
    """The status of each error class, inherited where the class says nothing."""
    statuses: dict[str, str] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [base.id for base in node.bases if isinstance(base, ast.Name)]
        if node.name == "DuyenError" or any(base in statuses for base in bases):
            own = [
                str(part.value.value)
                for part in node.body
                if isinstance(part, ast.Assign) and isinstance(part.value, ast.Constant)
            ]
            statuses[node.name] = own[0] if own else statuses[bases[0]]
    return statuses


def _words(node: ast.expr) -> str:
    """A text of the code as a reader may read it; what varies is left open."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_words(part) for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _words(node.left) + _words(node.right)
    return "…"


# --- settings --------------------------------------------------------------------------------------


def settings_page(settings: type[msgspec.Struct]) -> str:
    """Every setting: its key in duyen.toml, its variable, type, default and meaning."""
    lines = ["# Settings", ""]
    lines += ["A setting stands in `duyen.toml`; its environment variable is stronger.", ""]
    lines += [
        "| `duyen.toml` | variable | kind | default | what it does |",
        "|---|---|---|---|---|",
    ]
    lines += _setting_rows(inspect.type_info(settings), ())
    return NOTE + "\n".join(lines) + "\n"


def _setting_rows(struct: inspect.Type, above: tuple[str, ...]) -> Iterator[str]:
    """One row of the table for each setting, those of nested tables under their dotted keys."""
    if not isinstance(struct, inspect.StructType):
        raise TypeError("settings are a msgspec.Struct")
    for field in struct.fields:
        path = (*above, field.encode_name)
        described = field.type
        words = ""
        if isinstance(described, inspect.Metadata):
            words = str((described.extra_json_schema or {}).get("description", ""))
            described = described.type
        if isinstance(described, inspect.StructType):
            yield from _setting_rows(described, path)
            continue
        if not words:
            raise Undocumented(f"the setting {'.'.join(path)} has no description")
        variable = "DUYEN_" + "_".join(path).upper().replace("-", "_")
        row = [f"`{'.'.join(path)}`", f"`{variable}`", _kind(described), _default(field), words]
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


_KINDS: list[tuple[type[inspect.Type], str]] = [
    (inspect.BoolType, "true or false"),
    (inspect.IntType, "whole number"),
    (inspect.FloatType, "number"),
    (inspect.StrType, "text"),
    (inspect.DecimalType, "decimal"),
    (inspect.NoneType, "nothing"),
]


def _kind(kind: inspect.Type) -> str:
    """The kind of a setting's value, in words."""
    if isinstance(kind, inspect.Metadata):
        return _kind(kind.type)
    if isinstance(kind, inspect.UnionType):
        return " or ".join(_kind(one) for one in kind.types)
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in kind.values)
    if isinstance(kind, inspect.ListType | inspect.VarTupleType | inspect.SetType):
        return f"list of {_kind(kind.item_type)}"
    if isinstance(kind, inspect.DictType):
        return f"table of {_kind(kind.value_type)}"
    if isinstance(kind, inspect.CustomType):
        return kind.cls.__name__.lower()
    return next((words for type_, words in _KINDS if isinstance(kind, type_)), type(kind).__name__)


def _default(field: inspect.Field) -> str:
    """The default of a setting, as duyen.toml would write it."""
    value = field.default
    if value is msgspec.NODEFAULT:
        if field.default_factory is msgspec.NODEFAULT:
            return "must be set"
        value = field.default_factory()
    if value is None or value in ("", (), [], {}):
        return "empty"
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


# --- commands --------------------------------------------------------------------------------------


def commands_page(command: Any) -> str:
    """Every command of `duyen`, with its arguments and options."""
    lines = ["# Commands", ""]
    for path, one in _commands(command, ("duyen",)):
        name = " ".join(path)
        if not one.help:
            raise Undocumented(f"the command {name} has no help")
        lines += [f"## {name}", "", " ".join(one.help.split("\n\n")[0].split()), ""]
        rows = [row for row in (_parameter(part, name) for part in one.params) if row]
        if rows:
            lines += ["| argument or option | default | what it does |", "|---|---|---|", *rows, ""]
    return NOTE + "\n".join(lines).rstrip() + "\n"


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command under a group, hidden ones left out, in the order of their names."""
    for name, below in sorted(getattr(command, "commands", {}).items()):
        if getattr(below, "hidden", False):
            continue
        if getattr(below, "commands", None):
            yield from _commands(below, (*path, name))
        else:
            yield (*path, name), below


def _parameter(parameter: Any, command: str) -> str | None:
    """One row of a command's table, or None for what every command has."""
    if "--help" in parameter.opts or getattr(parameter, "hidden", False):
        return None
    is_argument = parameter.param_type_name == "argument"
    name = parameter.name.upper() if is_argument else ", ".join(parameter.opts)
    words = getattr(parameter, "help", None)
    if not words:
        raise Undocumented(f"{name} of the command {command} has no help")
    default = parameter.default
    shown = "" if default in (None, False, "", ()) or callable(default) else f"`{default}`"
    if parameter.required:
        shown = "must be given"
    words = " ".join(words.split()).replace("|", "\\|")
    return f"| `{name}` | {shown} | {words} |"


# --- HTTP ------------------------------------------------------------------------------------------


def api_page(openapi: dict[str, Any]) -> str:
    """Every call of the HTTP API, from its OpenAPI description."""
    lines = ["# HTTP API", ""]
    lines += ["The same description, for machines, is [openapi.json](openapi.json) and "]
    lines[-1] += "`/v1/openapi.json` of a running server; errors are listed [here](errors.md)."
    for path, item in openapi["paths"].items():
        for method, call in item.items():
            if method not in {"get", "put", "post", "delete", "patch"}:
                continue
            lines += ["", *_call(f"{method.upper()} {path}", call)]
    return NOTE + "\n".join(lines) + "\n"


def _call(name: str, call: dict[str, Any]) -> Iterator[str]:
    """The section of one call."""
    if not call.get("description") and not call.get("summary"):
        raise Undocumented(f"the call {name} has neither summary nor description")
    yield f"## {name}"
    yield ""
    yield " ".join((call.get("description") or call["summary"]).split("\n\n")[0].split())
    sent = [("body", schema) for schema in _schemas(call.get("requestBody", {}))]
    parameters = call.get("parameters", [])
    if parameters or sent:
        yield from ("", "| parameter | in | kind | what it does |", "|---|---|---|---|")
    for one in parameters:
        kind = _schema(one.get("schema", {}))
        words = " ".join(one.get("description", "").split()).replace("|", "\\|")
        yield f"| `{one['name']}` | {one['in']} | {kind} | {words} |"
    for place, schema in sent:
        yield f"| | {place} | {schema} | |"
    answers = {status: list(_schemas(answer)) for status, answer in call["responses"].items()}
    told = [f"{status} {', '.join(kinds)}".strip() for status, kinds in answers.items()]
    yield from ("", f"Answers: {'; '.join(told)}.")


def _schemas(holder: dict[str, Any]) -> Iterator[str]:
    """The kinds of content a body may have."""
    for media, content in holder.get("content", {}).items():
        kind = _schema(content.get("schema", {}))
        yield kind if media == "application/json" else f"{kind} as `{media}`"


def _schema(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rsplit('/', 1)[-1]}`"
    if "anyOf" in schema:
        return " or ".join(_schema(one) for one in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_schema(schema.get('items', {}))}"
    return str(schema.get("type", "anything")).replace("null", "nothing")


def main() -> int:
    """Write the pages that changed and name them."""
    try:
        written = pages()
    except Undocumented as missing:
        sys.stderr.write(f"Not written: {missing}.\n")
        return 1
    REFERENCE.mkdir(exist_ok=True)
    for name, text in written.items():
        page = REFERENCE / name
        if not page.is_file() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")
            sys.stdout.write(f"wrote docs/reference/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
