"""What a company takes for a scanner's clicks holds for everybody who is known, once it has been changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from duyen.model.errors import InvalidRule
from duyen.model.log import Lane
from duyen.model.program import ResourceChange
from duyen.runtime.operations import prepare
from duyen.runtime.rebuild import rebuild
from tests.lake.test_owners import Shop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path)
    yield made
    made.close()


def put(shop: Shop, kind: Any, id: str, body: dict[str, Any]) -> None:
    shop.house.tell(Lane.CONTROL, [ResourceChange(kind, id, body, "t", shop.now)])
    shop.engine.drain()


def test_everybody_is_judged_again(shop: Shop) -> None:
    put(shop, "segment", "clicked", {"name": "Clicked", "rule": {"did": "Email Link Clicked"}})
    for n in range(3):
        link = {"email_id": "e1", "link_url": f"/{n}"}
        shop.tell(5 * n, event="Email Link Clicked", properties=link, userId="u1")
    for _ in range(100):  # what was clicked lies in a chunk
        shop.tell(20, userId="u1")
    assert shop.house.state.count_in("clicked") == 1
    put(shop, "settings", "workspace", {"burst_within": "10s"})
    assert shop.house.state.count_in("clicked") == 0
    put(shop, "settings", "workspace", {"burst_within": "10s", "burst_links": 4})
    assert shop.house.state.count_in("clicked") == 1
    shop.close()
    assert rebuild(shop.settings).different == []
    shop.open()
    assert shop.house.state.count_in("clicked") == 1


@pytest.mark.parametrize(
    "body",
    [{"burst_links": 1}, {"burst_links": 101}, {"burst_within": "0s"}, {"burst_within": "2h"}],
)
def test_what_nobody_could_mean_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidRule) as refused:
        prepare("settings", "workspace", body)
    assert refused.value.code == "settings.burst"
