"""The starter program is one that the product takes as it is, and that the simulation knows."""

import re

from duyen.catalog import read_items
from duyen.messages.template import check as check_message
from duyen.model.program import Program
from duyen.runtime import definitions
from duyen.simulate import starter
from duyen.simulate.runner import HOME, SIDE
from duyen.simulate.shop import CATEGORY_IDS, OFFERS, as_catalogue_items


def _program() -> Program:
    rows = [("settings", definitions.SETTINGS_ID, 1, starter.settings(), "", 0)]
    rows += [
        (definitions.KINDS[kind], id, 1, body, "", 0) for kind, id, body in starter.definitions()
    ]
    return definitions.build(rows, 1)


def test_the_definitions_fit_together() -> None:
    """Every definition is valid, names only what exists, and comes after what it names."""
    program = _program()
    assert not definitions.problems(program)
    assert len(program.segments) >= 4
    assert len(program.journeys) >= 3
    assert len(program.offers) == 6
    assert set(program.forms) == {"tea-letter"}
    assert set(program.placements) == {HOME, SIDE}
    seen: set[str] = set()
    for kind, id, body in starter.definitions():
        seen.add(f"{kind}/{id}")
        assert all(f"placements/{name}" in seen for name in body.get("placements", ()))
        named = re.findall(r"'segment': '([^']+)'", str(body))
        assert all(f"segments/{name}" in seen for name in named)


def test_the_messages_render() -> None:
    """MJML and Liquid of each message are without a mistake, in both languages."""
    messages = _program().messages.values()
    assert [check_message(message) for message in messages] == [[]] * len(messages)
    assert {message.language for message in messages} == {"vi", "en"}


def test_the_offers_are_those_the_truth_is_stated_for() -> None:
    """The simulation knows which category each offer promotes."""
    program = _program()
    assert set(program.offers) == set(OFFERS)
    for id, offer in program.offers.items():
        assert offer.content["url"] == f"/shop?category={OFFERS[id]}"


def test_the_catalogue_is_taken_as_it_is() -> None:
    """Items pass the catalogue's own reader, and each has a drawing."""
    items = read_items(as_catalogue_items("http://127.0.0.1:8000"))
    assert len(items) == 120
    assert all(item.sellable for item in items)
    pictures = {file.stem for file in (starter.folder().parent / "pictures").glob("*.svg")}
    assert pictures == set(CATEGORY_IDS)


def test_nobody_real_is_written_to() -> None:
    """Only addresses that no mail reaches."""
    assert _program().settings.send_only_to == ("@example.test",)
