"""What shops told, and what came of it, is the same after the state was built again from the log."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.api.server import Server, running, until
from tests.api.test_hooks import Shop, story
from tests.conftest import find_free_port
from tests.connectors.payloads import shopify_order, shopify_product


def seen(server: Server, shop: Shop) -> tuple[Any, ...]:
    with server.owner() as owner:
        items = owner.get("/v1/catalog/items").json()["data"]
    row = shop.row()
    return row["counts"], row["trouble"], items, story(server, "user_id:7001002003")


def test_a_rebuild_knows_the_same(tmp_path: Path) -> None:
    with running(tmp_path / "shop", find_free_port(), "engine", "door") as server:
        shop = Shop(server, "tra-viet", "shopify")
        newer = shopify_product(updated_at="2026-11-21T00:00:00Z", title="Mới")
        for topic, body in (
            ("orders/updated", shopify_order(total_price="380000")),
            ("orders/create", shopify_order()),
            ("products/update", newer),
            ("products/update", shopify_product()),
        ):
            assert shop.send(topic, body).status_code == 200
        shop.send("orders/create", shopify_order(), secret="another")
        shop.counts(deliveries=5, accepted=3, items=2, refused=1)
        assert until(lambda: len(story(server, "user_id:7001002003")) == 2)
        before = seen(server, shop)
        assert [item["name"] for item in before[2] if item["id"] == "11"] == ["Mới"]
        server.stop("engine", "door")
        command = [sys.executable, "-m", "duyen", "rebuild", "--data", str(server.folder)]
        done = subprocess.run(command, env=server.environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        server.start("engine", "door")
        assert seen(server, shop) == before
