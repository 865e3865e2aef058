"""The samples of the docs are messages and journeys that work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from duyen.messages.liquid import HTML
from duyen.messages.template import render
from duyen.messages.view import ROOTS, item_view
from duyen.model.errors import InvalidRule
from duyen.model.message import Message
from duyen.runtime.operations import prepare
from tests.messages.mails import SCARF, message, view

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "messages.md").read_text(encoding="utf-8")


def put(raw: Any) -> Message:
    """A message as the door takes it in."""
    made = prepare("message", raw["id"] if isinstance(raw, dict) and "id" in raw else "m", raw)
    assert isinstance(made, Message)
    return made


def sample() -> Any:
    """The message of the page."""
    found = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert found
    return yaml.safe_load(found[1])


def test_the_sample_is_a_message() -> None:
    made = put(sample())
    seen = {**view(made, first_name="Tuyết"), "recommendations": [item_view(SCARF)] * 4}
    rendered = render(made, seen)
    assert rendered.subject == "Tuyết, còn hàng đấy"
    assert rendered.html.count("1.234.567 ₫") == 4
    assert "Khăn lụa và ba món nữa" in rendered.html


def test_every_field_and_every_name_is_told() -> None:
    for name in (*Message.__struct_fields__, *ROOTS):
        if name != "channel":
            assert f"`{name}" in PAGE, name
    for name in ("money", "number", "date"):
        assert name in HTML.filters
        assert f"`{name}" in PAGE


@pytest.mark.parametrize(
    ("change", "at", "words"),
    [
        ({"id": "Has Spaces"}, "id", "lower-case"),
        ({"purpose": "a:b"}, "purpose", "lower-case"),
        ({"sender": "nobody"}, "sender", "not an e-mail address"),
        ({"reply_to": "a@b\r\nBcc: c@d"}, "reply_to", "sender"),
        ({"expires": "soon"}, "expires", "30m"),
        ({"expires": "0d"}, "expires", "longer than nothing"),
        ({"recommend": {"limit": 0}}, "recommend", "Between 1 and 50"),
        ({"subjekt": "x"}, "subjekt", "not a field"),
        ({"channel": "pigeon"}, "channel", "pigeon"),
        ({"subject": "{{ nme }}"}, "subject", "Line 1 of subject"),
        ({"body": "<mjml>\n<mj-boody/></mjml>"}, "body", "Line 2 of body"),
    ],
)
def test_a_mistake_is_named_with_its_field(change: dict[str, Any], at: str, words: str) -> None:
    with pytest.raises(InvalidRule) as caught:
        put({**sample(), **change})
    assert caught.value.at == at
    assert words in caught.value.message


@pytest.mark.parametrize("raw", [None, [], "x", {}])
def test_what_is_no_message(raw: Any) -> None:
    with pytest.raises(InvalidRule):
        put(raw)


def test_a_good_message_is_itself() -> None:
    made = message("Hi")
    assert put({"id": "m", "name": "M", "subject": "Hi", "body": made.body}) == made
