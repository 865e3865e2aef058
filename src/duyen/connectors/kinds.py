"""The kinds of sources: how each proves its deliveries, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from duyen.connectors.delivery import Kind
from duyen.connectors.haravan import Haravan
from duyen.connectors.mapped import Mapped
from duyen.connectors.shopify import Shopify
from duyen.connectors.woocommerce import WooCommerce
from duyen.model.source import Auth, Source

_SHOPS: dict[str, Shopify | WooCommerce] = {
    "shopify": Shopify(),
    "woocommerce": WooCommerce(),
    "haravan": Haravan(),
}
KINDS: Mapping[str, Kind] = MappingProxyType({**_SHOPS, "webhook": Mapped(), "mqtt": Mapped()})


def auth_of(source: Source) -> Auth:
    """How a source proves its deliveries: a shop in its own way, others as declared."""
    shop = _SHOPS.get(source.kind)
    return source.auth if shop is None else shop.auth


def is_shop(source: Source) -> bool:
    """Whether its kind says itself what deliveries mean."""
    return source.kind in _SHOPS
